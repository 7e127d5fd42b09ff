"""Dual numbers over tensors: a value and its directional derivatives, carried through the same arithmetic.

`neurokit.neurons.models` write a neuron's step with nothing but `+`, `-`, `*` and `fire`. Run on Duals, those lines are
the neuron's tangent equations; for IF with soft reset `dS = sigma'(u - threshold) du; du <- du - threshold dS`. Nothing
here builds an autograd graph.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from neurokit.neurons.models import Fire
from neurokit.neurons.surrogates import Surrogate


@dataclass(frozen=True, slots=True)
class Dual:
    """`value + epsilon * tangent`, with `epsilon**2 = 0`.

    `tangent` may have a leading axis of directions: it broadcasts against `value`.
    """

    value: Float[Tensor, "*batch n"]
    tangent: Float[Tensor, "*directions_batch n"]

    def __add__(self, other: Dual | Tensor | float) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.tangent + other.tangent)
        return Dual(self.value + other, self.tangent)

    __radd__ = __add__

    def __sub__(self, other: Dual | Tensor | float) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value - other.value, self.tangent - other.tangent)
        return Dual(self.value - other, self.tangent)

    def __rsub__(self, other: Tensor | float) -> Dual:
        return Dual(other - self.value, -self.tangent)

    def detach(self) -> Tensor:
        """The value, as a constant."""
        return self.value

    def __mul__(self, other: Dual | Tensor | float) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value * other.value, self.tangent * other.value + other.tangent * self.value)
        if isinstance(other, int | float) and other == 1:  # the usual threshold: two passes over memory saved
            return self
        return Dual(self.value * other, self.tangent * other)

    __rmul__ = __mul__


def firing(surrogate: Surrogate) -> Fire:
    """The `fire` function of Duals: a step in the value, the surrogate's derivative in the tangent."""

    def fire(x: Dual) -> Dual:
        return Dual((x.value >= 0).to(x.value.dtype), surrogate.derivative(x.value) * x.tangent)

    return fire
