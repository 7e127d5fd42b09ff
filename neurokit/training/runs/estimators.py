"""What `[estimator]` and `[readout]` can say, and the gradient estimators that they build together."""

from __future__ import annotations

from dataclasses import dataclass, field

from neurokit.gradients.alternating import AlternatingReadout
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.closed_form import ClosedFormReadout
from neurokit.gradients.directions import Bernoulli, Distribution
from neurokit.gradients.estimator import Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.node_perturbation import NodePerturbation
from neurokit.gradients.scopes import Global, Layerwise
from neurokit.neurons.readouts import MemMean, ReadoutRule
from neurokit.training import words
from neurokit.training.recipes import OperatorRecipe
from neurokit.training.runs.tables import Vocabulary

_RECIPE = OperatorRecipe().estimator
assert isinstance(_RECIPE, ClosedFormReadout)
_FORWARD = _RECIPE.estimator
assert isinstance(_FORWARD, ForwardGradient)
_DIRECTIONS, _RIDGE = _FORWARD.directions, _RECIPE.ridge


@dataclass(frozen=True)
class _Method:
    """A way to get a gradient.

    local     whether every hidden layer learns from a loss of its own, instead of all from that of the answers
    compiled  whether numba's kernels may be used where there are some; the numbers are the same to rounding
    """

    local: bool = False
    compiled: bool = True

    def __post_init__(self) -> None:
        self.build()

    def build(self) -> Estimator:
        """The estimator of one loss; raises OutOfRange for what is none."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Directions(_Method):
    """Gradients from slopes along random directions, without a backward pass.

    directions    how many, K
    distribution  what they are drawn from
    """

    directions: int = _DIRECTIONS
    distribution: Distribution = field(default_factory=Bernoulli)


@dataclass(frozen=True)
class LayerwiseForward(_Directions):
    """Randomised forward gradient with directions of its own for every layer."""

    def build(self) -> Estimator:
        return ForwardGradient(Layerwise(), self.directions, self.distribution, self.compiled)


@dataclass(frozen=True)
class GlobalForward(_Directions):
    """Randomised forward gradient with directions through all layers at once."""

    def build(self) -> Estimator:
        return ForwardGradient(Global(), self.directions, self.distribution, self.compiled)


@dataclass(frozen=True)
class Nodes(_Directions):
    """Node perturbation: directions of the neurons' currents, and the delta rule."""

    def build(self) -> Estimator:
        return NodePerturbation(self.directions, self.distribution, self.compiled)


@dataclass(frozen=True)
class ThroughTime(_Method):
    """Surrogate gradients by backpropagation through time."""

    def build(self) -> Estimator:
        return Backprop(self.compiled)


@dataclass(frozen=True)
class TrainedReadout:
    """The readouts are trained by the estimator, as all other layers are.

    rule  how a readout weights the time steps of the window
    """

    rule: ReadoutRule = MemMean()  # noqa: RUF009 (frozen)

    def around(self, estimator: Estimator) -> Estimator:
        """The estimator of all layers."""
        return estimator


@dataclass(frozen=True)
class SolvedReadout(TrainedReadout):
    """Readouts of a DeepONet solved for in every step (variable projection); beside the keys of `gradient`:

    ridge  penalty of large weights
    """

    ridge: float = _RIDGE

    def __post_init__(self) -> None:
        self.around(Backprop())

    def around(self, estimator: Estimator) -> Estimator:
        return ClosedFormReadout(estimator, self.ridge)


@dataclass(frozen=True)
class SweptReadout(TrainedReadout):
    """Readouts solved for in turn in every step (alternating least squares); beside the keys of `gradient`:

    ridge         penalty of large weights
    final_sweeps  times around all readouts on all training data at the end
    """

    ridge: float = AlternatingReadout.ridge
    final_sweeps: int = AlternatingReadout.final_sweeps

    def __post_init__(self) -> None:
        self.around(Backprop())

    def around(self, estimator: Estimator) -> Estimator:
        return AlternatingReadout(estimator, self.ridge, self.final_sweeps)


Method = LayerwiseForward | GlobalForward | Nodes | ThroughTime
METHODS = Vocabulary("method", words.METHODS)
ReadoutBy = SolvedReadout | SweptReadout | TrainedReadout
READOUTS = Vocabulary("by", {"gradient": TrainedReadout, "closed-form": SolvedReadout, "alternating": SweptReadout})

VOCABULARIES = {
    Method: METHODS,
    ReadoutBy: READOUTS,
    ReadoutRule: Vocabulary("name", words.READOUT_RULES),
    Distribution: Vocabulary("name", words.DISTRIBUTIONS),
}
