"""LearningNetwork: a Program on Lava that learns while it runs, told by its host in a few integers.

The network is that of `compilers.to_lava`, with PlasticSynapses in the place of the layers that learn and, if tangents
are to be carried, TangentNeurons beside the neurons and TangentProducts beside the products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from neurokit.compilers.lava.ring_buffers import RingBuffer, RingBuffers
from neurokit.compilers.lava.schedule import arrival_step, emits_currents
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import GraphError, UnsupportedNode, explain
from neurokit.ir.program import Dense, Input, Output, Product, ProgramNode, Readout, Spiking
from neurokit.ir.signals import consumers
from neurokit.learning.plastic_layer import Mode, Order, PlasticLayer
from neurokit.learning.tangent_program import TangentProgram
from neurokit.processes.network.to_lava import Net, Ports, connect, wire
from neurokit.processes.plastic_synapses.process import PlasticSynapses
from neurokit.processes.readout.process import Readout as ReadoutProcess
from neurokit.processes.ring_buffer.process import Recorder
from neurokit.processes.synapses import GRADED, delayed, identity
from neurokit.processes.tangent_neurons.process import TangentNeurons
from neurokit.processes.tangent_product.process import TangentProduct
from neurokit.simulator.plastic_weights import Field
from neurokit.targets.lava.learning.plastic_network import PlasticLavaNetwork


class LearningNetwork(PlasticLavaNetwork["_Wired"]):
    """A Program whose Dense layers learn in PlasticSynapses; a context manager like LavaNetwork, whose methods it has.

    Arguments as for PlasticLavaNetwork; any tensors, directions and optimizer. Between two runs the network stands
    still; an order holds for all samples of the next run. Raises UnsupportedNode for a layer that learns and is no
    Dense without delay, and for what has no tangents on Lava.
    """

    _updates, _made = 0, 0

    def start(self) -> RingBuffers:
        buffers = super().start()
        self._q = np.zeros((len(self.tensors), self.directions.count), np.int64)
        self.order(Mode.PLAIN, 0, 0, {})
        return buffers

    def wired(self, where: Path, buffers: RingBuffers) -> _Wired:
        return _Wired(self.layout.whole, self.layout.plan, buffers, where=where, network=self)

    def update(self, step: int, q: Mapping[str, Int64[np.ndarray, " K"]]) -> None:
        """See PlasticLavaNetwork; layers move as they begin their next window."""
        self._q[:] = [q[tensor.name] for tensor in self.tensors]
        self._updates, self._made = self._updates + 1, step
        self.order(Mode.PLAIN, step, 0, {})

    def order(self, mode: Mode, step: int, direction: int, amplitude: Mapping[str, int]) -> None:
        wired = self._growing()
        amplitudes = [amplitude.get(tensor.name, 0) for tensor in self.tensors]
        order = Order(self._updates, self._made, self._q, mode, step, direction, amplitudes)
        self._frames(wired.orders, writable=True)[0, 0] = order.row()

    def slopes(
        self, values: Mapping[str, Int64[np.ndarray, "samples size"]]
    ) -> tuple[dict[str, Int64[np.ndarray, "samples size"]], dict[str, Int64[np.ndarray, "samples size"]]]:
        wired = self._growing()
        first = -(-self.chip_steps // self.schedule.period)
        samples = len(next(iter(values.values())))
        frames = {name: self._frames(buffer) for name, buffer in wired.answers.items()}
        room = min(len(each) for each in frames.values()) - self.schedule.flush_windows - 1
        if samples > room:
            legal = f"at most {room}, which its buffers hold"
            raise GraphError(explain("LearningNetwork.slopes: samples", samples, legal, "split them"))
        raw, _ = self.run(values)
        ring = first + np.arange(samples)
        tangents = {name: each[ring % len(each), 0].astype(np.int64) for name, each in frames.items()}
        return raw, {output.name: tangents[output.source] for output in self.program.outputs}

    def learned(self) -> dict[str, Int32[np.ndarray, "..."]]:
        """See PlasticLavaNetwork; layers that have not read the last update yet get a window to do so."""
        wired = self._growing()
        copies = {layer: self._frames(buffer)[0, 0] for layer, buffer in wired.copies.items()}
        while any(copy[0] != self._updates for copy in copies.values()):
            self.advance(self.schedule.period)
        found = {}
        for tensor in self.tensors:
            node, flat = wired.layers[tensor.layer].node, copies[tensor.layer][1:]
            lines, size = node.shape[0], node.weight.size
            start = {Field.WEIGHT: 0, Field.BIAS: size, Field.OFFSET: size + lines}[tensor.field]
            found[tensor.name] = flat[start : start + tensor.size].reshape(tensor.shape).copy()
        return found


@dataclass
class _Wired(Net):
    """The network while it grows, with what learns."""

    where: Path = Path()
    network: LearningNetwork = None  # type: ignore[assignment]  # always given
    layers: dict[str, PlasticLayer] = field(default_factory=dict)
    copies: dict[str, RingBuffer] = field(default_factory=dict)
    answers: dict[str, RingBuffer] = field(default_factory=dict)
    tangent: dict[str, Ports] = field(default_factory=dict)

    def __post_init__(self) -> None:
        width = Order.width(len(self.network.tensors), self.network.directions.count)
        self.orders = RingBuffer(self.where, "orders", (1, 1, width))
        self.orders.blank()

    def wire_all(self) -> None:
        learns = {tensor.layer for tensor in self.network.tensors}
        offsets = {t.node for t in self.network.tensors if t.field is Field.OFFSET}
        for node in self.program.nodes:
            if node.name in learns or (self.network.tangents is not None and isinstance(node, Dense)):
                self.port[node.name] = self._plastic(node)
            elif node.name in offsets:  # its offset is the layer's before it
                assert isinstance(node, Readout)
                self.port[node.name] = wire(_without_offset(node), self)
            else:
                self.port[node.name] = wire(node, self)
            if self.network.tangents is not None:
                self._beside(node, self.network.tangents)

    def _plastic(self, node: ProgramNode) -> Ports:
        if not isinstance(node, Dense) or node.delay:
            reason = "it is no Dense without delay"
            raise UnsupportedNode(node.name, type(node).__name__, "learning on Lava", reason, "Let others learn.")
        readers = [self.program[name] for name in consumers(self.program.nodes)[node.name]]
        nodes = {t.node for t in self.network.tensors if t.field is Field.OFFSET and t.layer == node.name}
        readout = next((n for n in readers if isinstance(n, Readout) and n.name in nodes), None)
        offset = np.zeros(node.shape[0], np.int32)
        if readout is not None and readout.offset.size:
            offset = readout.offset
        made = self.network.tangents
        layer = PlasticLayer(
            node,
            offset,
            self.steps(node.source) - 1,
            self.network.tensors,
            self.network.directions,
            self.network.optimizer,
            (0, 0) if made is None else (made.fraction[node.source], made.fraction[node.name]),
        )
        copy = RingBuffer(self.where, f"copy-{self.program.nodes.index(node)}", (1, 1, 1 + layer.size))
        copy.blank()
        source = self.program[node.source]
        ports = self.spiking_ports(node, node.source)
        process = self.add(
            node,
            PlasticSynapses(
                layer=layer,
                lines=ports[0].shape[0],
                cycle=self.schedule.cycle(source.name, self.steps(source.name)),
                lag=self.schedule.start[node.name] - self.schedule.start[source.name],
                orders=self.orders,
                copy=copy,
            ),
        )
        connect(ports, process.s_in)
        if self.network.tangents is not None and not isinstance(source, Input):
            connect(self._tangent_spikes(node, source), process.ds_in)
            self.tangent[node.name] = (process.da_out,)
        elif self.network.tangents is not None:
            self.tangent[node.name] = (process.da_out,)
        self.layers[node.name], self.copies[node.name] = layer, copy
        copy.open(writable=True)[0, 0] = np.concatenate([[0], node.weight.ravel(), node.line_bias, offset])
        return self.keep(node, (process.a_out,), "totals")

    def _tangent_spikes(self, node: ProgramNode, source: ProgramNode) -> Ports:
        if emits_currents(source):
            reason = f"it receives {source.name!r}, which are synapses too"
            raise UnsupportedNode(node.name, "Dense", "the tangent network on Lava", reason, "Use the twin.")
        return self.tangent[source.name]

    def _beside(self, node: ProgramNode, made: TangentProgram) -> None:
        """The tangent of a node; that of a Dense is made with it."""
        if isinstance(node, Spiking):
            shape, cycle = (self.size(node.name),), self.schedule.cycle(node.name, self.program.steps)
            neurons = TangentNeurons(shape=shape, spiking=node, neuron=made.neurons[node.name], cycle=cycle)
            self.add(node, neurons)
            connect(self.current_ports(node, node.source), neurons.a_in)
            if not isinstance(self.program[node.source], Input):
                connect(self._tangent_currents(node, node.source, 0), neurons.da_in)
            self.tangent[node.name] = (neurons.ds_out,)
        elif isinstance(node, Readout):
            start = arrival_step(self.program, self.schedule.start, node.source)
            cycle = Cycle(start, self.program.steps, self.schedule.period)
            shape, cut = (self.size(node.name),), made.cuts[node.name][0]
            total = self.add(node, ReadoutProcess(shape=shape, rule=node.rule, shift=cut, cycle=cycle))
            connect(self._tangent_currents(node, node.source, 0), total.a_in)
            self._answer(node, (total.s_out,))
        elif isinstance(node, Product):
            left, right = made.cuts[node.name]
            product = self.add(node, TangentProduct(shape=(self.size(node.name),), cuts=(left, right)))
            for source, into, own in (
                (node.left, product.l_in, product.dl_in),
                (node.right, product.r_in, product.dr_in),
            ):
                wait = self.schedule.start[node.name] - arrival_step(self.program, self.schedule.start, source)
                connect(self.current_ports(node, source, wait), into)
                connect(self._tangent_currents(node, source, wait), own)
            self._answer(node, (product.dy_out,))
        elif isinstance(node, Dense):
            self._answer(node, self.tangent[node.name])
        elif not isinstance(node, Input | Output):
            reason = "it has no process there"
            raise UnsupportedNode(
                node.name, type(node).__name__, "the tangent network on Lava", reason, "Use the twin."
            )

    def _tangent_currents(self, node: ProgramNode, source: str, wait: int) -> Ports:
        """The tangent of `source` as a current, `wait` steps late; through one synapse a line where one is needed."""
        size, ports = self.size(source), self.tangent[source]
        if emits_currents(self.program[source]):
            return self.later(node, ports, size, wait)
        synapse = self.add(node, delayed(size, wait) if wait else identity(size, bits=GRADED))
        connect(ports, synapse.s_in)
        return (synapse.a_out,)

    def _answer(self, node: ProgramNode, ports: Ports) -> None:
        """Keep the tangent of a total that is an output."""
        self.tangent[node.name] = ports
        if any(output.source == node.name for output in self.program.outputs):
            assert self.buffers is not None
            frames = self.buffers.totals[node.name].shape[0]
            size = self.size(node.name)
            buffer = RingBuffer(self.where, f"tangent-{self.program.nodes.index(node)}", (frames, 1, size))
            buffer.blank()
            self.answers[node.name] = buffer
            cycle = self.schedule.cycle(node.name, 1)
            recorder = self.add(node, Recorder(shape=(size,), buffer=buffer, cycle=cycle))
            connect(ports, recorder.a_in)


def _without_offset(node: Readout) -> Readout:
    return Readout(node.name, node.source, node.rule, node.shift, node.scale)
