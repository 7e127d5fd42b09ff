"""Rows of the 1D Poisson problem: DeepONet by every gradient estimator of the publication."""

from __future__ import annotations

from neurokit.gradients.backprop import Backprop
from neurokit.gradients.closed_form import ClosedFormReadout
from neurokit.gradients.directions import Hadamard
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.scopes import Global, Layerwise
from neurokit.problems.poisson import Poisson
from neurokit.reproduce.networks import DeepONetShape
from neurokit.reproduce.row import AtMost, Row
from neurokit.surrogates import Gaussian, WeakGaussian
from neurokit.training import Settings

_FUNCTIONS = Poisson()
_SG = DeepONetShape(surrogate=Gaussian(0.3))
_WSG = DeepONetShape(surrogate=WeakGaussian(0.3, samples=10))

ROWS = (
    Row("poisson/sg-bp", _FUNCTIONS, _SG, Backprop(), Settings(10_000, 100, 1e-2), paper=0.0246, bar=AtMost(0.020)),
    Row("poisson/wsg-bp", _FUNCTIONS, _WSG, Backprop(), Settings(5000, 50, 1e-2), paper=0.0241, bar=AtMost(0.021)),
    Row(
        "poisson/sg-rfg-l-closed-form", _FUNCTIONS, _SG, ClosedFormReadout(ForwardGradient(Layerwise())),
        Settings(8000, 200, 5e-4), bar=AtMost(0.030),
    ),
    Row(
        "poisson/sg-rfg-l", _FUNCTIONS, _SG, ForwardGradient(Layerwise(), 64, Hadamard()),
        Settings(10_000, 50, 1e-3), paper=0.0347, bar=AtMost(0.0347),
    ),
    Row(
        "poisson/sg-rfg-g", _FUNCTIONS, _SG, ForwardGradient(Global(), 64, Hadamard()),
        Settings(10_000, 50, 1e-3), paper=0.0422, bar=AtMost(0.0422),
    ),
)  # fmt: skip
