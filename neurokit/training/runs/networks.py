"""What `[network]`, `[neuron]` and `[surrogate]` can say, and the networks that they build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from neurokit.data.data import Data, PointData
from neurokit.errors import OutOfRange, explain
from neurokit.networks.currents import CurrentSpread, spread_parts
from neurokit.networks.deeponet import DeepONet
from neurokit.networks.mlp import MLP, require_positive
from neurokit.networks.model_file import Model
from neurokit.networks.seponet import SepONet
from neurokit.networks.units import choose, give
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero, decay
from neurokit.neurons.parameters import Trainable
from neurokit.neurons.surrogates import (
    ArcTan,
    FastSigmoid,
    Gaussian,
    StraightThrough,
    Surrogate,
    Triangle,
    WeakGaussian,
)
from neurokit.training.recipes import OperatorRecipe
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


@dataclass(frozen=True)
class IFTable:
    """Integrate-and-fire neurons without leak.

    threshold    at which the membrane fires
    reset        what a spike takes from the membrane: subtract (the threshold) or zero (all of it)
    attached     whether gradients go through the reset
    strict       whether a membrane at the threshold does not fire yet
    trainable    names of the values that are trained, one a layer, from what they are here
    """

    threshold: float = 1.0
    reset: Literal["subtract", "zero"] = "subtract"
    attached: bool = True
    strict: bool = False
    trainable: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.build()

    def build(self) -> Neuron:
        return IF(**self._shared(threshold=self.threshold))

    def _shared(self, **values: float) -> dict[str, Any]:
        """Arguments that all neurons take, and `values` as they are or to be trained."""
        unknown = set(self.trainable) - set(values)
        if unknown:
            raise OutOfRange(
                explain("trainable", sorted(unknown), f"some of {', '.join(values)}", "name values of this neuron")
            )
        reset = (Subtract if self.reset == "subtract" else ToZero)(self.attached)
        made = {name: Trainable(value) if name in self.trainable else value for name, value in values.items()}
        return {"reset": reset, "strict": self.strict, **made}


@dataclass(frozen=True)
class LIFTable(IFTable):
    """Leaky integrate-and-fire neurons; beside the keys of `if`:

    beta         share of the membrane that is left after a step; 0.9 unless it or tau_mem is given
    tau_mem      time constant of the membrane, in its place: beta = exp(-dt / tau_mem)
    dt           length of a step in the unit of the time constants
    """

    beta: float | None = None
    tau_mem: float | None = None
    dt: float | None = None

    def build(self) -> Neuron:
        return LIF(**self._shared(threshold=self.threshold, beta=self._left("beta", "tau_mem", LIF.beta)))

    def _left(self, share: str, constant: str, default: float) -> float:
        """What is left after a step, said as a share or by a time constant."""
        given, tau = getattr(self, share), getattr(self, constant)
        if given is not None and tau is not None:
            raise OutOfRange(explain(f"({share}, {constant})", (given, tau), "one of the two", "take one out"))
        if tau is None:
            return default if given is None else float(given)
        if self.dt is None:
            raise OutOfRange(explain("dt", None, f"the length of a step beside {constant}", "say dt in its unit"))
        return decay(float(tau), self.dt)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dt is not None and not any(getattr(self, name, None) for name in ("tau_mem", "tau_syn")):
            raise OutOfRange(
                explain("dt", self.dt, "nothing without a time constant", "say tau_mem too, or take it out")
            )


@dataclass(frozen=True)
class CubaLIFTable(LIFTable):
    """Current-based leaky integrate-and-fire neurons; beside the keys of `lif`:

    alpha        share of the synaptic current that is left after a step; 0.5 unless it or tau_syn is given
    tau_syn      time constant of the synaptic current, in its place: alpha = exp(-dt / tau_syn)
    """

    alpha: float | None = None
    tau_syn: float | None = None

    def build(self) -> Neuron:
        alpha = self._left("alpha", "tau_syn", CubaLIF.alpha)
        beta = self._left("beta", "tau_mem", CubaLIF.beta)
        return CubaLIF(**self._shared(threshold=self.threshold, alpha=alpha, beta=beta))


Network = DeepONetLayers | SepONetLayers | MLPLayers
NETWORKS = Vocabulary("kind", {"deeponet": DeepONetLayers, "seponet": SepONetLayers, "mlp": MLPLayers})
NeuronKind = IFTable | LIFTable | CubaLIFTable
AnySurrogate = Surrogate | WeakGaussian

VOCABULARIES = {
    Network: NETWORKS,
    NeuronKind: Vocabulary("kind", {"if": IFTable, "lif": LIFTable, "cuba-lif": CubaLIFTable}),
    AnySurrogate: Vocabulary(
        "kind",
        {
            "gaussian": Gaussian,
            "weak-gaussian": WeakGaussian,
            "fast-sigmoid": FastSigmoid,
            "arctan": ArcTan,
            "straight-through": StraightThrough,
            "triangle": Triangle,
        },
    ),
}
