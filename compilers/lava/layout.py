"""Layout: what a network will be, before any process exists: its form, when everything emits, and its buffers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from neurokit.compilers.lava.bias_digits import count_digits
from neurokit.compilers.lava.forms import Form, FusedForm
from neurokit.compilers.lava.replicate import replicate
from neurokit.compilers.lava.ring_buffers import RingBuffer, RingBuffers
from neurokit.compilers.lava.schedule import Schedule, schedule
from neurokit.compilers.lava.stepper import network_schedule
from neurokit.errors import OutOfRange, explain
from neurokit.ir.program import Program, Synapses
from neurokit.ir.signals import Signal

#: Windows of which a buffer holds the frames, if the buffers of a network then take no more than so many bytes in all.
WINDOWS, BYTES = 1024, 2**26

#: What to record: everything, nothing but the outputs, or the nodes of these names beside them.
Record = bool | frozenset[str]


@dataclass(frozen=True)
class Layout:
    """A Program in a form, as `LavaNetwork` describes it.

    Raises UnsupportedNode or OutOfRange (see `schedule`) when Lava cannot run the Program exactly, OutOfRange when
    `record` names a node that has nothing to record.
    """

    program: Program
    form: Form
    record: Record = False
    period: int | None = None

    def __post_init__(self) -> None:
        _ = self.plan, self.probed

    @property
    def fused(self) -> bool:
        return isinstance(self.form, FusedForm)

    @cached_property
    def plan(self) -> Schedule:
        """When everything emits; the same for any batch."""
        return (network_schedule if self.fused else schedule)(self.program, self.period, self.form)

    @cached_property
    def whole(self) -> Program:
        """The Program of a whole batch, whose lines the buffers hold."""
        return replicate(self.program, self.form.batch)

    @cached_property
    def probed(self) -> frozenset[str]:
        """The nodes that are recorded, beside the outputs."""
        totals = {name for name, wire in self.program.ports.items() if wire.signal is Signal.TOTAL}
        able = {node.name for node in self.program.spiking} | totals - {node.name for node in self.program.outputs}
        if isinstance(self.record, bool):
            return frozenset(able if self.record else ())
        for name in sorted(self.record - able):
            legal = f"spiking layers and totals: {', '.join(sorted(able))}"
            raise OutOfRange(explain("record", repr(name), legal, "name one"))
        return self.record

    def buffers(self, directory: Path) -> RingBuffers:
        """The buffers of the network, in files that do not exist yet."""
        program, steps = self.whole, self.program.steps
        size = {name: wire.size for name, wire in program.ports.items()}
        spiking = [node for node in program.spiking if node.name in self.probed]
        series = {node.name: (steps, size[node.name]) for node in spiking}
        hard = {} if self.fused else {n.name: series[n.name] for n in spiking if n.shows_residue}
        totals = {node.source for node in program.outputs} | {name for name in self.probed if name not in series}
        shapes = {
            "inputs": {n.name: (1, size[n.name] + self.bias_channels(n.name)) for n in program.inputs},
            "totals": {n.name: (1, size[n.name]) for n in program.nodes if n.name in totals},
            "spikes": series,
            "states": series,
            "residues": hard,
        }
        frame = 4 * sum(each[0] * each[1] for kind in shapes.values() for each in kind.values())
        frames = max(self.plan.flush_windows + 2, min(WINDOWS, BYTES // frame))
        index = {node.name: i for i, node in enumerate(program.nodes)}
        buffers = {
            kind: {
                name: RingBuffer(directory, f"{kind}-{index[name]}", (frames, *each)) for name, each in shape.items()
            }
            for kind, shape in shapes.items()
        }
        return RingBuffers(**buffers, swaps=RingBuffer(directory, "swaps", (1, 1, 1)))

    def bias_channels(self, name: str) -> int:
        """How many bias lines an Input carries behind the sample; none in the fused form."""
        return 0 if self.fused else bias_channels(self.program, name)


def bias_channels(program: Program, name: str) -> int:
    """How many bias lines the Players of the stock and process forms send with an Input."""
    readers = (node for node in program.nodes if isinstance(node, Synapses) and node.source == name)
    return max((count_digits(node.line_bias) for node in readers), default=0)
