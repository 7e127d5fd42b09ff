"""The protocol of a neuron: what its one file says, and what everything else is made from.

A neuron is a small frozen object. Its `step` is a pure function written with nothing but `+`, `-`, `*` and a
`fire` function that the caller brings, so the same lines run on torch tensors (where `fire` carries a
surrogate derivative), on dual numbers (the tangent pass), on NumPy floats (the Graph), on NumPy integers (the Program),
on bounds of integers (the proof), inside a Lava process model, and on symbols, from which kernels are made. What a
neuron keeps from step to step is its own affair: `start` makes it, `step` hands it on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from neurokit.neurons import bounds
from neurokit.neurons.fixed_point import FRACTION_BITS, LEAKY_THRESHOLDS, Decay12, require_in
from neurokit.neurons.parameters import Fraction, Positive, Span

#: Turns the distance to threshold into spikes: 1 where it is >= 0, else 0, in the array type it was given.
Fire = Callable[[Any], Any]
#: A number, or a Trainable; in the neurons that a network steps, a tensor or dual number in the place of the latter.
Value = Any
Kind = TypeVar("Kind", bound="Neuron")


class Reset(Protocol):
    """What happens to the membrane of a neuron that has just fired."""

    def __call__(self, u: Any, s: Any, threshold: Any) -> Any: ...


@dataclass(frozen=True)
class Subtract:
    """Soft reset, `u <- u - s * threshold`: the overshoot is kept, so a constant current is coded without loss.

    With `attached=False` gradients take `s` here for a constant; the values are the same.
    """

    attached: bool = True

    def __call__(self, u: Any, s: Any, threshold: Any) -> Any:
        return u - (s if self.attached else _constant(s)) * threshold


@dataclass(frozen=True)
class ToZero:
    """Hard reset, `u <- u * (1 - s)`: the overshoot is lost. `attached` as in Subtract."""

    attached: bool = True

    def __call__(self, u: Any, s: Any, threshold: Any) -> Any:
        return u - (s if self.attached else _constant(s)) * u


@dataclass(frozen=True)
class StockForm:
    """How far Lava's own processes, which also have models for Loihi 2, can be a neuron.

    refusal  why they cannot, as a sentence about the neuron; empty where they can
    always   whether it holds for any numbers; else for most of them, and compilation finds out
    """

    refusal: str = ""
    always: bool = True


@dataclass(frozen=True)
class Neuron:
    """What all neurons share: a threshold, how it compares, and a reset.

    A membrane at the threshold fires; with `strict` only one above it. Both differ for that one value alone.

    A kind of neuron is a subclass in a file of its own, listed in `neurokit.neurons.models`. It says its further
    fields with their `spans`, `start` and `step`, and where they differ from those here `leaky`, `registers`,
    `current_based` and `stock_form`.
    """

    threshold: Value = 1.0
    reset: Reset = Subtract()
    strict: bool = False

    #: Where every value may lie, by field.
    spans: ClassVar[Mapping[str, Span]] = {"threshold": Positive("at which the membrane fires")}
    #: Whether a state decays. In a Program such states have 6 bits of fraction below the current, and what is at the
    #: threshold does not fire; those of other neurons have none, and it does.
    leaky: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for field, span in self.spans.items():
            span.require(f"{type(self).__name__}.{field}", getattr(self, field))

    def start(self, zero: Any) -> Any:
        """The state before the first step, made of `zero`: an array of zeros, or a number that broadcasts.

        It is the membrane, or a NamedTuple whose `u` is the membrane.
        """
        return zero

    def step(self, state: Any, a: Any, fire: Fire) -> tuple[Any, Any, Any]:
        """One time step with the current `a`. Returns `(membrane before the reset, spikes, state after it)`."""
        raise NotImplementedError

    def registers(self, before: Any, after: Any, a: Any) -> dict[str, Any]:
        """What must fit a membrane's width in a step with the current `a`, by name.

        `before` and `after` are the membrane before the reset and the state after it, `a` is in units of the state.
        """
        return {"synaptic current": a, "membrane": before}

    def current_based(self) -> tuple[Value, Value] | None:
        """`(alpha, beta)` where this is a case of `i <- alpha i + a; u <- beta u + i` with a fixed threshold, or None.

        What is such a case has kernels written by hand, is what Loihi's own neuron computes, and is so named in a
        Program's file.
        """
        return None

    def stock_form(self) -> StockForm:
        """Whether Lava's own processes can be this neuron."""
        return StockForm(f"a {type(self).__name__} needs microcode, which Intel has not published")

    def in_integers(self: Kind, threshold: int) -> Kind:
        """This neuron in integers.

        Parameters
        ----------
        threshold : int > 0
            In units of the current: what the real threshold becomes.

        Returns
        -------
        Neuron
            Of the same kind, as a Program has it.

        Notes
        -----
        What is a share becomes the nearest 4096th (Decay12). What is in units of the membrane is scaled with the
        threshold and rounded to the neuron's least unit, but not to 0. A leaky neuron of a Program fires above its
        threshold, any other at it: by one least unit the same, strict or not.
        """
        unit = self.threshold / threshold / (1 << self.fraction)
        values: dict[str, Any] = {"threshold": threshold, "strict": self.leaky}
        for name, span in self.spans.items():
            if isinstance(span, Fraction):
                values[name] = Decay12.nearest(getattr(self, name))
            elif name != "threshold":
                values[name] = max(1, round(getattr(self, name) / unit))
        return replace(self, **values)

    def in_reals(self: Kind) -> Kind:
        """A neuron of a Program with real numbers in it, in units of the current."""
        values: dict[str, Any] = {"threshold": float(self.threshold)}
        for name, span in self.spans.items():
            if isinstance(span, Fraction):
                values[name] = float(getattr(self, name))
            elif name != "threshold":
                values[name] = getattr(self, name) / (1 << self.fraction)
        return replace(self, **values)

    @property
    def fraction(self) -> int:
        """Bits that the states of a Program have below one unit of the current."""
        return FRACTION_BITS if self.leaky else 0

    def require_integers(self) -> None:
        """Raise OutOfRange unless every value but the threshold is one that a Program can have."""
        for name, span in self.spans.items():
            value = getattr(self, name)
            if isinstance(span, Fraction):
                span.require_decay(name, value)
            elif name != "threshold":
                require_in(name, value, range(1, LEAKY_THRESHOLDS.stop << self.fraction), "rescale the layer")

    def _spike(self, before: Any, fire: Fire, rise: Any = None) -> tuple[Any, Any]:
        """Spikes of the membrane `before` with the threshold raised by `rise`, and the membrane after their reset."""
        level = self.threshold if rise is None else self.threshold + rise
        if isinstance(before, bounds.Bounds):
            soft = isinstance(self.reset, Subtract)
            return bounds.spike(before, level, self.threshold, strict=self.strict, soft=soft)
        s = 1 - fire(level - before) if self.strict else fire(before - level)
        return s, self.reset(before, s, self.threshold)


def states(state: Any) -> tuple[Any, ...]:
    """The parts of a neuron's state, in their order."""
    return tuple(state) if isinstance(state, tuple) else (state,)


def membrane(state: Any) -> Any:
    """The membrane in a neuron's state."""
    return state.u if isinstance(state, tuple) else state  # type: ignore[attr-defined]


def freeze_parameters(neuron: Kind, values: Mapping[str, Any]) -> Kind:
    """`neuron` with the trained `values` in it and nothing that concerns gradients alone."""
    reset = neuron.reset
    if isinstance(reset, Subtract | ToZero):
        reset = replace(reset, attached=True)
    return replace(neuron, reset=reset, **values)


def values_of(neuron: Neuron) -> dict[str, Any]:
    """The fields of `neuron` by name."""
    return {field.name: getattr(neuron, field.name) for field in fields(neuron)}


def heaviside(x: np.ndarray) -> np.ndarray:
    """`fire` for NumPy: 1 where `x >= 0`, else 0, in the dtype of `x`."""
    return (x >= 0).astype(x.dtype)


def _constant(s: Any) -> Any:
    """Spikes that gradients take for a constant; arrays of NumPy carry none."""
    return s if isinstance(s, np.ndarray | np.generic) else s.detach()
