"""Surrogates: what stands in for the derivative of the spike function, which has none.

A surrogate is a small frozen object; its `derivative` is evaluated at the distance to threshold, on NumPy arrays and
on torch tensors alike. The spike itself stays a step: only its derivative is replaced. Every derivative here is that
of a smoothed step from 0 to 1, so all have the integral one and their widths, in the units of the membrane, compare.
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

    It is the derivative of the step smoothed by Gaussian noise.

    sigma  standard deviation of the noise, in the units of the membrane

    Raises OutOfRange when `sigma` is not a finite number > 0.

    Source: the surrogate-gradient method (SG) of Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057).
    """

    sigma: float = 0.3

    def __post_init__(self) -> None:
        _require_positive(self, "sigma")

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


@dataclass(frozen=True)
class WeakGaussian:
    """Random derivative whose mean is that of Gaussian(sigma): the step's weak derivative by Stein's lemma.

    With the step H and standard normal noise, `samples` = S of them for every element and time step,

        1/S sum_s (H(x + sigma n_s) - H(x - sigma n_s)) n_s / (2 sigma),

    a mean of antithetic pairs. One sample trains badly, for its noise enters products over time: use 10 or more. The
    noise comes from the generator of whoever estimates a gradient (`neurokit.networks.noise.noise_from`), one
    independent draw an element and step: noise shared by a batch or by time steps is a bias that training does not
    survive.

    sigma    standard deviation of the noise, in the units of the membrane
    samples  of the noise for every element and time step

    Raises OutOfRange when `sigma` is not a finite number > 0 or `samples` is less than 1.

    Source: the weak-form surrogate (WSG) of Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057); Stein 1981,
    doi:10.1214/aos/1176345632.
    """

    sigma: float = 0.3
    samples: int = 10

    def __post_init__(self) -> None:
        _require_positive(self, "sigma")
        if self.samples < 1:
            raise OutOfRange(explain("WeakGaussian.samples", self.samples, "at least 1", "draw 10 or more"))

    def derivative_from(self, x: Any, noise: Any) -> Any:
        """The value at `x` for given `noise`, `(samples, *shape of x)`.

        A pair differs where the noise carries x across the threshold, `sigma |n| >= |x|`, and gives `|n| / sigma / 2`.
        """
        reach = abs(noise) * self.sigma
        return ((reach >= abs(x)) * reach).mean(0) * (0.5 / self.sigma**2)


@dataclass(frozen=True)
class FastSigmoid:
    """`slope / (2 (1 + slope |x|)**2)`, the derivative of `(1 + slope x / (1 + slope |x|)) / 2`.

    slope  of the smoothed step, in 1 / units of the membrane

    Raises OutOfRange when it is not a finite number > 0.

    Source: SuperSpike, Zenke and Ganguli 2018, doi:10.1162/neco_a_01086, here normalised to the integral one.
    """

    slope: float = 5.0

    def __post_init__(self) -> None:
        _require_positive(self, "slope")

    def derivative(self, x: Any) -> Any:
        spread = abs(x) * self.slope + 1
        return self.slope / 2 / (spread * spread)


@dataclass(frozen=True)
class ArcTan:
    """`slope / (2 (1 + (pi slope x / 2)**2))`, the derivative of `1/2 + arctan(pi slope x / 2) / pi`.

    slope  of the smoothed step, in 1 / units of the membrane

    Raises OutOfRange when it is not a finite number > 0.

    Source: Fang et al. 2021, arXiv 2007.05785.
    """

    slope: float = 2.0

    def __post_init__(self) -> None:
        _require_positive(self, "slope")

    def derivative(self, x: Any) -> Any:
        angle = x * (math.pi / 2 * self.slope)
        return self.slope / 2 / (angle * angle + 1)


@dataclass(frozen=True)
class StraightThrough:
    """`1 / width` where `|x| <= width / 2` and 0 elsewhere: the derivative of a ramp; 1 near threshold for width 1.

    width  of the ramp, in the units of the membrane

    Raises OutOfRange when `width` is not a finite number > 0.

    Source: the straight-through estimator with saturation, Hubara et al. 2016, arXiv 1602.02830.
    """

    width: float = 1.0

    def __post_init__(self) -> None:
        _require_positive(self, "width")

    def derivative(self, x: Any) -> Any:
        # `x * 0` makes the factor a number of the type of x, which a comparison has forgotten.
        return (abs(x) <= self.width / 2) * (x * 0 + 1 / self.width)


@dataclass(frozen=True)
class Triangle:
    """`max(0, 1 - |x| / width) / width`.

    width  from the top to either foot, in the units of the membrane

    Raises OutOfRange when `width` is not a finite number > 0.

    Source: Bellec et al. 2018, arXiv 1803.09574, here normalised to the integral one.
    """

    width: float = 1.0

    def __post_init__(self) -> None:
        _require_positive(self, "width")

    def derivative(self, x: Any) -> Any:
        height = 1 - abs(x) / self.width
        return (height + abs(height)) * (0.5 / self.width)


def _require_positive(surrogate: Any, field: str) -> None:
    value = getattr(surrogate, field)
    if not math.isfinite(value) or value <= 0:
        subject = f"{type(surrogate).__name__}.{field}"
        raise OutOfRange(explain(subject, value, "a finite number > 0", "choose another, such as the default"))
