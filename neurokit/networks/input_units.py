"""InputUnits: the centre and the spread of the training inputs, column by column, in which a network is trained.

Weights start for inputs of about one. Columns in other units, or far from zero, would leave neurons silent or always
firing. So a run trains on `x' = (x - offset) / scale`, and the first layers take it back when it is over:

    W x' + b = (W / scale) x + (b - (W / scale) offset)

so that the network, its Graph and its Program take the user's units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float64
from torch import nn

from neurokit.data.data import Domain, OperatorData, PointData, Split, TripleData
from neurokit.errors import GraphError, explain
from neurokit.ir.signals import PerColumn
from neurokit.networks.deeponet import DeepONet
from neurokit.networks.mlp import MLP
from neurokit.networks.seponet import SepONet

D = TypeVar("D", OperatorData, TripleData, PointData)


class Affine(NamedTuple):
    """`x' = (x - offset) / scale`, column by column."""

    scale: Float64[np.ndarray, " columns"]
    offset: Float64[np.ndarray, " columns"]

    def of(self, x: Float64[np.ndarray, "rows columns"]) -> Float64[np.ndarray, "rows columns"]:
        """Inputs as the network is trained on them."""
        return np.asarray((x - self.offset) / self.scale)

    def end(self, declared: PerColumn) -> Float64[np.ndarray, " columns"]:
        """An end of a declared range, likewise."""
        return np.asarray((np.broadcast_to(declared, self.scale.shape) - self.offset) / self.scale)


@dataclass(frozen=True)
class InputUnits:
    """The units of the inputs, by their names.

    Coordinates go to -1..1 over their declared range. Functions are divided by their standard deviation, and centred
    where they lie more than two of these from zero: over all sensors that share a range, else by themselves.
    """

    inputs: Mapping[str, Affine]

    @classmethod
    def of(cls, train: OperatorData | TripleData) -> InputUnits:
        """Those of training samples."""
        low, high = (np.broadcast_to(end, train.locations.shape[1:]) for end in train.domain["trunk"])
        half = np.where(high > low, (high - low) / 2, 1.0)
        return cls({"branch": _of_functions(train), "trunk": Affine(half, (low + high) / 2)})

    def split(self, split: Split[D]) -> Split[D]:
        """Both sets as the network is trained on them."""
        return Split(train=self.normalised(split.train), test=self.normalised(split.test))

    def normalised(self, data: D) -> D:
        """A data set as the network is trained on it, its declared ranges and axes included."""
        assert not isinstance(data, PointData), "of operators alone"
        domain: Domain = {
            name: (affine.end(data.domain[name][0]), affine.end(data.domain[name][1]))
            for name, affine in self.inputs.items()
        }
        branch, locations = self.inputs["branch"].of(data.branch), self.inputs["trunk"].of(data.locations)
        if isinstance(data, OperatorData):
            scale, offset = self.inputs["trunk"]
            axes = tuple((axis - o) / s for axis, s, o in zip(data.axes, scale, offset, strict=False))
            return replace(data, branch=branch, locations=locations, domain=domain, axes=axes)
        return replace(data, branch=branch, locations=locations, domain=domain)

    def fold_into(self, model: nn.Module) -> None:
        """Let a network that was trained on normalised inputs take them as they are, in place.

        Raises GraphError for a network whose first layers are not known.
        """
        branch, trunk = self.inputs["branch"], self.inputs["trunk"]
        if isinstance(model, DeepONet):
            _fold(model.branch, branch)
            _fold(model.trunk, trunk)
        elif isinstance(model, SepONet):
            _fold(model.branch, branch)
            for i, part in enumerate(model.trunks):
                assert isinstance(part, MLP), "trunks are MLPs"
                _fold(part, Affine(trunk.scale[i : i + 1], trunk.offset[i : i + 1]))
        else:
            legal = "a DeepONet or a SepONet"
            raise GraphError(explain("the model's type", type(model).__name__, legal, "train it on scaled inputs"))


def _of_functions(train: OperatorData | TripleData) -> Affine:
    """Standard deviation and centre of the columns of each declared range."""
    branch = train.branch
    ends = np.stack([np.broadcast_to(end, branch.shape[1:]) for end in train.domain["branch"]])
    scale, offset = np.ones(branch.shape[1]), np.zeros(branch.shape[1])
    for pair in np.unique(ends, axis=1).T:
        columns = (ends == pair[:, None]).all(axis=0)
        mean, deviation = float(branch[:, columns].mean()), float(branch[:, columns].std())
        if deviation > 0:
            scale[columns] = deviation
        if abs(mean) > 2 * deviation:
            offset[columns] = mean
    return Affine(scale, offset)


def _fold(part: MLP, affine: Affine) -> None:
    layer = part.hidden[0]
    assert isinstance(layer, nn.Linear), "networks are built of Linear layers"
    scale, offset = (torch.tensor(np.ascontiguousarray(x), dtype=torch.float64) for x in affine)
    with torch.no_grad():
        weight = layer.weight.double().cpu() / scale
        layer.bias.copy_(layer.bias.double().cpu() - weight @ offset)
        layer.weight.copy_(weight)
