"""neurokit: from a spiking network in PyTorch to integers on Intel's Loihi 2, spike for spike.

Everything named here is imported when it is first used, so that `import neurokit` needs neither PyTorch nor Lava.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurokit.comparison import compare
    from neurokit.compilers.check import check
    from neurokit.compilers.fit_chip import check_fit
    from neurokit.compilers.partition import partition
    from neurokit.compilers.place import place
    from neurokit.compilers.quantization.grid import WeightGrid
    from neurokit.compilers.quantize import explain_quantization, quantize
    from neurokit.compilers.trace import trace
    from neurokit.estimation.activity import measure
    from neurokit.estimation.estimate import estimate
    from neurokit.exact.deploy import deploy
    from neurokit.exact.deploy_ladder import spike_time_ladder
    from neurokit.exact.estimator import SpikeTimeBackprop
    from neurokit.exact.eventprop import EventProp
    from neurokit.exact.events import Events
    from neurokit.exact.forward_propagation import ForwardPropagation
    from neurokit.exact.grid import GridEventProp
    from neurokit.exact.lif import CurrentLIF
    from neurokit.exact.losses import FirstSpikeCrossEntropy
    from neurokit.exact.network import Population, SpikeTimeNetwork
    from neurokit.exact.observed import ObservedLIF
    from neurokit.exact.theta import Theta
    from neurokit.exact.training import LabelledEvents, WeightBump, fit_events
    from neurokit.exact.yin_yang import YinYang
    from neurokit.exchange.netx_file import export_netx
    from neurokit.exchange.nir_export import to_nir
    from neurokit.exchange.nir_import import from_nir
    from neurokit.exchange.slayer import import_netx
    from neurokit.factored import Factored
    from neurokit.gradients.alternating import AlternatingReadout
    from neurokit.gradients.backprop import Backprop
    from neurokit.gradients.closed_form import ClosedFormReadout
    from neurokit.gradients.directions import Bernoulli, Hadamard, Normal, Orthonormal
    from neurokit.gradients.forward import ForwardGradient
    from neurokit.gradients.node_perturbation import NodePerturbation
    from neurokit.gradients.scopes import Global, Layerwise
    from neurokit.graph import Graph
    from neurokit.hw_configs import load_board, load_chip
    from neurokit.lava.forms import FusedForm, SoftIFForm, StockForm
    from neurokit.lava.hardware import hardware_status
    from neurokit.lava.live import LiveNetwork
    from neurokit.lava.loihi2 import Loihi2
    from neurokit.lava.target import LavaCPU
    from neurokit.metrics import relative_l2
    from neurokit.networks.deeponet import DeepONet
    from neurokit.networks.mlp import MLP
    from neurokit.networks.model_file import load_model, save_model
    from neurokit.networks.seponet import SepONet
    from neurokit.neurons import IF, LIF, CubaLIF, Subtract, ToZero
    from neurokit.parity import ladder
    from neurokit.placement import Placement
    from neurokit.problems.antiderivative import Antiderivative
    from neurokit.problems.burgers import Burgers
    from neurokit.problems.data import OperatorData, PointData, TripleData
    from neurokit.problems.data_files import DataFiles
    from neurokit.problems.heat import Heat
    from neurokit.problems.mexican_hat import MexicanHat
    from neurokit.problems.poisson import Poisson
    from neurokit.problems.reaction_diffusion import ReactionDiffusion
    from neurokit.problems.user_data import read_data, read_split, write_data
    from neurokit.program import Program
    from neurokit.qat import FineTuning, finetune
    from neurokit.readouts import MemMean, Rate
    from neurokit.recipes import OperatorRecipe
    from neurokit.result import RunResult
    from neurokit.support import require_support
    from neurokit.surrogates import ArcTan, FastSigmoid, Gaussian, StraightThrough, Triangle, WeakGaussian
    from neurokit.targets import Reference
    from neurokit.trainable import Trainable
    from neurokit.training import evaluate, fit
    from neurokit.twin import Twin

__version__ = "0.1.0"

#: Where each public name lives.
_HOMES = {
    "AlternatingReadout": "neurokit.gradients.alternating",
    "Antiderivative": "neurokit.problems.antiderivative",
    "ArcTan": "neurokit.surrogates",
    "Backprop": "neurokit.gradients.backprop",
    "Bernoulli": "neurokit.gradients.directions",
    "Burgers": "neurokit.problems.burgers",
    "ClosedFormReadout": "neurokit.gradients.closed_form",
    "CubaLIF": "neurokit.neurons",
    "CurrentLIF": "neurokit.exact.lif",
    "DataFiles": "neurokit.problems.data_files",
    "DeepONet": "neurokit.networks.deeponet",
    "EventProp": "neurokit.exact.eventprop",
    "Events": "neurokit.exact.events",
    "Factored": "neurokit.factored",
    "FastSigmoid": "neurokit.surrogates",
    "FineTuning": "neurokit.qat",
    "FirstSpikeCrossEntropy": "neurokit.exact.losses",
    "ForwardGradient": "neurokit.gradients.forward",
    "ForwardPropagation": "neurokit.exact.forward_propagation",
    "FusedForm": "neurokit.lava.forms",
    "Gaussian": "neurokit.surrogates",
    "Global": "neurokit.gradients.scopes",
    "Graph": "neurokit.graph",
    "GridEventProp": "neurokit.exact.grid",
    "Hadamard": "neurokit.gradients.directions",
    "Heat": "neurokit.problems.heat",
    "IF": "neurokit.neurons",
    "LIF": "neurokit.neurons",
    "LabelledEvents": "neurokit.exact.training",
    "LavaCPU": "neurokit.lava.target",
    "Layerwise": "neurokit.gradients.scopes",
    "LiveNetwork": "neurokit.lava.live",
    "Loihi2": "neurokit.lava.loihi2",
    "MLP": "neurokit.networks.mlp",
    "MemMean": "neurokit.readouts",
    "MexicanHat": "neurokit.problems.mexican_hat",
    "NodePerturbation": "neurokit.gradients.node_perturbation",
    "Normal": "neurokit.gradients.directions",
    "ObservedLIF": "neurokit.exact.observed",
    "OperatorData": "neurokit.problems.data",
    "OperatorRecipe": "neurokit.recipes",
    "Orthonormal": "neurokit.gradients.directions",
    "Placement": "neurokit.placement",
    "PointData": "neurokit.problems.data",
    "Poisson": "neurokit.problems.poisson",
    "Population": "neurokit.exact.network",
    "Program": "neurokit.program",
    "Rate": "neurokit.readouts",
    "ReactionDiffusion": "neurokit.problems.reaction_diffusion",
    "Reference": "neurokit.targets",
    "RunResult": "neurokit.result",
    "SepONet": "neurokit.networks.seponet",
    "SoftIFForm": "neurokit.lava.forms",
    "SpikeTimeBackprop": "neurokit.exact.estimator",
    "SpikeTimeNetwork": "neurokit.exact.network",
    "StockForm": "neurokit.lava.forms",
    "StraightThrough": "neurokit.surrogates",
    "Subtract": "neurokit.neurons",
    "Theta": "neurokit.exact.theta",
    "ToZero": "neurokit.neurons",
    "Trainable": "neurokit.trainable",
    "Triangle": "neurokit.surrogates",
    "TripleData": "neurokit.problems.data",
    "Twin": "neurokit.twin",
    "WeakGaussian": "neurokit.surrogates",
    "WeightBump": "neurokit.exact.training",
    "WeightGrid": "neurokit.compilers.quantization.grid",
    "YinYang": "neurokit.exact.yin_yang",
    "check": "neurokit.compilers.check",
    "check_fit": "neurokit.compilers.fit_chip",
    "compare": "neurokit.comparison",
    "deploy": "neurokit.exact.deploy",
    "estimate": "neurokit.estimation.estimate",
    "evaluate": "neurokit.training",
    "explain_quantization": "neurokit.compilers.quantize",
    "export_netx": "neurokit.exchange.netx_file",
    "finetune": "neurokit.qat",
    "fit": "neurokit.training",
    "fit_events": "neurokit.exact.training",
    "from_nir": "neurokit.exchange.nir_import",
    "hardware_status": "neurokit.lava.hardware",
    "import_netx": "neurokit.exchange.slayer",
    "ladder": "neurokit.parity",
    "load_board": "neurokit.hw_configs",
    "load_chip": "neurokit.hw_configs",
    "load_model": "neurokit.networks.model_file",
    "measure": "neurokit.estimation.activity",
    "partition": "neurokit.compilers.partition",
    "place": "neurokit.compilers.place",
    "quantize": "neurokit.compilers.quantize",
    "read_data": "neurokit.problems.user_data",
    "read_split": "neurokit.problems.user_data",
    "relative_l2": "neurokit.metrics",
    "require_support": "neurokit.support",
    "save_model": "neurokit.networks.model_file",
    "spike_time_ladder": "neurokit.exact.deploy_ladder",
    "to_nir": "neurokit.exchange.nir_export",
    "trace": "neurokit.compilers.trace",
    "write_data": "neurokit.problems.user_data",
}

__all__ = [
    "IF",
    "LIF",
    "MLP",
    "AlternatingReadout",
    "Antiderivative",
    "ArcTan",
    "Backprop",
    "Bernoulli",
    "Burgers",
    "ClosedFormReadout",
    "CubaLIF",
    "CurrentLIF",
    "DataFiles",
    "DeepONet",
    "EventProp",
    "Events",
    "Factored",
    "FastSigmoid",
    "FineTuning",
    "FirstSpikeCrossEntropy",
    "ForwardGradient",
    "ForwardPropagation",
    "FusedForm",
    "Gaussian",
    "Global",
    "Graph",
    "GridEventProp",
    "Hadamard",
    "Heat",
    "LabelledEvents",
    "LavaCPU",
    "Layerwise",
    "LiveNetwork",
    "Loihi2",
    "MemMean",
    "MexicanHat",
    "NodePerturbation",
    "Normal",
    "ObservedLIF",
    "OperatorData",
    "OperatorRecipe",
    "Orthonormal",
    "Placement",
    "PointData",
    "Poisson",
    "Population",
    "Program",
    "Rate",
    "ReactionDiffusion",
    "Reference",
    "RunResult",
    "SepONet",
    "SoftIFForm",
    "SpikeTimeBackprop",
    "SpikeTimeNetwork",
    "StockForm",
    "StraightThrough",
    "Subtract",
    "Theta",
    "ToZero",
    "Trainable",
    "Triangle",
    "TripleData",
    "Twin",
    "WeakGaussian",
    "WeightBump",
    "WeightGrid",
    "YinYang",
    "check",
    "check_fit",
    "compare",
    "deploy",
    "estimate",
    "evaluate",
    "explain_quantization",
    "export_netx",
    "finetune",
    "fit",
    "fit_events",
    "from_nir",
    "hardware_status",
    "import_netx",
    "ladder",
    "load_board",
    "load_chip",
    "load_model",
    "measure",
    "partition",
    "place",
    "quantize",
    "read_data",
    "read_split",
    "relative_l2",
    "require_support",
    "save_model",
    "spike_time_ladder",
    "to_nir",
    "trace",
    "write_data",
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
