"""InputUnits: the centre and the spread of the training inputs, column by column, in which a network is trained.

Weights start for inputs of about one. Columns in other units, or far from zero, would leave neurons silent or always
firing, and float32 resolves a Unix time (1.7e9 s) in steps of 128 s. So first layers read

    x' = (x - offset) / scale

computed in float64: here, and in a Graph's or a Program's Input, so that the network, its Graph and its Program take
the user's units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from neurokit.data.data import Data, Domain, OperatorData, PointData, TripleData
from neurokit.errors import OutOfRange, explain
from neurokit.ir.signals import PerColumn, frozen
from neurokit.networks.answer_units import moments

D = TypeVar("D", bound=Data)


@dataclass(frozen=True, eq=False)
class Affine:
    """`x' = (x - offset) / scale`, column by column. Raises OutOfRange unless both are finite and every scale > 0."""

    scale: Float64[np.ndarray, " columns"]
    offset: Float64[np.ndarray, " columns"]

    def __post_init__(self) -> None:
        for name in ("scale", "offset"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name), dtype=np.float64)))
        bad = ~(np.isfinite(self.scale) & np.isfinite(self.offset) & (self.scale > 0))
        if bad.any():
            at = int(np.argmax(bad))
            found = (float(self.scale[at]), float(self.offset[at]))
            legal = "finite, scale > 0"
            raise OutOfRange(
                explain(f"units of input column {at}: (scale, offset)", found, legal, "rescale the column")
            )

    @classmethod
    def one(cls, columns: int) -> Affine:
        """That of columns which are read as they are."""
        return cls(np.ones(columns), np.zeros(columns))

    @property
    def is_one(self) -> bool:
        """Whether columns are read as they are."""
        return bool((self.scale == 1).all() and not self.offset.any())

    def columns(self, which: slice) -> Affine:
        """That of some of the columns."""
        return Affine(self.scale[which], self.offset[which])

    def of(self, x: Float64[np.ndarray, "*rows columns"]) -> Float64[np.ndarray, "*rows columns"]:
        """Inputs as first layers read them."""
        return np.asarray((x - self.offset) / self.scale)

    def end(self, declared: PerColumn) -> Float64[np.ndarray, " columns"]:
        """An end of a declared range, likewise."""
        return self.of(np.broadcast_to(declared, self.scale.shape))


class ReadsUnits(nn.Module):
    """A stack of layers whose inputs have units.

    input_units   None before the first `fit`, which chooses them, and while a fit lasts: inputs are then what the first
                  layer reads
    """

    input_units: Affine | None = None

    def read(self, x: Float[Tensor, "*batch columns"]) -> Float[Tensor, "*batch columns"]:
        """Inputs as the first layer reads them, in its type; float64 is scaled before it is rounded."""
        if self.input_units is None:
            return x
        like = next(self.parameters())
        if self.input_units.is_one:
            return x.to(like.dtype)
        scale, offset = (
            torch.tensor(values, dtype=torch.float64, device=x.device)
            for values in (self.input_units.scale, self.input_units.offset)
        )
        return ((x.double() - offset) / scale).to(like.dtype)


@dataclass(frozen=True)
class InputUnits:
    """The units of the inputs, by their names; an input that is not named is read as it is.

    Coordinates and points go to -1..1 over their declared range. Functions are divided by their standard deviation, and
    centred where they lie more than two of these from zero: over all sensors that share a range, else by themselves.
    """

    inputs: Mapping[str, Affine] = field(default_factory=dict)

    @classmethod
    def of(cls, train: OperatorData | TripleData | PointData) -> InputUnits:
        """Those of training samples. Raises OutOfRange for columns whose spread float64 cannot hold."""
        if isinstance(train, PointData):
            return cls({"x": _of_range(train.domain["x"], train.x.shape[1])})
        trunk = _of_range(train.domain["trunk"], train.locations.shape[1])
        return cls({"branch": _of_functions(train), "trunk": trunk})

    def ranges(self, domain: Domain) -> Domain:
        """Declared ranges as first layers read them."""
        own = self.inputs
        return {
            n: (own[n].end(low), own[n].end(high)) if n in own else (low, high) for n, (low, high) in domain.items()
        }

    def normalised(self, data: D) -> D:
        """A data set as first layers read it, its declared ranges and axes included."""
        if not self.inputs:
            return data
        domain = self.ranges(data.domain)
        if isinstance(data, PointData):
            return replace(data, x=self._of("x", data.x), domain=domain)
        branch, locations = self._of("branch", data.branch), self._of("trunk", data.locations)
        if isinstance(data, TripleData):
            return replace(data, branch=branch, locations=locations, domain=domain)
        trunk = self.inputs.get("trunk") or Affine.one(locations.shape[1])
        axes = tuple(trunk.columns(slice(i, i + 1)).of(axis) for i, axis in enumerate(data.axes))
        return replace(data, branch=branch, locations=locations, domain=domain, axes=axes)

    def _of(self, name: str, x: Float64[np.ndarray, "N columns"]) -> Float64[np.ndarray, "N columns"]:
        return self.inputs[name].of(x) if name in self.inputs else x


def _of_range(ends: tuple[PerColumn, PerColumn], columns: int) -> Affine:
    """What takes declared ranges to -1..1; a constant column keeps its scale."""
    low, high = (np.broadcast_to(np.asarray(end, dtype=np.float64), (columns,)) for end in ends)
    half = high / 2 - low / 2  # of ranges whose width would overflow, too
    return Affine(np.where(half > 0, half, 1.0), low / 2 + high / 2)


def _of_functions(train: OperatorData | TripleData) -> Affine:
    """Standard deviation and centre of the columns of each declared range."""
    branch = train.branch
    ends = np.stack([np.broadcast_to(end, branch.shape[1:]) for end in train.domain["branch"]])
    scale, offset = np.ones(branch.shape[1]), np.zeros(branch.shape[1])
    for pair in np.unique(ends, axis=1).T:
        columns = (ends == pair[:, None]).all(axis=0)
        mean, deviation, power = moments(branch[:, columns].reshape(-1, 1))
        if deviation > 0:
            scale[columns] = np.ldexp(deviation, power)
        if abs(mean) > 2 * deviation:
            offset[columns] = np.ldexp(mean, power)
    return Affine(scale, offset)
