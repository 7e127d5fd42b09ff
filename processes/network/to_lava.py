"""to_lava: Program -> a network of Lava processes, wired and ready to be compiled by Lava.

The network is the same for the stock form and the process form; which models stand behind its processes is a matter of
the run configuration (`neurokit.compilers.lava.forms`). The fused form is one process, `Network`, of which Lava can
make the stock form too. In such a network, as on the chip, neurons send spikes and synapses turn them into currents:
where a Program puts two synapses in a row a memoryless relay neuron stands between them, and where it puts two neurons
in a row, one synapse a line. What is delayed passes a gate that closes when its window is over, so that nothing crosses
from one sample to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var

from neurokit.compilers.lava.bias_digits import digits
from neurokit.compilers.lava.forms import Form, StockForm
from neurokit.compilers.lava.inhibition import has_in_flight_input
from neurokit.compilers.lava.layout import Layout, Record, bias_channels
from neurokit.compilers.lava.replicate import replicate
from neurokit.compilers.lava.ring_buffers import RingBuffer, RingBuffers
from neurokit.compilers.lava.schedule import Schedule, arrival_step, bias_on_input_channels, emits_currents, split
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import UnsupportedNode
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Spiking, Sum, Synapses
from neurokit.ir.signals import Signal
from neurokit.neurons.models import Subtract
from neurokit.processes.constant.process import Constant
from neurokit.processes.network.process import Network
from neurokit.processes.neurons.process import Neurons
from neurokit.processes.product.process import Product as ProductProcess
from neurokit.processes.readout.process import Readout as ReadoutProcess
from neurokit.processes.ring_buffer.process import Probe, Recorder, Source
from neurokit.processes.sample_gate.process import SampleGate
from neurokit.processes.soft_if.process import SoftIF
from neurokit.processes.synapses import BINARY, GRADED, delayed, exact, exact_sparse, identity, relay


@dataclass(frozen=True)
class Wiring:
    """A wired network and the buffers that lead into and out of it, by node name.

    layout    what was wired
    labels    the node that each top-level process belongs to; the fused form's belong to the first
    synapses  the processes with the weights of each Synapses, and with its bias where that has one of its own
    doubles   of these, what has the same weights, for a Sum that reads them more than once
    """

    layout: Layout
    buffers: RingBuffers
    labels: Mapping[AbstractProcess, str]
    synapses: Mapping[str, tuple[AbstractProcess, AbstractProcess | None]]
    doubles: Mapping[AbstractProcess, Sequence[AbstractProcess]] = field(default_factory=dict)

    @property
    def schedule(self) -> Schedule:
        return self.layout.plan


def to_lava(
    program: Program,
    directory: Path,
    *,
    record: Record = False,
    period: int | None = None,
    form: Form | None = None,
) -> Wiring:
    """Wire a Program's processes; buffers lie in `directory`.

    `record` names the nodes whose spikes, states or totals are recorded beside the outputs, or is True for all. Raises
    what `neurokit.compilers.lava.schedule.schedule` raises, before any process exists, and OutOfRange for a node that
    `record` names in vain.
    """
    layout = Layout(program, StockForm() if form is None else form, record, period)
    buffers = layout.buffers(directory)
    buffers.blank()
    net = Net(layout.whole, layout.plan, buffers)
    if layout.fused:
        _fuse(net, layout)
    else:
        net.wire_all()
    return Wiring(layout, buffers, net.labels, net.synapses, net.doubles)


def _fuse(net: Net, layout: Layout) -> None:
    """One `Network`, a Source for its lines, and a Recorder for every output."""
    program, first = layout.program, layout.program.nodes[0]
    assert net.buffers is not None
    process = Network(program=program, batch=layout.form.batch, period=net.schedule.period, buffers=net.buffers)
    net.add(first, process)
    buffers = tuple(net.buffers.inputs[node.name] for node in program.inputs)
    player = net.add(first, Source(shape=process.x.shape, buffers=buffers, cycle=process.inputs))
    player.s_out.connect(process.x)
    line = 0
    for output in program.outputs:
        buffer, cycle = net.buffers.totals[output.source], process.outputs[output.name]
        recorder = net.add(output, Recorder(shape=process.y.shape, buffer=buffer, cycle=cycle, first=line))
        process.y.connect(recorder.a_in)
        line += net.size(output.name)


def inner_network(program: Program, batch: int, plan: Schedule, x: InPort, y: OutPort) -> Iterable[AbstractProcess]:
    """The stock processes between the two ports of a `Network`; see `StockNetwork`."""
    net = _Inside(replicate(program, batch), plan, None, x=x)
    net.wire_all()
    size = y.shape[0]
    last = net.add(program.outputs[0], relay(size))
    line = 0
    for output in program.outputs:
        lines = np.eye(size, net.size(output.name), -line, dtype=np.int8)
        synapse = net.add(output, exact(lines, bits=GRADED))
        connect(net.spiking_ports(output, output.source), synapse.s_in)
        synapse.a_out.connect(last.a_in)
        line += net.size(output.name)
    last.s_out.connect(y)
    return net.labels


Ports = tuple[OutPort, ...]


def connect(ports: Ports, into: InPort) -> None:
    """Let all of `ports` add up at `into`."""
    for port in ports:
        port.connect(into)


@dataclass
class Net:
    """A network of processes while it grows."""

    program: Program
    schedule: Schedule
    buffers: RingBuffers | None
    port: dict[str, Ports] = field(default_factory=dict)
    labels: dict[AbstractProcess, str] = field(default_factory=dict)
    synapses: dict[str, tuple[AbstractProcess, AbstractProcess | None]] = field(default_factory=dict)
    relays: dict[str, Ports] = field(default_factory=dict)
    constants: dict[tuple[str, int], Ports] = field(default_factory=dict)
    doubles: dict[AbstractProcess, list[AbstractProcess]] = field(default_factory=dict)
    again: dict[OutPort, Callable[[], OutPort]] = field(default_factory=dict)

    def wire_all(self) -> None:
        """Add the processes of every node."""
        for node in self.program.nodes:
            self.port[node.name] = wire(node, self)

    def add(self, node: Any, process: Any) -> Any:
        self.labels[process] = node.name
        return process

    def synapse(self, node: Any, make: Callable[[], Any], spikes: Ports) -> tuple[Any, OutPort]:
        """Synapses that receive `spikes`, and the port of their currents, of which `apart` can make another one."""

        def added() -> Any:
            process = self.add(node, make())
            connect(spikes, process.s_in)
            return process

        def copied() -> OutPort:
            self.doubles.setdefault(process, []).append(copy := added())
            return copy.a_out

        process = added()
        self.again[process.a_out] = copied
        return process, process.a_out

    def apart(self, ports: Ports) -> Ports:
        """Ports of the same currents, none of them twice: Lava connects two ports once, whatever is to be added up."""
        once: dict[OutPort, None] = {}
        for port in ports:
            once[self.again[port]() if port in once else port] = None
        return tuple(once)

    def size(self, source: str) -> int:
        return self.program.ports[source].size

    def steps(self, source: str) -> int:
        """Steps per window in which a node emits."""
        return 1 if self.program.ports[source].signal is Signal.TOTAL else self.program.steps

    def spiking_ports(self, node: Any, source: str) -> Ports:
        """The spikes of `source`, through a relay neuron if it is a synapse."""
        if not emits_currents(self.program[source]):
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
        if emits_currents(speaker):
            return self.later(node, self.port[source], size, wait)
        if isinstance(speaker, Input):
            lines = np.eye(size, size + bias_channels(self.program, source), dtype=np.int8)
            _, currents = self.synapse(node, partial(exact, lines, bits=GRADED), self.port[source])
            return self.later(node, (currents,), size, wait)
        if wait:
            make = partial(delayed, size, wait)
        else:
            make = partial(identity, size, bits=BINARY if isinstance(speaker, Spiking) else GRADED)
        _, currents = self.synapse(node, make, self.port[source])
        return (currents,)

    def later(self, node: Any, currents: Ports, size: int, wait: int) -> Ports:
        """Currents `wait` steps later, by a relay, which takes no time, and synapses behind it, which take one step."""
        if not wait:
            return currents
        neuron = self.add(node, relay(size))
        connect(self.apart(currents), neuron.a_in)
        make = partial(delayed, size, wait - 1) if wait > 1 else partial(identity, size, bits=GRADED)
        return (self.synapse(node, make, (neuron.s_out,))[1],)

    def delayed_spikes(self, node: Synapses) -> Ports:
        """The spikes of `node.source`, `node.delay` steps late, but for those that would come after their window."""
        size, steps = self.size(node.source), self.program.steps
        delay = min(node.delay, steps)  # from there on every spike comes too late
        line = self.add(node, delayed(size, delay - 1) if delay > 1 else identity(size))
        # The gate receives the source's step t at `start + t + delay`.
        late = Cycle(self.schedule.start[node.source] + steps, delay, self.schedule.period)
        gate = self.add(node, SampleGate(shape=(size,), shut=late))
        connect(self.port[node.source], line.s_in)
        line.a_out.connect(gate.a_in)
        return (gate.s_out,)

    def constant_ports(self, node: Synapses, count: int) -> Ports:
        """Bias lines that emit exactly when `node.source` does."""
        key = (node.source, count)
        if key not in self.constants:
            cycle = self.schedule.cycle(node.source, self.steps(node.source))
            self.constants[key] = (self.add(node, Constant(digits=count, cycle=cycle)).s_out,)
        return self.constants[key]

    def enter(self, node: Input, lines: int) -> Ports:
        """What an Input says, bias lines included."""
        assert self.buffers is not None
        cycle = self.schedule.cycle(node.name, self.program.steps)
        return (self.add(node, Source(shape=(lines,), buffers=(self.buffers.inputs[node.name],), cycle=cycle)).s_out,)

    def keep(self, node: Any, ports: Ports, kind: str) -> Ports:
        """Record what a node says, if somebody will ask for it."""
        buffer = self._tape(node, kind)
        if buffer is not None:
            cycle = self.schedule.cycle(node.name, self.steps(node.name))
            recorder = self.add(node, Recorder(shape=(self.size(node.name),), buffer=buffer, cycle=cycle))
            connect(ports, recorder.a_in)
        return ports

    def probe(self, node: Any, var: Var, kind: str) -> None:
        """Record a Var of a population, if somebody will ask for it."""
        buffer = self._tape(node, kind)
        if buffer is not None:
            cycle = self.schedule.cycle(node.name, self.program.steps)
            probe = self.add(node, Probe(shape=(self.size(node.name),), buffer=buffer, cycle=cycle))
            probe.state.connect_var(var)

    def _tape(self, node: Any, kind: str) -> RingBuffer | None:
        buffers: Mapping[str, RingBuffer] = getattr(self.buffers, kind) if self.buffers is not None else {}
        return buffers.get(node.name)


@dataclass
class _Inside(Net):
    """A network without buffers: behind the port `x` of a `Network`."""

    x: InPort | None = None

    def enter(self, node: Input, lines: int) -> Ports:
        assert self.x is not None
        size, (width,) = self.size(node.name), self.x.shape
        first = sum(self.size(other.name) for other in self.program.inputs[: self.program.inputs.index(node)])
        chosen = np.eye(lines, width, first, dtype=np.int8)
        chosen[size:] = 0
        synapse = self.add(node, exact(chosen, bits=GRADED))
        neuron = self.add(node, relay(lines))
        self.x.connect(synapse.s_in)
        synapse.a_out.connect(neuron.a_in)
        if lines > size:
            # Emitted in the steps in which the network receives its inputs.
            cycle = Cycle(self.schedule.start[node.name] - 1, self.program.steps, self.schedule.period)
            constant = self.add(node, Constant(digits=lines - size, cycle=cycle))
            rides = self.add(node, exact(np.eye(lines, lines - size, -size, dtype=np.int8), bits=GRADED))
            constant.s_out.connect(rides.s_in)
            rides.a_out.connect(neuron.a_in)
        return (neuron.s_out,)


@singledispatch
def wire(node: Any, net: Net) -> Ports:
    """Add the processes of a node and return the ports on which it emits; what they send adds up."""
    raise UnsupportedNode(
        node.name, type(node).__name__, "Lava", "it has no rule", "Add one to `compilers.to_lava.wire`"
    )


@wire.register
def _(node: Input, net: Net) -> Ports:
    return net.enter(node, net.size(node.name) + bias_channels(net.program, node.name))


@wire.register
def _(node: Synapses, net: Net) -> Ports:
    apart = split(net.program, node)
    exponent = 0 if apart else node.exponent
    own = digits(node.line_bias)
    ride = bias_on_input_channels(net.program, node)
    columns = _filled(own, bias_channels(net.program, node.source)) if ride else _filled(own, 0)
    bits = BINARY if isinstance(net.program[node.source], Spiking) else GRADED
    if isinstance(node, Dense):
        make = partial(exact, np.concatenate([node.weight, columns], axis=1), exponent, bits)
    else:
        make = partial(exact_sparse, scipy.sparse.hstack([node.matrix, columns]), exponent, bits)
    spikes = net.delayed_spikes(node) if node.delay else net.spiking_ports(node, node.source)
    synapse, port = net.synapse(node, make, spikes)
    currents: Ports = (port,)
    net.synapses[node.name] = (synapse, None)
    if own.size and not ride:
        constant = net.constant_ports(node, own.shape[1])
        bias, port = net.synapse(node, partial(exact, own, exponent, GRADED), constant)
        currents += (port,)
        net.synapses[node.name] = (synapse, bias)
    if apart:
        neuron = net.add(node, relay(node.shape[0]))
        connect(currents, neuron.a_in)
        one_a_line = partial(exact, np.eye(node.shape[0], dtype=np.int8), node.exponent, GRADED)
        currents = (net.synapse(node, one_a_line, (neuron.s_out,))[1],)
    return net.keep(node, currents, "totals")


@wire.register
def _(node: Spiking, net: Net) -> Ports:
    shape = (net.size(node.name),)
    cycle = net.schedule.cycle(node.name, net.program.steps)
    if node.leaky or not isinstance(node.neuron.reset, Subtract) or has_in_flight_input(node):
        neurons = net.add(
            node,
            Neurons(shape=shape, spiking=node, guard_inhibition=net.schedule.guard_inhibition[node.name], cycle=cycle),
        )
    else:
        neurons = net.add(node, SoftIF(shape=shape, threshold=node.threshold, cycle=cycle))
    connect(net.current_ports(node, node.source), neurons.a_in)
    net.probe(node, neurons.u, "states")
    if node.shows_residue:
        net.probe(node, neurons.v, "residues")
    return net.keep(node, (neurons.s_out,), "spikes")


@wire.register
def _(node: Sum, net: Net) -> Ports:
    ports: Ports = ()
    for source in node.sources:
        wait = net.schedule.start[node.name] - arrival_step(net.program, net.schedule.start, source)
        ports += net.current_ports(node, source, wait)
    return net.keep(node, net.apart(ports), "totals")


@wire.register
def _(node: Readout, net: Net) -> Ports:
    cycle = Cycle(arrival_step(net.program, net.schedule.start, node.source), net.program.steps, net.schedule.period)
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
    return net.keep(node, (process.s_out,), "totals")


@wire.register
def _(node: Product, net: Net) -> Ports:
    neurons = net.add(node, ProductProcess(shape=(net.size(node.name),), shift=node.shift))
    for source, factor in zip(node.sources, (neurons.left, neurons.right), strict=True):
        wait = net.schedule.start[node.name] - arrival_step(net.program, net.schedule.start, source)
        connect(net.current_ports(node, source, wait), factor)
    return net.keep(node, (neurons.s_out,), "totals")


@wire.register
def _(node: Output, net: Net) -> Ports:
    return net.port[node.source]


def _filled(columns: np.ndarray, count: int) -> np.ndarray:
    """`columns`, filled with zeros to `count` of them; none at all if `count` is 0."""
    extra = np.zeros((len(columns), count), dtype=np.int8)
    extra[:, : columns.shape[1]] = columns[:, :count]
    return extra
