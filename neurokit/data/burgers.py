"""Burgers: the operator from the initial value of the viscous Burgers equation to its solution.

    u_t + u u_x = nu u_xx,  u(x + 1, t) = u(x, t),  u(x, 0) = g(x) a periodic Gaussian random field

Source: the problem and the viscosity nu = 0.01 are those of Wang, Wang, Perdikaris 2021 (arXiv 2103.10974), whose
initial values have another spectrum; the kernel here is PeriodicRBF with length scale 0.2, by choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float64
from scipy.fft import irfft, rfft

from neurokit.data.data import Domain, OperatorData, Split
from neurokit.data.exponential_integrator import ExponentialRK4
from neurokit.data.gaussian_field import GaussianField
from neurokit.data.kernels import Kernel, PeriodicRBF
from neurokit.data.recipe_checks import require_above_zero, require_least
from neurokit.errors import OutOfRange, explain

#: A front between the values -A and A is about nu / A thin and crosses itself in nu / A**2, so grid points per unit of
#: length and time steps per unit of time are multiples of 1 / nu. With these, and with 20 points a length scale, the
#: solver's error is below 1e-5 over all functions and instants, and below 1e-4 in the worst function at the worst
#: instant (tested), when its front is thinnest; networks are two orders above that.
POINTS_TIMES_VISCOSITY, STEPS_TIMES_VISCOSITY, POINTS_PER_LENGTH, FEWEST = 4.0, 4.0, 20, 64
#: Functions solved together: enough for long vectors, few enough for their spectra to stay in the cache.
TOGETHER = 32


class Output(Protocol):
    """At which instants the solution is given."""

    @property
    def intervals(self) -> int:
        """Number of equal parts of the time span at whose ends the solution is needed."""
        ...

    def highest(self, final_time: float) -> float:
        """Upper end of the coordinates' range."""
        ...

    def data(
        self, branch: np.ndarray, x: np.ndarray, t: np.ndarray, u: np.ndarray, domain: Domain, made: dict[str, str]
    ) -> OperatorData:
        """The data set of the solution `u[i, a, b]` at `(x[a], t[b])`."""
        ...


@dataclass(frozen=True)
class FinalTime:
    """The solution at the end of the time span alone: locations are points x."""

    intervals = 1

    def highest(self, final_time: float) -> float:
        """1, the end of x."""
        return 1.0

    def data(
        self, branch: np.ndarray, x: np.ndarray, t: np.ndarray, u: np.ndarray, domain: Domain, made: dict[str, str]
    ) -> OperatorData:
        """Targets `u(x, t[-1])`."""
        return OperatorData(branch, x[:, None], u[:, :, -1], domain, made)


@dataclass(frozen=True)
class SpaceTime:
    """The solution at equispaced instants, both ends of the time span included: locations are points (x, t).

    instants  how many

    Raises OutOfRange for fewer than two instants.
    """

    instants: int = 101

    def __post_init__(self) -> None:
        require_least(self, instants=2)

    @property
    def intervals(self) -> int:
        """One less than the instants."""
        return self.instants - 1

    def highest(self, final_time: float) -> float:
        """The later of 1, the end of x, and the end of t."""
        return max(1.0, final_time)

    def data(
        self, branch: np.ndarray, x: np.ndarray, t: np.ndarray, u: np.ndarray, domain: Domain, made: dict[str, str]
    ) -> OperatorData:
        """Targets on the grid of x and t."""
        return OperatorData.on_grid(branch, (x, t), u, domain, made)


