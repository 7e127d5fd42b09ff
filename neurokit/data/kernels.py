"""Kernels: how the values of a random field at two points are correlated, by the distance of the points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float64

from neurokit.errors import OutOfRange, explain


class Kernel(Protocol):
    """A stationary kernel of unit variance."""

    def correlation(self, points: Float64[np.ndarray, "n d"], length_scale: float) -> Float64[np.ndarray, "n n"]:
        """Correlation of the values at every two of the points; `length_scale` is in the units of the points."""
        ...


@dataclass(frozen=True)
class RBF:
    """Squared exponential, `exp(-r**2 / (2 l**2))`: fields that can be differentiated any number of times.

    Source: Eq. (4.9), Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning".
    """

    def correlation(self, points: Float64[np.ndarray, "n d"], length_scale: float) -> Float64[np.ndarray, "n n"]:
        """`exp(-r**2 / (2 l**2))`."""
        return np.asarray(np.exp(_square_distances(points) * (-0.5 / length_scale**2)))


@dataclass(frozen=True)
class Matern32:
    """Matern kernel of order 3/2, `(1 + s) exp(-s)` with `s = sqrt(3) r / l`: fields with one derivative.

    Source: Eq. (4.17), Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning".
    """

    def correlation(self, points: Float64[np.ndarray, "n d"], length_scale: float) -> Float64[np.ndarray, "n n"]:
        """`(1 + s) exp(-s)`."""
        s = np.sqrt(3 * _square_distances(points)) / length_scale
        return np.asarray((1 + s) * np.exp(-s))


@dataclass(frozen=True)
class Matern52:
    """Matern kernel of order 5/2, `(1 + s + s**2 / 3) exp(-s)` with `s = sqrt(5) r / l`: fields with two derivatives.

    Source: Eq. (4.17), Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning".
    """

    def correlation(self, points: Float64[np.ndarray, "n d"], length_scale: float) -> Float64[np.ndarray, "n n"]:
        """`(1 + s + s**2 / 3) exp(-s)`."""
        s = np.sqrt(5 * _square_distances(points)) / length_scale
        return np.asarray((1 + s + s**2 / 3) * np.exp(-s))


@dataclass(frozen=True)
class PeriodicRBF:
    """RBF of a circle: `r = period / pi |sin(pi (x - y) / period)|` is the chord between two points of it.

    Fields are smooth and periodic in every coordinate, and locally those of RBF with the same length scale. In MacKay's
    form, `exp(-2 sin(pi (x - y) / period)**2 / w**2)`, the width is `w = 2 pi l / period`.

    period  of the fields, in the units of the points

    Raises OutOfRange when the period is not a finite number > 0.

    Source: Eq. (4.31), Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", after MacKay 1998.
    """

    period: float = 1.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.period) or self.period <= 0:
            raise OutOfRange(explain("PeriodicRBF.period", self.period, "a finite number > 0", "choose a period"))

    def correlation(self, points: Float64[np.ndarray, "n d"], length_scale: float) -> Float64[np.ndarray, "n n"]:
        """`exp(-r**2 / (2 l**2))` of the chord r."""
        chord = np.sin((np.pi / self.period) * (points[:, None, :] - points[None, :, :])) * (self.period / np.pi)
        return np.asarray(np.exp(np.sum(chord**2, axis=-1) * (-0.5 / length_scale**2)))


def _square_distances(points: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "n n"]:
    return np.asarray(np.sum((points[:, None, :] - points[None, :, :]) ** 2, axis=-1))
