"""to_lava: Program -> a network of Lava processes, wired and ready to be compiled by Lava.

The network is the same for both forms; which models stand behind its processes is a matter of the run configuration
(`neurokit.lava.forms`). In this network, as on the chip, neurons send spikes and synapses (Dense) turn them into
currents: where a Program puts two synapses in a row a memoryless relay neuron stands between them, and where it puts
two neurons in a row, one synapse a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.proc.prodneuron.process import ProdNeuron

from neurokit.errors import UnsupportedNode
from neurokit.lava.cycle import Cycle
from neurokit.lava.digits import count_digits, digits, lines
from neurokit.lava.schedule import Schedule, bias_rides, heard, schedule, speaks_currents, split
from neurokit.lava.tape import Tape
from neurokit.processes.constant.process import Constant
from neurokit.processes.readout.process import Readout as ReadoutProcess
from neurokit.processes.soft_if.process import SoftIF
from neurokit.processes.synapses import BINARY, GRADED, delayed, exact, identity, relay
from neurokit.processes.tape.process import Player, Probe, Recorder
from neurokit.program import Dense, Input, Output, Product, Program, Readout, Spiking
from neurokit.wiring import Signal


@dataclass(frozen=True)
class Wiring:
    """A wired network and the tapes that lead into and out of it, by node name.

    labels  the node that each top-level process belongs to
    """

    program: Program
    schedule: Schedule
    labels: Mapping[AbstractProcess, str]
    inputs: Mapping[str, Tape]
    totals: Mapping[str, Tape]
    spikes: Mapping[str, Tape]
    states: Mapping[str, Tape]

    def played(self, name: str, x: Int32[np.ndarray, "windows size"]) -> Int32[np.ndarray, "windows lines"]:
        """What the Player of an Input sends: the sample, then its bias lines."""
        extra = np.broadcast_to(lines(_ridden(self.program, name)), (len(x), _ridden(self.program, name)))
        return np.concatenate([x, extra], axis=1, dtype=np.int32)


def to_lava(program: Program, directory: Path, *, record: bool = False, period: int | None = None) -> Wiring:
    """Wire a Program's processes; tapes lie in `directory`, and `record` adds those for spikes, states and totals.

    Raises what `neurokit.lava.schedule.schedule` raises, before any process exists.
    """
    net = _Net(program, schedule(program, period), directory, record)
    for node in program.nodes:
        net.port[node.name] = wire(node, net)
    return Wiring(program, net.schedule, net.labels, net.inputs, net.totals, net.spikes, net.states)


Ports = tuple[OutPort, ...]


def connect(ports: Ports, into: InPort) -> None:
    """Let all of `ports` add up at `into`."""
    for port in ports:
        port.connect(into)


@dataclass
class _Net:
    """The network while it grows."""

    program: Program
    schedule: Schedule
    directory: Path
    record: bool
    port: dict[str, Ports] = field(default_factory=dict)
    labels: dict[AbstractProcess, str] = field(default_factory=dict)
    inputs: dict[str, Tape] = field(default_factory=dict)
    totals: dict[str, Tape] = field(default_factory=dict)
    spikes: dict[str, Tape] = field(default_factory=dict)
    states: dict[str, Tape] = field(default_factory=dict)
    relays: dict[str, Ports] = field(default_factory=dict)
    constants: dict[tuple[str, int], Ports] = field(default_factory=dict)

    def add(self, node: Any, process: Any) -> Any:
        self.labels[process] = node.name
        return process

    def size(self, source: str) -> int:
        return self.program.wires[source].size

    def steps(self, source: str) -> int:
        """Steps per window in which a node speaks."""
        return 1 if self.program.wires[source].signal is Signal.TOTAL else self.program.steps

    def spiking_ports(self, node: Any, source: str) -> Ports:
        """The spikes of `source`, through a relay neuron if it is a synapse."""
        if not speaks_currents(self.program[source]):
            return self.port[source]
        if source not in self.relays:
            neuron = self.add(node, relay(self.size(source)))
            connect(self.port[source], neuron.a_in)
            self.relays[source] = (neuron.s_out,)
        return self.relays[source]

    def current_ports(self, node: Any, source: str, wait: int = 0) -> Ports:
        """The current of `source`, `wait` steps late, through one synapse a line where one is needed."""
        speaker = self.program[source]
        if speaks_currents(speaker):
            if not wait:
                return self.port[source]
            wait -= 1  # the relay takes no time, the synapse behind it one step
        if isinstance(speaker, Input):
            lines = np.eye(self.size(source), self.size(source) + _ridden(self.program, source), dtype=np.int8)
            synapse = exact(lines, bits=GRADED)
        elif wait:
            synapse = delayed(self.size(source), wait)
        else:
            synapse = identity(self.size(source), bits=BINARY if isinstance(speaker, Spiking) else GRADED)
        self.add(node, synapse)
        connect(self.spiking_ports(node, source), synapse.s_in)
        return (synapse.a_out,)

    def constant_ports(self, node: Dense, count: int) -> Ports:
        """Bias lines that speak exactly when `node.source` does."""
        key = (node.source, count)
        if key not in self.constants:
            cycle = self.schedule.cycle(node.source, self.steps(node.source))
            self.constants[key] = (self.add(node, Constant(digits=count, cycle=cycle)).s_out,)
        return self.constants[key]

    def tape(self, node: Any, kind: str) -> Tape:
        return Tape(self.directory, f"{kind}-{self.program.nodes.index(node)}")

    def keep(self, node: Any, ports: Ports, kind: str) -> Tape:
        """Record what a node says."""
        tape = self.tape(node, kind)
        cycle = self.schedule.cycle(node.name, self.steps(node.name))
        recorder = self.add(node, Recorder(shape=(self.size(node.name),), tape=tape, cycle=cycle))
        connect(ports, recorder.a_in)
        return tape

    def keep_total(self, node: Any, ports: Ports) -> Ports:
        """Record a total if somebody will ask for it."""
        wanted = self.record or any(output.source == node.name for output in self.program.outputs)
        if wanted and self.program.wires[node.name].signal is Signal.TOTAL:
            self.totals[node.name] = self.keep(node, ports, "total")
        return ports


def _ridden(program: Program, name: str) -> int:
    """How many bias lines an Input carries beside the sample."""
    return max((count_digits(n.bias) for n in program.nodes if isinstance(n, Dense) and n.source == name), default=0)


@singledispatch
def wire(node: Any, net: _Net) -> Ports:
    """Add the processes of a node and return the ports on which it speaks; what they send adds up."""
    raise UnsupportedNode(
        node.name, type(node).__name__, "Lava", "it has no rule", "Add one to `compilers.to_lava.wire`"
    )


@wire.register
def _(node: Input, net: _Net) -> Ports:
    tape = net.inputs[node.name] = net.tape(node, "input")
    shape = (net.size(node.name) + _ridden(net.program, node.name),)
    cycle = net.schedule.cycle(node.name, net.program.steps)
    return (net.add(node, Player(shape=shape, tape=tape, cycle=cycle)).s_out,)


@wire.register
def _(node: Dense, net: _Net) -> Ports:
    apart = split(net.program, node)
    exponent = 0 if apart else node.exponent
    own = digits(node.bias)
    ride = bias_rides(net.program, node)
    weight = _with_columns(node.weight, own, _ridden(net.program, node.source)) if ride else node.weight
    bits = BINARY if isinstance(net.program[node.source], Spiking) else GRADED
    synapse = net.add(node, exact(weight, exponent, bits))
    connect(net.spiking_ports(node, node.source), synapse.s_in)
    currents: Ports = (synapse.a_out,)
    if own.size and not ride:
        bias = net.add(node, exact(own, exponent, GRADED))
        connect(net.constant_ports(node, own.shape[1]), bias.s_in)
        currents += (bias.a_out,)
    if apart:
        neuron = net.add(node, relay(len(node.bias)))
        rounding = net.add(node, exact(np.eye(len(node.bias), dtype=np.int8), node.exponent, GRADED))
        connect(currents, neuron.a_in)
        neuron.s_out.connect(rounding.s_in)
        currents = (rounding.a_out,)
    return net.keep_total(node, currents)


@wire.register
def _(node: Spiking, net: _Net) -> Ports:
    shape = (net.size(node.name),)
    cycle = net.schedule.cycle(node.name, net.program.steps)
    neurons = net.add(node, SoftIF(shape=shape, threshold=node.threshold, cycle=cycle))
    connect(net.current_ports(node, node.source), neurons.a_in)
    if net.record:
        net.spikes[node.name] = net.keep(node, (neurons.s_out,), "spikes")
        tape = net.states[node.name] = net.tape(node, "states")
        probe = net.add(node, Probe(shape=shape, tape=tape, cycle=cycle))
        probe.state.connect_var(neurons.u)
    return (neurons.s_out,)


@wire.register
def _(node: Readout, net: _Net) -> Ports:
    cycle = Cycle(heard(net.program, net.schedule.start, node.source), net.program.steps, net.schedule.period)
    process = net.add(node, ReadoutProcess(shape=(net.size(node.name),), rule=node.rule, shift=node.shift, cycle=cycle))
    connect(net.current_ports(node, node.source), process.a_in)
    own = digits(node.offset)
    if own.size:
        # Both rules give the last step the weight 1, so a current in that step alone adds itself to the total.
        last = Cycle(cycle.start + net.program.steps - 2, 1, net.schedule.period)  # one step before: the synapse's
        constant = net.add(node, Constant(digits=own.shape[1], cycle=last))
        synapse = net.add(node, exact(own, bits=GRADED))
        constant.s_out.connect(synapse.s_in)
        synapse.a_out.connect(process.a_in)
    return net.keep_total(node, (process.s_out,))


@wire.register
def _(node: Product, net: _Net) -> Ports:
    neurons = net.add(node, ProdNeuron(shape=(net.size(node.name),), vth=0, exp=node.shift))
    for source, factor in zip(node.sources, (neurons.a_in1, neurons.a_in2), strict=True):
        wait = net.schedule.start[node.name] - heard(net.program, net.schedule.start, source)
        connect(net.current_ports(node, source, wait), factor)
    return net.keep_total(node, (neurons.s_out,))


@wire.register
def _(node: Output, net: _Net) -> Ports:
    return net.port[node.source]


def _with_columns(weight: np.ndarray, columns: np.ndarray, count: int) -> np.ndarray:
    """`weight` with `columns` to its right, filled with zeros to `count` of them."""
    extra = np.zeros((len(weight), count), dtype=np.int8)
    extra[:, : columns.shape[1]] = columns
    return np.concatenate([weight, extra], axis=1)
