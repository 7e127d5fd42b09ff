"""Problems: the field has its covariance, the solver its order, data sets keep what they declare."""

from __future__ import annotations

import numpy as np
import pytest

from neurokit.data.data import OperatorData, PointData, carve
from neurokit.data.gaussian_field import GaussianField
from neurokit.data.poisson import Poisson, solve
from neurokit.errors import GraphError, OutOfRange

SMALL = Poisson(train=6, test=4)


def test_field_has_unit_variance_and_its_covariance() -> None:
    points = np.linspace(-1, 1, 11)[:, None]
    field, count = GaussianField(0.5), 40_000
    g = field.sample(points, count, seed=0)
    # An entry of a sample covariance has a standard error of at most sqrt(2 / count) = 0.007; five of them.
    np.testing.assert_allclose(g.T @ g / count, field.covariance(points), atol=5 * np.sqrt(2 / count))
    np.testing.assert_allclose(g.mean(axis=0), 0, atol=5 / np.sqrt(count))


def test_covariance_at_one_length_scale_in_two_dimensions() -> None:
    covariance = GaussianField(2.0).covariance(np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 2.0]]))
    np.testing.assert_allclose(covariance[0], np.exp([0, -0.5, -1.0]))


@pytest.mark.parametrize(("u", "g"), [
    (lambda x: np.sin(np.pi * x), lambda x: np.pi**2 * np.sin(np.pi * x)),
    (lambda x: (1 - x**2) * np.exp(x), lambda x: (1 + 4 * x + x**2) * np.exp(x)),
])  # fmt: skip
def test_solver_converges_with_fourth_order(u, g) -> None:  # type: ignore[no-untyped-def]
    intervals = np.array([20, 40, 80, 160])
    errors = []
    for n in intervals:
        x = np.linspace(-1, 1, n + 1)
        errors.append(np.abs(solve(g(x)[None]) - u(x)).max())
    slope = -np.polyfit(np.log(intervals), np.log(errors), 1)[0]
    assert slope == pytest.approx(4, abs=0.1)  # higher orders still show on the coarsest grid
    assert errors[-1] < 2e-8


@pytest.mark.parametrize("length_scale", [0.2, 1.0])
def test_targets_are_accurate_far_beyond_training_errors(length_scale: float) -> None:
    """Differentiated twice by a formula that is not the solver's, u must give -g back."""
    problem = Poisson(length_scale=length_scale, locations=401, sensors=401, train=5, test=1)
    data = problem.generate(seed=3).train
    h = 2 / 400
    second = (data.targets[:, 2:] - 2 * data.targets[:, 1:-1] + data.targets[:, :-2]) / h**2
    # Central differences: h**2 / 12 of the fourth derivative -g'', whose deviation is sqrt(3) / l**2; five of them.
    np.testing.assert_allclose(second, -data.branch[:, 1:-1], atol=5 * h**2 / 12 * np.sqrt(3) / length_scale**2)
    np.testing.assert_allclose(data.targets[:, [0, -1]], 0, atol=1e-15)  # the spline's rounding


def test_refining_the_grid_changes_the_targets_below_1e_6() -> None:
    """Same sources on a grid twice as fine: the claim that the defaults are far below any network's error."""
    length = 0.05  # the hardest: h is the twentieth part of the length scale, not a 400th of the interval
    fine = np.linspace(-1, 1, 1601)
    g = GaussianField(length).sample(fine[:, None], 4, seed=0)
    finer, used = solve(g)[:, ::2], solve(g[:, ::2])
    assert np.linalg.norm(finer - used) < 1e-6 * np.linalg.norm(finer)


def test_defaults_are_the_papers_setup() -> None:
    split = Poisson().generate(seed=0)
    assert split.train.branch.shape == split.test.branch.shape == (800, 51)
    assert split.train.targets.shape == (800, 51)
    np.testing.assert_array_equal(split.train.locations[:, 0], np.linspace(-1, 1, 51))
    assert split.train.domain == {"branch": (-6.0, 6.0), "trunk": (-1.0, 1.0)}
    assert split.train.provenance["data_seed"] == "0"


def test_a_seed_means_one_data_set_and_the_test_set_is_new() -> None:
    first, again, other = SMALL.generate(seed=1), SMALL.generate(seed=1), SMALL.generate(seed=2)
    np.testing.assert_array_equal(first.train.branch, again.train.branch)
    assert not np.allclose(first.train.branch, other.train.branch)
    everything = np.concatenate([first.train.branch, first.test.branch])
    assert len(np.unique(everything, axis=0)) == 10


def test_sensors_and_locations_are_independent_options() -> None:
    data = Poisson(sensors=11, locations=8, train=3, test=1).generate().train
    assert data.branch.shape == (3, 11)
    assert data.targets.shape == (3, 8)
    assert data.inputs["branch"].shape == (3, 1, 11)
    assert data.inputs["trunk"].shape == (1, 8, 1)
    assert data.answers.shape == (3, 8, 1)


def test_a_broken_promise_of_range_is_an_error() -> None:
    with pytest.raises(OutOfRange, match=r"input 'branch'\[.*declared range"):
        Poisson(deviations=0.5, train=20, test=1).generate()


def test_carve_parts_share_no_sample() -> None:
    data = SMALL.generate().train
    rest, held = carve(data, 2, seed=0)
    assert (len(rest), len(held)) == (4, 2)
    together = np.concatenate([rest.branch, held.branch])
    np.testing.assert_array_equal(np.sort(together[:, 0]), np.sort(data.branch[:, 0]))
    with pytest.raises(OutOfRange, match="held_out"):
        carve(data, 6, seed=0)


def test_artefacts_are_frozen_and_checked() -> None:
    data = SMALL.generate().train
    with pytest.raises(ValueError, match="read-only"):
        data.branch[0, 0] = 1.0
    with pytest.raises(TypeError):
        data.domain["branch"] = (0.0, 1.0)  # type: ignore[index]
    with pytest.raises(GraphError, match="functions by locations"):
        OperatorData(data.branch, data.locations, data.targets.T[:6], data.domain)
    with pytest.raises(GraphError, match="domain"):
        OperatorData(data.branch, data.locations, data.targets, {"x": (-1, 1)})
    with pytest.raises(GraphError, match="one row a point"):
        PointData(np.zeros((3, 1)), np.zeros((2, 1)), {"x": (-1, 1)})
    with pytest.raises(OutOfRange, match=r"PointData\.y\[1, 0\] is nan"):
        PointData(np.zeros((2, 1)), np.array([[0.0], [np.nan]]), {"x": (-1, 1)})


@pytest.mark.parametrize("bad", [{"sensors": 1}, {"train": 0}, {"deviations": 0.0}, {"locations": 1}])
def test_impossible_recipes_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(OutOfRange, match=f"Poisson.{next(iter(bad))}"):
        Poisson(**bad)  # type: ignore[arg-type]


def test_bad_fields_are_refused() -> None:
    with pytest.raises(OutOfRange, match="length_scale"):
        GaussianField(0.0)
    with pytest.raises(OutOfRange, match="number of fields"):
        GaussianField().sample(np.zeros((2, 1)), 0, seed=0)
    with pytest.raises(OutOfRange, match="grid points"):
        solve(np.zeros((1, 2)))
