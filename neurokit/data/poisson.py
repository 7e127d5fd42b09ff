"""Poisson: the operator from the source of a 1D Poisson equation to its solution.

    -u''(x) = g(x) on (-1, 1),  u(-1) = u(1) = 0,  g a Gaussian random field

Source: Sec. 3.2 of Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057). The paper gives neither the field's length scale
nor the number of sensors; the defaults are those measured on test data that its first author published with a later
paper (arXiv 2511.06614): length scale 1.0, unit variance, 51 points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.interpolate import CubicSpline
from scipy.linalg import solveh_banded

from neurokit.data.data import OperatorData, Split
from neurokit.data.gaussian_field import GaussianField
from neurokit.data.kernels import RBF, Kernel
from neurokit.data.recipe_checks import require_above_zero, require_least
from neurokit.errors import OutOfRange, explain

#: The fine grid's spacing is at most 2 / 400 and at most a twentieth of the field's length scale: the solver's error
#: is then below 1e-6 of the solution (tested), four orders below what networks reach.
FINEST_INTERVALS, STEPS_PER_LENGTH = 400, 20


@dataclass(frozen=True)
class Poisson:
    """From the source of a 1D Poisson equation to its solution: the recipe of the data set.

    sensors        equispaced points of [-1, 1], ends included, at which the network sees g
    locations      equispaced points of [-1, 1], ends included, at which u is given
    length_scale   of the Gaussian random field g, whose variance is one
    kernel         its correlation
    train, test    numbers of functions
    deviations     declared range of g in its standard deviations, `|g| <= deviations`: a promise to the quantiser,
                   not a property of the field, whose values have no bound. A value beyond 6 has odds of 2e-9.

    Raises OutOfRange for numbers that make no data set, or if a sample leaves the declared range.
    """

    sensors: int = 51
    locations: int = 51
    length_scale: float = 1.0
    kernel: Kernel = RBF()  # noqa: RUF009 (frozen)
    train: int = 800
    test: int = 800
    deviations: float = 6.0

    def __post_init__(self) -> None:
        require_least(self, sensors=2, locations=2, train=1, test=1)
        require_above_zero(self, "length_scale", "deviations")

    def generate(self, seed: int = 0) -> Split[OperatorData]:
        """Training and test functions, drawn from one seeded stream and solved on a fine grid."""
        fine, g, sensed = GaussianField(self.length_scale, self.kernel).between(
            -1.0,
            1.0,
            sensors=self.sensors,
            intervals=FINEST_INTERVALS,
            per_length=STEPS_PER_LENGTH,
            count=self.train + self.test,
            seed=seed,
        )
        points = np.linspace(-1.0, 1.0, self.locations)
        u = CubicSpline(fine, solve(g), axis=1)(points)
        everything = OperatorData(
            branch=sensed,
            locations=points[:, None],
            targets=u,
            domain={"branch": (-self.deviations, self.deviations), "trunk": (-1.0, 1.0)},
            provenance={"problem": repr(self), "data_seed": str(seed), "solver_intervals": str(len(fine) - 1)},
        )
        return everything.split(self.train)


def solve(g: Float64[np.ndarray, "N n"]) -> Float64[np.ndarray, "N n"]:
    """`u` with `-u'' = g` on (-1, 1) and zero at both ends, from `g` on `n` equispaced points, ends included.

    Numerov's compact scheme, of fourth order in the spacing h:

        -u[i-1] + 2 u[i] - u[i+1] = h**2 (g[i-1] + 10 g[i] + g[i+1]) / 12

    Raises OutOfRange for fewer than three points. Source: Sec. II.7 of Hairer, Norsett, Wanner 1993, "Solving
    Ordinary Differential Equations I", whose u'' = f is -g here.
    """
    g = np.asarray(g, dtype=np.float64)
    n = g.shape[-1]
    if n < 3:
        raise OutOfRange(explain("number of grid points", n, "at least 3", "use a finer grid"))
    h = 2.0 / (n - 1)
    load = h**2 * (g[:, :-2] + 10 * g[:, 1:-1] + g[:, 2:]) / 12
    u = np.zeros_like(g)
    bands = np.stack([np.full(n - 2, -1.0), np.full(n - 2, 2.0)])  # the upper form: superdiagonal, diagonal
    u[:, 1:-1] = solveh_banded(bands, load.T).T
    return u
