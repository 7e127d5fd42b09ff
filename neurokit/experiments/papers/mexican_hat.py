"""Rows of the Mexican hat: regression of a function of two variables by an MLP with two hidden layers of 16 neurons.

What every row shares: 32 time steps, IF neurons, Gaussian surrogate of width 0.3, 10,000 training points drawn
uniformly, the error that of the 100 x 100 grid. Settings were chosen on 1,000 training points held out (`tune`).
"""

from __future__ import annotations

from neurokit.data.mexican_hat import MexicanHat
from neurokit.experiments.papers.networks import MLPShape
from neurokit.experiments.papers.row import AtMost, Row
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.node_perturbation import NodePerturbation
from neurokit.gradients.scopes import Global, Layerwise
from neurokit.neurons.surrogates import Gaussian
from neurokit.training.loop import Settings

_POINTS, _NETWORK, _HELD_OUT = MexicanHat(), MLPShape(hidden=(16, 16), surrogate=Gaussian(0.3)), 1000
_READOUT = "readout weighted in time (memmean) instead of the mean rate"

ROWS = (
    Row(
        "mexican-hat/bp",
        _POINTS,
        _NETWORK,
        Backprop(),
        Settings(8000, 250, 1e-2),
        paper=0.0298,
        bar=AtMost(0.018),
        differs=_READOUT,
        grid={"learning_rate": (5e-3, 1e-2)},
        held_out=_HELD_OUT,
    ),
    Row(
        "mexican-hat/rfg-g",
        _POINTS,
        _NETWORK,
        ForwardGradient(Global()),
        Settings(60_000, 50, 1e-3),
        paper=0.0426,
        bar=AtMost(0.036),
        differs=_READOUT,
        grid={"learning_rate": (1e-3, 2e-3)},
        held_out=_HELD_OUT,
    ),
    Row(
        "mexican-hat/rfg-l",
        _POINTS,
        _NETWORK,
        ForwardGradient(Layerwise()),
        Settings(60_000, 50, 1e-3),
        paper=0.0342,
        bar=AtMost(0.031),
        differs=_READOUT,
        grid={"learning_rate": (1e-3, 2e-3)},
        held_out=_HELD_OUT,
    ),
    Row(
        "mexican-hat/rfg-l-k16",
        _POINTS,
        _NETWORK,
        ForwardGradient(Layerwise(), 16),
        Settings(20_000, 100, 3e-3),
        bar=AtMost(0.023),
        differs=f"{_READOUT}; 16 directions",
        grid={"learning_rate": (3e-3, 6e-3)},
        held_out=_HELD_OUT,
    ),
    Row(
        "mexican-hat/node-k4",
        _POINTS,
        _NETWORK,
        NodePerturbation(4),
        Settings(12_000, 100, 1e-2),
        bar=AtMost(0.023),
        differs=f"{_READOUT}; currents are perturbed, not weights",
        grid={"learning_rate": (5e-3, 1e-2)},
        held_out=_HELD_OUT,
    ),
)
