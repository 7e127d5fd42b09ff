"""Schedule: the chip step at which every node of a Program first emits, and whether Lava can run it at all.

On Lava (and on the chip) only synapses take time, one step; neurons answer in the step in which they receive. Where a
neuron's spikes go to another neuron without synapses between them, one synapse a line is added, and with it one step.
Where several sources meet, the earlier ones wait for the latest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from types import MappingProxyType
from typing import Any

import numpy as np

from neurokit.compilers.lava.forms import Form, StockForm
from neurokit.compilers.lava.inhibition import guard_inhibition, has_in_flight_input
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.ir.fixed_point import DELAYS, Decay12, Widths, soft_reset_synapse
from neurokit.ir.interval_analysis import analyse
from neurokit.ir.membrane_bounds import follow
from neurokit.ir.program import Input, Interval, Output, Product, Program, Readout, Spiking, Sum, Synapses, decays
from neurokit.ir.signals import Signal
from neurokit.neurons.models import Subtract
from neurokit.neurons.readouts import MemMean, Rate

#: Chip step at which the inputs start. A bias source needs two steps before the first spikes that it accompanies.
ORIGIN = 2
#: Steps from a window's last current to the total of each readout rule.
LAG: dict[type, int] = {Rate: 1, MemMean: 2}
#: Longest delay of a synapse beyond its one step, in steps.
MAX_DELAY = DELAYS[-1]
#: Widths at which Lava's fixed-point models wrap, saturate or cut.
LAVA_WIDTHS = Widths(synapse=31, membrane=18, accumulator=24, message=24, product=32)
#: A reset interval and a clock's threshold must stay below this.
PERIOD_LIMIT = 2**16


@dataclass(frozen=True)
class Schedule:
    """When every node emits.

    start   chip step (from 1) at which the first value of the first sample leaves each node
    period  chip steps from one sample to the next, at least `program.steps + 1`
    flush_windows   windows after the last sample until everything has come out
    guard_inhibition    inhibition between windows of every Spiking that needs some way to forget; see
    `neurokit.compilers.lava.inhibition`
    """

    start: Mapping[str, int]
    period: int
    flush_windows: int
    guard_inhibition: Mapping[str, int]

    def cycle(self, name: str, steps: int) -> Cycle:
        """The timetable of a node's output: `steps` is the Program's for a series, 1 for a total."""
        return Cycle(self.start[name], steps, self.period)

    def chip_steps(self, samples: int) -> int:
        """Chip steps that `samples` samples take, start-up and flush windows included."""
        return self.period * (samples + self.flush_windows)


def schedule(program: Program, period: int | None = None, form: Form | None = None) -> Schedule:
    """Find the Schedule of a Program; `period` defaults to the shortest, `program.steps + 1`, `form` to the stock one.

    Proves first that no integer of the Program can leave Lava's widths for inputs in the declared range.

    Raises OutOfRange when one can or the period is too short or too long, UnsupportedNode when Lava has no exact form
    of a node.
    """
    period = program.steps + 1 if period is None else period
    if not program.steps < period < PERIOD_LIMIT:
        raise OutOfRange(
            explain("period", period, f"{program.steps + 1}..{PERIOD_LIMIT - 1} chip steps", "leave one guard step")
        )
    _require_connected(program)
    widths = Widths(**{kind: min(bits, getattr(LAVA_WIDTHS, kind)) for kind, bits in vars(program.widths).items()})
    _, emitted = analyse(replace(program, widths=widths))
    start: dict[str, int] = {}
    inhibitions: dict[str, int] = {}
    for node in program.nodes:
        start[node.name] = begin(node, program, start, emitted)
        if isinstance(node, Spiking):
            if form is None or isinstance(form, StockForm):
                require_stock(node)
            inhibitions[node.name] = 0
            if has_in_flight_input(node):
                inhibitions[node.name] = guard_inhibition(
                    node, follow(node, program.steps, emitted[node.source]), LAVA_WIDTHS
                )
    return Schedule(
        MappingProxyType(start), period, windows_to_flush(program, start, period), MappingProxyType(inhibitions)
    )


def windows_to_flush(program: Program, start: Mapping[str, int], period: int, late: int = 0) -> int:
    """Windows until the last node that started in the first one has emitted, and been received `late` steps after."""
    last = late + max(
        s + (1 if program.ports[n].signal is Signal.TOTAL else program.steps) - 1 for n, s in start.items()
    )
    return max(0, -((period - last) // period))


def require_stock(node: Spiking) -> None:
    """Raise UnsupportedNode when no network of Lava's own processes is exactly these neurons."""
    form, elsewhere = node.neuron.stock_form(), "run it with SoftIFForm(), the reference or the twin"
    if form.refusal and form.always:
        remedy = f"Use a neuron and reset that `neurokit targets` lists for it, or {elsewhere}"
        raise UnsupportedNode(node.name, "Spiking", "Lava's own processes", form.refusal, remedy)
    if not (node.leaky and isinstance(node.neuron.reset, Subtract)):
        return
    try:
        soft_reset_synapse(node.threshold, Decay12(decays(node.neuron)[1]))
    except OutOfRange as error:
        raise UnsupportedNode(
            node.name,
            "Spiking",
            "Lava's own processes",
            f"one synapse must subtract its threshold after one decay: {error}",
            f"Or {elsewhere}",
        ) from None


