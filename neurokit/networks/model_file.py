"""Trained networks as files: `torch.save` of a state dict and a plain configuration, never of code.

The file is a dictionary of `format`, `version`, `kind`, `config`, `units`, `input_units`, `domain`, `provenance` and
`state`. Version 3 had no `input_units`, and its networks read inputs as they are; version 2 had no `units` either, and
its networks answer what their layers compute. It is read with `weights_only=True`, which refuses
to unpickle anything but tensors and plain containers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from neurokit.data.data import Domain
from neurokit.errors import ModelFileError, NeurokitError, explain
from neurokit.ir.signals import per_column
from neurokit.networks.answer_units import AnswerUnits
from neurokit.networks.deeponet import DeepONet
from neurokit.networks.input_units import Affine, InputUnits
from neurokit.networks.mlp import MLP
from neurokit.networks.operator_network import OperatorNetwork
from neurokit.networks.plain import from_plain, to_plain
from neurokit.networks.seponet import SepONet
from neurokit.networks.units import Units, give, of_inputs, widths_of_inputs
from neurokit.neurons.readouts import RULES
from neurokit.system.atomic import replacing
from neurokit.system.file_kinds import recognise

FORMAT, VERSION, OLDEST = "neurokit.model", 4, 2
Model = MLP | DeepONet | SepONet

#: Networks by their name in files, and the sizes that each is made of.
MODELS: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "MLP": (MLP, ("inputs", "outputs")),
    "DeepONet": (DeepONet, ("sensors", "coordinates", "features")),
    "SepONet": (SepONet, ("sensors", "coordinates", "rank")),
}


class TrainedModel(NamedTuple):
    """A network, the range of inputs that it was trained on, and how it was trained."""

    network: Model
    domain: Domain
    provenance: Mapping[str, str]


def save_model(model: Model, path: str | Path, domain: Domain, provenance: Mapping[str, str] | None = None) -> Path:
    """Write `model` as a `.pt` file, whole or not at all.

    `domain` is that of its data, lowest and highest value by input name, of all columns or of each; `provenance` says
    how it was trained.

    Raises ModelFileError when the model or a part of it has no name in the file format.
    """
    path, kind = Path(path), type(model).__name__
    if MODELS.get(kind, (None,))[0] is not type(model):
        raise ModelFileError(
            explain("the model's type", kind, f"one of {sorted(MODELS)} itself", "save its state_dict yourself")
        )
    content = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "config": describe(model),
        "units": None if model.units is None else {name: list(value) for name, value in vars(model.units).items()},
        "input_units": {
            name: {"scale": affine.scale.tolist(), "offset": affine.offset.tolist()}
            for name, affine in of_inputs(model).inputs.items()
        },
        "domain": {name: [np.asarray(end, dtype=np.float64).tolist() for end in ends] for name, ends in domain.items()},
        "provenance": {str(key): str(value) for key, value in (provenance or {}).items()},
        "state": {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()},
    }
    with replacing(path) as temporary:
        torch.save(content, temporary)
    return path


def load_model(path: str | Path) -> TrainedModel:
    """Read a network. Raises ModelFileError when the file is anything but a model saved by `save_model`."""
    path = Path(path)
    if not path.exists():
        raise ModelFileError(f"there is no file {str(path)!r}; train a network and save it first.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file makes PyTorch's reader fail in any way
        kind = recognise(path)
        if kind is None:
            raise _foreign(path, f"unreadable ({type(error).__name__})") from error
        raise _foreign(path, kind.what, kind.remedy("give the trained network (.pt) that neurokit saved")) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _foreign(path, "not marked as a neurokit model")
    version = content.get("version")
    if not isinstance(version, int) or not OLDEST <= version <= VERSION:
        legal = f"{OLDEST}..{VERSION}"
        raise ModelFileError(explain(f"{path}: version", version, legal, "save the model again with this neurokit"))
    try:
        model = build(content["kind"], content["config"])
        model.load_state_dict(content["state"])
        answers = AnswerUnits() if version == OLDEST else _answers(content["units"])
        if answers is not None:
            give(model, Units(answers, _inputs(model, content["input_units"] if version == VERSION else {})))
        domain = {name: (per_column(low), per_column(high)) for name, (low, high) in content["domain"].items()}
        return TrainedModel(model, domain, dict(content["provenance"]))
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError, NeurokitError) as error:
        raise _foreign(path, f"damaged ({error})") from error


def describe(model: Model) -> dict[str, Any]:
    """The arguments that build a network like `model`, as plain values."""
    part = model.branch if isinstance(model, OperatorNetwork) else model
    if RULES.get(part.rule.name) != part.rule:
        raise ModelFileError(
            explain("the model's readout", part.rule, f"one of {sorted(RULES)}", "save its state_dict yourself")
        )
    config: dict[str, Any] = {
        "hidden": list(part.widths),
        "steps": part.steps,
        "neuron": to_plain(part.neuron),
        "readout": part.rule.name,
        "surrogate": to_plain(part.surrogate),
        "dtype": str(part.readout.weight.dtype).removeprefix("torch."),
    }
    if isinstance(model, MLP):
        return config | {"inputs": model.inputs, "outputs": model.outputs}
    if isinstance(model, SepONet):
        return config | {"sensors": part.inputs, "coordinates": len(model.trunks), "rank": part.outputs}
    return config | {"sensors": part.inputs, "coordinates": model.trunk.inputs, "features": part.outputs}


def build(kind: str, config: Mapping[str, Any]) -> Model:
    """The inverse of `describe`, with fresh weights."""
    make, sizes = MODELS[kind]
    common = {
        "hidden": tuple(config["hidden"]),
        "steps": config["steps"],
        "neuron": from_plain(config["neuron"]),
        "readout": RULES[config["readout"]],
        "surrogate": from_plain(config["surrogate"]),
        "dtype": {"float32": torch.float32, "float64": torch.float64}[config["dtype"]],
    }
    model: Model = make(**common, **{name: config[name] for name in sizes})
    return model


def _inputs(model: Model, plain: Mapping[str, Mapping[str, list[float]]]) -> InputUnits:
    inputs = {name: Affine(np.array(values["scale"]), np.array(values["offset"])) for name, values in plain.items()}
    widths = widths_of_inputs(model)
    for name, affine in inputs.items():
        if affine.scale.shape != (widths[name],) or affine.offset.shape != (widths[name],):
            raise ValueError(f"units of the input {name!r} for {affine.scale.size} of its {widths[name]} columns")
    return InputUnits(inputs)


def _answers(plain: Mapping[str, list[float]] | None) -> AnswerUnits | None:
    return None if plain is None else AnswerUnits(**{name: tuple(value) for name, value in plain.items()})


def _foreign(path: Path, why: str, remedy: str = "save it with neurokit") -> ModelFileError:
    return ModelFileError(explain(f"file {str(path)!r}", why, "a model saved by neurokit", remedy))
