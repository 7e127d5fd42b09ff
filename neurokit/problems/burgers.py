"""Burgers: the operator from the initial value of the viscous Burgers equation to its solution.

    u_t + u u_x = nu u_xx,  u(x + 1, t) = u(x, t),  u(x, 0) = g(x) a periodic Gaussian random field

Source: the problem and the viscosity nu = 0.01 are those of Sec. 4.3 of Wang, Wang, Perdikaris 2021 (arXiv 2103.10974),
whose initial values have another spectrum; the kernel here is PeriodicRBF, by choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Complex128, Float64
from scipy.fft import irfft, rfft

from neurokit.errors import OutOfRange, explain
from neurokit.problems.data import OperatorData, Split
from neurokit.problems.exponential_integrator import ExponentialRK4
from neurokit.problems.gaussian_field import GaussianField
from neurokit.problems.kernels import Kernel, PeriodicRBF
from neurokit.problems.recipe_checks import require_above_zero, require_least

#: A front between the values -A and A is about nu / A thin. The fine grid has this many points per unit of length and
#: of A / nu for A = 2, and the time step carries a value of 2 across this many of its spacings: the solver's error is
#: then below 1e-5 of the solution (tested), three orders below what networks reach.
POINTS_PER_FRONT, SPACINGS_PER_STEP, TYPICAL = 2.5, 1.5, 2.0
#: Functions solved together: enough for long vectors, few enough for their spectra to stay in the cache.
TOGETHER = 32


class Output(Protocol):
    """At which instants the solution is given."""

    @property
    def intervals(self) -> int:
        """Number of equal parts of the time span at whose ends the solution is needed."""
        ...

    def data(
        self, branch: np.ndarray, x: np.ndarray, t: np.ndarray, u: np.ndarray, domain: dict[str, tuple[float, float]]
    ) -> OperatorData:
        """The data set of the solution `u[i, a, b]` at `(x[a], t[b])`."""
        ...


@dataclass(frozen=True)
class FinalTime:
    """The solution at the end of the time span alone: locations are points x."""

    intervals = 1

    def data(
        self, branch: np.ndarray, x: np.ndarray, t: np.ndarray, u: np.ndarray, domain: dict[str, tuple[float, float]]
    ) -> OperatorData:
        """Targets `u(x, t[-1])`."""
        return OperatorData(branch, x[:, None], u[:, :, -1], domain)


@dataclass(frozen=True)
class SpaceTime:
    """The solution at equispaced instants, both ends of the time span included: locations are points (x, t).

    Raises OutOfRange for fewer than two instants.
    """

    instants: int = 101

    def __post_init__(self) -> None:
        require_least(self, instants=2)

    @property
    def intervals(self) -> int:
        """One less than the instants."""
        return self.instants - 1

    def data(
        self, branch: np.ndarray, x: np.ndarray, t: np.ndarray, u: np.ndarray, domain: dict[str, tuple[float, float]]
    ) -> OperatorData:
        """Targets on the grid of x and t."""
        return OperatorData.on_grid(branch, (x, t), u, domain)
