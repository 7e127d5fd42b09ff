"""Mexican hat and antiderivative: their formulas, their splits, what they declare."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neurokit.data.antiderivative import FINEST_INTERVALS, Antiderivative, integrate
from neurokit.data.data import OperatorData, PointData, Split, TripleData, carve, grid
from neurokit.data.gaussian_field import GaussianField
from neurokit.data.mexican_hat import MexicanHat, OnGrid, Uniform
from neurokit.errors import GraphError, OutOfRange


def test_mexican_hat_is_the_negative_laplacian_of_a_gaussian() -> None:
    hat, h = MexicanHat(sigma=0.8), 1e-3
    x = np.random.default_rng(0).uniform(-1, 1, (50, 2))

    def gaussian(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(-np.sum(x**2, axis=1) / (2 * 0.8**2)) / (2 * np.pi * 0.8**2))

    step = h * np.eye(2)
    laplacian = sum(gaussian(x + s) - 2 * gaussian(x) + gaussian(x - s) for s in step) / h**2
    # Central differences: h**2 / 12 of fourth derivatives, which are below 3 * 0.25 / sigma**4 = 2 each.
    np.testing.assert_allclose(hat(x), -laplacian, atol=2 * 2 * h**2 / 12 + 1e-9)
    assert hat(np.zeros(2)) == pytest.approx(1 / (np.pi * 0.8**4))
    assert hat(np.array([0.0, np.sqrt(2) * 0.8])) == pytest.approx(0, abs=1e-16)


def test_mexican_hat_by_default_tests_on_the_whole_grid_and_trains_between() -> None:
    split = MexicanHat().generate(seed=0)
    assert len(split.train) == len(split.test) == 10_000
    axis = np.linspace(-1, 1, 100)
    np.testing.assert_array_equal(split.test.x, grid(axis, axis))
    np.testing.assert_array_equal(split.test.y[:, 0], MexicanHat()(split.test.x))
    assert split.train.domain == {"x": (-1.0, 1.0)}
    together = np.concatenate([split.train.x, split.test.x])
    assert len(np.unique(together, axis=0)) == 20_000


def test_mexican_hat_on_the_grid_shares_its_points_out() -> None:
    split = MexicanHat(train=8000, sampling=OnGrid()).generate(seed=1)
    assert (len(split.train), len(split.test)) == (8000, 2000)
    together = np.concatenate([split.train.x, split.test.x])
    assert {tuple(p) for p in together} == {tuple(p) for p in grid(*[np.linspace(-1, 1, 100)] * 2)}
    with pytest.raises(OutOfRange, match=r"MexicanHat\.train"):
        MexicanHat(side=10, train=100, sampling=OnGrid()).generate()


def test_a_validation_set_comes_from_the_training_points() -> None:
    split = MexicanHat(train=500).generate(seed=2)
    train, validation = carve(split.train, 100, seed=0)
    assert isinstance(train, PointData)
    assert {tuple(p) for p in np.concatenate([train.x, validation.x])} == {tuple(p) for p in split.train.x}


@pytest.mark.parametrize("sampling", [Uniform(), OnGrid()])
def test_a_seed_means_one_training_set(sampling: Uniform | OnGrid) -> None:
    recipe = MexicanHat(side=20, train=50, sampling=sampling)
    np.testing.assert_array_equal(recipe.generate(1).train.x, recipe.generate(1).train.x)
    assert not np.array_equal(recipe.generate(1).train.x, recipe.generate(2).train.x)


def test_integration_is_of_fourth_order() -> None:
    intervals, errors = np.array([20, 40, 80, 160]), []
    at = np.linspace(0, 1, 6)
    for n in intervals:
        x = np.linspace(0, 1, n + 1)
        errors.append(np.abs(integrate(x, np.cos(3 * x)[None] * np.exp(x), at) - antiderivative(at)).max())
    assert -np.polyfit(np.log(intervals), np.log(errors), 1)[0] == pytest.approx(4, abs=0.25)


def antiderivative(x: np.ndarray) -> np.ndarray:
    """Integral of cos(3 x) exp(x) from 0."""
    return np.asarray((np.exp(x) * (np.cos(3 * x) + 3 * np.sin(3 * x)) - 1) / 10)


def test_integrals_of_fields_are_accurate_to_1e_6() -> None:
    fine = np.linspace(0, 1, 8 * FINEST_INTERVALS + 1)
    g = GaussianField(0.2).sample(fine[:, None], 5, seed=0)
    used, finer = integrate(fine[::8], g[:, ::8], fine[::8]), integrate(fine, g, fine[::8])
    assert np.linalg.norm(used - finer) < 1e-6 * np.linalg.norm(finer)


def test_antiderivative_agrees_with_an_ordinary_integrator() -> None:
    data = Antiderivative(sensors=201, locations=21, train=2, test=1).generate(seed=4).train
    sensors = np.linspace(0, 1, 201)
    for g, u in zip(data.branch, data.targets, strict=True):
        there = solve_ivp(lambda t, y, g=g: [np.interp(t, sensors, g)], (0, 1), [0.0], "RK45", data.locations[:, 0],
                          rtol=1e-10, atol=1e-12, max_step=1 / 200)  # fmt: skip
        # Linear interpolation: h**2 / 12 times the integral of g'', whose deviation is 5 / l**2 at most.
        np.testing.assert_allclose(u, there.y[0], atol=5 * 200**-2 / 12 / 0.2**2)
    np.testing.assert_array_equal(data.targets[:, 0], 0)


def test_antiderivative_defaults() -> None:
    split = Antiderivative().generate()
    assert split.train.branch.shape == (150, 100)
    assert split.test.targets.shape == (1000, 100)
    assert split.train.domain["trunk"] == (0.0, 1.0)


@pytest.mark.parametrize("bad", [{"sensors": 1}, {"length_scale": -1.0}, {"train": 0}])
def test_impossible_recipes_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(OutOfRange, match=rf"Antiderivative\.{next(iter(bad))}"):
        Antiderivative(**bad)  # type: ignore[arg-type]
    with pytest.raises(OutOfRange, match=r"MexicanHat\.sigma"):
        MexicanHat(sigma=0.0)


def test_axes_must_be_those_of_the_locations() -> None:
    x, t, domain = np.linspace(0, 1, 3), np.linspace(0, 1, 2), {"branch": (0.0, 1.0), "trunk": (0.0, 1.0)}
    branch = np.zeros((4, 5))
    data = OperatorData.on_grid(branch, (x, t), np.arange(24.0).reshape(4, 3, 2), domain)
    assert data.targets[1, 2 * 2 + 1] == 6 + 5
    np.testing.assert_array_equal(data.locations[:, 0], [0, 0, 0.5, 0.5, 1, 1])
    with pytest.raises(GraphError, match="functions, then axes"):
        OperatorData.on_grid(branch, (x, t), np.zeros((4, 2, 3)), domain)
    with pytest.raises(GraphError, match=r"OperatorData\.axes"):
        OperatorData(branch, data.locations, data.targets, domain, {}, (t, x))
    with pytest.raises(ValueError, match="read-only"):
        data.axes[0][0] = 1.0


def test_triples_are_aligned_and_split_like_the_others() -> None:
    domain = {"branch": (0.0, 1.0), "trunk": (0.0, 1.0)}
    rows = np.linspace(0, 1, 6)[:, None]
    data = TripleData(np.tile(rows, (1, 3)), rows, 2 * rows, domain)
    some = data.take(np.array([4, 1]))
    np.testing.assert_array_equal(some.answers, 2 * some.inputs["trunk"])
    np.testing.assert_array_equal(some.inputs["branch"][:, 0], some.inputs["trunk"][:, 0])
    rest, held = carve(data, 2, seed=0)
    split = Split(train=rest, test=held)
    assert (len(split.train), len(split.test)) == (4, 2)
    for targets in (np.zeros((5, 1)), np.zeros((6, 2))):
        with pytest.raises(GraphError, match="one row a sample"):
            TripleData(data.branch, data.locations, targets, domain)
