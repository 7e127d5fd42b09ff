"""to_netx: a chain of a Program in the words of lava-dl's netx format, spike for spike the same.

A netx file knows 8-bit weights without an exponent, one integer threshold a layer and the decays of Loihi's neuron,
which resets to zero. What a Program says beyond that is said with more synapses and neurons:

    soft reset    `vDecay = 4096` makes the synaptic current the membrane, which no reset touches; a recurrent synapse
                  lowers it by the decayed threshold one step later, when the next current is added.
    bias          lines that emit at every step of the window: the sender's in front of the first layer, behind it
                  neurons in every layer that fire whenever the lines before them emit. `bias_mant` would not do: a
                  membrane that lives in the synaptic current does not receive it, and it acts outside the window too.
    large values  a weight or threshold beyond +-127 is spread over equal copies of a layer's neurons.
    exponent      weights, bias and threshold of a layer are multiplied out and, without leak, divided by what they have
                  in common. An exponent whose floor really rounds cannot be said behind spikes, and is refused.
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

from neurokit.compilers.exchange.netx_stage import Stage, driven, require_relays, said, stage, tail
from neurokit.compilers.exchange.sequential import TARGET, chain
from neurokit.compilers.lava.bias_digits import digits, lines
from neurokit.errors import UnsupportedNode
from neurokit.ir.fixed_point import BIAS_LIMIT
from neurokit.ir.interpreter import shift
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Input, Interval, Program, Synapses

#: Largest weight that netx keeps exactly: it doubles mixed weights, and Lava clips those of one sign at 255.
LARGEST_WEIGHT = 127


@dataclass(frozen=True, eq=False)
class NetxLayer:
    """One layer of the file.

    weight, recurrent  synapses from the lines of the layer before, and (`dense_rec`) from the layer's own
    threshold          `vThMant`: a neuron fires when its membrane is above it
    current_decay      `iDecay`, and `voltage_decay` `vDecay`, both of 4096
    neurons            the first so many lines are the Program's neurons; copies and bias lines follow
    unit               one unit of the layer's membrane is as much as so many of the Program's currents
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
    (from 0) emits its local time `t = 0..steps-1` in step `t + i + 2` of the run, the first presentation being step 1.
    The membrane of a readout layer after `steps + len(layers)` steps, times its unit, is the Program's accumulator
    without the readout's offset.

    sent          the synapses whose current the sender computes, or None when the file holds their weights
    ones          what the lines behind the sample carry: the biases
    readout       whether the last layer is a readout, which never fires
    message_bits  of the largest value that the sender may present, sign included
    """

    source: Input
    sent: Synapses | None
    ones: Int64[np.ndarray, " ones"]
    layers: tuple[NetxLayer, ...]
    readout: bool
    steps: int
    message_bits: int

    def present(self, sample: Float64[np.ndarray, "*batch size"]) -> Int64[np.ndarray, "*batch lines"]:
        """What the sender presents at every step of a window. Raises OutOfRange for a sample outside its range."""
        x = self.source.encode(sample)
        if self.sent is not None:
            x = shift(self.sent.weigh(x), self.sent.exponent)
        return np.concatenate([x, np.broadcast_to(self.ones, (*x.shape[:-1], len(self.ones)))], axis=-1)


def to_netx(program: Program, *, source: str | None = None, readout: bool = False) -> NetxNetwork:
    """The netx form of the layers behind one Input: those of an MLP, or of the branch or trunk of an operator network.

    `source` names the Input where there are several. With `readout` the synapses in front of the Readout become a last
    layer that never fires and whose membrane is the readout's sum; without it the file ends with the last spikes.

    Raises UnsupportedNode for a node, neuron or exponent that netx cannot say, OutOfRange when the Program cannot be
    proved or a state may leave Lava's 18 bits.
    """
    found = chain(program, source)
    certificate = prove(program)
    stages = [stage(synapses, node, program, certificate[node.name]) for synapses, node in found.hidden]
    first, sent = stages[0], None
    if first is None or not _one_synapse_each(first, found.source):
        sent, node = found.hidden[0]
        first = driven(node, program, certificate[node.name])
    behind = [said(each, synapses) for each, (synapses, _) in zip(stages[1:], found.hidden[1:], strict=True)]
    spikes = np.ones(found.last.shape[1], dtype=np.int64)
    currents = certificate.get(found.last.name, Interval(0 * spikes, spikes))
    last = tail(found, currents, program.steps) if readout else None
    ones, layers = _layers([first, *behind], last, program.steps)
    sample = certificate[found.source.name if sent is None else sent.name]
    reach = max(int(np.abs(sample.low).max()), int(np.abs(sample.high).max()), *ones.tolist(), 1)
    return NetxNetwork(found.source, sent, ones, layers, readout, program.steps, reach.bit_length() + 1)


def _one_synapse_each(first: Stage, source: Input) -> bool:
    """Whether the synapses of the first layer fit: no copies of a sample's lines, and sums that 32 bits hold."""
    largest = max(int(np.abs(first.weight).max()), 1)
    reach = np.maximum(np.abs(source.low.astype(np.int64)), np.abs(source.high.astype(np.int64)))
    sums = np.abs(first.weight) @ reach + np.abs(first.bias)
    fits_sum = int(sums.max()) < largest * 2**23  # netx scales the largest weight up to 256 at most
    return largest <= LARGEST_WEIGHT and int(np.abs(first.bias).max()) < BIAS_LIMIT and fits_sum


