"""LearningNetwork: a Program on Lava that learns while it runs, told by its host in a few integers.

The network is that of `compilers.to_lava`, with PlasticSynapses in the place of the layers that learn and, if tangents
are to be carried, TangentNeurons beside the neurons and TangentProducts beside the products.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from neurokit.compilers.to_lava import Net, Ports, Wiring, connect, wire
from neurokit.errors import GraphError, UnsupportedNode, explain
from neurokit.lava.cycle import Cycle
from neurokit.lava.forms import Form, FusedForm, SoftIFForm
from neurokit.lava.learning_layer import Mode, Order, PlasticLayer
from neurokit.lava.network import LavaNetwork
from neurokit.lava.schedule import heard, speaks_currents
from neurokit.lava.tape import Tape, Tapes
from neurokit.learning.descent import IntegerDescent
from neurokit.learning.directions import Directions
from neurokit.learning.plastic import Field, Plastic
from neurokit.learning.tangent_program import TangentProgram
from neurokit.processes.plastic_synapses.process import PlasticSynapses
from neurokit.processes.readout.process import Readout as ReadoutProcess
from neurokit.processes.synapses import GRADED, delayed, identity
from neurokit.processes.tangent_neurons.process import TangentNeurons
from neurokit.processes.tangent_product.process import TangentProduct
from neurokit.processes.tape.process import Recorder
from neurokit.program import Dense, Input, Output, Product, Program, ProgramNode, Readout, Spiking
from neurokit.wiring import consumers


class LearningNetwork(LavaNetwork):
    """A Program that learns as it runs on Lava; a context manager like LavaNetwork, whose methods it has.

    tensors     what learns: tensors of Dense layers, from `neurokit.learning.plastic.plastic`
    directions  of the rule
    descent     by which integers move
    form        of the rest of the network: `StockForm()` or `SoftIFForm()`, the default, which has fewer processes
    tangents    of this Program, if slopes are to be asked for

    Between two runs the network stands still; orders given then hold for all samples of the next run. Raises
    UnsupportedNode for a layer that learns and is no Dense without delay, and for what has no tangents on Lava.
    """

    def __init__(
        self,
        program: Program,
        tensors: tuple[Plastic, ...],
        directions: Directions,
        descent: IntegerDescent,
        *,
        form: Form | None = None,
        tangents: TangentProgram | None = None,
        deadline_s: float = 600.0,
    ) -> None:
        form = SoftIFForm() if form is None else form
        if isinstance(form, FusedForm):
            raise GraphError(explain("LearningNetwork: form", form, "StockForm() or SoftIFForm()", "choose one"))
        super().__init__(program, form, deadline_s=deadline_s)
        self.tensors, self.directions, self.descent, self.tangents = tensors, directions, descent, tangents
        self.updates, self._made = 0, 0
        self._q = np.zeros((len(tensors), directions.count), np.int64)
        self._learning: _Wired | None = None

    def start(self) -> Tapes:
        where = self._directory = Path(tempfile.mkdtemp(prefix="neurokit-lava-"))
        tapes = self.layout.tapes(where)
        tapes.blank()
        net = _Wired(self.layout.whole, self.layout.plan, tapes, where=where, network=self)
        net.wire_all()
        self._learning = net
        self._wiring = Wiring(self.layout, tapes, net.labels, net.synapses)
        self._start()
        self.order(Mode.PLAIN, 0, 0, {})
        return tapes

    def stop(self) -> None:
        super().stop()
        self._learning = None

    # -- orders

    def update(self, step: int, q: Mapping[str, Int64[np.ndarray, " K"]]) -> None:
        """Move by `q[k]` times direction k of `step`, by tensor: K integers a tensor, which layers read as they begin
        their next window."""
        self._q[:] = [q[tensor.name] for tensor in self.tensors]
        self.updates, self._made = self.updates + 1, step
        self.order(Mode.PLAIN, step, 0, {})

    def order(self, mode: Mode, step: int, direction: int, amplitude: Mapping[str, int]) -> None:
        """What the next windows are to compute: `amplitude` units of a direction of `step`, by tensor, or tangents."""
        wired = self._require_wired()
        amplitudes = [amplitude.get(tensor.name, 0) for tensor in self.tensors]
        order = Order(self.updates, self._made, self._q, mode, step, direction, amplitudes)
        self._frames(wired.orders, writable=True)[0, 0] = order.row()

    def slopes(
        self, values: Mapping[str, Int64[np.ndarray, "samples size"]]
    ) -> tuple[dict[str, Int64[np.ndarray, "samples size"]], dict[str, Int64[np.ndarray, "samples size"]]]:
        """Raw outputs by Output name, as `run`, and their raw tangents along the direction that was ordered."""
        wired = self._require_wired()
        first = -(-self.chip_steps // self.schedule.period)
        samples = len(next(iter(values.values())))
        frames = {name: self._frames(tape) for name, tape in wired.answers.items()}
        room = min(len(each) for each in frames.values()) - self.schedule.drain - 1
        if samples > room:
            legal = f"at most {room}, which its tapes hold"
            raise GraphError(explain("LearningNetwork.slopes: samples", samples, legal, "split them"))
        raw, _ = self.run(values)
        ring = first + np.arange(samples)
        tangents = {name: each[ring % len(each), 0].astype(np.int64) for name, each in frames.items()}
        return raw, {output.name: tangents[output.source] for output in self.program.outputs}

    def learned(self) -> dict[str, Int32[np.ndarray, "..."]]:
        """The integers of all tensors as the layers left them at their last update; before the first, as they began.

        For comparisons: nothing in learning needs them.
        """
        wired = self._require_wired()
        found = {}
        for tensor in self.tensors:
            layer = wired.layers[tensor.layer]
            flat = self._frames(wired.copies[tensor.layer])[0, 0]
            lines, size = layer.node.shape[0], layer.node.weight.size
            parts = {
                Field.WEIGHT: flat[:size],
                Field.BIAS: flat[size : size + lines],
                Field.OFFSET: flat[size + lines :],
            }
            found[tensor.name] = parts[tensor.field].reshape(tensor.shape).copy()
        return found

    def _require_wired(self) -> _Wired:
        if self._learning is None:
            raise GraphError("this LearningNetwork is not running: enter it with `with`.")
        return self._learning


@dataclass
class _Wired(Net):
    """The network while it grows, with what learns."""

    where: Path = Path()
    network: LearningNetwork = None  # type: ignore[assignment]  # always given
    layers: dict[str, PlasticLayer] = field(default_factory=dict)
    copies: dict[str, Tape] = field(default_factory=dict)
    answers: dict[str, Tape] = field(default_factory=dict)
    tangent: dict[str, Ports] = field(default_factory=dict)

    def __post_init__(self) -> None:
        width = Order.width(len(self.network.tensors), self.network.directions.count)
        self.orders = Tape(self.where, "orders", (1, 1, width))
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
            self.network.descent,
            (0, 0) if made is None else (made.fraction[node.source], made.fraction[node.name]),
        )
        copy = Tape(self.where, f"copy-{self.program.nodes.index(node)}", (1, 1, layer.size))
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
        copy.open(writable=True)[0, 0] = np.concatenate([node.weight.ravel(), node.line_bias, offset])
        return self.keep(node, (process.a_out,), "totals")

    def _tangent_spikes(self, node: ProgramNode, source: ProgramNode) -> Ports:
        if speaks_currents(source):
            reason = f"it hears {source.name!r}, which are synapses too"
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
            start = heard(self.program, self.schedule.start, node.source)
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
                wait = self.schedule.start[node.name] - heard(self.program, self.schedule.start, source)
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
        if speaks_currents(self.program[source]):
            return self.later(node, ports, size, wait)
        synapse = self.add(node, delayed(size, wait) if wait else identity(size, bits=GRADED))
        connect(ports, synapse.s_in)
        return (synapse.a_out,)

    def _answer(self, node: ProgramNode, ports: Ports) -> None:
        """Keep the tangent of a total that is an output."""
        self.tangent[node.name] = ports
        if any(output.source == node.name for output in self.program.outputs):
            assert self.tapes is not None
            frames = self.tapes.totals[node.name].shape[0]
            size = self.size(node.name)
            tape = Tape(self.where, f"tangent-{self.program.nodes.index(node)}", (frames, 1, size))
            tape.blank()
            self.answers[node.name] = tape
            cycle = self.schedule.cycle(node.name, 1)
            recorder = self.add(node, Recorder(shape=(size,), tape=tape, cycle=cycle))
            connect(ports, recorder.a_in)


def _without_offset(node: Readout) -> Readout:
    return Readout(node.name, node.source, node.rule, node.shift, node.scale)
