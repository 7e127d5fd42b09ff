"""ClosedFormReadout: the readout is optimal, its factors reproduce it, the hidden gradient is the reduced loss's."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from neurokit.errors import GraphError, OutOfRange, UnsupportedNode  # noqa: E402
from neurokit.gradients import bilinear  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.closed_form import ClosedFormReadout, solve_form, solve_readout  # noqa: E402
from neurokit.gradients.estimator import Batch  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.scopes import Layerwise  # noqa: E402
from neurokit.networks import MLP, DeepONet  # noqa: E402
from neurokit.neurons.models import IF  # noqa: E402

pytestmark = pytest.mark.torch


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(features: int = 10) -> DeepONet:
    return DeepONet(
        sensors=4,
        coordinates=1,
        hidden=(8,),
        features=features,
        steps=16,
        neuron=IF(threshold=0.4),
        seed=1,
        dtype=torch.float64,
    )


def batch() -> Batch:
    return Batch((randn(30, 1, 4), randn(1, 12, 1, seed=1)), randn(30, 12, 1, seed=2))


@pytest.mark.parametrize("ridge", [1e-8, 1e-3, 1.0])
def test_solution_zeroes_the_gradient_of_the_ridge_loss(ridge: float) -> None:
    left, right, target = randn(20, 6), randn(15, 4, seed=1), randn(20, 15, seed=2)
    form = bilinear.solve(left, right, target, ridge).requires_grad_()
    loss = (left @ form @ right.T - target).square().mean() + ridge * form.square().sum()
    (gradient,) = torch.autograd.grad(loss, [form])
    scale = (left.T @ target @ right).abs().max() * 2 / target.numel()  # the gradient at form = 0
    assert gradient.abs().max() < 1e-12 * scale


def test_solution_survives_features_that_never_fire() -> None:
    left, right = randn(20, 3), randn(15, 3, seed=1)
    left[:, 1] = 0
    form = bilinear.solve(left, right, randn(20, 15, seed=2), 1e-6)
    assert torch.isfinite(form).all()
    assert form[1].abs().max() < 1e-9
    f, g = bilinear.factor(form, left, right, 3)
    torch.testing.assert_close(left @ f.T @ g @ right.T, left @ form @ right.T, rtol=0, atol=1e-9)


def test_factors_reproduce_the_form_when_the_rank_allows() -> None:
    left, right, form = randn(20, 6), randn(15, 4, seed=1), randn(6, 4, seed=2)
    f, g = bilinear.factor(form, left, right, 7)
    assert (f.shape, g.shape) == ((7, 6), (7, 4))
    torch.testing.assert_close(f.T @ g, form, rtol=0, atol=1e-12)
    of_left, of_right = left @ f.T, right @ g.T
    # Equal up to the lift of the Gram matrices, 1e-10 of their largest eigenvalue.
    torch.testing.assert_close(of_left.square().mean(0), of_right.square().mean(0), rtol=1e-8, atol=1e-12)


def test_truncated_factors_are_the_best_of_their_rank_on_the_data() -> None:
    left, right, form = randn(20, 6), randn(15, 5, seed=1), randn(6, 5, seed=2)
    f, g = bilinear.factor(form, left, right, 2)
    answers = left @ form @ right.T
    singular = torch.linalg.svdvals(answers)
    error = (left @ f.T @ g @ right.T - answers).norm()
    torch.testing.assert_close(error, singular[2:].norm(), rtol=1e-7, atol=0)  # Eckart and Young


def test_factored_readout_is_the_optimal_bilinear_form() -> None:
    model, data = network(), batch()
    form, left, right = solve_form(model, data, 1e-6)
    solve_readout(model, data, 1e-6)
    torch.testing.assert_close(model(*data.inputs)[..., 0], left @ form @ right.T, rtol=0, atol=1e-9)


def test_no_step_of_the_readout_lowers_the_loss() -> None:
    """Backpropagation to both readouts vanishes where the closed form put them, up to the ridge."""
    model, data = network(), batch()
    readouts = [name for name, _ in model.named_parameters() if "hidden" not in name]
    before = Backprop().estimate(model, data, torch.Generator(), readouts)
    solve_readout(model, data, 1e-12)
    after = Backprop().estimate(model, data, torch.Generator(), readouts)
    assert after.loss < before.loss
    for name in readouts:
        assert after.gradient[name].abs().max() < 1e-5 * before.gradient["bias"].abs().max()


def test_hidden_gradient_is_that_of_the_minimised_loss() -> None:
    """Central differences of `min over readouts of loss + ridge |M|^2` with smooth features in place of spikes.

    Spikes jump, so the claim is checked where differences exist: on the bilinear problem itself.
    """
    right, target, ridge = randn(12, 4, seed=1), randn(20, 12, seed=2), 1e-4
    x, weight = randn(20, 3, seed=3), randn(3, 5, seed=4)

    def reduced(w: torch.Tensor) -> torch.Tensor:
        left = torch.tanh(x @ w)
        form = bilinear.solve(left, right, target, ridge)
        return (left @ form @ right.T - target).square().mean() + ridge * form.square().sum()

    w = weight.clone().requires_grad_()
    left = torch.tanh(x @ w)
    form = bilinear.solve(left.detach(), right, target, ridge)  # held fixed, as ClosedFormReadout does
    (gradient,) = torch.autograd.grad((left @ form @ right.T - target).square().mean(), [w])
    h, direction = 1e-5, randn(3, 5, seed=5)
    slope = (reduced(weight + h * direction) - reduced(weight - h * direction)) / (2 * h)
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-6, atol=0)


@pytest.mark.parametrize("inner", [Backprop(), ForwardGradient(Layerwise(), directions=3)])
def test_only_hidden_layers_are_left_to_the_estimator(inner) -> None:  # type: ignore[no-untyped-def]
    model, data, estimator = network(), batch(), ClosedFormReadout(inner)
    trained = estimator.trained(model)
    assert set(trained) == {f"{part}.hidden.0.{kind}" for part in ("branch", "trunk") for kind in ("weight", "bias")}
    estimate = estimator.estimate(model, data, torch.Generator(), trained)
    assert set(estimate.gradient) == set(trained)
    assert estimate.loss == pytest.approx(float((model(*data.inputs) - data.target).square().mean()), rel=1e-12)


def test_conclude_solves_for_all_data() -> None:
    model, data, estimator = network(), batch(), ClosedFormReadout(Backprop())
    half = Batch((data.inputs[0][:15], data.inputs[1]), data.target[:15])
    estimator.estimate(model, half, torch.Generator(), estimator.trained(model))
    partial = (model(*data.inputs) - data.target).square().mean()
    estimator.conclude(model, data)
    assert (model(*data.inputs) - data.target).square().mean() < partial


def test_what_has_no_bilinear_readout_is_refused() -> None:
    estimator = ClosedFormReadout(Backprop())
    with pytest.raises(UnsupportedNode, match="MLP"):
        estimator.trained(MLP(inputs=1, hidden=(2,), outputs=1))
    model, data = network(), batch()
    aligned = Batch((data.inputs[0][:12, 0], data.inputs[1][0]), data.target[:12, 0])
    with pytest.raises(GraphError, match="every function at every location"):
        estimator.estimate(model, aligned, torch.Generator(), estimator.trained(model))
    for ridge in (0.0, -1.0, float("nan")):
        with pytest.raises(OutOfRange, match="ridge"):
            ClosedFormReadout(Backprop(), ridge=ridge)
