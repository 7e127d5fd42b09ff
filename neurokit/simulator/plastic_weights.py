"""Plastic: which integers of a Program learning may move, in which units, and the Program with them moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Int32

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.ir.fixed_point import BIAS_LIMIT
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense, Input, Program, Readout, Spiking
from neurokit.ir.signals import Signal, consumers
from neurokit.ir.weight_grid import LayerGrid, Mixed

N = TypeVar("N", Readout, Spiking)

#: A bias of a layer that receives `x` in -X..X moves in units of about X / 4, and the offset of a readout likewise in
#: quarters of what one unit of its layer's bias adds up to: fine enough to matter little, coarse enough to move.
_FINE = 4


class Field(str, Enum):
    """What of a node can learn."""

    WEIGHT = "weight"
    BIAS = "bias"
    OFFSET = "offset"


@dataclass(frozen=True)
class Plastic:
    """A tensor of integers that learning moves by multiples of `unit` within `low..high`.

    channel  its number, which the counters of its random bits hold
    layer    name of its synapses: tensors of one layer learn together where learning is layer-wise
    node     which holds it, and `field` of it; an OFFSET is that of the Readout behind `layer`
    """

    channel: int
    layer: str
    node: str
    field: Field
    shape: tuple[int, ...]
    unit: int
    low: int
    high: int

    @property
    def name(self) -> str:
        """`node.field`."""
        return f"{self.node}.{self.field.value}"

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


#: The integers of every Plastic by its name.
Weights = Mapping[str, Int32[np.ndarray, "..."]]


def plastic(
    program: Program,
    *,
    bits: int = 8,
    fields: Sequence[Field] = (Field.WEIGHT, Field.BIAS, Field.OFFSET),
    layers: Sequence[str] | None = None,
) -> tuple[Plastic, ...]:
    """The tensors of `program` that can learn: of every Dense before a total, or of those in `layers`.

    Weights of `bits` bits move by levels of their layer's grid; biases and offsets keep the finer unit that they have
    (`docs/quantization.md`). A layer before a Readout learns its offset in the place of
    its bias, of which it is the finer. Raises GraphError for a layer that the Program has not, OutOfRange for weights
    that are not on the grid.
    """
    known = {n.name: n for n in program.nodes if isinstance(n, Dense) and program.ports[n.name].signal != Signal.TOTAL}
    if layers is not None and not set(layers) <= set(known):
        wrong = sorted(set(layers) - set(known))
        raise GraphError(explain("plastic: layers", wrong, f"some of {sorted(known)}", "name Dense layers"))
    found: list[Plastic] = []

    def add(layer: str, node: str, field: Field, shape: tuple[int, ...], unit: int, low: int, high: int) -> None:
        if field in fields and (layers is None or layer in layers):
            found.append(Plastic(len(found), layer, node, field, shape, unit, low, high))

    for name, dense in known.items():
        grid = weight_grid(name, dense.weight, bits)
        add(name, name, Field.WEIGHT, dense.weight.shape, grid.step, grid.low * grid.step, grid.high * grid.step)
        readout = behind(program, name, Readout)
        if readout is None:
            source = program[dense.source]
            reach = int(max(-source.low.min(), source.high.max())) if isinstance(source, Input) else 1
            add(name, name, Field.BIAS, dense.bias.shape, _below(reach / _FINE), 1 - BIAS_LIMIT, BIAS_LIMIT - 1)
        else:
            whole = readout.rule.normaliser(program.steps) * 2.0**dense.exponent
            legal = BIAS_LIMIT - 1
            add(name, readout.name, Field.OFFSET, dense.bias.shape, _below(whole / _FINE), -legal, legal)
    return tuple(found)


def weight_grid(layer: str, weight: np.ndarray, bits: int) -> LayerGrid:
    """The grid of a layer's weights: levels of `bits` bits, both signs, times the largest power of two in all of them.

    Raises OutOfRange for a weight that is on no such grid.
    """
    levels = Mixed().levels(bits, weight)
    combined = int(np.bitwise_or.reduce(np.abs(weight.astype(np.int64)), axis=None))
    step = min(combined & -combined, levels.coarsest) if combined else levels.coarsest
    beyond = np.argwhere((weight < levels.low * step) | (weight > levels.high * step))
    if len(beyond):
        index = tuple(beyond[0].tolist())
        legal = f"a level in {levels.low}..{levels.high} times {step}"
        raise OutOfRange(
            explain(f"layer {layer!r}: weight{list(index)}", weight[index], legal, "say how many bits the weights have")
        )
    return LayerGrid(levels.low, levels.high, step)


def weights(program: Program, tensors: Sequence[Plastic]) -> dict[str, Int32[np.ndarray, "..."]]:
    """The integers of `tensors` as they are in `program`."""
    found = {}
    for tensor in tensors:
        values = np.asarray(getattr(program[tensor.node], tensor.field.value), np.int32)
        found[tensor.name] = np.zeros(tensor.shape, np.int32) if values.size == 0 else values.copy()
    return found


def with_weights(program: Program, tensors: Sequence[Plastic], values: Weights, *, proved: bool = True) -> Program:
    """`program` with other integers in its plastic tensors; its certificate is proved anew unless `proved` is False.

    Raises OutOfRange when the new integers cannot be proved.
    """
    changes: dict[str, dict[str, Any]] = {}
    for tensor in tensors:
        changes.setdefault(tensor.node, {})[tensor.field.value] = values[tensor.name]
    nodes = tuple(replace(n, **changes[n.name]) if n.name in changes else n for n in program.nodes)
    made = replace(program, nodes=nodes, certificate={})
    return replace(made, certificate=prove(made)) if proved else made


def by_layer(tensors: Sequence[Plastic]) -> Mapping[str, tuple[Plastic, ...]]:
    """The tensors of every layer."""
    found: dict[str, tuple[Plastic, ...]] = {}
    for tensor in tensors:
        found[tensor.layer] = (*found.get(tensor.layer, ()), tensor)
    return MappingProxyType(found)


def behind(program: Program, layer: str, kind: type[N]) -> N | None:
    """The node of that kind that receives `layer`, or None."""
    return next((n for name in consumers(program.nodes)[layer] if isinstance(n := program[name], kind)), None)


def _below(x: float) -> int:
    """The largest power of two that is at most `x`, at least 1."""
    return 1 << max(0, int(np.floor(np.log2(max(x, 1.0)))))
