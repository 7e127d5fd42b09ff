"""Rows of the Mexican hat: regression of a function of two variables by an MLP 2-16-16-1."""

from __future__ import annotations

from neurokit.gradients.backprop import Backprop
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.node_perturbation import NodePerturbation
from neurokit.gradients.scopes import Global, Layerwise
from neurokit.problems.mexican_hat import MexicanHat
from neurokit.reproduce.networks import MLPShape
from neurokit.reproduce.row import AtMost, Row
from neurokit.surrogates import Gaussian
from neurokit.training import Settings

_NETWORK = MLPShape(hidden=(16, 16), surrogate=Gaussian(0.5))
_POINTS = MexicanHat()

ROWS = (
    Row(
        "mexican-hat/bp", _POINTS, _NETWORK, Backprop(), Settings(3000, 250, 1e-2),
        paper=0.0298, bar=AtMost(0.018), held_out=1000,
    ),
    Row(
        "mexican-hat/rfg-g", _POINTS, _NETWORK, ForwardGradient(Global()), Settings(60_000, 50, 1e-3),
        paper=0.0426, bar=AtMost(0.036), held_out=1000,
    ),
    Row(
        "mexican-hat/rfg-l", _POINTS, _NETWORK, ForwardGradient(Layerwise()), Settings(40_000, 50, 1e-3),
        paper=0.0342, bar=AtMost(0.031), held_out=1000,
    ),
    Row(
        "mexican-hat/rfg-l-16", _POINTS, _NETWORK, ForwardGradient(Layerwise(), 16), Settings(20_000, 100, 3e-3),
        bar=AtMost(0.023), held_out=1000,
    ),
    Row(
        "mexican-hat/node", _POINTS, _NETWORK, NodePerturbation(1), Settings(10_000, 100, 1e-2),
        bar=AtMost(0.023), held_out=1000,
    ),
)  # fmt: skip
