"""Surrogates: what stands in for the derivative of the spike function, which has none.

A surrogate is a small frozen object; its `derivative` is evaluated at the distance to threshold, on NumPy arrays and
on torch tensors alike. The spike itself stays a step: only its derivative is replaced.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from neurokit.errors import OutOfRange, explain


class Surrogate(Protocol):
    """A stand-in for the derivative of the Heaviside step."""

    def derivative(self, x: Any) -> Any:
        """Its value at the distance to threshold `x`, elementwise, in the array type of `x`."""
        ...


@dataclass(frozen=True)
class Gaussian:
    """Normal density around the threshold, `exp(-x**2 / (2 sigma**2)) / (sigma sqrt(2 pi))`.

    It is the derivative of the step smoothed by Gaussian noise of standard deviation `sigma`, which is in the units of
    the membrane. Raises OutOfRange when `sigma` is not a finite number > 0.

    Source: the surrogate-gradient method (SG) of Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057).
    """

    sigma: float = 0.3

    def __post_init__(self) -> None:
        if not math.isfinite(self.sigma) or self.sigma <= 0:
            raise OutOfRange(
                explain("Gaussian.sigma", self.sigma, "a finite number > 0", "choose a width, such as 0.3")
            )

    @property
    def height(self) -> float:
        """Value at the threshold."""
        return 1 / (self.sigma * math.sqrt(2 * math.pi))

    @property
    def sharpness(self) -> float:
        """Factor of `-x**2` in the exponent."""
        return 1 / (2 * self.sigma**2)

    def derivative(self, x: Any) -> Any:
        exponent = x * x * -self.sharpness
        bell = np.exp(exponent) if isinstance(exponent, np.ndarray | np.generic | float) else exponent.exp()
        return bell * self.height
