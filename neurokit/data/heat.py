"""Heat: the operator from the initial temperature of a rod or a plate to its temperature at all times.

    u_t = D (u_xx + u_yy + ...)  on (0, 1)**n x (0, 1],  u = 0 on the boundary,  u(., 0) a random sine series

The solution is known in closed form, mode by mode (Sec. 2.3 of Evans 2010, "Partial Differential Equations"), so that
data are exact to rounding whatever the number of dimensions:

    u(x, t) = sum_k a_k prod_i sin(k_i pi x_i) exp(-D pi**2 |k|**2 t),   a_k ~ N(0, s**2 |k|**(-2 decay))

with s such that the variance of u(., 0), averaged over the domain, is one. The numbers of the recipe are a choice made
here: D = 0.05 and 64 sensors of a rod.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Int

from neurokit.data.data import OperatorData, Split
from neurokit.data.recipe_checks import require_above_zero, require_least


@dataclass(frozen=True)
class Heat:
    """From the initial temperature to the temperature at all times: the recipe of the data set.

    dimensions   of space, n: 1 is a rod, 2 a plate; a location has n + 1 coordinates, time last
    diffusion    D of the equation
    sensors      equispaced interior points of (0, 1) along every axis, at which the network sees u(., 0)
    points       equispaced points of [0, 1] along every axis, ends included, at which u is given
    instants     equispaced instants of [0, 1], ends included, at which u is given
    modes        of the sine series along every axis
    decay        by which the amplitudes of its modes fall, as a power of |k|
    train, test  numbers of functions
    deviations   declared range of u(., 0) in its standard deviations (see Poisson)

    Locations are all tuples (x, .., t), t changing fastest; `axes` of the data holds the coordinates apart.
    Raises OutOfRange for numbers that make no data set, or if a sample leaves the declared range.
    """

    #: The kind of network that a run takes if none is said.
    suits: ClassVar[str] = "seponet"

    dimensions: int = 1
    diffusion: float = 0.05
    sensors: int = 64
    points: int = 32
    instants: int = 32
    modes: int = 5
    decay: float = 1.0
    train: int = 400
    test: int = 100
    deviations: float = 8.0

    def __post_init__(self) -> None:
        require_least(self, dimensions=1, sensors=1, points=2, instants=2, modes=1, train=1, test=1)
        require_above_zero(self, "diffusion", "decay", "deviations")

    def generate(self, seed: int = 0) -> Split[OperatorData]:
        """Training and test functions, drawn from one seeded stream and evaluated in closed form."""
        waves = np.array(list(product(range(1, self.modes + 1), repeat=self.dimensions)))
        size = np.linalg.norm(waves, axis=1) ** -self.decay
        size *= np.sqrt(2.0**self.dimensions / np.sum(size**2))  # a squared sine is 1/2 on average
        series = np.random.default_rng(seed).standard_normal((self.train + self.test, len(waves))) * size
        seen = [np.linspace(0.0, 1.0, self.sensors + 2)[1:-1]] * self.dimensions
        axes = [np.linspace(0.0, 1.0, self.points)] * self.dimensions
        t = np.linspace(0.0, 1.0, self.instants)
        fading = np.exp(-self.diffusion * np.pi**2 * np.sum(waves**2, axis=1)[:, None] * t)
        shape = (self.points,) * self.dimensions
        everything = OperatorData.on_grid(
            branch=series @ modes_at(waves, seen),
            axes=(*axes, t),
            targets=np.einsum("nk,kp,kt->npt", series, modes_at(waves, axes), fading, optimize=True).reshape(
                len(series), *shape, self.instants
            ),
            domain={"branch": (-self.deviations, self.deviations), "trunk": (0.0, 1.0)},
            provenance={"problem": repr(self), "data_seed": str(seed)},
        )
        return everything.split(self.train)


def modes_at(
    waves: Int[np.ndarray, "modes n"], axes: list[Float64[np.ndarray, " points"]]
) -> Float64[np.ndarray, "modes locations"]:
    """Every mode `prod_i sin(k_i pi x_i)` at all tuples of the coordinates in `axes`, the last changing fastest."""
    values = np.ones((len(waves), 1))
    for numbers, axis in zip(waves.T, axes, strict=True):
        along = np.sin(np.pi * numbers[:, None] * axis)
        values = (values[:, :, None] * along[:, None, :]).reshape(len(waves), -1)
    return values
