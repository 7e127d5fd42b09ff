"""Spiking neurons, each defined once.

A neuron is a small frozen object. Its `step` is a pure function written with nothing but `+`, `-`, `*` and a
`fire` function that the caller brings, so the same lines run on torch tensors (where `fire` carries a
surrogate derivative), on dual numbers (the tangent pass), on NumPy floats (the Graph), on NumPy integers (the Program)
and inside a Lava process model. What a neuron keeps from step to step is its own affair: `start` makes it, `step` hands
it on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from neurokit.errors import OutOfRange, explain
from neurokit.neurons.parameters import Fraction, Positive, Span, Trainable

#: Turns the distance to threshold into spikes: 1 where it is >= 0, else 0, in the array type it was given.
Fire = Callable[[Any], Any]
#: A number, or a Trainable; in the neurons that a network steps, a tensor or dual number in the place of the latter.
Value = Any


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
class _Threshold:
    """What all neurons share: a threshold, how it compares, and a reset.

    A membrane at the threshold fires; with `strict` only one above it. Both differ for that one value alone.
    """

    threshold: Value = 1.0
    reset: Reset = Subtract()
    strict: bool = False

    #: Where every trainable value may lie, by field.
    spans: ClassVar[Mapping[str, Span]] = {"threshold": Positive()}

    def __post_init__(self) -> None:
        for field, span in self.spans.items():
            span.require(f"{type(self).__name__}.{field}", getattr(self, field))

    def start(self, zero: Any) -> Any:
        """The state before the first step, made of `zero`: an array of zeros, or a number that broadcasts."""
        return zero

    def _spike(self, before: Any, fire: Fire) -> tuple[Any, Any]:
        """Spikes of the membrane `before`, and the membrane after their reset."""
        s = 1 - fire(self.threshold - before) if self.strict else fire(before - self.threshold)
        return s, self.reset(before, s, self.threshold)


@dataclass(frozen=True)
class IF(_Threshold):
    """Integrate-and-fire neuron without leak.

    In every time step, from the membrane `u` left by the step before (0 at first) and the input current `a`:

        u <- u + a
        s = 1 if u >= threshold else 0        (strict: u > threshold)
        u <- reset(u, s, threshold)

    `threshold` is in the units of the current: real in a Graph, an integer > 0 in a Program, or Trainable (one a
    layer). Raises OutOfRange for a threshold that is not finite and > 0.

    Source: Eq. (1)-(3) of Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057) with U_0 = 0.
    """

    def step(self, u: Any, a: Any, fire: Fire) -> tuple[Any, Any, Any]:
        """One time step. Returns `(membrane before the reset, spikes, membrane after it)`, all shaped like `u`."""
        before = u + a
        return before, *self._spike(before, fire)


@dataclass(frozen=True)
class LIF(_Threshold):
    """Leaky integrate-and-fire neuron, a discrete RC circuit: `u <- beta u + a`, then as IF.

    `beta` is the share of the membrane that is left after a step, `decay(tau_mem, dt)` of a time constant; 1 is IF. It
    may be Trainable. Raises OutOfRange for a threshold that is not finite and > 0, or `beta` outside [0, 1].
    """

    beta: Value = 0.9

    spans: ClassVar[Mapping[str, Span]] = {"threshold": Positive(), "beta": Fraction()}

    def step(self, u: Any, a: Any, fire: Fire) -> tuple[Any, Any, Any]:
        """One time step. Returns `(membrane before the reset, spikes, membrane after it)`, all shaped like `u`."""
        before = u * self.beta + a
        return before, *self._spike(before, fire)


class CubaState(NamedTuple):
    """What a CubaLIF keeps: the synaptic current and the membrane."""

    i: Any
    u: Any


@dataclass(frozen=True)
class CubaLIF(_Threshold):
    """Current-based leaky integrate-and-fire neuron: `i <- alpha i + a; u <- beta u + i`, then as IF.

    `alpha` and `beta` are what is left of the synaptic current and of the membrane after a step, as on Loihi; 0 and 1
    are IF. Both may be Trainable. Raises OutOfRange as LIF.

    Source: Davies et al. 2018, doi:10.1109/MM.2018.112130359 (neuron model), with the input of the step included.
    """

    alpha: Value = 0.5
    beta: Value = 0.9

    spans: ClassVar[Mapping[str, Span]] = {"threshold": Positive(), "alpha": Fraction(), "beta": Fraction()}

    def start(self, zero: Any) -> CubaState:
        return CubaState(zero, zero)

    def step(self, state: CubaState, a: Any, fire: Fire) -> tuple[Any, Any, CubaState]:
        """One time step. Returns `(membrane before the reset, spikes, state after it)`."""
        i = state.i * self.alpha + a
        before = state.u * self.beta + i
        s, after = self._spike(before, fire)
        return before, s, CubaState(i, after)


Neuron = IF | LIF | CubaLIF


def trainables(neuron: Neuron) -> dict[str, Trainable]:
    """The fields of `neuron` that training adjusts."""
    values = {field.name: getattr(neuron, field.name) for field in fields(neuron)}
    return {name: value for name, value in values.items() if isinstance(value, Trainable)}


def freeze_parameters(neuron: Neuron, values: Mapping[str, Any]) -> Neuron:
    """`neuron` with the trained `values` in it and nothing that concerns gradients alone."""
    reset = neuron.reset
    if isinstance(reset, Subtract | ToZero):
        reset = replace(reset, attached=True)
    return replace(neuron, reset=reset, **values)


def decay(tau: float, dt: float) -> float:
    """What is left after a step `dt` of what decays with the time constant `tau`: `exp(-dt / tau)`, in equal units.

    Raises OutOfRange unless both are finite and > 0.
    """
    if not (math.isfinite(tau) and math.isfinite(dt) and tau > 0 and dt > 0):
        raise OutOfRange(explain("decay: (tau, dt)", (tau, dt), "finite numbers > 0", "give both in one unit of time"))
    return math.exp(-dt / tau)


def heaviside(x: np.ndarray) -> np.ndarray:
    """`fire` for NumPy: 1 where `x >= 0`, else 0, in the dtype of `x`."""
    return (x >= 0).astype(x.dtype)


def _constant(s: Any) -> Any:
    """Spikes that gradients take for a constant; arrays of NumPy carry none."""
    return s if isinstance(s, np.ndarray | np.generic) else s.detach()
