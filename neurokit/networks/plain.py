"""Choices as plain values: the small frozen objects that make a network, written as dictionaries and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from neurokit.errors import ModelFileError, explain
from neurokit.neurons.models import NEURONS, Subtract, ToZero
from neurokit.neurons.parameters import Trainable
from neurokit.neurons.surrogates import ArcTan, FastSigmoid, Gaussian, StraightThrough, Triangle, WeakGaussian

#: What a file can name beside neurons, by its name there.
_PARTS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(Subtract, ToZero, Trainable),
        *(ArcTan, FastSigmoid, Gaussian, StraightThrough, Triangle, WeakGaussian),
    )
}


def kinds() -> dict[str, type[Any]]:
    """Every choice that a file can name, by its name there."""
    return {**NEURONS, **_PARTS}


def to_plain(choice: Any) -> dict[str, Any]:
    """`{"kind": its name, field: value, ...}`, with choices inside it written likewise.

    Raises ModelFileError for an object of any other type.
    """
    if kinds().get(type(choice).__name__) is not type(choice):
        raise ModelFileError(
            explain(
                f"a part of the model, {type(choice).__name__},",
                choice,
                f"one of {', '.join(kinds())}",
                "save its state_dict yourself, or use known parts",
            )
        )
    values = {field.name: getattr(choice, field.name) for field in fields(choice)}
    return {"kind": type(choice).__name__} | {
        name: value if isinstance(value, bool | int | float) else to_plain(value) for name, value in values.items()
    }


def from_plain(plain: Mapping[str, Any]) -> Any:
    """The inverse of `to_plain`. Raises KeyError or TypeError for what `to_plain` does not write."""
    values = {name: value for name, value in plain.items() if name != "kind"}
    return kinds()[plain["kind"]](
        **{name: from_plain(value) if isinstance(value, Mapping) else value for name, value in values.items()}
    )
