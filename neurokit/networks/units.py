"""Units: those of a network's inputs and those of its answers, chosen by the data that it is first trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from neurokit.data.data import Data
from neurokit.networks.answer_units import AnswerUnits, answering, choose_units, normalizes, set_units
from neurokit.networks.input_units import Affine, InputUnits, ReadsUnits
from neurokit.networks.mlp import MLP
from neurokit.networks.operator_network import OperatorNetwork
from neurokit.networks.stack import Stack


class Units(NamedTuple):
    """Of answers and of inputs; by default both are what the layers compute and read."""

    answers: AnswerUnits = AnswerUnits()
    inputs: InputUnits = InputUnits()


class _Reader(NamedTuple):
    """A stack, and which columns of an input it reads."""

    stack: ReadsUnits
    columns: slice


def choose(model: nn.Module, data: Data, normalize: bool | None) -> Units:
    """The units that `model` is to be trained in: those that it has, else by `normalize` as in
    `neurokit.training.loop.fit`.

    Raises UnsupportedNode where units are to be chosen for a network that cannot keep them.
    """
    answers, network = choose_units(model, data, normalize), answering(model)
    if network is None:
        return Units(answers)
    fresh = network.units is None and normalizes(data, normalize)
    found = InputUnits.of(data).inputs if fresh else {}
    inputs = {}
    widths = widths_of_inputs(network)
    for name, readers in _readers(network).items():
        whole = found.get(name) or Affine.one(widths[name])
        if whole.scale.size != widths[name]:
            continue  # samples of another width, which the layers refuse
        scale, offset = np.array(whole.scale), np.array(whole.offset)
        for stack, part in readers:
            if stack.input_units is not None:
                scale[part], offset[part] = stack.input_units.scale, stack.input_units.offset
        made = Affine(scale, offset)
        if not made.is_one:
            inputs[name] = made
    return Units(answers, InputUnits(inputs))


def give(model: nn.Module, units: Units | None) -> None:
    """Let `model` read and answer in `units`; with None, what its layers read and compute.

    So do all networks that share its layers. A network that cannot keep units is left alone.
    """
    set_units(model, None if units is None else units.answers)
    for part in model.modules():
        if isinstance(part, ReadsUnits):
            part.input_units = None
    network = answering(model)
    if network is None or units is None:
        return
    for name, readers in _readers(network).items():
        whole = units.inputs.inputs.get(name)
        for stack, columns in readers:
            stack.input_units = Affine.one(_columns(stack)) if whole is None else whole.columns(columns)


def of_inputs(model: nn.Module) -> InputUnits:
    """The units that the inputs of `model` have now."""
    network = answering(model)
    inputs = {}
    for name, readers in ({} if network is None else _readers(network)).items():
        own = [stack.input_units or Affine.one(_columns(stack)) for stack, _ in readers]
        if not all(each.is_one for each in own):
            inputs[name] = Affine(*(np.concatenate([getattr(e, field) for e in own]) for field in ("scale", "offset")))
    return InputUnits(inputs)


def widths_of_inputs(network: nn.Module) -> Mapping[str, int]:
    """How many columns a network's inputs have."""
    return {name: sum(_columns(stack) for stack, _ in readers) for name, readers in _readers(network).items()}


def dtype_of_inputs(model: nn.Module) -> torch.dtype:
    """The type to give inputs in: that of the parameters, but float64 where they are scaled before they are rounded."""
    return torch.float64 if of_inputs(model).inputs else next(model.parameters()).dtype


def _readers(network: nn.Module) -> Mapping[str, list[_Reader]]:
    """What reads each input, by the names of a data set's inputs; the columns of an input in order."""
    if isinstance(network, OperatorNetwork):
        branch, *trunks = network.parts.values()
        ends = np.cumsum([0, *(trunk.inputs for trunk in trunks)]).tolist()
        along = [_Reader(trunk, slice(*pair)) for trunk, pair in zip(trunks, pairwise(ends), strict=True)]
        return {"branch": [_Reader(branch, slice(None))], "trunk": along}
    return {"x": [_Reader(network, slice(None))]} if isinstance(network, ReadsUnits) else {}


def _columns(stack: ReadsUnits) -> int:
    assert isinstance(stack, MLP | Stack), "no others read units"
    return stack.inputs if isinstance(stack, MLP) else math.prod(stack.image)
