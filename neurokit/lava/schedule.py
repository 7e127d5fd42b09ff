"""Schedule: the chip step at which every node of a Program first speaks, and whether Lava can run it at all.

On Lava (and on the chip) only a Dense takes time, one step; neurons answer in the step in which they hear. Where a
neuron's spikes go to another neuron without a Dense between them, one synapse a line is added, and with it one step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from types import MappingProxyType
from typing import Any

import numpy as np

from neurokit.compilers.bounds import prove
from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.integers import Widths
from neurokit.lava.cycle import Cycle
from neurokit.neurons import Subtract
from neurokit.program import Dense, Input, Interval, Output, Product, Program, Readout, Spiking, Synapses
from neurokit.readouts import MemMean, Rate
from neurokit.wiring import Signal

#: Chip step at which the inputs start. A bias source needs two steps before the first spikes that it accompanies.
ORIGIN = 2
#: Steps from a window's last current to the total of each readout rule.
LAG: dict[type, int] = {Rate: 1, MemMean: 2}
#: Longest delay of a synapse beyond its one step, in steps.
MAX_DELAY = 62
#: Widths at which Lava's fixed-point models wrap, saturate or cut.
LAVA_WIDTHS = Widths(synapse=31, membrane=18, accumulator=24, message=24, product=32)
#: A reset interval and a clock's threshold must stay below this.
PERIOD_LIMIT = 2**16


@dataclass(frozen=True)
class Schedule:
    """When every node speaks.

    start   chip step (from 1) at which the first value of the first sample leaves each node
    period  chip steps from one sample to the next, at least `program.steps + 1`
    drain   windows after the last sample until everything has come out
    """

    start: Mapping[str, int]
    period: int
    drain: int

    def cycle(self, name: str, steps: int) -> Cycle:
        """The timetable of a node's output: `steps` is the Program's for a series, 1 for a total."""
        return Cycle(self.start[name], steps, self.period)

    def chip_steps(self, samples: int) -> int:
        """Chip steps that `samples` samples take, start-up and drain included."""
        return self.period * (samples + self.drain)


def schedule(program: Program, period: int | None = None) -> Schedule:
    """Find the Schedule of a Program; `period` defaults to the shortest, `program.steps + 1`.

    Proves first that no integer of the Program can leave Lava's widths for inputs in the declared range.

    Raises OutOfRange when one can or the period is too short or too long, UnsupportedNode when Lava has no exact form
    of a node.
    """
    period = program.steps + 1 if period is None else period
    if not program.steps < period < PERIOD_LIMIT:
        raise OutOfRange(
            explain("period", period, f"{program.steps + 1}..{PERIOD_LIMIT - 1} chip steps", "leave one guard step")
        )
    widths = Widths(**{kind: min(bits, getattr(LAVA_WIDTHS, kind)) for kind, bits in vars(program.widths).items()})
    certificate = prove(replace(program, widths=widths))
    start: dict[str, int] = {}
    for node in program.nodes:
        start[node.name] = begin(node, program, start, certificate)
    last = max(s + (1 if program.wires[n].signal is Signal.TOTAL else program.steps) - 1 for n, s in start.items())
    return Schedule(MappingProxyType(start), period, max(0, -((period - last) // period)))


def speaks_currents(node: object) -> bool:
    """Whether a node's output is a synaptic current (Dense) and not spikes, graded or binary."""
    return isinstance(node, Dense)


def heard(program: Program, start: Mapping[str, int], source: str) -> int:
    """First chip step at which a neuron hears `source`."""
    return start[source] + (0 if speaks_currents(program[source]) else 1)


def bias_rides(program: Program, node: Synapses) -> bool:
    """Whether synapses get their bias on extra lines of an Input, presented with the sample."""
    return isinstance(program[node.source], Input)


def split(program: Program, node: Synapses) -> bool:
    """Whether synapses must round after a relay: their bias has a synapse of its own, and floors do not add up."""
    return node.exponent < 0 and bool(node.bias.any()) and not bias_rides(program, node)


@singledispatch
def begin(node: Any, program: Program, start: Mapping[str, int], certificate: Mapping[str, Interval]) -> int:
    """First chip step at which a node speaks, from those of the nodes before it."""
    raise UnsupportedNode(
        node.name, type(node).__name__, "Lava", "it has no rule", "Add one to `begin` and to `compilers.to_lava.wire`"
    )


@begin.register
def _(node: Input, program: Program, start: Mapping[str, int], certificate: Mapping[str, Interval]) -> int:
    return ORIGIN


@begin.register
def _(node: Dense, program: Program, start: Mapping[str, int], certificate: Mapping[str, Interval]) -> int:
    if not split(program, node):
        return start[node.source] + 1
    source = program[node.source]
    x = 1 if isinstance(source, Spiking) else _reach(certificate[source.name])
    reach = int((np.abs(node.weight.astype(np.int64)).sum(axis=1) * x + np.abs(node.bias.astype(np.int64))).max())
    if reach > LAVA_WIDTHS.limit("message"):
        raise UnsupportedNode(
            node.name,
            "Dense",
            "Lava",
            f"with a bias and the negative exponent {node.exponent} its weighted sum, which can reach {reach}, must "
            f"pass through a graded spike of {LAVA_WIDTHS.message} bits",
            "Use an exponent >= 0 (coarser weights), or smaller weights and bias",
        )
    return start[node.source] + 2


@begin.register
def _(node: Spiking, program: Program, start: Mapping[str, int], certificate: Mapping[str, Interval]) -> int:
    if not isinstance(node.neuron.reset, Subtract):
        raise UnsupportedNode(
            node.name,
            "Spiking",
            "Lava",
            f"its reset is {node.neuron.reset}, and the network of Lava processes is built for Subtract() alone",
            "Train with IF(reset=Subtract()), or run it on the reference or the twin",
        )
    return heard(program, start, node.source)


@begin.register
def _(node: Readout, program: Program, start: Mapping[str, int], certificate: Mapping[str, Interval]) -> int:
    if type(node.rule) not in LAG:
        raise UnsupportedNode(
            node.name,
            "Readout",
            "Lava",
            f"the rule {node.rule} has no accumulator",
            f"Use one of {', '.join(rule.__name__ for rule in LAG)}",
        )
    return heard(program, start, node.source) + program.steps - 1 + LAG[type(node.rule)]


@begin.register
def _(node: Product, program: Program, start: Mapping[str, int], certificate: Mapping[str, Interval]) -> int:
    left, right = (heard(program, start, source) for source in node.sources)
    if abs(left - right) > MAX_DELAY:
        raise UnsupportedNode(
            node.name,
            "Product",
            "Lava",
            f"its factors come {abs(left - right)} steps apart, and a synapse delays by at most {MAX_DELAY}",
            "Make the two branches of similar depth",
        )
    return max(left, right)


@begin.register
def _(node: Output, program: Program, start: Mapping[str, int], certificate: Mapping[str, Interval]) -> int:
    return start[node.source]


def _reach(interval: Interval) -> int:
    return int(max(np.abs(interval.low).max(), np.abs(interval.high).max()))
