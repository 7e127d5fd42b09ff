"""Surrogates: densities around the threshold, one formula for NumPy and torch."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import trapezoid

from neurokit.errors import OutOfRange
from neurokit.surrogates import Gaussian


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0])
def test_gaussian_is_a_density(sigma: float) -> None:
    x = np.linspace(-10 * sigma, 10 * sigma, 2001)
    assert trapezoid(Gaussian(sigma).derivative(x), x) == pytest.approx(
        1, abs=1e-12
    )  # the trapezoidal rule is spectrally accurate for a bell


def test_gaussian_is_the_derivative_of_the_noisy_step() -> None:
    """`E[x + sigma n >= 0]` differentiated by central differences of the normal distribution function."""
    from scipy.stats import norm

    x, h, sigma = np.linspace(-1, 1, 21), 1e-5, 0.3
    slope = (norm.cdf((x + h) / sigma) - norm.cdf((x - h) / sigma)) / (2 * h)
    np.testing.assert_allclose(Gaussian(sigma).derivative(x), slope, rtol=1e-7)  # h**2 plus cancellation eps / h


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_and_torch_agree(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    x = np.linspace(-2, 2, 101).astype(dtype)
    of_torch = Gaussian().derivative(torch.from_numpy(x)).numpy()
    assert of_torch.dtype == x.dtype
    np.testing.assert_allclose(of_torch, Gaussian().derivative(x), rtol=20 * np.finfo(dtype).eps, atol=1e-30)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_width_is_refused(sigma: float) -> None:
    with pytest.raises(OutOfRange, match=r"Gaussian\.sigma"):
        Gaussian(sigma)