class _Size(NamedTuple):
    """Copies of a layer's population, and bias lines in each copy."""

    neurons: int
    copies: int
    ones: int

    @property
    def width(self) -> int:
        return self.neurons + self.ones


def _sizes(stages: Sequence[Stage], last: Stage | None) -> list[_Size]:
    """As many copies and bias lines as the layer itself and the one behind it need."""
    sizes: list[_Size] = []
    behind, behind_has_ones = last, False
    for each in reversed(stages):
        weight = bias = 0
        if behind is not None:
            weight, bias = int(np.abs(behind.weight).max()), int(np.abs(behind.bias).max())
            bias = max(bias, behind.threshold) if behind_has_ones else bias
        own = max(int(np.abs(each.recurrent).max()), each.lowered)
        copies = max(1, -(-own // LARGEST_WEIGHT), -(-weight // LARGEST_WEIGHT))
        ones = -(-bias // (LARGEST_WEIGHT * copies))
        sizes.append(_Size(len(each.bias), copies, ones))
        behind, behind_has_ones = each, ones > 0
    return sizes[::-1]


def _layers(
    stages: Sequence[Stage], last: Stage | None, steps: int
) -> tuple[Int64[np.ndarray, " ones"], tuple[NetxLayer, ...]]:
    """What the sender's bias lines carry, and the layers."""
    sizes = _sizes(stages, last)
    first, size = stages[0], sizes[0]
    first_bias = digits(first.bias)
    relay = [first.threshold] if size.ones else []
    ones = np.array([*lines(first_bias.shape[1]), *relay], dtype=np.int64)
    weight = np.zeros((size.width, first.weight.shape[1] + len(ones)), dtype=np.int64)
    weight[: size.neurons] = np.hstack([first.weight, first_bias, np.zeros((size.neurons, len(relay)), dtype=np.int64)])
    weight[size.neurons :, -1:] = 1
    layers = [_layer(first, size, weight)]
    for each, size, before in zip(stages[1:], sizes[1:], sizes, strict=False):
        layers.append(_layer(each, size, _synapses(each, size, before)))
    for each, size in zip(stages, sizes, strict=True):
        if size.ones:
            require_relays(each, steps)
    if last is not None:
        size = _Size(len(last.bias), 1, 0)
        layers.append(_layer(last, size, _synapses(last, size, sizes[-1])))
    return ones, tuple(layers)


def _synapses(each: Stage, size: _Size, before: _Size) -> Int64[np.ndarray, "lines before"]:
    """Weights of one copy of a layer from all copies of the layer before."""
    weight = np.zeros((size.width, before.copies, before.width), dtype=np.int64)
    weight[: size.neurons, :, : before.neurons] = np.moveaxis(_spread(each.weight, before.copies), 0, 1)
    if before.ones:
        bias = np.concatenate([each.bias, np.full(size.ones, each.threshold)])
        parts = _spread(bias, before.copies * before.ones).T
        weight[:, :, before.neurons :] = parts.reshape(size.width, before.copies, before.ones)
    return weight.reshape(size.width, -1)


def _spread(values: np.ndarray, parts: int) -> Int64[np.ndarray, "parts *shape"]:
    """`values` as a sum of `parts` arrays of weights, along a new first axis."""
    spread, rest = [], values
    for _ in range(parts):
        spread.append(np.clip(rest, -LARGEST_WEIGHT, LARGEST_WEIGHT))
        rest = rest - spread[-1]
    assert not rest.any(), "a layer has as many copies as its readers need"
    return np.array(spread)


def _layer(each: Stage, size: _Size, weight: np.ndarray) -> NetxLayer:
    """The layer with all its copies; `weight` are the synapses of one."""
    own = -each.lowered * np.eye(size.width, dtype=np.int64)
    own[: size.neurons, : size.neurons] = each.recurrent
    recurrent = None
    if own.any():
        recurrent = np.tile(np.hstack(list(_spread(own, size.copies))), (size.copies, 1)).astype(np.int32)
    elif not weight.any():
        remedy = "Leave the layer out, or give it a weight."
        raise UnsupportedNode(each.name, "Dense", TARGET, "netx cannot read a layer whose weights are all 0", remedy)
    return NetxLayer(
        name=each.name,
        weight=np.tile(weight, (size.copies, 1)).astype(np.int32),
        recurrent=recurrent,
        threshold=each.threshold - 1,
        current_decay=each.decays.current,
        voltage_decay=each.decays.voltage,
        neurons=size.neurons,
        unit=each.unit,
    )
