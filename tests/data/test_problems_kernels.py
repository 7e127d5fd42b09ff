"""Kernels: their values, the smoothness they promise, and that the fields drawn from them have it."""

from __future__ import annotations

import numpy as np
import pytest

from neurokit.data.gaussian_field import GaussianField
from neurokit.data.kernels import RBF, Kernel, Matern32, Matern52, PeriodicRBF
from neurokit.data.poisson import Poisson
from neurokit.errors import OutOfRange

#: Sensors 0, 12, 25 and 50 of the first function of seed 1, drawn before there were other kernels.
EARLIER = [-1.032697519, -1.633298786, -1.946307087, -0.834037932]
KERNELS = [RBF(), Matern32(), Matern52(), PeriodicRBF()]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_correlation_is_symmetric_positive_and_one_at_distance_zero(kernel: Kernel) -> None:
    points = np.random.default_rng(0).uniform(0, 1, (40, 2))
    correlation = kernel.correlation(points, 0.3)
    np.testing.assert_array_equal(correlation, correlation.T)
    np.testing.assert_array_equal(np.diag(correlation), 1)
    assert np.linalg.eigvalsh(correlation).min() > -1e-12  # zero to rounding for the smooth ones


def test_values_at_one_length_scale() -> None:
    points = np.array([[0.0], [0.3]])

    def at(kernel: Kernel) -> float:
        return float(kernel.correlation(points, 0.3)[0, 1])

    assert at(RBF()) == pytest.approx(np.exp(-0.5))
    assert at(Matern32()) == pytest.approx((1 + np.sqrt(3)) * np.exp(-np.sqrt(3)))
    assert at(Matern52()) == pytest.approx((1 + np.sqrt(5) + 5 / 3) * np.exp(-np.sqrt(5)))
    # MacKay's form of the periodic kernel, with its width 2 pi l / period
    mackay = np.exp(-2 * np.sin(np.pi * 0.3) ** 2 / (2 * np.pi * 0.3) ** 2)
    assert at(PeriodicRBF()) == pytest.approx(mackay)


def test_the_periodic_kernel_is_rbf_within_a_small_part_of_the_period() -> None:
    points = np.linspace(0, 1, 5)[:, None]
    near = PeriodicRBF(period=100.0).correlation(points, 0.5) - RBF().correlation(points, 0.5)
    # The chord differs from the arc by a share (pi r / period)**2 / 6 <= 2e-4 of it.
    np.testing.assert_allclose(near, 0, atol=2 * 2e-4)


def test_periodic_fields_are_periodic() -> None:
    x = np.linspace(0, 2, 81)[:, None]
    g = GaussianField(0.2, PeriodicRBF()).sample(x, 5, seed=0)
    np.testing.assert_allclose(g[:, :41], g[:, 40:], atol=1e-6)  # the root of the rounding error of eigenvalues


def test_orders_of_smoothness_differ_as_the_kernels_promise() -> None:
    """The mean square of a second difference is h**(2 s), s = 3/2 for Matern 3/2 and 2 for what has two derivatives."""
    h = np.array([0.02, 0.01])

    def slope(kernel: Kernel) -> float:
        squares = []
        for step in h:
            c = kernel.correlation(np.array([[0.0], [step], [2 * step]]), 1.0)
            w = np.array([1.0, -2.0, 1.0])
            squares.append(w @ c @ w)
        return float(np.log2(squares[0] / squares[1]))

    assert slope(Matern32()) == pytest.approx(3, abs=0.1)
    assert slope(Matern52()) == pytest.approx(4, abs=0.1)
    assert slope(RBF()) == pytest.approx(4, abs=0.1)


def test_a_kernel_and_a_seed_make_a_field() -> None:
    points = np.linspace(0, 1, 11)[:, None]
    first = GaussianField(0.5, Matern52()).sample(points, 3, seed=4)
    np.testing.assert_array_equal(first, GaussianField(0.5, Matern52()).sample(points, 3, seed=4))
    assert not np.allclose(first, GaussianField(0.5, RBF()).sample(points, 3, seed=4))
    assert GaussianField(0.5) == GaussianField(0.5, RBF())


def test_problems_take_any_kernel() -> None:
    rough = Poisson(kernel=Matern32(), length_scale=0.3, train=5, test=1).generate().train
    smooth = Poisson(length_scale=0.3, train=5, test=1).generate().train

    def roughness(g: np.ndarray) -> float:
        return float(np.mean(np.diff(g, 2, axis=1) ** 2))

    assert roughness(rough.branch) > 5 * roughness(smooth.branch)
    assert "Matern32" in rough.provenance["problem"]


def test_poissons_default_samples_stay_what_they_were() -> None:
    """A seed means one data set for good: the first function of seed 1, to the accuracy promised across machines."""
    g = Poisson(train=6, test=4).generate(seed=1).train.branch[0]
    np.testing.assert_allclose(g[[0, 12, 25, 50]], EARLIER, atol=1e-7)


@pytest.mark.parametrize("period", [0.0, -1.0, np.inf, np.nan])
def test_a_period_must_be_a_length(period: float) -> None:
    with pytest.raises(OutOfRange, match=r"PeriodicRBF\.period"):
        PeriodicRBF(period)
