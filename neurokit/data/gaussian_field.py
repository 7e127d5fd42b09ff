"""GaussianField: samples of a stationary Gaussian random field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.linalg import eigh

from neurokit.data.kernels import RBF, Kernel
from neurokit.errors import OutOfRange, explain


class FieldsOnGrid(NamedTuple):
    """Fields on a fine grid, and what equispaced sensors, which are points of it, see of them."""

    grid: Float64[np.ndarray, " n"]
    values: Float64[np.ndarray, "count n"]
    sensed: Float64[np.ndarray, "count sensors"]


@dataclass(frozen=True)
class GaussianField:
    """Zero-mean field of unit variance, `E[g(x) g(y)] = kernel(x - y)`.

    `length_scale` is in the units of the points. Raises OutOfRange when it is not a finite number > 0.
    """

    length_scale: float = 1.0
    kernel: Kernel = RBF()  # noqa: RUF009 (frozen)

    def __post_init__(self) -> None:
        if not np.isfinite(self.length_scale) or self.length_scale <= 0:
            raise OutOfRange(
                explain("GaussianField.length_scale", self.length_scale, "a finite number > 0", "choose a scale")
            )

    def covariance(self, points: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "n n"]:
        """Covariance of the field's values at `points`."""
        return self.kernel.correlation(points, self.length_scale)

    def sample(self, points: Float64[np.ndarray, "n d"], count: int, seed: int) -> Float64[np.ndarray, "count n"]:
        """`count` independent fields at `points`, in float64.

        Multiplies white noise by the symmetric root of the covariance, the only root that does not depend on signs
        and order of eigenvectors, which differ from one LAPACK to another: a seed means the same fields everywhere,
        to about 1e-8 (the root of the rounding error in the smallest eigenvalues).
        """
        if count < 1:
            raise OutOfRange(explain("number of fields", count, "at least 1", "ask for more"))
        values, vectors = eigh(self.covariance(points))
        # A smooth kernel's smallest eigenvalues are zero to rounding and may come out negative.
        root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
        return np.asarray(np.random.default_rng(seed).standard_normal((count, len(points))) @ root)

    def between(
        self, low: float, high: float, *, sensors: int, intervals: int, per_length: int, count: int, seed: int
    ) -> FieldsOnGrid:
        """`count` fields on an equispaced grid of [low, high], fine enough to solve on, that has the sensors in it.

        The grid has at least `intervals` intervals, and `per_length` of them a length scale.
        """
        least = max(intervals, (high - low) * per_length / self.length_scale)
        every = int(np.ceil(least / (sensors - 1)))
        grid = np.linspace(low, high, every * (sensors - 1) + 1)
        values = self.sample(grid[:, None], count, seed)
        return FieldsOnGrid(grid, values, values[:, ::every])
