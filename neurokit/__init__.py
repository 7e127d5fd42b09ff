"""neurokit: from a spiking network in PyTorch to integers on Intel's Loihi 2, spike for spike.

Everything named here is imported when it is first used, so that `import neurokit` needs neither PyTorch nor Lava.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from neurokit._version import __version__ as __version__
from neurokit.system.moved import lead_to_new_places

if TYPE_CHECKING:
    from neurokit.compilers.chip.check import check
    from neurokit.compilers.chip.estimation.activity import measure
    from neurokit.compilers.chip.estimation.estimate import estimate
    from neurokit.compilers.chip.fit_chip import check_fit
    from neurokit.compilers.chip.partition import partition
    from neurokit.compilers.chip.place import place
    from neurokit.compilers.chip.placement import Placement
    from neurokit.compilers.exchange.netx_file import export_netx
    from neurokit.compilers.exchange.nir_export import to_nir
    from neurokit.compilers.exchange.nir_import import from_nir
    from neurokit.compilers.exchange.slayer import import_netx
    from neurokit.compilers.frontend.spike_times import deploy
    from neurokit.compilers.frontend.trace import trace
    from neurokit.compilers.lava.forms import FusedForm, SoftIFForm, StockForm
    from neurokit.compilers.quantization.quantize import explain_quantization, quantize
    from neurokit.data.antiderivative import Antiderivative
    from neurokit.data.burgers import Burgers
    from neurokit.data.data import OperatorData, PointData, TripleData
    from neurokit.data.data_files import DataFiles
    from neurokit.data.heat import Heat
    from neurokit.data.metrics import relative_l2
    from neurokit.data.mexican_hat import MexicanHat
    from neurokit.data.poisson import Poisson
    from neurokit.data.reaction_diffusion import ReactionDiffusion
    from neurokit.data.user_data import read_data, read_split, write_data
    from neurokit.data.yin_yang import YinYang
    from neurokit.events.estimator import SpikeTimeBackprop
    from neurokit.events.eventprop import EventProp
    from neurokit.events.events import Events
    from neurokit.events.forward_propagation import ForwardPropagation
    from neurokit.events.grid import GridEventProp
    from neurokit.events.lif import CurrentLIF
    from neurokit.events.losses import FirstSpikeCrossEntropy
    from neurokit.events.network import Population, SpikeTimeNetwork
    from neurokit.events.observed import ObservedLIF
    from neurokit.events.theta import Theta
    from neurokit.events.training import LabelledEvents, WeightBump, fit_events
    from neurokit.gradients.alternating import AlternatingReadout
    from neurokit.gradients.backprop import Backprop
    from neurokit.gradients.closed_form import ClosedFormReadout
    from neurokit.gradients.directions import Bernoulli, Hadamard, Normal, Orthonormal
    from neurokit.gradients.forward import ForwardGradient
    from neurokit.gradients.node_perturbation import NodePerturbation
    from neurokit.gradients.scopes import Global, Layerwise
    from neurokit.hw_configs import load_board, load_chip
    from neurokit.ir.graph import Graph
    from neurokit.ir.program import Program
    from neurokit.ir.result import RunResult
    from neurokit.ir.target import Reference
    from neurokit.ir.weight_grid import WeightGrid
    from neurokit.networks.deeponet import DeepONet
    from neurokit.networks.mlp import MLP
    from neurokit.networks.model_file import load_model, save_model
    from neurokit.networks.seponet import SepONet
    from neurokit.neurons.models import ALIF, IF, LIF, CubaLIF, Subtract, ToZero
    from neurokit.neurons.parameters import Trainable
    from neurokit.neurons.readouts import MemMean, Rate
    from neurokit.neurons.surrogates import ArcTan, FastSigmoid, Gaussian, StraightThrough, Triangle, WeakGaussian
    from neurokit.simulator import Twin
    from neurokit.targets.factored import Factored
    from neurokit.targets.lava.live import LiveNetwork
    from neurokit.targets.lava.target import LavaCPU
    from neurokit.targets.loihi2.hardware import hardware_status
    from neurokit.targets.loihi2.loihi2 import Loihi2
    from neurokit.targets.support import require_support
    from neurokit.targets.verification.comparison import compare
    from neurokit.targets.verification.ladder import ladder
    from neurokit.targets.verification.spike_time_ladder import spike_time_ladder
    from neurokit.training.loop import evaluate, fit
    from neurokit.training.qat import FineTuning, finetune
    from neurokit.training.recipes import OperatorRecipe


lead_to_new_places()

#: Where each public name lives.
_HOMES = {
    "ALIF": "neurokit.neurons.models",
    "AlternatingReadout": "neurokit.gradients.alternating",
    "Antiderivative": "neurokit.data.antiderivative",
    "ArcTan": "neurokit.neurons.surrogates",
    "Backprop": "neurokit.gradients.backprop",
    "Bernoulli": "neurokit.gradients.directions",
    "Burgers": "neurokit.data.burgers",
    "ClosedFormReadout": "neurokit.gradients.closed_form",
    "CubaLIF": "neurokit.neurons.models",
    "CurrentLIF": "neurokit.events.lif",
    "DataFiles": "neurokit.data.data_files",
    "DeepONet": "neurokit.networks.deeponet",
    "EventProp": "neurokit.events.eventprop",
    "Events": "neurokit.events.events",
    "Factored": "neurokit.targets.factored",
    "FastSigmoid": "neurokit.neurons.surrogates",
    "FineTuning": "neurokit.training.qat",
    "FirstSpikeCrossEntropy": "neurokit.events.losses",
    "ForwardGradient": "neurokit.gradients.forward",
    "ForwardPropagation": "neurokit.events.forward_propagation",
    "FusedForm": "neurokit.compilers.lava.forms",
    "Gaussian": "neurokit.neurons.surrogates",
    "Global": "neurokit.gradients.scopes",
    "Graph": "neurokit.ir.graph",
    "GridEventProp": "neurokit.events.grid",
    "Hadamard": "neurokit.gradients.directions",
    "Heat": "neurokit.data.heat",
    "IF": "neurokit.neurons.models",
    "LIF": "neurokit.neurons.models",
    "LabelledEvents": "neurokit.events.training",
    "LavaCPU": "neurokit.targets.lava.target",
    "Layerwise": "neurokit.gradients.scopes",
    "LiveNetwork": "neurokit.targets.lava.live",
    "Loihi2": "neurokit.targets.loihi2.loihi2",
    "MLP": "neurokit.networks.mlp",
    "MemMean": "neurokit.neurons.readouts",
    "MexicanHat": "neurokit.data.mexican_hat",
    "NodePerturbation": "neurokit.gradients.node_perturbation",
    "Normal": "neurokit.gradients.directions",
    "ObservedLIF": "neurokit.events.observed",
    "OperatorData": "neurokit.data.data",
    "OperatorRecipe": "neurokit.training.recipes",
    "Orthonormal": "neurokit.gradients.directions",
    "Placement": "neurokit.compilers.chip.placement",
    "PointData": "neurokit.data.data",
    "Poisson": "neurokit.data.poisson",
    "Population": "neurokit.events.network",
    "Program": "neurokit.ir.program",
    "Rate": "neurokit.neurons.readouts",
    "ReactionDiffusion": "neurokit.data.reaction_diffusion",
    "Reference": "neurokit.ir.target",
    "RunResult": "neurokit.ir.result",
    "SepONet": "neurokit.networks.seponet",
    "SoftIFForm": "neurokit.compilers.lava.forms",
    "SpikeTimeBackprop": "neurokit.events.estimator",
    "SpikeTimeNetwork": "neurokit.events.network",
    "StockForm": "neurokit.compilers.lava.forms",
    "StraightThrough": "neurokit.neurons.surrogates",
    "Subtract": "neurokit.neurons.models",
    "Theta": "neurokit.events.theta",
    "ToZero": "neurokit.neurons.models",
    "Trainable": "neurokit.neurons.parameters",
    "Triangle": "neurokit.neurons.surrogates",
    "TripleData": "neurokit.data.data",
    "Twin": "neurokit.simulator",
    "WeakGaussian": "neurokit.neurons.surrogates",
    "WeightBump": "neurokit.events.training",
    "WeightGrid": "neurokit.ir.weight_grid",
    "YinYang": "neurokit.data.yin_yang",
    "check": "neurokit.compilers.chip.check",
    "check_fit": "neurokit.compilers.chip.fit_chip",
    "compare": "neurokit.targets.verification.comparison",
    "deploy": "neurokit.compilers.frontend.spike_times",
    "estimate": "neurokit.compilers.chip.estimation.estimate",
    "evaluate": "neurokit.training.loop",
    "explain_quantization": "neurokit.compilers.quantization.quantize",
    "export_netx": "neurokit.compilers.exchange.netx_file",
    "finetune": "neurokit.training.qat",
    "fit": "neurokit.training.loop",
    "fit_events": "neurokit.events.training",
    "from_nir": "neurokit.compilers.exchange.nir_import",
    "hardware_status": "neurokit.targets.loihi2.hardware",
    "import_netx": "neurokit.compilers.exchange.slayer",
    "ladder": "neurokit.targets.verification.ladder",
    "load_board": "neurokit.hw_configs",
    "load_chip": "neurokit.hw_configs",
    "load_model": "neurokit.networks.model_file",
    "measure": "neurokit.compilers.chip.estimation.activity",
    "partition": "neurokit.compilers.chip.partition",
    "place": "neurokit.compilers.chip.place",
    "quantize": "neurokit.compilers.quantization.quantize",
    "read_data": "neurokit.data.user_data",
    "read_split": "neurokit.data.user_data",
    "relative_l2": "neurokit.data.metrics",
    "require_support": "neurokit.targets.support",
    "save_model": "neurokit.networks.model_file",
    "spike_time_ladder": "neurokit.targets.verification.spike_time_ladder",
    "to_nir": "neurokit.compilers.exchange.nir_export",
    "trace": "neurokit.compilers.frontend.trace",
    "write_data": "neurokit.data.user_data",
}

__all__ = [
    "ALIF",
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
