"""What `[network]` and `[surrogate]` can say, and the networks that they build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurokit.data.data import Data, PointData
from neurokit.networks.currents import CurrentSpread, spread_parts
from neurokit.networks.deeponet import DeepONet
from neurokit.networks.mlp import MLP, require_positive
from neurokit.networks.model_file import Model
from neurokit.networks.seponet import SepONet
from neurokit.networks.units import choose, give
from neurokit.neurons.surrogates import (
    Surrogate,
    WeakGaussian,
)
from neurokit.training import words
from neurokit.training.recipes import OperatorRecipe
from neurokit.training.runs.neuron_tables import TABLES, NeuronTable
from neurokit.training.runs.tables import Vocabulary

_RECIPE = OperatorRecipe()


@dataclass(frozen=True)
class _Layers:
    """Hidden layers over a window.

    hidden   widths of the spiking layers, of every part alike
    steps    time steps T of the window
    """

    hidden: tuple[int, ...] = _RECIPE.hidden
    steps: int = _RECIPE.steps

    def __post_init__(self) -> None:
        require_positive("steps", self.steps)
        require_positive("the number of hidden layers", len(self.hidden))
        for i, width in enumerate(self.hidden):
            require_positive(f"hidden[{i}]", width)

    def build(self, data: Data, parts: dict[str, Any], *, normalize: bool = False) -> Model:
        """The untrained network for samples like `data`; `parts` are neuron, surrogate, readout and seed.

        With `normalize` it has the units that `fit` would choose, so that its currents start as they are said to there.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class MLPLayers(_Layers):
    """A spiking multi-layer perceptron, for points and their values.

    start  where the currents of the first layer start, `{ low, high, scatter }` as in CurrentSpread; else as drawn
    """

    start: CurrentSpread | None = None

    def build(self, data: Data, parts: dict[str, Any], *, normalize: bool = False) -> MLP:
        assert isinstance(data, PointData), "seen to when the configuration was read"
        model = MLP(inputs=data.x.shape[1], outputs=data.y.shape[1], hidden=self.hidden, steps=self.steps, **parts)
        _give_units(model, data, normalize)
        spread_parts([(model, data.x, self.start)], parts["seed"])
        return model


@dataclass(frozen=True)
class _Operator(_Layers):
    """Hidden layers of an operator network.

    branch  where the currents of the branch's first layer start, `{ low, high, scatter }` as in CurrentSpread
    trunk   those of the trunk's, or of every trunk's; without, layers start as they are drawn
    """

    branch: CurrentSpread | None = None
    trunk: CurrentSpread | None = None


@dataclass(frozen=True)
class DeepONetLayers(_Operator):
    """A spiking DeepONet, for operators.

    features  outputs p of branch and trunk, whose inner product is the answer
    """

    features: int = _RECIPE.features

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("features", self.features)

    def build(self, data: Data, parts: dict[str, Any], *, normalize: bool = False) -> DeepONet:
        assert not isinstance(data, PointData), "seen to when the configuration was read"
        sensors, coordinates = data.branch.shape[1], data.locations.shape[1]
        model = DeepONet(
            sensors=sensors,
            coordinates=coordinates,
            hidden=self.hidden,
            features=self.features,
            steps=self.steps,
            **parts,
        )
        _give_units(model, data, normalize)
        starts = [(model.branch, data.branch, self.branch), (model.trunk, data.locations, self.trunk)]
        spread_parts(starts, parts["seed"])
        return model


@dataclass(frozen=True)
class SepONetLayers(_Operator):
    """A spiking SepONet, for operators: one trunk for every coordinate.

    rank  outputs of branch and trunks, whose product is summed to the answer
    """

    rank: int = _RECIPE.features

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("rank", self.rank)

    def build(self, data: Data, parts: dict[str, Any], *, normalize: bool = False) -> SepONet:
        assert not isinstance(data, PointData), "seen to when the configuration was read"
        sensors, coordinates = data.branch.shape[1], data.locations.shape[1]
        model = SepONet(
            sensors=sensors, coordinates=coordinates, hidden=self.hidden, rank=self.rank, steps=self.steps, **parts
        )
        _give_units(model, data, normalize)
        columns = [data.locations[:, i : i + 1] for i in range(coordinates)]
        branch, *trunks = model.parts.values()
        along = [(trunk, x, self.trunk) for trunk, x in zip(trunks, columns, strict=True)]
        spread_parts([(branch, data.branch, self.branch), *along], parts["seed"])
        return model


def _give_units(model: Model, data: Data, normalize: bool) -> None:
    if normalize:
        give(model, choose(model, data, True))


Network = DeepONetLayers | SepONetLayers | MLPLayers
NETWORKS = Vocabulary("kind", words.NETWORKS)
AnySurrogate = Surrogate | WeakGaussian

VOCABULARIES = {
    Network: NETWORKS,
    NeuronTable: Vocabulary("kind", TABLES),
    AnySurrogate: Vocabulary("kind", words.SURROGATES),
}
