"""Heat: the closed form against the equation itself, the variance that is promised, and what the data declare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurokit.data.heat import Heat, modes_at
from neurokit.errors import OutOfRange

SMALL = Heat(sensors=9, points=11, instants=6, train=3, test=2)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_a_single_step_of_the_equation_agrees_with_the_closed_form(dimensions: int) -> None:
    h, dt, modes = 1 / 400, 1e-4, 2
    recipe = replace(SMALL, dimensions=dimensions, sensors=2, modes=modes, points=3)
    waves = np.array(np.meshgrid(*[np.arange(1, modes + 1)] * dimensions)).reshape(dimensions, -1).T
    middle = [np.array([0.3 - h, 0.3, 0.3 + h])] * dimensions
    a = np.random.default_rng(1).standard_normal(len(waves))
    rate = recipe.diffusion * np.pi**2 * np.sum(waves**2, axis=1)

    def u(t: float) -> np.ndarray:
        return np.asarray(((a * np.exp(-rate * t)) @ modes_at(waves, middle)).reshape((3,) * dimensions))

    centre = (1,) * dimensions
    at = u(0.5)
    laplacian = sum(
        (np.take(at, 0, axis)[centre[1:]] - 2 * at[centre] + np.take(at, 2, axis)[centre[1:]]) / h**2
        for axis in range(dimensions)
    )
    slope = (u(0.5 + dt)[centre] - u(0.5 - dt)[centre]) / (2 * dt)
    # Central differences err by k**4 pi**4 h**2 / 12 of a mode: 8e-4 of it at k = 2.
    assert slope == pytest.approx(recipe.diffusion * laplacian, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_data_are_the_initial_values_then_fade_and_vanish_on_the_boundary(dimensions: int) -> None:
    recipe = replace(SMALL, dimensions=dimensions, points=11, sensors=9)  # sensors are the inner points of the grid
    data = recipe.generate(3).train
    u = data.targets.reshape(3, *(11,) * dimensions, 6)
    inner = u[(slice(None), *(slice(1, -1),) * dimensions, 0)]
    np.testing.assert_allclose(inner.reshape(3, -1), data.branch, atol=1e-12)
    np.testing.assert_allclose(u[:, 0], 0, atol=1e-12)
    np.testing.assert_allclose(u[:, -1], 0, atol=1e-12)
    size = np.linalg.norm(u.reshape(3, -1, 6), axis=1)
    assert (np.diff(size, axis=1) < 0).all()
    assert data.locations.shape[1] == dimensions + 1
    assert len(data.axes) == dimensions + 1


@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_initial_value_has_unit_variance(dimensions: int) -> None:
    data = replace(SMALL, dimensions=dimensions, sensors=15, train=4000, points=2, instants=2).generate(0).train
    # The mean of 4,000 squares of five modes and more; midpoints integrate sines of k <= 5 exactly but for the ends.
    assert np.mean(data.branch**2) * (15 / 16) ** dimensions == pytest.approx(1, abs=0.05)


def test_seeds_repeat_and_differ() -> None:
    np.testing.assert_array_equal(SMALL.generate(1).test.targets, SMALL.generate(1).test.targets)
    assert not np.array_equal(SMALL.generate(1).test.targets, SMALL.generate(2).test.targets)


@pytest.mark.parametrize("bad", [{"dimensions": 0}, {"diffusion": 0.0}, {"modes": 0}, {"instants": 1}])
def test_impossible_recipes_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(OutOfRange, match=rf"Heat\.{next(iter(bad))}"):
        Heat(**bad)  # type: ignore[arg-type]
