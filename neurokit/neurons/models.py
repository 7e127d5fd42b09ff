"""The neurons that there are, each defined once in a file of its own; `neurokit.neurons.protocol` says how."""

from __future__ import annotations

import math

from neurokit.errors import OutOfRange, explain
from neurokit.neurons.alif import ALIF
from neurokit.neurons.cuba_lif import CubaLIF, CubaState
from neurokit.neurons.if_ import IF
from neurokit.neurons.lif import LIF
from neurokit.neurons.parameters import Trainable
from neurokit.neurons.protocol import (
    Fire,
    Neuron,
    Reset,
    StockForm,
    Subtract,
    ToZero,
    Value,
    freeze_parameters,
    heaviside,
    membrane,
    states,
    values_of,
)

__all__ = [
    "ALIF",
    "IF",
    "LIF",
    "NEURONS",
    "WORDS",
    "CubaLIF",
    "CubaState",
    "Fire",
    "Neuron",
    "Reset",
    "StockForm",
    "Subtract",
    "ToZero",
    "Value",
    "decay",
    "freeze_parameters",
    "heaviside",
    "known",
    "membrane",
    "register",
    "states",
    "trainables",
    "values_of",
]

#: Every kind of neuron by its name, and by the word that a TOML file has for it.
NEURONS: dict[str, type[Neuron]] = {}
WORDS: dict[str, type[Neuron]] = {}


def register(word: str, kind: type[Neuron]) -> None:
    """Let a kind of neuron be known to files, Programs and kernels.

    Parameters
    ----------
    word : str
        How a TOML file names it: `[neuron] kind = "word"`.
    kind : type[Neuron]
        A frozen dataclass whose fields all have defaults; its class name stands in the files of models and Programs.
    """
    NEURONS[kind.__name__] = WORDS[word] = kind


register("if", IF)
register("lif", LIF)
register("cuba-lif", CubaLIF)
register("alif", ALIF)


def known(neuron: Neuron) -> bool:
    """Whether this is one of NEURONS: a subclass of one may compute something else."""
    return NEURONS.get(type(neuron).__name__) is type(neuron)


def trainables(neuron: Neuron) -> dict[str, Trainable]:
    """The fields of `neuron` that training adjusts."""
    return {name: value for name, value in values_of(neuron).items() if isinstance(value, Trainable)}


def decay(tau: float, dt: float) -> float:
    """What is left after a step `dt` of what decays with the time constant `tau`: `exp(-dt / tau)`, in equal units.

    Raises OutOfRange unless both are finite and > 0.
    """
    if not (math.isfinite(tau) and math.isfinite(dt) and tau > 0 and dt > 0):
        raise OutOfRange(explain("decay: (tau, dt)", (tau, dt), "finite numbers > 0", "give both in one unit of time"))
    return math.exp(-dt / tau)
