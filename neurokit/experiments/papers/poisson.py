"""Rows of the 1D Poisson problem: an operator network by every gradient estimator of the publication.

What every row shares: DeepONet with 51 sensors, 32 neurons and 32 features a side, 32 time steps, IF neurons, surrogate
of width 0.3 (SG its Gaussian, WSG its weak form), a Gaussian random field of length scale 1, 800 training and 800 test
functions. In rows of forward gradients currents start in the window of the neurons: those of the branch so that it is
nearly linear, as the operator is, those of the trunk as a basis of piecewise linear functions. Settings were chosen on
160 training functions held out (`tune`). Rows with local losses (LL) have two hidden layers a side: with one, the local
loss is the loss.
"""

from __future__ import annotations

from dataclasses import replace

from neurokit.data.poisson import Poisson
from neurokit.experiments.papers.networks import DeepONetShape, LocallyRead
from neurokit.experiments.papers.row import AtMost, Row
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.closed_form import ClosedFormReadout
from neurokit.gradients.directions import Hadamard
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.local_loss import LocalLoss
from neurokit.gradients.no_training import NoTraining
from neurokit.gradients.scopes import Global, Layerwise
from neurokit.networks.currents import CurrentSpread
from neurokit.neurons.surrogates import Gaussian, WeakGaussian
from neurokit.training.loop import Settings

_FUNCTIONS = Poisson()
_GAUSSIAN, _WEAK = Gaussian(0.3), WeakGaussian(0.3, samples=5)
_SG, _WSG = DeepONetShape(surrogate=_GAUSSIAN), DeepONetShape(surrogate=_WEAK)
_SG_SPREAD, _WSG_SPREAD = (
    replace(shape, branch=CurrentSpread(0.15, 0.15), trunk=CurrentSpread(0.3, 1.2, scatter=1)) for shape in (_SG, _WSG)
)
_LL_SG, _LL_WSG, _LL_SG_SPREAD, _LL_WSG_SPREAD = (
    LocallyRead(replace(shape, hidden=(32, 32))) for shape in (_SG, _WSG, _SG_SPREAD, _WSG_SPREAD)
)
_GLOBAL = ForwardGradient(Global(), 1024, Hadamard())
_LAYERWISE_128, _LAYERWISE_256 = (ForwardGradient(Layerwise(), count, Hadamard()) for count in (128, 256))
_READOUT = "readout weighted in time (memmean) instead of the mean rate"
_SPREAD = f"{_READOUT}; currents start in the neurons' window"
_MANY = f"{_SPREAD}; 1,024 directions, no weight decay"
_LL = "trained linear readouts behind each hidden layer, our reading of LL"
_LOCAL, _LOCAL_SPREAD = f"{_READOUT}; {_LL}", f"{_SPREAD}; {_LL}"
_RATES = {"learning_rate": (7e-4, 1.5e-3, 3e-3)}

