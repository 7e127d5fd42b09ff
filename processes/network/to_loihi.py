"""to_loihi: Program -> the network of `to_lava` between the adapters of Intel's extension.

Inside the border it is, process for process, the stock form that the simulator runs. At the border a Source emits
through `PyToNxAdapter`, as many steps early as that takes; a Recorder listens through `NxToPyAdapter`, as many steps
late; and what a Probe reads comes through the state adapter `Read`.

Names and arguments of the adapters are those of public code that uses them; the adapters themselves are not public.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var

from neurokit.compilers.lava.loihi2_border import Border
from neurokit.compilers.lava.schedule import Schedule, emits_currents
from neurokit.compilers.lava.timing import Cycle
from neurokit.ir.program import Input, Spiking
from neurokit.ir.signals import Signal
from neurokit.processes.network.to_lava import Net, Ports, connect
from neurokit.processes.ring_buffer.process import Recorder, Source
from neurokit.processes.synapses import BINARY, GRADED, relay


def lagged(plan: Schedule, border: Border, last: int) -> Schedule:
    """A Schedule in which inputs have the time to come in and the chip step `last`, of the first sample, to get out."""
    wait = max(0, border.inputs - (min(plan.start.values()) - 1))
    over = last + wait + max(border.outputs, border.states)
    start = {name: step + wait for name, step in plan.start.items()}
    return replace(plan, start=start, flush_windows=max(0, -((plan.period - over) // plan.period)))


@dataclass
class ChipNet(Net):
    """A network with adapters; `host` are the processes that stay on the host, all others are the chip's."""

    border: Border = field(default_factory=Border)
    host: set[AbstractProcess] = field(default_factory=set)
    adapters: set[AbstractProcess] = field(default_factory=set)

    def enter(self, node: Input, lines: int) -> Ports:
        assert self.buffers is not None
        cycle = _moved(self.schedule.cycle(node.name, self.program.steps), -self.border.inputs)
        player = self._outside(node, Source(shape=(lines,), buffers=(self.buffers.inputs[node.name],), cycle=cycle))
        adapter = self._adapter(node, to_chip(lines))
        player.s_out.connect(adapter.inp)
        return (adapter.out,)

    def keep(self, node: Any, ports: Ports, kind: str) -> Ports:
        buffer = self._tape(node, kind)
        if buffer is not None:
            size, cycle = self.size(node.name), self.schedule.cycle(node.name, self.steps(node.name))
            received = ports
            if emits_currents(node):  # only neurons send to the outside; a relay takes no time
                neuron = self.add(node, relay(size))
                connect(ports, neuron.a_in)
                received = (neuron.s_out,)
            binary = isinstance(node, Spiking)
            adapter = self._adapter(node, from_chip(size, BINARY if binary else GRADED))
            recorder = self._outside(
                node, Recorder(shape=(size,), buffer=buffer, cycle=_moved(cycle, self.border.outputs))
            )
            connect(received, adapter.inp)
            adapter.out.connect(recorder.a_in)
        return ports

    def probe(self, node: Any, var: Var, kind: str) -> None:
        buffer = self._tape(node, kind)
        if buffer is not None:
            size, cycle = self.size(node.name), self.schedule.cycle(node.name, self.program.steps)
            adapter = self._adapter(node, state_reader(size))
            recorder = self._outside(
                node, Recorder(shape=(size,), buffer=buffer, cycle=_moved(cycle, self.border.states))
            )
            adapter.connect_var(var)
            adapter.out.connect(recorder.a_in)

    def last(self) -> int:
        """The chip step at which the first sample's last value is out of its node."""
        ports, steps = self.program.ports, self.program.steps
        starts = self.schedule.start.items()
        return max(s + (1 if ports[name].signal is Signal.TOTAL else steps) - 1 for name, s in starts)

    def _outside(self, node: Any, process: Any) -> Any:
        self.host.add(process)
        return self.add(node, process)

    def _adapter(self, node: Any, process: Any) -> Any:
        self.adapters.add(process)
        return self.add(node, process)


def to_chip(lines: int) -> Any:
    """An adapter for graded spikes from the host to the chip."""
    from lava.proc.embedded_io.spike import PyToNxAdapter

    return PyToNxAdapter(shape=(lines,), num_message_bits=GRADED)


def from_chip(size: int, bits: int) -> Any:
    """An adapter for spikes from the chip to the host; graded ones come without their sign."""
    from lava.proc.embedded_io.spike import NxToPyAdapter

    return NxToPyAdapter(shape=(size,), num_message_bits=bits)


def state_reader(size: int) -> Any:
    """An adapter that sends a Var of the chip to the host in every step."""
    from lava.proc.embedded_io.state import Read

    return Read(shape=(size,), interval=1, offset=0)


def _moved(cycle: Cycle, steps: int) -> Cycle:
    return replace(cycle, start=cycle.start + steps)
