"""Burgers: exact solutions by Cole and Hopf, orders, conservation, and what the data set declares."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ive

from neurokit.data.burgers import Burgers, FinalTime, SpaceTime, interpolate, solve
from neurokit.data.gaussian_field import GaussianField
from neurokit.data.kernels import RBF, PeriodicRBF
from neurokit.errors import OutOfRange

SMALL = Burgers(sensors=20, locations=16, viscosity=0.05, train=3, test=2)


def points(n: int) -> np.ndarray:
    return np.arange(n) / n


def cole_hopf_of_a_sine(x: np.ndarray, t: float, nu: float) -> np.ndarray:
    """Solution from u(x, 0) = sin(2 pi x): u = -2 nu phi_x / phi, phi a heat kernel's series in Bessel functions.

    phi = I0(z) + 2 sum_k I_k(z) cos(2 pi k x) exp(-nu (2 pi k)**2 t), z = 1 / (4 pi nu), up to a factor.
    Source: Cole 1951, doi:10.1090/qam/42889.
    """
    k = np.arange(1, 80)[:, None]
    weights = 2 * ive(k, 1 / (4 * np.pi * nu)) * np.exp(-nu * (2 * np.pi * k) ** 2 * t)
    phi = ive(0, 1 / (4 * np.pi * nu)) + np.sum(weights * np.cos(2 * np.pi * k * x), axis=0)
    slope = -np.sum(weights * 2 * np.pi * k * np.sin(2 * np.pi * k * x), axis=0)
    return np.asarray(-2 * nu * slope / phi)


def cole_hopf(initial: np.ndarray, x: np.ndarray, t: float, nu: float) -> np.ndarray:
    """Solution at `x` from any periodic values, a ratio of integrals: Hopf 1950, doi:10.1002/cpa.3160030302.

    u = int (x - y) / t w(y) dy / int w(y) dy, log w = -(int_0^y initial + (x - y)**2 / (2 t)) / (2 nu); by trapezoids,
    which for these smooth integrands converge faster than any power. All weights are positive: nothing cancels.
    """
    n = len(initial)
    wave = 2j * np.pi * np.fft.rfftfreq(n, 1 / n)
    hat = np.fft.rfft(initial)
    potential = np.fft.irfft(np.divide(hat, wave, out=np.zeros_like(hat), where=wave != 0), n)
    y = np.arange(-5 * n, 6 * n) / n  # values below 5 carry nothing further than that until t = 1
    exponent = -(np.tile(potential, 11) + initial.mean() * y + (x[:, None] - y) ** 2 / (2 * t)) / (2 * nu)
    w = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return np.asarray(np.sum((x[:, None] - y) / t * w, axis=1) / np.sum(w, axis=1))


@pytest.mark.parametrize("nu", [0.1, 0.01])
def test_a_sine_becomes_the_exact_solution(nu: float) -> None:
    x = points(400)
    u = solve(np.sin(2 * np.pi * x)[None], viscosity=nu, final_time=1.0, intervals=5, substeps=200)
    for i, t in enumerate(np.linspace(0, 1, 6)[1:], start=1):
        np.testing.assert_allclose(u[0, i], cole_hopf_of_a_sine(x, t, nu), atol=1e-8)  # the values are of order one


def test_random_fields_become_the_exact_solution_to_the_accuracy_claimed() -> None:
    """The default grid and step against Cole and Hopf; the front is thinnest, and the error largest, at t near 0.2."""
    x, times = points(400), np.linspace(0, 1, 6)
    g = GaussianField(0.2, PeriodicRBF()).sample(x[:, None], 16, seed=1)
    u = solve(g, viscosity=0.01, final_time=1.0, intervals=5, substeps=80)[:, 1:, ::8]
    exact = np.array([[cole_hopf(row, x[::8], t, 0.01) for t in times[1:]] for row in g])
    assert np.linalg.norm(u - exact) < 1e-5 * np.linalg.norm(exact)
    assert (np.linalg.norm(u - exact, axis=2) / np.linalg.norm(exact, axis=2)).max() < 1e-4


def test_a_mean_is_a_drift() -> None:
    """u(x, t) + c solves the equation at x + c t: 0.5 carries the solution once around in t = 2."""
    g = np.sin(2 * np.pi * points(128))[None]
    settings = {"viscosity": 0.05, "final_time": 2.0, "intervals": 1, "substeps": 400}
    still = solve(g, **settings)[:, 1]  # type: ignore[arg-type]
    moved = solve(g + 0.5, **settings)[:, 1]  # type: ignore[arg-type]
    np.testing.assert_allclose(moved, still + 0.5, atol=1e-9)


def test_order_in_time_is_four() -> None:
    x, nu = points(128), 0.05
    steps, errors = np.array([10, 20, 40, 80]), []
    for n in steps:
        u = solve(np.sin(2 * np.pi * x)[None], viscosity=nu, final_time=0.5, intervals=1, substeps=int(n))
        errors.append(np.abs(u[0, 1] - cole_hopf_of_a_sine(x, 0.5, nu)).max())
    assert -np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(4, abs=0.3)  # higher orders still show


def test_convergence_in_space_is_exponential() -> None:
    """Every 16 points more make the error at least ten times smaller, until rounding."""
    nu, errors = 0.05, []
    for n in (24, 40, 56, 72):
        x = points(n)
        u = solve(np.sin(2 * np.pi * x)[None], viscosity=nu, final_time=0.25, intervals=1, substeps=400)
        errors.append(np.abs(u[0, 1] - cole_hopf_of_a_sine(x, 0.25, nu)).max())
    assert all(finer < coarser / 10 for coarser, finer in pairwise(errors)), errors


def test_the_integral_is_kept_and_the_energy_falls() -> None:
    g = GaussianField(0.2, PeriodicRBF()).sample(points(256)[:, None], 4, seed=2)
    u = solve(g, viscosity=0.02, final_time=1.0, intervals=8, substeps=40)
    np.testing.assert_allclose(u.mean(axis=2), np.repeat(g.mean(axis=1)[:, None], 9, axis=1), atol=1e-12)
    assert (np.diff(np.sum(u**2, axis=2), axis=1) < 0).all()


def test_interpolation_is_exact_for_what_the_grid_resolves() -> None:
    x = np.random.default_rng(0).uniform(size=50)

    def f(x: np.ndarray) -> np.ndarray:
        return np.asarray(0.3 + np.sin(2 * np.pi * x) + 0.5 * np.cos(2 * np.pi * 7 * x))

    for n in (16, 17):
        np.testing.assert_allclose(interpolate(f(points(n))[None], x)[0], f(x), atol=1e-13)


def test_final_time_and_space_time_are_the_same_solution() -> None:
    last = SMALL.generate(seed=3).train
    assert last.locations.shape == (16, 1)
    assert last.axes == ()
    everything = Burgers(
        sensors=20, locations=16, viscosity=0.05, train=3, test=2, output=SpaceTime(instants=5)
    ).generate(seed=3).train  # fmt: skip
    assert everything.locations.shape == (80, 2)
    x, t = everything.axes
    np.testing.assert_array_equal(x, points(16))
    np.testing.assert_array_equal(t, [0, 0.25, 0.5, 0.75, 1])
    u = everything.targets.reshape(3, 16, 5)
    # The same solution: how the last bits of a product of matrices round depends on how many instants it has.
    np.testing.assert_allclose(u[:, :, 4], last.targets, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(u[:, ::4, 0], everything.branch[:, ::5], atol=1e-12)  # the points both have


def test_longer_spans_declare_their_range() -> None:
    data = Burgers(
        sensors=20, locations=8, viscosity=0.05, train=1, test=1, final_time=2.0, output=SpaceTime(3)
    ).generate().train  # fmt: skip
    assert data.domain["trunk"] == (0.0, 2.0)
    assert data.axes[1].tolist() == [0.0, 1.0, 2.0]


def test_a_seed_means_one_data_set_and_the_test_set_is_new() -> None:
    first, again, other = SMALL.generate(1), SMALL.generate(1), SMALL.generate(2)
    np.testing.assert_array_equal(first.train.targets, again.train.targets)
    assert not np.allclose(first.train.branch, other.train.branch)
    assert len(np.unique(np.concatenate([first.train.branch, first.test.branch]), axis=0)) == 5


@pytest.mark.parametrize("bad", [{"viscosity": 0.0}, {"final_time": np.inf}, {"sensors": 1}, {"kernel": RBF()}])
def test_impossible_recipes_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(OutOfRange, match=rf"Burgers\.{next(iter(bad))}"):
        Burgers(**bad)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("error")  # the exception says it all
def test_solver_refuses_what_it_cannot_solve() -> None:
    with pytest.raises(OutOfRange, match="grid points"):
        solve(np.zeros((1, 3)), viscosity=1.0, final_time=1.0, intervals=1, substeps=1)
    with pytest.raises(OutOfRange, match="take more steps"):
        solve(100 * np.sin(2 * np.pi * points(256))[None], viscosity=1e-4, final_time=1.0, intervals=1, substeps=20)
    with pytest.raises(OutOfRange, match=r"SpaceTime\.instants"):
        SpaceTime(1)
    assert FinalTime() == FinalTime()
