"""Surrogates: derivatives of smoothed steps, one formula for NumPy and torch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from neurokit.errors import GraphError, OutOfRange
from neurokit.neurons.surrogates import (
    ArcTan,
    FastSigmoid,
    Gaussian,
    StraightThrough,
    Surrogate,
    Triangle,
    WeakGaussian,
)

Step = Callable[[np.ndarray], np.ndarray]

#: Every surrogate, the smoothed step that it is the derivative of, and where its corners are.
SMOOTH: list[tuple[Surrogate, Step, list[float]]] = [
    (Gaussian(0.3), lambda x: norm.cdf(x / 0.3), []),
    (Gaussian(1.0), lambda x: norm.cdf(x), []),
    (FastSigmoid(5.0), lambda x: (1 + 5 * x / (1 + 5 * abs(x))) / 2, [0.0]),
    (ArcTan(2.0), lambda x: 0.5 + np.arctan(np.pi * x) / np.pi, []),
    (StraightThrough(0.8), lambda x: np.clip(x / 0.8 + 0.5, 0, 1), [-0.4, 0.4]),
    (Triangle(0.6), lambda x: np.where(x < 0, np.clip(1 + x / 0.6, 0, 1) ** 2 / 2,
                                       1 - np.clip(1 - x / 0.6, 0, 1) ** 2 / 2), [-0.6, 0.0, 0.6]),
]  # fmt: skip
every_surrogate = pytest.mark.parametrize(("surrogate", "step", "corners"), SMOOTH, ids=lambda v: str(v)[:24])


@every_surrogate
def test_it_is_the_derivative_of_its_smoothed_step(surrogate: Surrogate, step: Step, corners: list[float]) -> None:
    """Central differences, away from corners; exact up to h**2 and the cancellation eps / h."""
    x, h = np.linspace(-2, 2, 162), 1e-5
    x = x[np.all([abs(x - corner) > 2 * h for corner in corners], axis=0)] if corners else x
    np.testing.assert_allclose(surrogate.derivative(x), (step(x + h) - step(x - h)) / (2 * h), rtol=1e-6, atol=1e-9)


@every_surrogate
def test_its_integral_goes_from_zero_to_one(surrogate: Surrogate, step: Step, corners: list[float]) -> None:
    edges = [-1e4, -10.0, -1.0, *corners, 1.0, 10.0, 1e4]
    total = sum(
        quad(lambda x: float(surrogate.derivative(np.float64(x))), a, b, limit=200)[0] for a, b in pairwise(edges)
    )
    assert total == pytest.approx(1, abs=1e-4)  # the tails of FastSigmoid and ArcTan beyond 1e4 hold up to 2e-5
    assert surrogate.derivative(np.float64(0.1)) == surrogate.derivative(np.float64(-0.1))


@every_surrogate
@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_and_torch_agree(surrogate: Surrogate, step: Step, corners: list[float], dtype: str) -> None:
    torch = pytest.importorskip("torch")
    x = np.linspace(-2, 2, 101).astype(dtype)
    of_torch = surrogate.derivative(torch.from_numpy(x)).numpy()
    of_numpy = surrogate.derivative(x)
    assert of_torch.dtype == of_numpy.dtype == x.dtype
    np.testing.assert_allclose(of_torch, of_numpy, rtol=20 * np.finfo(dtype).eps, atol=1e-30)


@pytest.mark.parametrize("sigma", [0.1, 0.3])
def test_the_weak_derivative_is_steins_difference_and_its_mean_the_gaussian(sigma: float) -> None:
    rng, x, samples = np.random.default_rng(0), np.linspace(-1, 1, 9) * 2 * sigma, 100_000
    noise = rng.standard_normal((samples, len(x)))

    def step(y: np.ndarray) -> np.ndarray:
        return (y >= 0).astype(float)

    pairs = (step(x + sigma * noise) - step(x - sigma * noise)) * noise / (2 * sigma)
    weak = WeakGaussian(sigma).derivative_from(x, noise)
    np.testing.assert_allclose(weak, pairs.mean(0), rtol=1e-12)
    # Stein's lemma, within five standard errors of the mean.
    np.testing.assert_array_less(abs(weak - Gaussian(sigma).derivative(x)), 5 * pairs.std(0) / np.sqrt(samples))
    assert (5 * pairs.std(0) / np.sqrt(samples) < 0.05 / sigma).all(), "the claim must be able to fail"


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("kind", [Gaussian, WeakGaussian, FastSigmoid, ArcTan, StraightThrough, Triangle])
def test_bad_widths_are_refused(kind: Callable[[float], object], value: float) -> None:
    with pytest.raises(OutOfRange, match=rf"{kind.__name__}\."):
        kind(value)
    with pytest.raises(OutOfRange, match="samples"):
        WeakGaussian(samples=0)


@pytest.mark.torch
def test_weak_noise_is_iid_follows_its_generator_and_is_asked_for() -> None:
    torch = pytest.importorskip("torch")
    from neurokit.networks import MLP
    from neurokit.networks.noise import noise_from
    from neurokit.networks.spike import drawing

    at = drawing(WeakGaussian(0.3, 1), torch.Generator().manual_seed(0))
    first, second = (at.derivative(torch.zeros(4000, dtype=torch.float64)) for _ in range(2))
    for other in (second, first.roll(1)):  # neither steps nor elements share noise
        assert abs(float(torch.corrcoef(torch.stack([first, other]))[0, 1])) < 5 / 4000**0.5
    model = MLP(inputs=2, hidden=(5, 4), outputs=1, surrogate=WeakGaussian(), dtype=torch.float64)
    x = torch.ones(3, 2, dtype=torch.float64)
    answer = model(x).sum()  # needs no noise
    with pytest.raises(GraphError, match="noise_from"):
        answer.backward()

    def gradient(seed: int):  # type: ignore[no-untyped-def]
        with noise_from(torch.Generator().manual_seed(seed), model):
            return torch.autograd.grad(model(x).sum(), list(model.parameters()))[0]

    assert torch.equal(gradient(1), gradient(1))
    assert not torch.equal(gradient(1), gradient(2))
    assert model.noise is None
