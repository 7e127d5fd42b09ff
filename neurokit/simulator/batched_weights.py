"""BatchedWeightSimulator: the integers of a Program with an axis of copies in front, each with weights and currents of
its own.

What copies share is computed once: an axis of length one stands for all of them, up to the first layer that differs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32, Int64

from neurokit.errors import OverflowDetected, UnsupportedNode, explain
from neurokit.ir.interpreter import shift
from neurokit.ir.program import Dense, Input, Output, Product, Program, ProgramNode, Readout, Spiking, Sum
from neurokit.ir.signals import Signal, consumers
from neurokit.neurons.models import IF, ToZero
from neurokit.simulator.batched_loops import Loops, Neurons, loops
from neurokit.simulator.device_mismatch import Device, Nominal
from neurokit.simulator.plastic_weights import Field

#: Integers that replace those of a node, `(copies or 1, *shape)`, by node and field.
Replaced = Mapping[tuple[str, Field], Int32[np.ndarray, "copies ..."]]
#: Currents that are added in every step, `(copies or 1, samples or 1, size)`, by the name of the Dense.
Extra = Mapping[str, Int32[np.ndarray, "copies samples size"]]


@dataclass
class Values:
    """What every node says, by name, samples on one axis.

    value   of held values and totals `(copies or 1, samples, size)`, of spikes `(copies or 1, samples, steps, size)`
    batch   the axes of a node's samples
    states  membranes before the reset, if recorded
    reach   the largest membrane that any copy had, by population
    """

    value: dict[str, Any] = field(default_factory=dict)
    batch: dict[str, tuple[int, ...]] = field(default_factory=dict)
    states: dict[str, np.ndarray] = field(default_factory=dict)
    reach: dict[str, int] = field(default_factory=dict)

    def spread(self, name: str) -> np.ndarray:
        """The value of a node with the axes of its samples."""
        x = self.value[name]
        return np.asarray(x.reshape(len(x), *self.batch[name], *x.shape[2:]))


@dataclass(frozen=True, eq=False)
class BatchedWeightSimulator:
    """Runs copies of `program` on `device`.

    Dense layers without delay, IF neurons, Readouts, Products, and Sums of what is held or total. Raises
    UnsupportedNode for anything else.
    """

    program: Program
    device: Device = field(default_factory=Nominal)
    loops: Loops = field(default_factory=loops)

    def __post_init__(self) -> None:
        readers = consumers(self.program.nodes)
        for node in self.program.nodes:
            why = _unsupported(node, self.program)
            if why:
                remedy = "Learn in a network of Dense layers and IF neurons."
                raise UnsupportedNode(node.name, type(node).__name__, "the learning twin", why, remedy)
            if isinstance(node, Dense) and self.program.ports[node.name].signal is Signal.SERIES:
                for name in readers[node.name]:
                    if not isinstance(self.program[name], (Spiking, Readout)):
                        raise UnsupportedNode(
                            name, type(self.program[name]).__name__, "the learning twin", "it reads currents", "Use IF."
                        )

    def run(
        self,
        encoded: Mapping[str, Int64[np.ndarray, "*batch size"]],
        replaced: Replaced,
        extra: Extra | None = None,
        record: bool = False,
    ) -> Values:
        """All copies on all samples.

        Raises OverflowDetected at the first integer that leaves its width; behind spikes also where a weighted sum or a
        current would, if every synapse of one sign were to bring a spike at once.
        """
        found = Values()
        for node in self.program.nodes:
            self._node(node, encoded, replaced, extra or {}, record, found)
        return found

    def weight(self, node: Dense, replaced: Replaced) -> Int64[np.ndarray, "copies out in"]:
        """The synapses of every copy, as the device has them."""
        values = replaced.get((node.name, Field.WEIGHT), node.weight[None]).astype(np.int64)
        gains = self.device.gains(node)
        return values if gains is None else np.rint(values * gains[:, :-1]).astype(np.int64)

    def bias(self, node: Dense, replaced: Replaced) -> Int64[np.ndarray, "copies out"]:
        """The biases of every copy, as the device has them."""
        values = replaced.get((node.name, Field.BIAS), node.bias[None]).astype(np.int64)
        gains = self.device.gains(node)
        return values if gains is None else np.rint(values * gains[:, -1]).astype(np.int64)

    def neurons(self, node: Spiking) -> Neurons:
        """The population as the device has it."""
        size = self.program.ports[node.name].size
        return Neurons(self.device.thresholds(node, size), isinstance(node.neuron.reset, ToZero))

    def _node(
        self,
        node: ProgramNode,
        encoded: Mapping[str, np.ndarray],
        replaced: Replaced,
        extra: Extra,
        record: bool,
        found: Values,
    ) -> None:
        value, batch = found.value, found.batch
        if isinstance(node, Input):
            x = encoded[node.name]
            value[node.name], batch[node.name] = x.reshape(1, -1, x.shape[-1]), x.shape[:-1]
        elif isinstance(node, Dense):
            batch[node.name] = batch[node.source]
            if self.program.ports[node.name].signal is not Signal.SERIES:
                value[node.name] = self._currents(node, value[node.source], replaced, extra)
        elif isinstance(node, Spiking):
            batch[node.name] = batch[node.source]
            value[node.name] = self._spikes(node, replaced, extra, record, found)
        elif isinstance(node, Readout):
            batch[node.name] = batch[node.source]
            value[node.name] = self._total(node, replaced, extra, found)
        elif isinstance(node, (Product, Sum)):
            value[node.name], batch[node.name] = self._together(node, found)
        elif isinstance(node, Output):
            batch[node.name] = batch[node.source]
            value[node.name] = value[node.source]

    def _currents(self, node: Dense, x: np.ndarray, replaced: Replaced, extra: Extra) -> Int64[np.ndarray, "c s n"]:
        """`floor((weight @ x + bias) * 2**exponent)` of what is held or total, sums exact in float64."""
        weight, bias = self.weight(node, replaced), self.bias(node, replaced)
        a = np.matmul(x.astype(np.float64), weight.astype(np.float64).swapaxes(1, 2)).astype(np.int64)
        a = a + bias[:, None]
        self._fits(node, "weighted sum", a, "synapse")
        a = shift(a, node.exponent)
        if node.name in extra:
            a = a + extra[node.name]
        self._fits(node, "current", a, "message")
        return np.asarray(a)

    def _spikes(self, node: Spiking, replaced: Replaced, extra: Extra, record: bool, found: Values) -> np.ndarray:
        before, neurons, steps = self.program[node.source], self.neurons(node), self.program.steps
        if isinstance(before, Dense) and self.program.ports[before.name].signal is Signal.SERIES:
            weight, bias = self.weight(before, replaced), self.bias(before, replaced)
            more = extra.get(before.name, np.zeros((1, 1, bias.shape[1]), np.int32))
            self._safe(node, self._most(before, weight, bias, more))
            fired = self.loops.drive(
                found.value[before.source],
                np.ascontiguousarray(weight.swapaxes(1, 2)).astype(np.int16),
                bias.astype(np.int32),
                before.exponent,
                more,
                neurons,
                record,
            )
        else:
            a = found.value[node.source]
            self._safe(node, int(np.abs(a).max()))
            fired = self.loops.fire(a.astype(np.int32), neurons, steps, record)
        found.reach[node.name] = int(fired.reach.max())
        self._fits(node, "membrane", fired.reach, "membrane")
        if fired.states is not None:
            found.states[node.name] = fired.states
        return fired.spikes

    def _total(self, node: Readout, replaced: Replaced, extra: Extra, found: Values) -> Int64[np.ndarray, "c s n"]:
        before, steps = self.program[node.source], self.program.steps
        if isinstance(before, Dense) and self.program.ports[before.name].signal is Signal.SERIES:
            total = self._readout_sum(node, before, found.value[before.source], replaced, extra)
        else:
            total = found.value[node.source] * node.rule.normaliser(steps)
            self._fits(node, "accumulator", total, "accumulator")
        offset = replaced.get((node.name, Field.OFFSET), node.offset[None] if node.offset.size else None)
        if offset is not None:
            total = total + offset[:, None].astype(np.int64)
            self._fits(node, "accumulator", total, "accumulator")
        return np.asarray(total >> node.shift)

    def _readout_sum(
        self, node: Readout, dense: Dense, spikes: np.ndarray, replaced: Replaced, extra: Extra
    ) -> Int64[np.ndarray, "c s n"]:
        """`sum_t w[t] (floor((weight @ s[t] + bias) * 2**exponent) + extra)`."""
        weights, limit = node.rule.weights(self.program.steps), self.program.widths.limit("accumulator")
        weight, bias = self.weight(dense, replaced), self.bias(dense, replaced)
        more = extra.get(dense.name, np.zeros((1, 1, bias.shape[1]), np.int32)).astype(np.int64)
        most = self._most(dense, weight, bias, more)
        matrix = weight.astype(np.float64).swapaxes(1, 2)
        if dense.exponent >= 0 and most * int(weights.sum()) <= limit:
            # Without a floor in every step, and with room for all, sums over time and over synapses change places.
            count = self.loops.count(spikes, weights).astype(np.float64)
            total = np.matmul(count, matrix).astype(np.int64) + weights.sum() * bias[:, None]
            return np.asarray((total << dense.exponent) + weights.sum() * more)
        copies, samples, steps, lines = spikes.shape
        a = np.matmul(spikes.reshape(copies, -1, lines).astype(np.float64), matrix).astype(np.int64) + bias[:, None]
        a = shift(a, dense.exponent).reshape(len(a), samples, steps, -1) + more[:, :, None]
        so_far = np.cumsum(weights[:, None] * a, axis=2)
        self._fits(node, "accumulator", so_far, "accumulator")
        return np.asarray(so_far[:, :, -1])

    def _together(self, node: Product | Sum, found: Values) -> tuple[np.ndarray, tuple[int, ...]]:
        parts = [found.spread(name) for name in node.sources]
        if isinstance(node, Sum):
            y = np.asarray(sum(np.broadcast_arrays(*parts)))
        else:
            y = parts[0] * parts[1]
            self._fits(node, "product", y, "product")
            y = y >> node.shift
        self._fits(node, "message", y, "message")
        return y.reshape(len(y), -1, y.shape[-1]), y.shape[1:-1]

    def decode(self, found: Values) -> Float64[np.ndarray, "copies *batch size"]:
        """The answers of a Program with one Output, in problem units."""
        (output,) = self.program.outputs
        return output.decode(found.spread(output.name))

    def _most(self, node: Dense, weight: np.ndarray, bias: np.ndarray, extra: np.ndarray) -> int:
        """The largest current that any spikes could cause. Raises OverflowDetected where it has no room."""
        high = np.maximum(weight, 0).sum(axis=2) + bias
        low = np.minimum(weight, 0).sum(axis=2) + bias
        weighted = int(max(high.max(), -low.min()))
        self._fits(node, "largest possible weighted sum", np.array(weighted), "synapse")
        # A negative sum is rounded down, away from zero.
        most = -int(shift(-weighted, node.exponent)) + int(np.abs(extra).max())
        self._fits(node, "largest possible current", np.array(most), "message")
        return most

    def _fits(self, node: ProgramNode, what: str, values: np.ndarray, kind: str) -> None:
        limit = self.program.widths.limit(kind)
        most = int(np.abs(values).max())
        if most > limit:
            raise OverflowDetected(
                explain(
                    f"node {node.name!r}: {what} of a copy",
                    most,
                    f"{-limit}..{limit}",
                    "perturb and learn by less, or quantise with narrower `widths`, which leaves room to learn",
                )
            )

    def _safe(self, node: ProgramNode, current: int) -> None:
        """Raise OverflowDetected where so large a current in every step could leave 32 bits."""
        if current * self.program.steps >= 2**31:
            raise OverflowDetected(
                explain(
                    f"node {node.name!r}: current times steps",
                    current * self.program.steps,
                    f"below {2**31}, what the twin computes with",
                    "use fewer steps or a smaller exponent",
                )
            )


def _unsupported(node: ProgramNode, program: Program) -> str:
    """Why the learning twin cannot run a node; empty where it can."""
    if isinstance(node, Dense):
        return "it delays" if node.delay else ""
    if isinstance(node, Spiking):
        if not isinstance(node.neuron, IF):
            return f"its neurons are {type(node.neuron).__name__}, not IF"
        return "it is recurrent" if node.recurrent is not None else ""
    if isinstance(node, Sum):
        return "it adds spikes or their currents" if program.ports[node.name].signal is Signal.SERIES else ""
    return "" if isinstance(node, (Input, Readout, Product, Output)) else "it has no rule"


def samples_in(batch: tuple[int, ...]) -> int:
    """How many samples an axis holds that stands for the axes `batch`."""
    return math.prod(batch)
