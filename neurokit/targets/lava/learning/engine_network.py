"""EngineNetwork: a Program on Lava whose weights are moved by Lava's model of Loihi's learning engine.

Beside every weight lies a tag, which holds the direction as -64 or 64, and every synapse receives two signed halves of
a scalar as third factors y3 and y2. At the end of a learning epoch

    dw = 2**-1 * u0 * t * y3 - 2**-1 * u0 * t * y2,    in Lava's fixed point: w <- w + t / 64 * (y3 - y2), exactly

so a perturbation, its taking back, and an update along the same direction are three pulses of one scalar each. The host
rewrites tags whenever a step needs another direction: the engine cannot draw one.

What a chip would do differently: third factors there come from the neuron behind the synapse and not from any port, and
that its arithmetic is the model's, which Intel calls bit-approximate, has not been seen on a chip. Simulator only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32, Int64
from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
from lava.proc.dense.process import LearningDense
from lava.utils.weightutils import SignMode

from neurokit.compilers.lava.bias_digits import digits
from neurokit.compilers.lava.forms import Form
from neurokit.compilers.lava.layout import bias_channels
from neurokit.compilers.lava.ring_buffers import RingBuffer, RingBuffers
from neurokit.compilers.lava.schedule import bias_on_input_channels, split
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import GraphError, OutOfRange, UnsupportedNode, explain
from neurokit.ir.program import Dense, Program, ProgramNode, Spiking
from neurokit.learning.directions import Directions
from neurokit.learning.integer_optimizer import IntegerOptimizer
from neurokit.learning.plastic_layer import Mode
from neurokit.processes.network.to_lava import Net, Ports, connect, wire
from neurokit.processes.ring_buffer.process import Source
from neurokit.processes.synapses import BINARY, GRADED, doubled, exact, relay
from neurokit.simulator.plastic_weights import Field, Plastic, weights
from neurokit.targets.lava.learning.plastic_network import PlasticLavaNetwork

#: What a tag holds for a direction's entry of 1: the fixed-point rule divides by 32, and by 2 in the rule above.
TAG = 64
#: The largest magnitude of a third factor; weights lie doubled in Lava's synapses.
TRACE = 127
#: A time constant so long that `exp(-1 / STEADY)` is 1.
STEADY = 2**60


class EngineNetwork(PlasticLavaNetwork["_Engines"]):
    """A Program that learns as it runs on Lava, by the learning engine; for `LavaEvaluator`, like LearningNetwork.

    tensors     weights of Dense layers, without their biases
    directions  of the rule, of entries -1 and 1
    optimizer     without fraction and momentum: the engine holds no number between weight and tag

    Other arguments as for PlasticLavaNetwork; slopes would need tangents along the directions in the tags, which it
    does not carry. Its weights saturate as the engine's do, at -128 and 127, after which a perturbation could not be
    taken back: the host follows the integers and raises OutOfRange before that. Raises GraphError or UnsupportedNode
    for what the engine cannot learn.
    """

    def __init__(
        self,
        program: Program,
        tensors: tuple[Plastic, ...],
        directions: Directions,
        optimizer: IntegerOptimizer,
        *,
        form: Form | None = None,
        deadline_s: float = 600.0,
    ) -> None:
        if optimizer.fraction or optimizer.momentum or directions.distribution.power != 1:
            given = (optimizer.fraction, optimizer.momentum, directions.distribution.power)
            legal = "(0, 0, 1): integer steps along signs"
            raise GraphError(explain("EngineNetwork: (fraction, momentum, power)", given, legal, "use LearningNetwork"))
        for tensor in tensors:
            if tensor.field is not Field.WEIGHT:
                reason = "the engine moves weights, and a bias is spread over digits"
                raise UnsupportedNode(tensor.name, "Plastic", "the learning engine", reason, "Choose weights.")
        super().__init__(program, tensors, directions, optimizer, form=form, deadline_s=deadline_s)
        self._held = {name: x.astype(np.int64) for name, x in weights(program, tensors).items()}
        self._tags = (-1, -1)  #: step and number of the direction in the tags
        self._away = dict.fromkeys(self._held, 0)  #: how far weights are from where they belong, along it

    def wired(self, where: Path, buffers: RingBuffers) -> _Engines:
        return _Engines(self.layout.whole, self.layout.plan, buffers, where=where, tensors=self.tensors)

    def order(self, mode: Mode, step: int, direction: int, amplitude: Mapping[str, int]) -> None:
        """See PlasticLavaNetwork; takes a window for every pulse, and refuses tangents."""
        if mode is Mode.TANGENT:
            raise UnsupportedNode("order", mode.name, "the learning engine", "it carries no tangents", "Use SPSA.")
        self._point(step, direction)
        self._pulse({t.name: amplitude.get(t.name, 0) - self._away[t.name] for t in self.tensors})
        self._away = {t.name: amplitude.get(t.name, 0) for t in self.tensors}

    def update(self, step: int, q: Mapping[str, Int64[np.ndarray, " K"]]) -> None:
        """See PlasticLavaNetwork: `-q[k]` units along direction k, from where the weights belong."""
        for k in range(self.directions.count):
            self._point(step, k)
            self._pulse({t.name: -int(q[t.name][k]) - self._away[t.name] for t in self.tensors})
            self._away = dict.fromkeys(self._away, 0)

    def learned(self) -> dict[str, Int32[np.ndarray, "..."]]:
        """See PlasticLavaNetwork; read from the running synapses one by one, which is slow."""
        engines = self._growing()
        return {
            t.name: (self._read(engines.dense[t.layer])[:, : t.shape[1]] // 2).astype(np.int32) for t in self.tensors
        }

    def _read(self, dense: Any) -> Int64[np.ndarray, "out in"]:
        self._runtime._is_started = True  # that is, its children wait for orders, which they do from the beginning
        return np.asarray(dense.weights.get(), np.int64)

    def _point(self, step: int, direction: int) -> None:
        """Write a direction into the tags; the weights go back first."""
        if self._tags == (step, direction):
            return
        engines = self._growing()
        self._pulse({name: -away for name, away in self._away.items()})
        self._away = dict.fromkeys(self._away, 0)
        self._runtime._is_started = True
        for tensor in self.tensors:
            dense = engines.dense[tensor.layer]
            tags = np.zeros(dense.weights.shape, np.int32)
            tags[:, : tensor.shape[1]] = self._direction(tensor, step, direction) * TAG
            dense.tag_1.set(tags)
        self._tags = (step, direction)

    def _direction(self, tensor: Plastic, step: int, direction: int) -> np.ndarray:
        return np.asarray(self.directions.of(step, tensor.channel, tensor.shape)[direction], np.int64)

    def _pulse(self, units: Mapping[str, int]) -> None:
        """Move the weights by so many units along the tags, by tensor: one epoch for every 127 of a trace."""
        engines = self._growing()
        left = {t.name: 2 * t.unit * units[t.name] for t in self.tensors}
        for tensor in self.tensors:
            if units[tensor.name]:
                held = self._held[tensor.name]
                held += self._direction(tensor, *self._tags) * (units[tensor.name] * tensor.unit)
                if held.min() < tensor.low or held.max() > tensor.high:
                    worst = int(held.min() if held.min() < tensor.low else held.max())
                    legal = f"{tensor.low}..{tensor.high}, or the engine saturates"
                    remedy = "use smaller amplitudes or steps, or PlasticSynapses, which saturate and recover"
                    raise OutOfRange(explain(f"{tensor.name}: weight under learning", worst, legal, remedy))
        while any(left.values()):
            for tensor in self.tensors:
                now = int(np.clip(left[tensor.name], -TRACE + 1, TRACE - 1))  # even, as weights are
                left[tensor.name] -= now
                self._factors(engines, tensor.layer, max(now, 0), max(-now, 0))
            self.advance(self.schedule.period)  # to the end of the epoch
        for tensor in self.tensors:
            self._factors(engines, tensor.layer, 0, 0)

    def _factors(self, engines: _Engines, layer: str, y3: int, y2: int) -> None:
        for buffer, y in zip(engines.factors[layer], (y3, y2), strict=True):
            self._frames(buffer, writable=True)[:] = y


def _rule(epoch: int) -> Loihi3FLearningRule:
    """The rule above, with factors that do not decay.

    Lava's model lets a factor decay in every step of the epoch, with a time constant of 65,535 steps and a rounding at
    random: about one pulse of y in 65,535 / y would lose a unit a step.
    """
    rule = Loihi3FLearningRule(dw="2^-1*u0*t*y3 - 2^-1*u0*t*y2", t_epoch=epoch)
    rule.y1_tau = rule.y2_tau = rule.y3_tau = STEADY
    return rule


@dataclass
class _Engines(Net):
    """The network while it grows, with learning synapses."""

    where: Path = Path()
    tensors: tuple[Plastic, ...] = ()
    dense: dict[str, Any] = field(default_factory=dict)
    factors: dict[str, tuple[RingBuffer, RingBuffer]] = field(default_factory=dict)

    def wire_all(self) -> None:
        learns = {tensor.layer for tensor in self.tensors}
        for node in self.program.nodes:
            self.port[node.name] = self._learning(node) if node.name in learns else wire(node, self)

    def _learning(self, node: ProgramNode) -> Ports:
        if not isinstance(node, Dense) or node.delay:
            reason = "it is no Dense without delay"
            raise UnsupportedNode(node.name, type(node).__name__, "the learning engine", reason, "Let others learn.")
        apart = split(self.program, node)  # then sums are rounded behind a relay, as in `to_lava`
        exponent = 0 if apart else node.exponent
        own = digits(node.line_bias)
        ride = bias_on_input_channels(self.program, node)
        columns = np.zeros((node.shape[0], bias_channels(self.program, node.source) if ride else 0), np.int8)
        if ride:
            columns[:, : own.shape[1]] = own
        matrix = doubled(np.concatenate([node.weight, columns], axis=1))
        dense = self.add(
            node,
            LearningDense(
                weights=matrix,
                tag_1=np.zeros_like(matrix),
                weight_exp=exponent - 1,
                num_message_bits=BINARY if isinstance(self.program[node.source], Spiking) else GRADED,
                sign_mode=SignMode.MIXED,
                learning_rule=_rule(self.schedule.period),
            ),
        )
        connect(self.spiking_ports(node, node.source), dense.s_in)
        index = self.program.nodes.index(node)
        buffers = tuple(RingBuffer(self.where, f"{name}-{index}", (1, 1, node.shape[0])) for name in ("y3", "y2"))
        epoch = Cycle(self.schedule.period, 1, self.schedule.period)  # the last step of every epoch
        for buffer, port in zip(buffers, (dense.s_in_y3, dense.s_in_y2), strict=True):
            buffer.blank()
            factor = self.add(node, Source(shape=(node.shape[0],), buffers=(buffer,), cycle=epoch))
            factor.s_out.connect(port)
        self.dense[node.name], self.factors[node.name] = dense, (buffers[0], buffers[1])
        currents: Ports = (dense.a_out,)
        if own.size and not ride:
            bias = self.add(node, exact(own, exponent, GRADED))
            connect(self.constant_ports(node, own.shape[1]), bias.s_in)
            currents += (bias.a_out,)
        if apart:
            neuron = self.add(node, relay(node.shape[0]))
            rounding = self.add(node, exact(np.eye(node.shape[0], dtype=np.int8), node.exponent, GRADED))
            connect(currents, neuron.a_in)
            neuron.s_out.connect(rounding.s_in)
            currents = (rounding.a_out,)
        return self.keep(node, currents, "totals")
