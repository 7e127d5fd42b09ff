"""ReactionDiffusion: the operator from the source of a nonlinear reaction-diffusion equation to its solution.

    u_t = D u_xx + k u**2 + f(x)  on (0, 1) x (0, 1],  u(x, 0) = u(0, t) = u(1, t) = 0,  f a Gaussian random field

Source: the reaction-diffusion problem of Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057), with D = k = 0.01 on a grid
of 100 x 100. The other numbers are a choice made here: length scale 0.2 and 100 sensors as in Wang, Wang, Perdikaris
2021 (arXiv 2103.10974), who learn the same operator, and 400 + 100 functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64
from scipy.fft import dst, idst
from scipy.interpolate import CubicSpline

from neurokit.data.data import OperatorData, Split
from neurokit.data.exponential_integrator import ExponentialRK4
from neurokit.data.gaussian_field import GaussianField
from neurokit.data.kernels import RBF, Kernel
from neurokit.data.recipe_checks import require_above_zero, require_least
from neurokit.errors import OutOfRange, explain

#: The fine grid's spacing is at most 1 / 198 and at most a twentieth of the field's length scale, the time step at most
#: 1 / 99: the solver's error is then below 1e-6 of the solution (tested), four orders below what networks reach.
FINEST_INTERVALS, STEPS_PER_LENGTH, FEWEST_STEPS = 198, 20, 99
#: Functions solved together: enough for long vectors, few enough for their grids to stay in the cache.
TOGETHER = 32
#: Values at every grid point of every function: for all time, or as a function of time.
Source = Float64[np.ndarray, "N n"] | Callable[[float], Float64[np.ndarray, "N n"]]


@dataclass(frozen=True)
class ReactionDiffusion:
    """From the source of a nonlinear reaction-diffusion equation to its solution: the recipe of the data set.

    diffusion, reaction  D > 0 and k of the equation
    sensors        equispaced points of [0, 1], ends included, at which the network sees f
    points         equispaced points of [0, 1], ends included, at which u is given
    instants       equispaced instants of [0, 1], ends included, at which u is given; the first is the initial value 0
    length_scale   of the Gaussian random field f, whose variance is one
    kernel         its correlation
    train, test    numbers of functions
    deviations     declared range of f in its standard deviations, `|f| <= deviations` (see Poisson)

    Locations are the pairs (x, t), t changing fastest; `axes` of the data holds x and t apart.
    Raises OutOfRange for numbers that make no data set, or if a sample leaves the declared range.
    """

    #: The kind of network that a run takes if none is said.
    suits: ClassVar[str] = "seponet"

    diffusion: float = 0.01
    reaction: float = 0.01
    sensors: int = 100
    points: int = 100
    instants: int = 100
    length_scale: float = 0.2
    kernel: Kernel = RBF()  # noqa: RUF009 (frozen)
    train: int = 400
    test: int = 100
    deviations: float = 6.0

    def __post_init__(self) -> None:
        require_least(self, sensors=2, points=2, instants=2, train=1, test=1)
        require_above_zero(self, "diffusion", "length_scale", "deviations")
        if not np.isfinite(self.reaction):
            raise OutOfRange(
                explain("ReactionDiffusion.reaction", self.reaction, "a finite number", "choose a rate such as 0.01")
            )

    def generate(self, seed: int = 0) -> Split[OperatorData]:
        """Training and test functions, drawn from one seeded stream and solved on a fine grid."""
        field = GaussianField(self.length_scale, self.kernel)
        every = int(np.ceil(max(FINEST_INTERVALS, STEPS_PER_LENGTH / self.length_scale) / (self.sensors - 1)))
        fine = np.linspace(0.0, 1.0, every * (self.sensors - 1) + 1)
        f = field.sample(fine[:, None], self.train + self.test, seed)
        x, t = np.linspace(0.0, 1.0, self.points), np.linspace(0.0, 1.0, self.instants)
        substeps = int(np.ceil(FEWEST_STEPS / (self.instants - 1)))
        u = np.empty((len(f), self.points, self.instants))
        for first in range(0, len(f), TOGETHER):
            some = f[first : first + TOGETHER]
            series = solve(
                some,
                diffusion=self.diffusion,
                reaction=self.reaction,
                intervals=self.instants - 1,
                substeps=substeps,
            )
            u[first : first + TOGETHER] = CubicSpline(fine, series, axis=2)(x).transpose(0, 2, 1)
        everything = OperatorData.on_grid(
            branch=f[:, ::every],
            axes=(x, t),
            targets=u,
            domain={"branch": (-self.deviations, self.deviations), "trunk": (0.0, 1.0)},
            provenance={
                "problem": repr(self),
                "data_seed": str(seed),
                "solver_intervals": str(len(fine) - 1),
                "solver_steps": str(substeps * (self.instants - 1)),
            },
        )
        return everything.split(self.train)


def solve(
    source: Source,
    *,
    diffusion: float,
    reaction: float,
    intervals: int,
    substeps: int,
) -> Float64[np.ndarray, "N instants n"]:
    """`u` at the ends of `intervals` equal parts of [0, 1], each crossed in `substeps` steps; the first is zero.

    `source`, or `source(t)`, is f at `n` equispaced points of [0, 1], ends included. Space: Numerov's compact scheme,
    of fourth order in the spacing h; with `delta**2` the second difference,

        (1 + delta**2 / 12) (u_t - k u**2 - f) = D delta**2 u / h**2

    and u_t = u = 0 at both ends, so that f there enters the first and the last equation. The sine transform
    diagonalises it. Time: ExponentialRK4, of fourth order, which treats diffusion and a constant source exactly;
    so neither a small h nor the jump of f at t = 0 asks for small steps. Raises OutOfRange for fewer than 3 points, and
    when the solution is not finite, which for large `reaction` it is not.
    """
    start = source(0.0) if callable(source) else source
    count, n = start.shape
    if n < 3:
        raise OutOfRange(explain("number of grid points", n, "at least 3", "use a finer grid"))
    half = np.sin(np.pi * np.arange(1, n - 1) / (2 * (n - 1))) ** 2  # delta**2 is -4 half
    mass = 1 - half / 3
    integrator = ExponentialRK4(-4 * diffusion * (n - 1) ** 2 * half / mass, 1 / (intervals * substeps))

    def transform(f: np.ndarray) -> np.ndarray:
        ends = np.zeros((count, n - 2))
        ends[:, 0] += f[:, 0] / 12
        ends[:, -1] += f[:, -1] / 12
        return np.asarray(_to_sines(f[:, 1:-1]) + _to_sines(ends) / mass)

    constant = transform(start)

    def rest(t: float, v: np.ndarray) -> np.ndarray:
        force = transform(source(t)) if callable(source) else constant
        return np.asarray(reaction * _to_sines(_from_sines(v) ** 2) + force)

    v = np.zeros((count, n - 2))
    series = np.zeros((count, intervals + 1, n))
    with np.errstate(over="ignore", invalid="ignore"):  # found below, and said with its remedy
        for step in range(intervals * substeps):
            v = integrator.advance(step * integrator.step, v, rest)
            if (step + 1) % substeps == 0:
                series[:, (step + 1) // substeps, 1:-1] = _from_sines(v)
    if not np.isfinite(series).all():
        raise OutOfRange(
            explain("solution of the reaction-diffusion equation", "not finite", "finite", "use a smaller reaction")
        )
    return series


def _to_sines(u: Float64[np.ndarray, "N k"]) -> Float64[np.ndarray, "N k"]:
    return np.asarray(dst(u, type=1, norm="ortho"))


def _from_sines(v: Float64[np.ndarray, "N k"]) -> Float64[np.ndarray, "N k"]:
    return np.asarray(idst(v, type=1, norm="ortho"))
