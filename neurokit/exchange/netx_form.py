"""to_netx: a chain of a Program in the words of lava-dl's netx format, spike for spike the same.

A netx file knows 8-bit weights without an exponent, one integer threshold a layer and the decays of Loihi's neuron,
which resets to zero. What a Program says beyond that is said with more synapses and neurons:

    soft reset    `iDecay = 0, vDecay = 4096` make the synaptic current the membrane, which no reset touches; a
                  recurrent synapse of `-threshold` lowers it one step later, when the next current is added.
    bias          lines that speak at every step of the window: the sender's in front of the first layer, behind it
                  neurons in every layer that fire whenever the lines before them speak. `bias_mant` would not do: a
                  membrane that lives in the synaptic current does not hear it, and it acts outside the window too.
    large values  a weight or threshold beyond +-127 is spread over equal copies of a layer's neurons.
    exponent      weights, bias and threshold of a layer are multiplied out and divided by what they have in common.
                  An exponent whose floor really rounds cannot be said behind spikes, and is refused.
    first layer   its source is held over the window. Where its exponent rounds, the sender computes its current once a
                  sample, and the file holds the unit matrix in its place.

A netx file has no window: whoever runs it presents one sample to a network at rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int32, Int64

from neurokit.compilers.bounds import prove
from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.exchange.chain import TARGET, Chain, chain
from neurokit.integers import BIAS_LIMIT
from neurokit.lava.digits import digits, lines
from neurokit.neurons import IF, Subtract, ToZero
from neurokit.program import Dense, Input, Interval, Program, Spiking
from neurokit.readouts import MemMean, Rate, ReadoutRule
from neurokit.reference import shift

#: Largest weight that netx keeps exactly: it doubles mixed weights, and Lava clips those of one sign at 255.
LARGEST_WEIGHT = 127
#: Lava's membrane wraps or saturates here, so a neuron with this threshold never fires.
MEMBRANE_LIMIT = 2**17
#: A decay of 4096 keeps nothing from step to step, one of 0 everything.
FULL_DECAY = 4096


@dataclass(frozen=True, eq=False)
class NetxLayer:
    """One layer of the file.

    weight, recurrent  synapses from the lines of the layer before, and (`dense_rec`) from the layer's own
    threshold          `vThMant`: a neuron fires when its membrane is above it
    current_decay      `iDecay`, and `voltage_decay` `vDecay`, both of 4096
    neurons            the first so many lines are the Program's neurons; copies and bias lines follow
    unit               the Program's membrane is this many times the layer's
    """

    name: str
    weight: Int32[np.ndarray, "lines before"]
    recurrent: Int32[np.ndarray, "lines lines"] | None
    threshold: int
    current_decay: int
    voltage_decay: int
    neurons: int
    unit: int


@dataclass(frozen=True, eq=False)
class NetxNetwork:
    """Layers, and what the sender and the receiver do around them.

    At each of the `steps` steps of a window the sender presents `present(sample)`, and zeros after it. Layer `i`
    (from 0) speaks its local time `t = 0..steps-1` in step `t + i + 2` of the run, the first presentation being step 1.
    The membrane of a readout layer after `steps + len(layers)` steps, times its unit, is the Program's accumulator
    without the readout's offset.

    sent     the Dense whose current the sender computes, or None when the file holds its weights
    ones     what the lines behind the sample carry: the biases
    readout  whether the last layer is a readout, which never fires
    """

    source: Input
    sent: Dense | None
    ones: Int64[np.ndarray, " ones"]
    layers: tuple[NetxLayer, ...]
    readout: bool
    steps: int

    def present(self, sample: Float64[np.ndarray, "*batch size"]) -> Int64[np.ndarray, "*batch lines"]:
        """What the sender presents at every step of a window. Raises OutOfRange for a sample outside its range."""
        x = self.source.encode(sample)
        if self.sent is not None:
            x = shift(x @ self.sent.weight.T.astype(np.int64) + self.sent.bias, self.sent.exponent)
        return np.concatenate([x, np.broadcast_to(self.ones, (*x.shape[:-1], len(self.ones)))], axis=-1)

    @property
    def message_bits(self) -> int:
        """Bits, sign included, of the largest value that the sender may present."""
        reach = _reach(self.source)
        if self.sent is not None:
            reach = _currents(self.sent, self.source)
        return int(max(reach.max(), *self.ones, 1)).bit_length() + 1


def to_netx(program: Program, *, source: str | None = None, readout: bool = False) -> NetxNetwork:
    """The netx form of the layers behind one Input: those of an MLP, or of the branch or trunk of an operator network.

    `source` names the Input where there are several. With `readout` the Dense in front of the Readout becomes a last
    layer that never fires and whose membrane is the readout's sum; without it the file ends with the last spikes.

    Raises UnsupportedNode for a node, neuron or exponent that netx cannot say, OutOfRange when the Program cannot be
    proved or a state may leave Lava's 18 bits.
    """
    found = chain(program, source)
    certificate = prove(program)
    stages = [_stage(dense, node, certificate[node.name]) for dense, node in found.hidden]
    first, sent = stages[0], None
    if first is None or not _one_synapse_each(first, found.source):
        dense, node = found.hidden[0]
        _require_18_bits(node, certificate[node.name], 1)
        sent, ones = dense, np.eye(len(dense.bias), dtype=np.int64)
        first = _Stage(node.name, ones, np.zeros(len(ones), dtype=np.int64), node.threshold, _kind(node), 1)
    behind = [_said(stage, dense) for stage, (dense, _) in zip(stages[1:], found.hidden[1:], strict=True)]
    tail = _tail(found, certificate, program.steps) if readout else None
    ones, layers = _layers([first, *behind], tail)
    return NetxNetwork(found.source, sent, ones, layers, readout, program.steps)


class _Kind(NamedTuple):
    """What a population's states keep, and whether a recurrent synapse lowers them."""

    current_decay: int
    voltage_decay: int
    lowered: bool = False