@dataclass(frozen=True)
class Burgers:
    """From the initial value of the viscous Burgers equation to its solution: the recipe of the data set.

    viscosity      nu > 0; a tenth of it takes a hundred times as long to solve
    final_time     end of the time span that begins at 0
    output         FinalTime(), or SpaceTime(instants) for a grid whose locations are (x, t), t changing fastest
    sensors        points i / sensors of [0, 1), at which the network sees g
    locations      points i / locations of [0, 1), at which u is given
    length_scale   of the Gaussian random field g, whose variance is one
    kernel         its correlation; it must be periodic with period 1
    train, test    numbers of functions
    deviations     declared range of g in its standard deviations, `|g| <= deviations` (see Poisson)

    Raises OutOfRange for numbers that make no data set, or if a sample leaves the declared range.
    """

    viscosity: float = 0.01
    final_time: float = 1.0
    output: Output = FinalTime()
    sensors: int = 100
    locations: int = 100
    length_scale: float = 0.2
    kernel: Kernel = PeriodicRBF()  # noqa: RUF009 (frozen)
    train: int = 400
    test: int = 100
    deviations: float = 6.0

    def __post_init__(self) -> None:
        require_least(self, sensors=2, locations=2, train=1, test=1)
        require_above_zero(self, "viscosity", "final_time", "length_scale", "deviations")
        apart = self.kernel.correlation(np.array([[0.1], [1.1]]), self.length_scale)[0, 1]
        if not np.isclose(apart, 1.0, rtol=0, atol=1e-9):
            raise OutOfRange(
                explain("Burgers.kernel", self.kernel, "a kernel of period 1", "take PeriodicRBF(period=1.0)")
            )

    def generate(self, seed: int = 0) -> Split[OperatorData]:
        """Training and test functions, drawn from one seeded stream and solved on a fine grid."""
        need = max(FEWEST, POINTS_TIMES_VISCOSITY / self.viscosity, POINTS_PER_LENGTH / self.length_scale)
        every = int(np.ceil(need / self.sensors))
        fine = np.arange(every * self.sensors) / (every * self.sensors)
        g = GaussianField(self.length_scale, self.kernel).sample(fine[:, None], self.train + self.test, seed)
        intervals = self.output.intervals
        steps = max(FEWEST, STEPS_TIMES_VISCOSITY / self.viscosity) * self.final_time
        substeps = int(np.ceil(steps / intervals))
        x, t = np.arange(self.locations) / self.locations, np.linspace(0.0, self.final_time, intervals + 1)
        u = np.empty((len(g), len(x), len(t)))
        for first in range(0, len(g), TOGETHER):
            rows = slice(first, first + TOGETHER)
            series = solve(
                g[rows],
                viscosity=self.viscosity,
                final_time=self.final_time,
                intervals=intervals,
                substeps=substeps,
            )
            u[rows] = interpolate(series, x).transpose(0, 2, 1)
        made = {
            "problem": repr(self),
            "data_seed": str(seed),
            "solver_points": str(len(fine)),
            "solver_steps": str(intervals * substeps),
        }
        domain = {"branch": (-self.deviations, self.deviations), "trunk": (0.0, self.output.highest(self.final_time))}
        return self.output.data(g[:, ::every], x, t, u, domain, made).split(self.train)


def solve(
    initial: Float64[np.ndarray, "N n"], *, viscosity: float, final_time: float, intervals: int, substeps: int
) -> Float64[np.ndarray, "N instants n"]:
    """`u` at the ends of `intervals` equal parts of [0, final_time], each crossed in `substeps` steps.

    `initial` and the result are given at the points i / n. Space: Fourier-Galerkin, with wavenumbers up to n / 3, so
    that the product u u is free of aliasing:

        v_t = -nu (2 pi k)**2 v - i pi k FFT(u**2)

    Time: ExponentialRK4. Raises OutOfRange for fewer than 4 points, and when the solution is not finite: steps were too
    long. Source of the 2/3 rule: Orszag 1971, doi:10.1175/1520-0469(1971)028<1074:OTEOAI>2.0.CO;2.
    """
    count, n = initial.shape
    if n < 4:
        raise OutOfRange(explain("number of grid points", n, "at least 4", "use a finer grid"))
    wave = 2 * np.pi * np.arange((n - 1) // 3 + 1)
    integrator = ExponentialRK4(-viscosity * wave**2, final_time / (intervals * substeps))

    def rest(_: float, v: np.ndarray) -> np.ndarray:
        return np.asarray(-0.5j * wave * rfft(irfft(v, n) ** 2)[:, : len(wave)])

    v = np.asarray(rfft(initial)[:, : len(wave)])
    series = np.empty((count, intervals + 1, n))
    series[:, 0] = initial
    with np.errstate(over="ignore", invalid="ignore"):  # found below, and said with its remedy
        for step in range(intervals * substeps):
            v = integrator.advance(step * integrator.step, v, rest)
            if (step + 1) % substeps == 0:
                series[:, (step + 1) // substeps] = irfft(v, n)
    if not np.isfinite(series).all():
        raise OutOfRange(explain("solution of the Burgers equation", "not finite", "finite", "take more steps"))
    return series


def interpolate(
    u: Float64[np.ndarray, "*batch n"], points: Float64[np.ndarray, " P"]
) -> Float64[np.ndarray, "*batch P"]:
    """The trigonometric polynomial through `u`, given at i / n, at `points`; its wavenumbers are below n / 2."""
    n = u.shape[-1]
    coefficients = rfft(u)[..., : (n + 1) // 2] / n
    coefficients[..., 1:] *= 2
    waves = np.exp(2j * np.pi * np.arange(coefficients.shape[-1])[:, None] * points)
    return np.asarray(coefficients.real @ waves.real - coefficients.imag @ waves.imag)