ROWS = (
    Row(
        "poisson/sg-bp",
        _FUNCTIONS,
        _SG,
        Backprop(),
        Settings(10_000, 100, 3e-3),
        paper=0.0246,
        bar=AtMost(0.020),
        differs=_READOUT,
        grid={"learning_rate": (3e-3, 1e-2)},
    ),
    Row(
        "poisson/wsg-bp",
        _FUNCTIONS,
        _WSG,
        Backprop(),
        Settings(10_000, 100, 3e-3),
        paper=0.0241,
        bar=AtMost(0.021),
        differs=_READOUT,
        grid={"learning_rate": (3e-3, 1e-2)},
    ),
    Row(
        "poisson/sg-rfg-l",
        _FUNCTIONS,
        _SG_SPREAD,
        _LAYERWISE_256,
        Settings(20_000, 50, 3e-3, 0.1),
        paper=0.0347,
        bar=AtMost(0.0347),
        differs=f"{_SPREAD}; 256 directions",
        grid=_RATES,
    ),
    Row(
        "poisson/wsg-rfg-l",
        _FUNCTIONS,
        _WSG_SPREAD,
        _LAYERWISE_256,
        Settings(20_000, 50, 3e-3, 0.1),
        paper=0.0359,
        bar=AtMost(0.0359),
        differs=f"{_SPREAD}; 256 directions",
        grid=_RATES,
    ),
    Row(
        "poisson/sg-rfg-g",
        _FUNCTIONS,
        _SG_SPREAD,
        _GLOBAL,
        Settings(12_000, 50, 1.5e-3),
        paper=0.0422,
        bar=AtMost(0.0422),
        differs=_MANY,
        grid=_RATES,
    ),
    Row(
        "poisson/wsg-rfg-g",
        _FUNCTIONS,
        _WSG_SPREAD,
        _GLOBAL,
        Settings(12_000, 50, 1.5e-3),
        paper=0.0412,
        bar=AtMost(0.0412),
        differs=_MANY,
        grid=_RATES,
    ),
    Row(
        "poisson/sg-rfg-l-k1",
        _FUNCTIONS,
        _SG_SPREAD,
        ForwardGradient(Layerwise()),
        Settings(20_000, 50, 1e-3, 0.1),
        paper=0.0347,
        differs=f"{_SPREAD}; one direction, for the curve of what plain RFG does in that time",
        grid={"learning_rate": (2e-4, 5e-4, 1e-3)},
    ),
    Row(
        "poisson/sg-rfg-l-closed-form",
        _FUNCTIONS,
        _SG_SPREAD,
        ClosedFormReadout(ForwardGradient(Layerwise())),
        Settings(4000, 100, 1e-3, 0.3),
        bar=AtMost(0.030),
        differs="another algorithm: readouts solved for in every step, one direction for the hidden layers",
        grid={"learning_rate": (5e-4, 1e-3)},
    ),
    Row(
        "poisson/sg-rfg-g-closed-form",
        _FUNCTIONS,
        _SG_SPREAD,
        ClosedFormReadout(ForwardGradient(Global())),
        Settings(4000, 100, 1e-3, 0.3),
        bar=AtMost(0.030),
        differs="another algorithm: readouts solved for in every step, one direction for the hidden layers",
        grid={"learning_rate": (5e-4, 1e-3)},
    ),
    Row(
        "poisson/closed-form-alone",
        _FUNCTIONS,
        _SG_SPREAD,
        ClosedFormReadout(NoTraining()),
        Settings(1, 100, 1e-3),
        differs="a control: hidden layers stay as they start",
    ),
    Row(
        "poisson/ll-sg-bp",
        _FUNCTIONS,
        _LL_SG,
        LocalLoss(Backprop()),
        Settings(8000, 50, 3e-3),
        paper=0.0264,
        bar=AtMost(0.0264),
        differs=_LOCAL,
        grid={"learning_rate": (2e-3, 3e-3, 5e-3)},
    ),
    Row(
        "poisson/ll-wsg-bp",
        _FUNCTIONS,
        _LL_WSG,
        LocalLoss(Backprop()),
        Settings(8000, 50, 3e-3),
        paper=0.0244,
        bar=AtMost(0.0244),
        differs=_LOCAL,
        grid={"learning_rate": (2e-3, 3e-3, 5e-3)},
    ),
    Row(
        "poisson/ll-sg-rfg",
        _FUNCTIONS,
        _LL_SG_SPREAD,
        LocalLoss(_LAYERWISE_128),
        Settings(24_000, 50, 2e-3, 0.1),
        paper=0.0431,
        bar=AtMost(0.0431),
        differs=f"{_LOCAL_SPREAD}; layer-wise, 128 directions",
        grid={"learning_rate": (1e-3, 2e-3, 4e-3)},
    ),
    Row(
        "poisson/ll-wsg-rfg",
        _FUNCTIONS,
        _LL_WSG_SPREAD,
        LocalLoss(_LAYERWISE_128),
        Settings(24_000, 50, 2e-3, 0.1),
        paper=0.0446,
        bar=AtMost(0.0446),
        differs=f"{_LOCAL_SPREAD}; layer-wise, 128 directions",
        grid={"learning_rate": (1e-3, 2e-3, 4e-3)},
    ),
)
