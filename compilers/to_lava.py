"""to_lava: Program -> a network of Lava processes, wired and ready to be compiled by Lava.

The network is the same for both forms; which models stand behind its processes is a matter of the run configuration
(`neurokit.lava.forms`). In this network, as on the chip, neurons send spikes and synapses turn them into
currents: where a Program puts two synapses in a row a memoryless relay neuron stands between them, and where it puts
two neurons in a row, one synapse a line. What is delayed passes a gate that closes when its window is over, so that
nothing crosses from one sample to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Int32
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.proc.prodneuron.process import ProdNeuron

from neurokit.errors import UnsupportedNode
from neurokit.lava.cycle import Cycle
from neurokit.lava.digits import count_digits, digits, lines
from neurokit.lava.forms import Form
from neurokit.lava.hush import owes
from neurokit.lava.schedule import Schedule, bias_rides, heard, schedule, speaks_currents, split
from neurokit.lava.tape import Tape
from neurokit.neurons import Subtract
from neurokit.processes.constant.process import Constant
from neurokit.processes.neurons.process import Neurons
from neurokit.processes.readout.process import Readout as ReadoutProcess
from neurokit.processes.soft_if.process import SoftIF
from neurokit.processes.synapses import BINARY, GRADED, delayed, exact, exact_sparse, gate, identity, one_sign, relay
from neurokit.processes.tape.process import Player, Probe, Recorder
from neurokit.program import Dense, Input, Output, Product, Program, Readout, Spiking, Sum, Synapses
from neurokit.wiring import Signal


@dataclass(frozen=True)
class Wiring:
    """A wired network and the tapes that lead into and out of it, by node name.

    labels    the node that each top-level process belongs to
    states    Var `u` of every Spiking
    residues  Var `v` of those with reset ToZero, whose membrane before the reset follows from both: see `Neurons`
    """

    program: Program
    schedule: Schedule
    labels: Mapping[AbstractProcess, str]
    inputs: Mapping[str, Tape]
    totals: Mapping[str, Tape]
    spikes: Mapping[str, Tape]
    states: Mapping[str, Tape]
    residues: Mapping[str, Tape]

    def played(self, name: str, x: Int32[np.ndarray, "windows size"]) -> Int32[np.ndarray, "windows lines"]:
        """What the Player of an Input sends: the sample, then its bias lines."""
        extra = np.broadcast_to(lines(_ridden(self.program, name)), (len(x), _ridden(self.program, name)))
        return np.concatenate([x, extra], axis=1, dtype=np.int32)


def to_lava(
    program: Program, directory: Path, *, record: bool = False, period: int | None = None, form: Form | None = None
) -> Wiring:
    """Wire a Program's processes; tapes lie in `directory`, and `record` adds those for spikes, states and totals.

    The network is the same for every `form`, which only says whether it has all of the nodes. Raises what
    `neurokit.lava.schedule.schedule` raises, before any process exists.
    """
    net = _Net(program, schedule(program, period, form), directory, record)
    for node in program.nodes:
        net.port[node.name] = wire(node, net)
    return Wiring(program, net.schedule, net.labels, net.inputs, net.totals, net.spikes, net.states, net.residues)


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
    residues: dict[str, Tape] = field(default_factory=dict)
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
        size = self.size(source)
        if speaks_currents(speaker):
            return self.later(node, self.port[source], size, wait)
        if isinstance(speaker, Input):
            lines = np.eye(size, size + _ridden(self.program, source), dtype=np.int8)
            synapse = self.add(node, exact(lines, bits=GRADED))
            connect(self.port[source], synapse.s_in)
            return self.later(node, (synapse.a_out,), size, wait)
        if wait:
            synapse = self.add(node, delayed(size, wait))
        else:
            synapse = self.add(node, identity(size, bits=BINARY if isinstance(speaker, Spiking) else GRADED))
        connect(self.port[source], synapse.s_in)
        return (synapse.a_out,)

    def later(self, node: Any, currents: Ports, size: int, wait: int) -> Ports:
        """Currents `wait` steps later, by a relay, which takes no time, and synapses behind it, which take one step."""
        if not wait:
            return currents
        neuron = self.add(node, relay(size))
        connect(currents, neuron.a_in)
        synapse = self.add(node, delayed(size, wait - 1) if wait > 1 else identity(size, bits=GRADED))
        neuron.s_out.connect(synapse.s_in)
        return (synapse.a_out,)

    def delayed_spikes(self, node: Synapses) -> Ports:
        """The spikes of `node.source`, `node.delay` steps late, but for those that would come after their window."""
        size, steps = self.size(node.source), self.program.steps
        delay = min(node.delay, steps)  # from there on every spike comes too late
        line = self.add(node, delayed(size, delay - 1) if delay > 1 else identity(size))
        # The gate hears the source's step t at `start + t + delay`; the constant's synapse takes one step.
        late = Cycle(self.schedule.start[node.source] + steps - 1, delay, self.schedule.period)
        constant = self.add(node, Constant(digits=1, cycle=late))
        shut = self.add(node, one_sign(np.full((size, 1), -1), bits=GRADED))
        neurons = self.add(node, gate(size))
        connect(self.port[node.source], line.s_in)
        line.a_out.connect(neurons.a_in)
        constant.s_out.connect(shut.s_in)
        shut.a_out.connect(neurons.a_in)
        return (neurons.s_out,)

    def constant_ports(self, node: Synapses, count: int) -> Ports:
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

    def probe(self, node: Any, var: Var, kind: str) -> Tape:
        """Record a Var of a population."""
        tape, cycle = self.tape(node, kind), self.schedule.cycle(node.name, self.program.steps)
        probe = self.add(node, Probe(shape=(self.size(node.name),), tape=tape, cycle=cycle))
        probe.state.connect_var(var)
        return tape

    def keep_total(self, node: Any, ports: Ports) -> Ports:
        """Record a total if somebody will ask for it."""
        wanted = self.record or any(output.source == node.name for output in self.program.outputs)
        if wanted and self.program.wires[node.name].signal is Signal.TOTAL:
            self.totals[node.name] = self.keep(node, ports, "total")
        return ports


def _ridden(program: Program, name: str) -> int:
    """How many bias lines an Input carries beside the sample."""
    readers = (node for node in program.nodes if isinstance(node, Synapses) and node.source == name)
    return max((count_digits(node.bias) for node in readers), default=0)


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
def _(node: Synapses, net: _Net) -> Ports:
    apart = split(net.program, node)
    exponent = 0 if apart else node.exponent
    own = digits(node.line_bias)
    ride = bias_rides(net.program, node)
    columns = _filled(own, _ridden(net.program, node.source)) if ride else _filled(own, 0)
    bits = BINARY if isinstance(net.program[node.source], Spiking) else GRADED
    if isinstance(node, Dense):
        synapse = net.add(node, exact(np.concatenate([node.weight, columns], axis=1), exponent, bits))
    else:
        synapse = net.add(node, exact_sparse(scipy.sparse.hstack([node.matrix, columns]), exponent, bits))
    connect(net.delayed_spikes(node) if node.delay else net.spiking_ports(node, node.source), synapse.s_in)
    currents: Ports = (synapse.a_out,)
    if own.size and not ride:
        bias = net.add(node, exact(own, exponent, GRADED))
        connect(net.constant_ports(node, own.shape[1]), bias.s_in)
        currents += (bias.a_out,)
    if apart:
        neuron = net.add(node, relay(node.shape[0]))
        rounding = net.add(node, exact(np.eye(node.shape[0], dtype=np.int8), node.exponent, GRADED))
        connect(currents, neuron.a_in)
        neuron.s_out.connect(rounding.s_in)
        currents = (rounding.a_out,)
    return net.keep_total(node, currents)


@wire.register
def _(node: Spiking, net: _Net) -> Ports:
    shape = (net.size(node.name),)
    cycle = net.schedule.cycle(node.name, net.program.steps)
    hard = not isinstance(node.neuron.reset, Subtract)
    if node.leaky or hard or owes(node):
        neurons = net.add(node, Neurons(shape=shape, spiking=node, hush=net.schedule.hush[node.name], cycle=cycle))
    else:
        neurons = net.add(node, SoftIF(shape=shape, threshold=node.threshold, cycle=cycle))
    connect(net.current_ports(node, node.source), neurons.a_in)
    if net.record:
        net.spikes[node.name] = net.keep(node, (neurons.s_out,), "spikes")
        net.states[node.name] = net.probe(node, neurons.u, "states")
        if hard:
            net.residues[node.name] = net.probe(node, neurons.v, "residues")
    return (neurons.s_out,)


@wire.register
def _(node: Sum, net: _Net) -> Ports:
    ports: Ports = ()
    for source in node.sources:
        wait = net.schedule.start[node.name] - heard(net.program, net.schedule.start, source)
        ports += net.current_ports(node, source, wait)
    return net.keep_total(node, ports)


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


def _filled(columns: np.ndarray, count: int) -> np.ndarray:
    """`columns`, filled with zeros to `count` of them; none at all if `count` is 0."""
    extra = np.zeros((len(columns), count), dtype=np.int8)
    extra[:, : columns.shape[1]] = columns[:, :count]
    return extra
