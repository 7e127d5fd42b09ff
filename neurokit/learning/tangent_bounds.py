"""tangent_bounds: how large the integers of a tangent network can become, by interval analysis.

Bounds are magnitudes per line, for all inputs in the declared range, all directions and, if asked, all legal weights.
For what varies in time there are two: of a value, and of its sum over the first steps. A neuron without leak makes the
second one small: `reset * sum ds = sum da - du`, so that its spikes add up to no more than its current did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float64, Int64

from neurokit.errors import OutOfRange, explain
from neurokit.ir.interpreter import shift
from neurokit.ir.interval_analysis import analyse
from neurokit.ir.program import Dense, Input, Product, Program, Readout, Spiking, Sum
from neurokit.ir.tangent_neuron import TangentNeuron
from neurokit.simulator.plastic_weights import Field, Plastic

#: Largest magnitude of what some nodes emit, over their lines.
Reach = Mapping[str, int]
#: Sums over time are bounded in float64, whose rounding this covers.
_SAFE = 1 + 1e-9


@dataclass(frozen=True)
class TangentWidths:
    """Bits, sign included, of every kind of integer of the tangent pass.

    synapse      sum of a tangent current (32-bit arithmetic, doubled by the exact 8-bit recipe)
    membrane     tangent of a membrane
    message      graded spike: a tangent spike, or a tangent of a total
    accumulator  of a readout
    product      of a total with a tangent, before it is cut

    Raises OutOfRange unless all are 2..63.
    """

    synapse: int = 31
    membrane: int = 32
    message: int = 24
    accumulator: int = 32
    product: int = 48

    def __post_init__(self) -> None:
        for name, bits in vars(self).items():
            if not 2 <= bits <= 63:
                raise OutOfRange(explain(f"TangentWidths.{name}", bits, "2..63 bits", "declare what the target has"))

    def limit(self, kind: str) -> int:
        """Largest magnitude that is safe in both signs: `2**(bits - 1) - 1`."""
        return int(2 ** (getattr(self, kind) - 1) - 1)


class Tangents(Protocol):
    """What a bound reads of a TangentProgram, whose fields say what these are."""

    @property
    def program(self) -> Program: ...
    @property
    def tensors(self) -> Sequence[Plastic]: ...
    @property
    def anywhere(self) -> bool: ...
    @property
    def largest(self) -> int: ...
    @property
    def widths(self) -> TangentWidths: ...
    @property
    def fraction(self) -> Mapping[str, int]: ...
    @property
    def neurons(self) -> Mapping[str, TangentNeuron]: ...
    @property
    def cuts(self) -> Mapping[str, tuple[int, ...]]: ...
    @property
    def reach(self) -> Reach: ...


class TooWide(Exception):
    """A bound beyond its width: at `node`, in the message that it sends or in what it makes before."""

    def __init__(self, node: str, message: bool, text: str) -> None:
        super().__init__(text)
        self.node, self.message = node, message


def reaches(program: Program, *, margin: int) -> dict[str, int]:
    """Magnitudes that what layers and products receive stays below; of what depends on weights, `margin` bits more."""
    received = {source for node in program.nodes if isinstance(node, Dense | Product) for source in node.sources}
    found = {}
    for name, interval in analyse(program)[1].items():
        largest = int(np.maximum(np.abs(interval.low), np.abs(interval.high)).max())
        if name in received and isinstance(program[name], Input):
            found[name] = largest
        elif name in received and isinstance(program[name], Spiking):
            found[name] = 1
        elif name in received:
            found[name] = min(largest << margin, program.widths.limit("message"))
    return found


@dataclass(frozen=True)
class _Bound:
    """Magnitudes of a tangent by line, and of its sums over the first 1..T steps (as one row a step)."""

    each: Int64[np.ndarray, " size"]
    sums: Float64[np.ndarray, "steps size"] | None = None


def tangent_bounds(made: Tangents) -> dict[str, int]:
    """The largest magnitude of every node's tangent (of a Spiking: its membrane's); raises TooWide."""
    bounds: dict[str, _Bound] = {}
    held: dict[str, int] = {}
    for node in made.program.nodes:
        sources = [bounds[s] for s in node.sources]
        if isinstance(node, Input):
            size = made.program.ports[node.name].size
            bounds[node.name] = _Bound(np.zeros(size, np.int64), np.zeros((made.program.steps, size)))
        elif isinstance(node, Dense):
            bounds[node.name] = _dense(made, node, sources[0])
        elif isinstance(node, Spiking):
            bounds[node.name], held[node.name] = _spiking(made, node, sources[0])
        elif isinstance(node, Readout):
            bounds[node.name] = _readout(made, node, sources[0])
        elif isinstance(node, Product):
            bounds[node.name] = _product(made, node, sources)
        elif isinstance(node, Sum):
            bounds[node.name] = _sum(made, node, sources)
        else:
            bounds[node.name] = sources[0]
        held.setdefault(node.name, int(bounds[node.name].each.max()))
    return held


def moves(made: Tangents, node: str, field: Field) -> int:
    """The largest magnitude of a move of a node's field; 0 if it does not learn."""
    return next((t.unit * made.largest for t in made.tensors if (t.node, t.field) == (node, field)), 0)