def _require_connected(program: Program) -> None:
    """Raise UnsupportedNode unless every node is connected to the first: Lava runs no process that is not."""
    together = {program.nodes[0].name}
    for _ in program.nodes:
        for node in program.nodes:
            if together & {node.name, *node.sources}:
                together |= {node.name, *node.sources}
    for node in program.nodes:
        if node.name not in together:
            reason = f"nothing connects it to {program.nodes[0].name!r}, and Lava runs connected networks"
            raise UnsupportedNode(node.name, type(node).__name__, "Lava", reason, "Make a Program of each part.")


def emits_currents(node: object) -> bool:
    """Whether a node's output is a synaptic current and not spikes, graded or binary."""
    return isinstance(node, (Synapses, Sum))


def arrival_step(program: Program, start: Mapping[str, int], source: str) -> int:
    """First chip step at which a neuron receives `source`."""
    return start[source] + (0 if emits_currents(program[source]) else 1)


def bias_on_input_channels(program: Program, node: Synapses) -> bool:
    """Whether synapses get their bias on extra lines of an Input, presented with the sample."""
    return isinstance(program[node.source], Input)


def split(program: Program, node: Synapses) -> bool:
    """Whether synapses must round after a relay: their bias has a synapse of its own, and floors do not add up."""
    return node.exponent < 0 and bool(node.bias.any()) and not bias_on_input_channels(program, node)


@singledispatch
def begin(node: Any, program: Program, start: Mapping[str, int], emitted: Mapping[str, Interval]) -> int:
    """First chip step at which a node emits, from those of the nodes before it."""
    raise UnsupportedNode(
        node.name, type(node).__name__, "Lava", "it has no rule", "Add one to `begin` and to `compilers.to_lava.wire`"
    )


@begin.register
def _(node: Input, program: Program, start: Mapping[str, int], emitted: Mapping[str, Interval]) -> int:
    return ORIGIN


@begin.register
def _(node: Synapses, program: Program, start: Mapping[str, int], emitted: Mapping[str, Interval]) -> int:
    if node.delay and not isinstance(program[node.source], Spiking):
        raise UnsupportedNode(
            node.name,
            type(node).__name__,
            "Lava",
            f"it delays {node.source!r}, which sends graded spikes, and only binary ones stop when a window does",
            "Delay the synapses that read the spikes before it",
        )
    if not split(program, node):
        return start[node.source] + 1
    x = emitted[node.source]
    reach = int((node.span(x.low, x.high).reach + np.abs(node.line_bias)).max())
    if reach > LAVA_WIDTHS.limit("message"):
        raise UnsupportedNode(
            node.name,
            type(node).__name__,
            "Lava",
            f"with a bias and the negative exponent {node.exponent} its weighted sum, which can reach {reach}, must "
            f"pass through a graded spike of {LAVA_WIDTHS.message} bits",
            "Use an exponent >= 0 (coarser weights), or smaller weights and bias",
        )
    return start[node.source] + 2


@begin.register
def _(node: Spiking, program: Program, start: Mapping[str, int], emitted: Mapping[str, Interval]) -> int:
    return arrival_step(program, start, node.source)


@begin.register
def _(node: Sum, program: Program, start: Mapping[str, int], emitted: Mapping[str, Interval]) -> int:
    return _together(node, program, start, "Make the ways to it of similar length")


@begin.register
def _(node: Readout, program: Program, start: Mapping[str, int], emitted: Mapping[str, Interval]) -> int:
    if type(node.rule) not in LAG:
        raise UnsupportedNode(
            node.name,
            "Readout",
            "Lava",
            f"the rule {node.rule} has no accumulator",
            f"Use one of {', '.join(rule.__name__ for rule in LAG)}",
        )
    return arrival_step(program, start, node.source) + program.steps - 1 + LAG[type(node.rule)]


@begin.register
def _(node: Product, program: Program, start: Mapping[str, int], emitted: Mapping[str, Interval]) -> int:
    return _together(node, program, start, "Make the two branches of similar depth")


@begin.register
def _(node: Output, program: Program, start: Mapping[str, int], emitted: Mapping[str, Interval]) -> int:
    return start[node.source]


def _together(node: Product | Sum, program: Program, start: Mapping[str, int], remedy: str) -> int:
    """The step at which the last of a node's sources is received; the others must not be too early to wait for it."""
    steps = [arrival_step(program, start, source) for source in node.sources]
    if max(steps) - min(steps) > MAX_DELAY:
        what = "factors" if isinstance(node, Product) else "sources"
        raise UnsupportedNode(
            node.name,
            type(node).__name__,
            "Lava",
            f"its {what} come {max(steps) - min(steps)} steps apart, and a synapse delays by at most {MAX_DELAY}",
            remedy,
        )
    return max(steps)
