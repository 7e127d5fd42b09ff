"""Antiderivative: the operator from a function to its integral, the simplest that operator networks are tried on.

    u'(x) = g(x) on (0, 1],  u(0) = 0,  g a Gaussian random field

Source: the first problem of Lu, Jin, Pang, Zhang, Karniadakis 2021 (doi:10.1038/s42256-021-00302-5), with the numbers
of DeepXDE's example: length scale 0.2, 100 sensors, 100 locations, 150 functions to train on and 1,000 to test with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.interpolate import CubicSpline

from neurokit.data.data import OperatorData, Split
from neurokit.data.gaussian_field import GaussianField
from neurokit.data.kernels import RBF, Kernel
from neurokit.data.recipe_checks import require_above_zero, require_least

#: The fine grid's spacing is at most 1 / 200 and at most a twentieth of the field's length scale: the error of the
#: integral of an RBF field is then below 1e-6 of it (tested).
FINEST_INTERVALS, STEPS_PER_LENGTH = 200, 20


@dataclass(frozen=True)
class Antiderivative:
    """From a function to its integral: the recipe of the data set.

    sensors        equispaced points of [0, 1], ends included, at which the network sees g
    locations      equispaced points of [0, 1], ends included, at which u is given
    length_scale   of the Gaussian random field g, whose variance is one
    kernel         its correlation
    train, test    numbers of functions
    deviations     declared range of g in its standard deviations, `|g| <= deviations` (see Poisson)

    Raises OutOfRange for numbers that make no data set, or if a sample leaves the declared range.
    """

    sensors: int = 100
    locations: int = 100
    length_scale: float = 0.2
    kernel: Kernel = RBF()  # noqa: RUF009 (frozen)
    train: int = 150
    test: int = 1000
    deviations: float = 6.0

    def __post_init__(self) -> None:
        require_least(self, sensors=2, locations=2, train=1, test=1)
        require_above_zero(self, "length_scale", "deviations")

    def generate(self, seed: int = 0) -> Split[OperatorData]:
        """Training and test functions, drawn from one seeded stream and integrated on a fine grid."""
        fine, g, sensed = GaussianField(self.length_scale, self.kernel).between(
            0.0,
            1.0,
            sensors=self.sensors,
            intervals=FINEST_INTERVALS,
            per_length=STEPS_PER_LENGTH,
            count=self.train + self.test,
            seed=seed,
        )
        points = np.linspace(0.0, 1.0, self.locations)
        everything = OperatorData(
            branch=sensed,
            locations=points[:, None],
            targets=integrate(fine, g, points),
            domain={"branch": (-self.deviations, self.deviations), "trunk": (0.0, 1.0)},
            provenance={"problem": repr(self), "data_seed": str(seed), "solver_intervals": str(len(fine) - 1)},
        )
        return everything.split(self.train)


def integrate(
    grid: Float64[np.ndarray, " n"], g: Float64[np.ndarray, "N n"], points: Float64[np.ndarray, " P"]
) -> Float64[np.ndarray, "N P"]:
    """Integral of `g`, given on `grid`, from the first grid point to each of `points`.

    The exact integral of the cubic spline through g, of fourth order in the spacing.
    """
    return np.asarray(CubicSpline(grid, g, axis=1).antiderivative()(points))