#: The membrane is the synaptic current, which a recurrent synapse lowers.
_SOFT = _Kind(0, FULL_DECAY, lowered=True)
#: The membrane is Lava's, set to zero by a spike; the synaptic current keeps nothing.
_HARD = _Kind(FULL_DECAY, 0)
#: The membrane is a readout's sum, and never fires.
_READOUTS: dict[ReadoutRule, _Kind] = {Rate(): _Kind(0, FULL_DECAY), MemMean(): _Kind(0, 0)}


class _Stage(NamedTuple):
    """A layer in netx's unit: integers without exponent."""

    name: str
    weight: Int64[np.ndarray, "out in"]
    bias: Int64[np.ndarray, " out"]
    threshold: int
    kind: _Kind
    unit: int


def _kind(node: Spiking) -> _Kind:
    if type(node.neuron) is IF and type(node.neuron.reset) in (Subtract, ToZero):
        return _SOFT if isinstance(node.neuron.reset, Subtract) else _HARD
    reason, remedy = f"it has no netx form for {node.neuron}", "Use IF with Subtract or ToZero."
    raise UnsupportedNode(node.name, type(node.neuron).__name__, TARGET, reason, remedy)


def _stage(dense: Dense, node: Spiking, membrane: Interval) -> _Stage | None:
    """A layer with its exponent multiplied out, or None when the exponent's floor rounds."""
    kind = _kind(node)
    whole = _whole(dense)
    if whole is None:
        return None
    weight, bias = whole
    unit = int(np.gcd.reduce([*weight.flat, *bias, *([node.threshold] if kind.lowered else [])]))
    unit = max(unit, 1)
    _require_18_bits(node, membrane, unit)
    # With a reset to zero only the comparison counts, and a membrane is a multiple of the unit.
    return _Stage(node.name, weight // unit, bias // unit, -(-node.threshold // unit), kind, unit)


def _whole(dense: Dense) -> tuple[np.ndarray, np.ndarray] | None:
    """Weights and bias with the exponent multiplied out, or None when they are then no integers."""
    weight, bias = dense.weight.astype(np.int64), dense.bias.astype(np.int64)
    step = 2 ** max(0, -dense.exponent)
    if (weight % step).any() or (bias % step).any():
        return None
    return shift(weight, dense.exponent), shift(bias, dense.exponent)


def _said(stage: _Stage | None, dense: Dense) -> _Stage:
    if stage is not None:
        return stage
    raise UnsupportedNode(
        dense.name,
        "Dense",
        TARGET,
        f"its exponent {dense.exponent} rounds the current of every step, and netx has no exponent",
        f"Let its weights and bias be multiples of {2**-dense.exponent}, or give it an exponent of 0 or more.",
    )


def _require_18_bits(node: Spiking, membrane: Interval, unit: int) -> None:
    """Refuse a layer whose membrane may leave Lava's, which wraps."""
    reach = int(max(np.abs(membrane.low).max(), np.abs(membrane.high).max()))
    if max(reach, node.threshold) // unit >= MEMBRANE_LIMIT:
        limit = (MEMBRANE_LIMIT - 1) * unit
        subject = f"layer {node.name!r}: membrane"
        raise OutOfRange(explain(subject, f"up to {reach}", f"-{limit}..{limit} in Lava", "quantise it more coarsely"))


def _one_synapse_each(stage: _Stage, source: Input) -> bool:
    """Whether the synapses of the first layer fit: no copies of a sample's lines, and sums that 32 bits hold."""
    largest = max(int(np.abs(stage.weight).max()), 1)
    sums = np.abs(stage.weight) @ _reach(source) + np.abs(stage.bias)
    fits_sum = int(sums.max()) < largest * 2**23  # netx scales the largest weight up to 256 at most
    return largest <= LARGEST_WEIGHT and int(np.abs(stage.bias).max()) < BIAS_LIMIT and fits_sum


def _reach(source: Input) -> Int64[np.ndarray, " size"]:
    """Largest magnitude of every line."""
    return np.maximum(np.abs(source.low.astype(np.int64)), np.abs(source.high.astype(np.int64)))


def _currents(sent: Dense, source: Input) -> Int64[np.ndarray, " size"]:
    """No magnitude of a sent current is above these."""
    sums = np.abs(sent.weight.astype(np.int64)) @ _reach(source) + np.abs(sent.bias.astype(np.int64))
    return np.asarray(shift(sums, sent.exponent) + 1)


def _tail(found: Chain, certificate: dict[str, Interval], steps: int) -> _Stage:
    """The readout layer."""
    name, rule = found.readout.name, found.readout.rule
    if rule not in _READOUTS:
        raise UnsupportedNode(name, "Readout", TARGET, f"it has no netx form for {rule}", "Use readout=False.")
    whole = _whole(found.last)
    if whole is None:
        raise UnsupportedNode(
            found.last.name, "Dense", TARGET, f"its exponent {found.last.exponent} rounds", "Use readout=False."
        )
    weight, bias = whole
    unit = max(int(np.gcd.reduce([*weight.flat, *bias])), 1)
    excited, inhibited = np.maximum(weight, 0).sum(axis=1) + bias, np.minimum(weight, 0).sum(axis=1) + bias
    reach = int(np.maximum(np.abs(excited), np.abs(inhibited)).max()) * rule.normaliser(steps)
    if reach // unit >= MEMBRANE_LIMIT:
        limit = f"below {MEMBRANE_LIMIT * unit} in magnitude on Lava"
        raise OutOfRange(explain(f"readout {name!r}: sum", f"up to {reach}", limit, "use readout=False"))
    return _Stage(name, weight // unit, bias // unit, MEMBRANE_LIMIT + 1, _READOUTS[rule], unit)


class _Size(NamedTuple):
    """Copies of a layer's population, and bias lines in each copy."""

    neurons: int
    copies: int
    ones: int

    @property
    def width(self) -> int:
        return self.neurons + self.ones


def _sizes(stages: Sequence[_Stage], tail: _Stage | None) -> list[_Size]:
    """As many copies and bias lines as the layer itself and the one behind it need."""
    sizes: list[_Size] = []
    behind, behind_has_ones = tail, False
    for stage in reversed(stages):
        weight = bias = 0
        if behind is not None:
            weight, bias = int(np.abs(behind.weight).max()), int(np.abs(behind.bias).max())
            bias = max(bias, behind.threshold) if behind_has_ones else bias
        own = stage.threshold if stage.kind.lowered else 0
        copies = max(1, -(-own // LARGEST_WEIGHT), -(-weight // LARGEST_WEIGHT))
        ones = -(-bias // (LARGEST_WEIGHT * copies))
        sizes.append(_Size(len(stage.bias), copies, ones))
        behind, behind_has_ones = stage, ones > 0
    return sizes[::-1]


def _layers(stages: Sequence[_Stage], tail: _Stage | None) -> tuple[Int64[np.ndarray, " ones"], tuple[NetxLayer, ...]]:
    """What the sender's bias lines carry, and the layers."""
    sizes = _sizes(stages, tail)
    first, size = stages[0], sizes[0]
    first_bias = digits(first.bias)
    relay = [first.threshold] if size.ones else []
    ones = np.array([*lines(first_bias.shape[1]), *relay], dtype=np.int64)
    weight = np.zeros((size.width, first.weight.shape[1] + len(ones)), dtype=np.int64)
    weight[: size.neurons] = np.hstack([first.weight, first_bias, np.zeros((size.neurons, len(relay)), dtype=np.int64)])
    weight[size.neurons :, -1:] = 1
    layers = [_layer(first, size, weight)]
    for stage, size, before in zip(stages[1:], sizes[1:], sizes, strict=False):
        layers.append(_layer(stage, size, _synapses(stage, size, before)))
    if tail is not None:
        size = _Size(len(tail.bias), 1, 0)
        layers.append(_layer(tail, size, _synapses(tail, size, sizes[-1])))
    return ones, tuple(layers)


def _synapses(stage: _Stage, size: _Size, before: _Size) -> Int64[np.ndarray, "lines before"]:
    """Weights of one copy of a layer from all copies of the layer before."""
    weight = np.zeros((size.width, before.copies, before.width), dtype=np.int64)
    weight[: size.neurons, :, : before.neurons] = np.moveaxis(_spread(stage.weight, before.copies), 0, 1)
    if before.ones:
        bias = np.concatenate([stage.bias, np.full(size.ones, stage.threshold)])
        parts = _spread(bias, before.copies * before.ones).T
        weight[:, :, before.neurons :] = parts.reshape(size.width, before.copies, before.ones)
    return weight.reshape(size.width, -1)


def _spread(values: np.ndarray, parts: int) -> np.ndarray:
    """`values` as a sum of `parts` arrays of weights, along a new first axis."""
    spread, rest = [], values
    for _ in range(parts):
        spread.append(np.clip(rest, -LARGEST_WEIGHT, LARGEST_WEIGHT))
        rest = rest - spread[-1]
    assert not rest.any(), "a layer has as many copies as its readers need"
    return np.array(spread)


def _layer(stage: _Stage, size: _Size, weight: np.ndarray) -> NetxLayer:
    """The layer with all its copies; `weight` are the synapses of one."""
    recurrent = None
    if stage.kind.lowered:
        parts = _spread(np.array(stage.threshold), size.copies)
        recurrent = np.kron(np.tile(-parts, (size.copies, 1)), np.eye(size.width, dtype=np.int64)).astype(np.int32)
    elif not weight.any():
        remedy = "Leave the layer out, or give it a weight."
        raise UnsupportedNode(stage.name, "Dense", TARGET, "netx cannot read a layer whose weights are all 0", remedy)
    return NetxLayer(
        name=stage.name,
        weight=np.tile(weight, (size.copies, 1)).astype(np.int32),
        recurrent=recurrent,
        threshold=stage.threshold - 1,
        current_decay=stage.kind.current_decay,
        voltage_decay=stage.kind.voltage_decay,
        neurons=size.neurons,
        unit=stage.unit,
    )
