"""Stepper: a whole Program, one chip step at a time, for a batch of samples: what the fused form runs.

Every node has its own timetable, the Schedule's, and at chip step `n` says what its stock processes would say at `n`,
because it reads every source as many chip steps back as lies between their starts. The numbers are the twin's: its
layouts of the synapses, `Spiking.step` for the neurons.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from jaxtyping import Int32

from neurokit.compilers.lava.forms import Form
from neurokit.compilers.lava.schedule import ORIGIN, Schedule, schedule, windows_to_flush
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import UnsupportedNode
from neurokit.ir.program import Input, Output, Product, Program, ProgramNode, Readout, Spiking, Sum, Synapses
from neurokit.ir.signals import Signal
from neurokit.simulator.layout import laid_out
from neurokit.simulator.plan import Plan, largest

#: What a node says to every sample of the batch.
Lines: TypeAlias = Int32[np.ndarray, "batch size"]
#: Told what a node says: kind (`spikes`, `states` or `totals`), name, window, local time, values.
Watch: TypeAlias = Callable[[str, str, int, int, np.ndarray], None]

#: Steps by which everything in a `Network` is later than in its Schedule, so that a bias source may emit before.
_SHIFT = 2
#: Chip step at which a `Network` first receives its inputs; what it receives, its Inputs say one step later.
FIRST = ORIGIN + _SHIFT - 1


def network_schedule(program: Program, period: int | None = None, form: Form | None = None) -> Schedule:
    """The Schedule of a Program inside a `Network`; arguments and errors as for `schedule`.

    Inputs are received from chip step FIRST on, one step before they emit, and outputs leave one step after theirs.
    """
    plan = schedule(program, period, form)
    start = {name: step + _SHIFT for name, step in plan.start.items()}
    return replace(plan, start=start, flush_windows=windows_to_flush(program, start, plan.period, late=1))


class Stepper:
    """A Program in the middle of its work.

    program  proven, and legal on Lava; see `schedule`
    plan     when its nodes emit, from `network_schedule`
    batch    samples side by side
    watch    told what is said, by nodes that `probed` names
    """

    def __init__(
        self,
        program: Program,
        plan: Schedule,
        batch: int,
        watch: Watch | None = None,
        probed: frozenset[str] = frozenset(),
    ) -> None:
        self.program, self.plan, self.batch = program, plan, batch
        self._watch, self._probed = watch, probed
        twin = Plan.of(program)
        self._synapses, self._populations = dict(twin.synapses), twin.populations
        steps, ports = program.steps, program.ports
        self._cycle = {
            n.name: plan.cycle(n.name, 1 if ports[n.name].signal is Signal.TOTAL else steps) for n in program.nodes
        }
        lags = dict.fromkeys(self._cycle, 0)
        for node in program.nodes:
            for source in node.sources:
                lags[source] = max(lags[source], self._lag(node, source))
        self._said = {name: deque[Lines]([self._nothing(name)], lag + 1) for name, lag in lags.items()}
        self._state = {n.name: self._rest(n) for n in program.spiking}
        readouts = [n for n in program.nodes if isinstance(n, Readout)]
        self._total = {n.name: np.zeros((batch, ports[n.name].size), dtype=np.int64) for n in readouts}
        self._ready: dict[str, deque[Lines]] = {n.name: deque() for n in readouts}
        self._weights = {n.name: n.rule.weights(steps) for n in readouts}

    def entry(self) -> Cycle:
        """When inputs are received."""
        return Cycle(FIRST, self.program.steps, self.plan.period)

    def exit(self, output: Output) -> Cycle:
        """When an output leaves."""
        return Cycle(self.plan.start[output.name] + 1, 1, self.plan.period)

    def step(self, n: int, given: Mapping[str, Lines]) -> dict[str, Lines]:
        """Chip step `n`, from 1, in which the inputs say `given`; what every node says, zeros at other times."""
        now: dict[str, Lines] = {}
        for node in self.program.nodes:
            window, t = self._cycle[node.name].local(n)
            if isinstance(node, Readout):
                self._listen(node, n)
            if window >= 0 and t < self._cycle[node.name].steps:
                now[node.name] = self._say(node, n, window, t, given)
            else:
                now[node.name] = self._nothing(node.name)
                if isinstance(node, Spiking):
                    self._state[node.name] = self._rest(node)
            self._said[node.name].append(now[node.name])
        return now

    def swap(self, program: Program) -> None:
        """Go on with the weights and biases of another Program that is otherwise the same."""
        for node in program.nodes:
            if isinstance(node, Synapses) and node is not self.program[node.name]:
                self._synapses[node.name] = laid_out(node, largest(program, node, program.certificate))
        self.program = program

    def _lag(self, node: ProgramNode, source: str) -> int:
        """Chip steps from what a source says to when a node makes use of it."""
        if isinstance(node, Readout):
            return 0
        late = node.delay if isinstance(node, Synapses) else 0
        return self.plan.start[node.name] - self.plan.start[source] + late

    def _received(self, node: ProgramNode, source: str) -> Lines:
        said = self._said[source]
        back = self._lag(node, source)
        return said[-1 - back] if back < len(said) else self._nothing(source)

    def _say(self, node: ProgramNode, n: int, window: int, t: int, given: Mapping[str, Lines]) -> Lines:
        if isinstance(node, Input):
            return given[node.name]
        if isinstance(node, Readout):
            value = self._ready[node.name].popleft()
        elif isinstance(node, Synapses):
            late = t < node.delay
            received = self._nothing(node.source) if late else self._received(node, node.source)
            value = self._synapses[node.name].currents(received)
        elif isinstance(node, Spiking):
            return self._fire(node, window, t)
        elif isinstance(node, Sum):
            value = np.asarray(sum(self._received(node, source) for source in node.sources))
        elif isinstance(node, Product):
            left, right = (self._received(node, source) for source in node.sources)
            value = np.asarray(np.right_shift(left * right, np.int32(node.shift)))
        elif isinstance(node, Output):
            return self._received(node, node.source)
        else:
            raise UnsupportedNode(node.name, type(node).__name__, "the fused form", "no rule", "Add one to `_say`.")
        if self._watch is not None and node.name in self._probed:
            self._watch("totals", node.name, window, 0, value)
        return value

    def _fire(self, node: Spiking, window: int, t: int) -> Lines:
        population = self._populations[node.name]
        a = self._received(node, node.source)
        if population.echo is not None and t:
            a = a + population.echo.currents(self._said[node.name][-1])
        before, s, self._state[node.name] = node.step(self._state[node.name], a)
        if self._watch is not None and node.name in self._probed:
            self._watch("spikes", node.name, window, t, s)
            self._watch("states", node.name, window, t, before)
        return np.asarray(s)

    def _listen(self, node: Readout, n: int) -> None:
        """Add what the source says at this step; at the end of its window the total is ready."""
        window, t = self._cycle[node.source].local(n)
        if window < 0 or t >= self.program.steps:
            return
        total = self._total[node.name]
        total += self._weights[node.name][t] * self._said[node.source][-1]
        if t == self.program.steps - 1:
            self._ready[node.name].append(node.finish(total).astype(np.int32))
            total[:] = 0

    def _nothing(self, name: str) -> Lines:
        return np.zeros((self.batch, self.program.ports[name].size), dtype=np.int32)

    def _rest(self, node: Spiking) -> object:
        return node.start(self._nothing(node.name))
