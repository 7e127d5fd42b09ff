"""Networks of the tables, described before there are data to build them for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurokit.data.data import Data, PointData
from neurokit.errors import GraphError, explain
from neurokit.gradients.local_loss import LocalReadouts
from neurokit.networks.currents import CurrentSpread
from neurokit.networks.deeponet import DeepONet
from neurokit.networks.mlp import MLP
from neurokit.neurons.readouts import MemMean, ReadoutRule
from neurokit.neurons.surrogates import Gaussian, Surrogate, WeakGaussian
from neurokit.training.runs.networks import DeepONetLayers, MLPLayers


@dataclass(frozen=True)
class MLPShape:
    """An MLP for PointData: widths of its hidden layers, time steps, readout and surrogate.

    start  where the currents of the first layer start, given the training data; None leaves them as they are drawn
    """

    hidden: tuple[int, ...]
    steps: int = 32
    readout: ReadoutRule = MemMean()  # noqa: RUF009 (frozen)
    surrogate: Surrogate | WeakGaussian = Gaussian()  # noqa: RUF009 (frozen)
    start: CurrentSpread | None = None

    def build(self, data: Data, seed: int) -> MLP:
        """The network for `data`. Raises GraphError for data of another kind."""
        if not isinstance(data, PointData):
            raise _misfit("MLPShape", data, "PointData")
        return MLPLayers(self.hidden, self.steps, self.start).build(data, _parts(self, seed))


@dataclass(frozen=True)
class DeepONetShape:
    """A DeepONet: widths of the hidden layers of branch and trunk, features, time steps, readout and surrogate.

    branch, trunk  where the currents of their first layers start, given the training data; None leaves them as they are
                   drawn
    """

    hidden: tuple[int, ...] = (32,)
    features: int = 32
    steps: int = 32
    readout: ReadoutRule = MemMean()  # noqa: RUF009 (frozen)
    surrogate: Surrogate | WeakGaussian = Gaussian()  # noqa: RUF009 (frozen)
    branch: CurrentSpread | None = None
    trunk: CurrentSpread | None = None

    def build(self, data: Data, seed: int) -> DeepONet:
        """The network for `data`. Raises GraphError for data of another kind."""
        if isinstance(data, PointData):
            raise _misfit("DeepONetShape", data, "OperatorData or TripleData")
        layers = DeepONetLayers(self.hidden, self.steps, self.branch, self.trunk, self.features)
        return layers.build(data, _parts(self, seed))


@dataclass(frozen=True)
class LocallyRead:
    """A network with local readouts behind its hidden layers, for LocalLoss; both are drawn from the same seed."""

    shape: MLPShape | DeepONetShape

    def build(self, data: Data, seed: int) -> LocalReadouts:
        """The network for `data`. Raises GraphError for data of another kind."""
        return LocalReadouts(self.shape.build(data, seed), seed=seed)


def _parts(shape: MLPShape | DeepONetShape, seed: int) -> dict[str, Any]:
    return {"readout": shape.readout, "surrogate": shape.surrogate, "seed": seed}


def _misfit(shape: str, data: Data, legal: str) -> GraphError:
    return GraphError(explain(f"{shape}: data", type(data).__name__, legal, "choose the network by the problem"))
