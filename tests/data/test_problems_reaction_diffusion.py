"""Reaction-diffusion: orders of the integrator and the solver, an independent integrator, the data set's promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neurokit.data.exponential_integrator import ExponentialRK4
from neurokit.data.gaussian_field import GaussianField
from neurokit.data.kernels import Matern32
from neurokit.data.reaction_diffusion import FEWEST_STEPS, FINEST_INTERVALS, ReactionDiffusion, solve
from neurokit.errors import OutOfRange

SMALL = ReactionDiffusion(sensors=12, points=9, instants=7, train=3, test=2)


def order(sizes: np.ndarray, errors: list[float]) -> float:
    return float(-np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def manufactured(x: np.ndarray, t: float) -> np.ndarray:
    """Meets the conditions of the problem at both ends and at t = 0; is no eigenfunction and not even."""
    return np.asarray(np.sin(2 * t) * x * (1 - x) * np.exp(x))


def its_source(x: np.ndarray, diffusion: float, reaction: float) -> Any:
    """The f with which `manufactured` solves the equation; (x (1 - x) e**x)'' = -(x**2 + 3 x) e**x."""

    def f(t: float) -> np.ndarray:
        u = manufactured(x, t)
        u_t = 2 * np.cos(2 * t) * x * (1 - x) * np.exp(x)
        u_xx = -np.sin(2 * t) * (x**2 + 3 * x) * np.exp(x)
        return np.asarray((u_t - diffusion * u_xx - reaction * u**2)[None])

    return f


def error(n: int, intervals: int, diffusion: float, reaction: float) -> float:
    x = np.linspace(0, 1, n + 1)
    u = solve(
        its_source(x, diffusion, reaction), diffusion=diffusion, reaction=reaction, intervals=intervals, substeps=1
    )
    times = np.linspace(0, 1, intervals + 1)
    return float(max(np.abs(u[0, i] - manufactured(x, t)).max() for i, t in enumerate(times)))


def test_integrator_is_of_fourth_order_on_a_nonlinear_equation() -> None:
    """v' = -v + v**2 from 1/2 has the solution 1 / (1 + e**t)."""
    steps, errors = np.array([5, 10, 20, 40]), []
    for n in steps:
        v, integrator = np.array([0.5]), ExponentialRK4(np.array([-1.0]), 1 / n)
        for i in range(n):
            v = integrator.advance(i / n, v, lambda t, v: v**2)
        errors.append(abs(float(v[0]) - 1 / (1 + np.e)))
    assert order(steps, errors) == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize("stiffness", [0.0, 1e-6, 1.0, 1e6])
def test_integrator_is_exact_for_a_constant_rest(stiffness: float) -> None:
    """v' = -s v + 1 from 0: v(1) = (1 - e**-s) / s, for a step of any stiffness; relative error of rounding only."""
    v = ExponentialRK4(np.array([-stiffness]), 1.0).advance(0.0, np.zeros(1), lambda t, v: np.ones(1))
    exact = -np.expm1(-stiffness) / stiffness if stiffness else 1.0
    np.testing.assert_allclose(v, exact, rtol=1e-12)


def test_order_in_space_is_four() -> None:
    intervals = np.array([8, 16, 32, 64])
    errors = [error(n, 200, diffusion=0.1, reaction=0.5) for n in intervals]  # time's share is below a hundredth
    assert order(intervals, errors) == pytest.approx(4, abs=0.15)


def test_order_in_time_is_four() -> None:
    """Diffusion so weak that the problem is not stiff; space resolved to below a hundredth of time's errors."""
    steps = np.array([4, 8, 16, 32])
    errors = [error(400, n, diffusion=1e-3, reaction=2.0) for n in steps]
    assert order(steps, errors) == pytest.approx(4, abs=0.35)  # higher orders still show at the largest steps


def method_of_lines(f: np.ndarray, diffusion: float, reaction: float, times: np.ndarray) -> np.ndarray:
    """Central differences and LSODA, sharing nothing with the solver: `u (instants, n)` of one source."""
    h = 1 / (len(f) - 1)

    def rate(_: float, inner: np.ndarray) -> np.ndarray:
        u = np.concatenate([[0.0], inner, [0.0]])
        return np.asarray(diffusion * np.diff(u, 2) / h**2 + reaction * inner**2 + f[1:-1])

    done = solve_ivp(rate, (0, 1), np.zeros(len(f) - 2), "LSODA", times, rtol=1e-10, atol=1e-12, lband=1, uband=1)
    return np.pad(done.y.T, ((0, 0), (1, 1)))