def _dense(made: Tangents, node: Dense, below: _Bound) -> _Bound:
    fraction, inputs = made.fraction[node.source], node.shape[1]
    size = np.abs(node.weight.astype(np.int64))
    for tensor in made.tensors:
        if made.anywhere and (tensor.node, tensor.field) == (node.name, Field.WEIGHT):
            size = np.full_like(size, max(-tensor.low, tensor.high))
    own = moves(made, node.name, Field.WEIGHT) * made.reach[node.source] * inputs + moves(made, node.name, Field.BIAS)
    moved = max(shift(own, fraction), -shift(-own, fraction))
    each = size @ below.each + moved
    _within(made, node.name, "tangent current", each, "synapse")
    sums = None
    if below.sums is not None:
        steps = np.arange(1, made.program.steps + 1)[:, None]
        sums = below.sums @ size.T.astype(np.float64) + steps * float(moved)
    return _Bound(each, sums)


def _spiking(made: Tangents, node: Spiking, a: _Bound) -> tuple[_Bound, int]:
    neuron = made.neurons[node.name]
    du = di = dm = np.zeros_like(a.each)
    highest, spike = dm, dm
    sums = []
    leaks = neuron.alpha.numerator != 0 or neuron.beta.numerator != 4096
    for t in range(made.program.steps):
        di = di * neuron.alpha + a.each
        dm = du * neuron.beta + di
        du = kept(neuron, dm)
        highest = np.maximum(highest, np.maximum(np.maximum(dm, di), du))
        _within(made, node.name, "tangent of the membrane", highest, "membrane")
        spike = np.maximum(spike, (dm * neuron.highest_gain >> neuron.shift) + 1)
        total = (t + 1.0) * spike
        if not leaks and a.sums is not None:
            total = np.minimum(total, (a.sums[t] + du) / neuron.reset)
        sums.append(total)
    _within(made, node.name, "tangent spike", spike, "message", message=True)
    # What is left in the membrane fits too: it is dm less what the spike takes.
    _within(made, node.name, "tangent of the reset", spike * neuron.reset, "product")
    return _Bound(spike, np.array(sums)), int(highest.max())


def kept(neuron: TangentNeuron, dm: Int64[np.ndarray, " size"]) -> Int64[np.ndarray, " size"]:
    """Magnitudes of the membrane's tangent after the reset, from those before it.

    Where the gain is 0 nothing changes; elsewhere it is scaled by `1 - reset * gain / 2**shift`, and the spike's
    rounding, at most half a unit, comes back `reset` times.
    """
    low, high = neuron.factors
    largest = max(abs(low), abs(high)) / 2.0**neuron.shift
    scaled = np.ceil(dm * (largest * _SAFE)).astype(np.int64) + 1 + (neuron.reset + 1) // 2
    return np.maximum(dm, scaled)


def _readout(made: Tangents, node: Readout, a: _Bound) -> _Bound:
    """Weights never rise in time, so a weighted sum is one of sums over the first steps (Abel's summation)."""
    weights = node.rule.weights(made.program.steps).astype(np.float64)
    if (np.diff(weights) > 0).any() or (weights < 0).any():
        raise AssertionError(f"readout weights that rise or are negative: {node.rule}")
    assert a.sums is not None, "a readout receives a series"
    drops = weights[:-1] - weights[1:]
    before = np.concatenate([np.zeros((1, len(a.each))), np.cumsum(drops[:, None] * a.sums[:-1], axis=0)])
    partial = (before + weights[:, None] * a.sums).max(axis=0)
    plain = float(weights.sum()) * a.each
    offset = moves(made, node.name, Field.OFFSET)
    own = max(shift(offset, made.fraction[node.source]), -shift(-offset, made.fraction[node.source]))
    total = np.ceil(np.minimum(partial, plain) * _SAFE) + own
    _within(made, node.name, "tangent of the total", total, "accumulator")
    (cut,) = made.cuts[node.name]
    y = (total.astype(np.int64) >> cut) + 1
    _within(made, node.name, "tangent message", y, "message", message=True)
    return _Bound(y)


def _product(made: Tangents, node: Product, sources: list[_Bound]) -> _Bound:
    left, right = sources
    cut_left, cut_right = made.cuts[node.name]
    first, second = left.each * made.reach[node.right], right.each * made.reach[node.left]
    for term in (first, second):
        _within(made, node.name, "tangent product", term, "product")
    y = (first >> cut_left) + (second >> cut_right) + 2
    _within(made, node.name, "tangent message", y, "message", message=True)
    return _Bound(y)


def _sum(made: Tangents, node: Sum, sources: list[_Bound]) -> _Bound:
    finest = [made.fraction[s] - made.fraction[node.name] for s in node.sources]
    each = np.sum([(x.each >> f) + (f > 0) for x, f in zip(sources, finest, strict=True)], axis=0)
    _within(made, node.name, "sum of tangents", each, "synapse")
    if any(x.sums is None for x in sources):
        return _Bound(each)
    steps = np.arange(1, made.program.steps + 1)[:, None]
    parts = [x.sums / 2.0**f + steps * (f > 0) for x, f in zip(sources, finest, strict=True) if x.sums is not None]
    return _Bound(each, np.sum(parts, axis=0))


def _within(made: Tangents, name: str, what: str, reach: np.ndarray, kind: str, *, message: bool = False) -> None:
    limit = made.widths.limit(kind)
    if (worst := float(reach.max())) > limit:
        remedy = "declare wider TangentWidths, a narrower input range or fewer time steps"
        text = explain(f"node {name!r}: {what}", f"{worst:.0f} at most", f"-{limit}..{limit}", remedy)
        raise TooWide(name, message, text)
