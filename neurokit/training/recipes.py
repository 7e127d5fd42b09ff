"""Recipes: a network, an estimator and its settings that were found to work together, under one name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from neurokit.data.data import OperatorData
from neurokit.gradients.alternating import AlternatingReadout
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.closed_form import ClosedFormReadout
from neurokit.gradients.estimator import Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.local_loss import LocalLoss
from neurokit.gradients.no_training import NoTraining
from neurokit.gradients.node_perturbation import NodePerturbation
from neurokit.gradients.scopes import Layerwise
from neurokit.networks.deeponet import DeepONet
from neurokit.neurons.surrogates import Gaussian
from neurokit.training.loop import History, Tell, fit


@dataclass(frozen=True)
class OperatorRecipe:
    """A small spiking DeepONet whose hidden layers are trained by layer-wise randomised forward gradient.

    The readouts are solved for in closed form in every step (variable projection), so nothing is ever propagated
    backwards: not through time, not through layers. The settings were chosen on 160 functions held out from the 800
    training functions of the Poisson problem, never on its test set.
    """

    hidden: tuple[int, ...] = (32,)
    features: int = 32
    steps: int = 32
    sigma: float = 0.3
    estimator: Estimator = field(
        default_factory=lambda: ClosedFormReadout(ForwardGradient(Layerwise(), directions=16), ridge=3e-6)
    )
    iterations: int = 4000
    batch_size: int = 100
    learning_rate: float = 3e-3
    weight_decay: float = 0.3

    @property
    def algorithm(self) -> str:
        """What it is, in words, for reports."""
        return describe(self.estimator)

    def train(
        self, data: OperatorData, *, seed: int = 0, progress: Callable[[int, float], None] | None = None
    ) -> tuple[DeepONet, History]:
        """A trained network for `data`, and its loss curve. Raises what `fit` raises."""
        model = DeepONet(
            sensors=data.branch.shape[1],
            coordinates=data.locations.shape[1],
            hidden=self.hidden,
            features=self.features,
            steps=self.steps,
            surrogate=Gaussian(self.sigma),
            seed=seed,
        )
        history = fit(
            model,
            data,
            self.estimator,
            iterations=self.iterations,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            seed=seed,
            observers=() if progress is None else (Tell(progress),),
        )
        return model, history


def describe(estimator: Estimator) -> str:
    """An estimator in words: what differs in the algorithm differs in the name."""
    if isinstance(estimator, ClosedFormReadout):
        return f"closed-form readout (variable projection), hidden layers by {describe(estimator.estimator)}"
    if isinstance(estimator, AlternatingReadout):
        return f"readouts by alternating least squares, hidden layers by {describe(estimator.estimator)}"
    if isinstance(estimator, LocalLoss):
        return f"layer-wise local losses, each by {describe(estimator.estimator)}"
    if isinstance(estimator, NoTraining):
        return "no training"
    if isinstance(estimator, Backprop):
        return "surrogate gradients by backpropagation through time"
    if isinstance(estimator, ForwardGradient):
        scope = "layer-wise" if isinstance(estimator.scope, Layerwise) else "global"
        return f"{scope} randomised forward gradient ({_directions(estimator)}) without backpropagation"
    if isinstance(estimator, NodePerturbation):
        return f"node perturbation ({_directions(estimator)}) without backpropagation"
    return type(estimator).__name__


def _directions(estimator: ForwardGradient | NodePerturbation) -> str:
    kind = type(estimator.distribution).__name__
    return f"{estimator.directions} {kind} direction{'s' if estimator.directions > 1 else ''}"
