"""Networks: spiking PyTorch modules with direct-coded inputs and a linear readout, and their files."""

from __future__ import annotations

from neurokit.networks.deeponet import DeepONet
from neurokit.networks.mlp import MLP
from neurokit.networks.model_file import TrainedModel, load_model, save_model
from neurokit.networks.seponet import SepONet

__all__ = ["MLP", "DeepONet", "SepONet", "TrainedModel", "load_model", "save_model"]
