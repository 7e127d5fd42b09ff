"""neurokit: from a spiking network in PyTorch to integers on Intel's Loihi 2, spike for spike.

Everything named here is imported when it is first used, so that `import neurokit` needs neither PyTorch nor Lava.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurokit.comparison import compare
    from neurokit.compilers.fit_chip import check_fit
    from neurokit.compilers.quantize import quantize
    from neurokit.compilers.trace import trace
    from neurokit.gradients.backprop import Backprop
    from neurokit.gradients.closed_form import ClosedFormReadout
    from neurokit.gradients.forward import ForwardGradient
    from neurokit.gradients.scopes import Global, Layerwise
    from neurokit.graph import Graph
    from neurokit.hw_configs import load_chip
    from neurokit.lava.forms import SoftIFForm, StockForm
    from neurokit.lava.target import LavaCPU
    from neurokit.metrics import relative_l2
    from neurokit.networks.deeponet import DeepONet
    from neurokit.networks.mlp import MLP
    from neurokit.networks.model_file import load_model, save_model
    from neurokit.neurons import IF, Subtract, ToZero
    from neurokit.problems.data import OperatorData, PointData
    from neurokit.problems.poisson import Poisson
    from neurokit.program import Program
    from neurokit.readouts import MemMean, Rate
    from neurokit.recipes import OperatorRecipe
    from neurokit.result import RunResult
    from neurokit.targets import Reference
    from neurokit.training import evaluate, fit
    from neurokit.twin import Twin

__version__ = "0.1.0"

#: Where each public name lives.
_HOMES = {
    "Backprop": "neurokit.gradients.backprop",
    "ClosedFormReadout": "neurokit.gradients.closed_form",
    "DeepONet": "neurokit.networks.deeponet",
    "ForwardGradient": "neurokit.gradients.forward",
    "Global": "neurokit.gradients.scopes",
    "Graph": "neurokit.graph",
    "IF": "neurokit.neurons",
    "LavaCPU": "neurokit.lava.target",
    "Layerwise": "neurokit.gradients.scopes",
    "MLP": "neurokit.networks.mlp",
    "MemMean": "neurokit.readouts",
    "OperatorData": "neurokit.problems.data",
    "OperatorRecipe": "neurokit.recipes",
    "PointData": "neurokit.problems.data",
    "Poisson": "neurokit.problems.poisson",
    "Program": "neurokit.program",
    "Rate": "neurokit.readouts",
    "Reference": "neurokit.targets",
    "RunResult": "neurokit.result",
    "SoftIFForm": "neurokit.lava.forms",
    "StockForm": "neurokit.lava.forms",
    "Subtract": "neurokit.neurons",
    "ToZero": "neurokit.neurons",
    "Twin": "neurokit.twin",
    "check_fit": "neurokit.compilers.fit_chip",
    "compare": "neurokit.comparison",
    "evaluate": "neurokit.training",
    "fit": "neurokit.training",
    "load_chip": "neurokit.hw_configs",
    "load_model": "neurokit.networks.model_file",
    "quantize": "neurokit.compilers.quantize",
    "relative_l2": "neurokit.metrics",
    "save_model": "neurokit.networks.model_file",
    "trace": "neurokit.compilers.trace",
}

__all__ = [
    "IF",
    "MLP",
    "Backprop",
    "ClosedFormReadout",
    "DeepONet",
    "ForwardGradient",
    "Global",
    "Graph",
    "LavaCPU",
    "Layerwise",
    "MemMean",
    "OperatorData",
    "OperatorRecipe",
    "PointData",
    "Poisson",
    "Program",
    "Rate",
    "Reference",
    "RunResult",
    "SoftIFForm",
    "StockForm",
    "Subtract",
    "ToZero",
    "Twin",
    "check_fit",
    "compare",
    "evaluate",
    "fit",
    "load_chip",
    "load_model",
    "quantize",
    "relative_l2",
    "save_model",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'neurokit' has no attribute {name!r}; it has {', '.join(__all__)}")
    try:
        home = importlib.import_module(_HOMES[name])
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError(
            f"neurokit.{name} needs PyTorch: pip install 'neurokit-loihi[train]'.", name="torch"
        ) from None
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