@pytest.mark.parametrize("reaction", [0.01, 1.0])
def test_agrees_with_an_independent_integrator(reaction: float) -> None:
    x, times = np.linspace(0, 1, 1601), np.linspace(0, 1, 12)
    f = GaussianField(0.2).sample(x[:, None], 2, seed=3)
    ours = solve(f[:, ::8], diffusion=0.01, reaction=reaction, intervals=11, substeps=9)
    for source, u in zip(f, ours, strict=True):
        coarse, fine = (
            method_of_lines(s, 0.01, reaction, times)[:, :: (len(s) - 1) // 200] for s in (source[::2], source)
        )
        truth = fine + (fine - coarse) / 3  # Richardson: removes the h**2 of central differences
        # The last correction is 2e-6 of the solution; what h**4 leaves of it, and LSODA's tolerance, are below 1e-8.
        assert np.linalg.norm(u - truth) < 1e-7 * np.linalg.norm(truth)


def test_refining_grid_and_step_changes_the_targets_below_1e_6() -> None:
    fine = np.linspace(0, 1, 4 * FINEST_INTERVALS + 1)
    f = GaussianField(0.2).sample(fine[:, None], 8, seed=0)
    equation = {"diffusion": 0.01, "reaction": 0.01, "intervals": 11}
    used = solve(f[:, ::4], substeps=FEWEST_STEPS // 11, **equation)  # type: ignore[arg-type]
    finer = solve(f, substeps=4 * FEWEST_STEPS // 11, **equation)[:, :, ::4]  # type: ignore[arg-type]
    assert np.linalg.norm(finer - used) < 1e-6 * np.linalg.norm(finer)


def test_defaults_are_the_papers_numbers() -> None:
    problem = ReactionDiffusion()
    assert (problem.diffusion, problem.reaction, problem.points, problem.instants) == (0.01, 0.01, 100, 100)


def test_locations_are_a_grid_of_x_and_t_and_its_axes_are_there() -> None:
    data = SMALL.generate(seed=1).train
    assert data.branch.shape == (3, 12)
    assert data.locations.shape == (63, 2)
    assert data.targets.shape == (3, 63)
    x, t = data.axes
    np.testing.assert_array_equal(x, np.linspace(0, 1, 9))
    np.testing.assert_array_equal(t, np.linspace(0, 1, 7))
    u = data.targets.reshape(3, 9, 7)
    np.testing.assert_array_equal(data.locations.reshape(9, 7, 2)[4, 5], [x[4], t[5]])
    np.testing.assert_array_equal(u[:, :, 0], 0)
    np.testing.assert_allclose(u[:, [0, -1], :], 0, atol=1e-15)  # the spline's rounding
    assert (np.abs(u[:, 1:-1, 1:]) > 0).all()
    assert data.take(np.array([2])).axes[1].tolist() == t.tolist()


def test_targets_do_not_depend_on_the_points_asked_for() -> None:
    """Points off the solver's grid are interpolated: against a grid that holds them all."""
    few = ReactionDiffusion(points=8, instants=4, train=2, test=1).generate(seed=5).train
    many = (
        ReactionDiffusion(points=92, instants=100, train=2, test=1).generate(seed=5).train
    )  # 7 divides 91, 3 divides 99
    u = many.targets.reshape(2, 92, 100)[:, ::13, ::33]
    np.testing.assert_allclose(few.targets.reshape(2, 8, 4), u, atol=1e-7)  # time steps differ, 99 in both but one


def test_a_seed_means_one_data_set_and_the_test_set_is_new() -> None:
    first, again, other = SMALL.generate(1), SMALL.generate(1), SMALL.generate(2)
    np.testing.assert_array_equal(first.train.targets, again.train.targets)
    assert not np.allclose(first.train.branch, other.train.branch)
    assert len(np.unique(np.concatenate([first.train.branch, first.test.branch]), axis=0)) == 5


def test_rough_sources_are_solved_too() -> None:
    data = ReactionDiffusion(kernel=Matern32(), points=9, instants=3, train=2, test=1).generate().train
    assert np.isfinite(data.targets).all()


@pytest.mark.parametrize("bad", [{"diffusion": 0.0}, {"reaction": np.nan}, {"instants": 1}, {"test": 0}, {"points": 1}])
def test_impossible_recipes_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(OutOfRange, match=rf"ReactionDiffusion\.{next(iter(bad))}"):
        ReactionDiffusion(**bad)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("error")  # the exception says it all
def test_solver_refuses_what_it_cannot_solve() -> None:
    with pytest.raises(OutOfRange, match="grid points"):
        solve(np.zeros((1, 2)), diffusion=1.0, reaction=0.0, intervals=1, substeps=1)
    with pytest.raises(OutOfRange, match="not finite"):  # u' = 1000 u**2 + 6 is infinite before t = 1
        solve(np.full((1, 9), 6.0), diffusion=0.01, reaction=1000.0, intervals=100, substeps=10)
    with pytest.raises(OutOfRange, match=r"ExponentialRK4\.step"):
        ExponentialRK4(np.zeros(1), 0.0)
