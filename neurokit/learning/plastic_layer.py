"""A layer that learns beside the network's host: the orders that it gets, and what it does on them. Imports no Lava.

An Order is a row of integers, of whose size the number of weights is no part. The host counts updates; a layer that
finds a higher count than it has made, makes the update: regenerates the directions of its step from counters, adds them
up with the integers `q` of the order, and moves by `IntegerOptimizer.apply`, as the learner on the twin does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from jaxtyping import Int32, Int64

from neurokit.ir.interpreter import shift
from neurokit.ir.program import Dense
from neurokit.learning.directions import Directions
from neurokit.learning.integer_optimizer import IntegerOptimizer, saturated
from neurokit.learning.queries import combined
from neurokit.simulator.plastic_weights import Field, Plastic


class Mode(IntEnum):
    """What a layer does in the windows to come."""

    PLAIN = 0
    PERTURBED = 1
    TANGENT = 2


@dataclass(frozen=True)
class Order:
    """What the host asks of all layers.

    updates    made so far, the one in this order included
    made       step of the update, whose directions and noise it takes
    q          its integers by tensor, `(tensors, K)`
    mode       of the windows to come
    step       whose directions they take, and `direction`, the number of the one
    amplitude  by tensor: of the perturbation, in units of the tensor; 1 where a tangent is to be taken, else 0
    """

    updates: int
    made: int
    q: Int64[np.ndarray, "tensors K"]
    mode: Mode
    step: int
    direction: int
    amplitude: Sequence[int]

    def row(self) -> Int32[np.ndarray, " n"]:
        """As integers on a buffer."""
        head = [self.updates, self.made, self.mode, self.step, self.direction, *self.amplitude]
        return np.concatenate([head, self.q.ravel()]).astype(np.int32)

    @staticmethod
    def width(tensors: int, count: int) -> int:
        """Integers of an order."""
        return 5 + tensors + tensors * count


@dataclass(frozen=True, eq=False)
class PlasticLayer:
    """What a layer holds and knows.

    node        its synapses, and `offset` of the Readout behind them (zeros if that has none)
    last        local time of the last step, at which the offset is added
    tensors     all that learn in the network, in the order of the amplitudes of an Order
    directions  of the rule, and `optimizer`, by which all learn
    fractions   bits of fraction of the tangents that it receives, and of those of its current; (0, 0) without tangents
    """

    node: Dense
    offset: Int32[np.ndarray, " out"]
    last: int
    tensors: tuple[Plastic, ...]
    directions: Directions
    optimizer: IntegerOptimizer
    fractions: tuple[int, int] = (0, 0)

    @property
    def own(self) -> dict[Field, int]:
        """Which of the tensors are this layer's."""
        return {tensor.field: i for i, tensor in enumerate(self.tensors) if tensor.layer == self.node.name}

    @property
    def size(self) -> int:
        """Integers that the layer holds."""
        return self.node.weight.size + 2 * self.node.shape[0]


@dataclass
class LayerAtWork:
    """A layer in the middle of its work; the definition of what `PlasticSynapses` does."""

    layer: PlasticLayer
    updates: int = 0
    mode: Mode = Mode.PLAIN
    values: dict[Field, Any] = field(default_factory=dict)  #: what has been learned
    used: dict[Field, Any] = field(default_factory=dict)  #: what the windows to come compute with
    tangents: dict[Field, Any] = field(default_factory=dict)
    memory: dict[Field, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        node = self.layer.node
        self.values = {
            Field.WEIGHT: node.weight.astype(np.int32),
            Field.BIAS: node.line_bias.astype(np.int32),
            Field.OFFSET: self.layer.offset.astype(np.int32),
        }
        self.memory = {field: {} for field in self.values}
        self._use(self.values, {})

    def flat(self) -> Int32[np.ndarray, " size"]:
        """All its integers: weights, biases, offsets."""
        return np.concatenate([self.values[field].ravel() for field in Field])

    def obey(self, row: Int32[np.ndarray, " n"]) -> bool:
        """Take an Order from its row, at the beginning of a window; True if integers were learned."""
        tensors, count = self.layer.tensors, self.layer.directions.count
        updates, made, mode, step, direction = (int(x) for x in row[:5])
        amplitude = row[5 : 5 + len(tensors)]
        q = row[5 + len(tensors) :].reshape(len(tensors), count).astype(np.int64)
        moved = updates > self.updates
        assert updates - self.updates <= 1, "the host lets every layer see every order"
        if moved:
            for field, i in self.layer.own.items():
                total = combined(q[i], self.layer.directions.of(made, tensors[i].channel, tensors[i].shape))
                kept, memory = self.values[field], self.memory[field]
                self.values[field], _ = self.layer.optimizer.apply(tensors[i], kept, total, memory, made)
            self.updates = updates
        used, tangents = dict(self.values), {}
        for field, i in self.layer.own.items():
            if mode != Mode.PLAIN and amplitude[i]:
                move = self.layer.directions.of(step, tensors[i].channel, tensors[i].shape)[direction]
                move = move.astype(np.int64) * (int(amplitude[i]) * tensors[i].unit)
                if mode == Mode.TANGENT:
                    tangents[field] = move
                else:
                    used[field] = saturated(tensors[i], self.values[field] + move)[0]
        self._use(used, tangents)
        return moved

    def currents(
        self, s: Int64[np.ndarray, " in"], ds: Int64[np.ndarray, " in"], t: int
    ) -> tuple[Int64[np.ndarray, " out"], Int64[np.ndarray, " out"]]:
        """The current and its tangent at local time `t`."""
        received, told = self.layer.fractions
        a = shift(self.used[Field.WEIGHT] @ s + self.used[Field.BIAS], self.layer.node.exponent)
        own = self.tangents[Field.WEIGHT] @ s + self.tangents[Field.BIAS]
        da = self.used[Field.WEIGHT] @ ds + shift(own, received)
        if t == self.layer.last:
            a, da = a + self.used[Field.OFFSET], da + shift(self.tangents[Field.OFFSET], told)
        return a, da

    def _use(self, used: dict[Field, Any], tangents: dict[Field, Any]) -> None:
        self.used = {field: x.astype(np.int64) for field, x in used.items()}
        self.tangents = {field: tangents.get(field, np.zeros_like(x)) for field, x in self.used.items()}
