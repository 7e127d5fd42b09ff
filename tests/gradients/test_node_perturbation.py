"""NodePerturbation: unbiased, exact with a full set of rows, calmer than directions in weight space."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from neurokit.errors import GraphError, OutOfRange, UnsupportedNode  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.closed_form import ClosedFormReadout  # noqa: E402
from neurokit.gradients.directions import Bernoulli, Hadamard, Normal, Orthonormal  # noqa: E402
from neurokit.gradients.estimator import Batch  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.node_perturbation import NodePerturbation  # noqa: E402
from neurokit.gradients.scopes import Layerwise  # noqa: E402
from neurokit.networks import MLP, DeepONet  # noqa: E402
from neurokit.networks.contraction import contract, pull  # noqa: E402
from neurokit.neurons.models import IF, ToZero  # noqa: E402
from neurokit.neurons.readouts import Rate  # noqa: E402

pytestmark = pytest.mark.torch


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def case(kind: str, hidden=(7,), **options):  # type: ignore[no-untyped-def]
    common = {"hidden": hidden, "steps": 12, "neuron": IF(threshold=0.4), "dtype": torch.float64, "seed": 2} | options
    if kind == "MLP":
        return MLP(inputs=4, outputs=3, **common), Batch((randn(9, 4),), randn(9, 3, seed=1))
    model = DeepONet(sensors=4, coordinates=2, features=5, **common)
    if kind == "aligned":
        return model, Batch((randn(9, 4), randn(9, 2, seed=2)), randn(9, 1, seed=1))
    return model, Batch((randn(6, 1, 4), randn(1, 8, 2, seed=2)), randn(6, 8, 1, seed=1))


def flat(gradient, names):  # type: ignore[no-untyped-def]
    return torch.cat([gradient[name].flatten() for name in names])


kinds = pytest.mark.parametrize("kind", ["MLP", "pairs", "aligned"])


@kinds
@pytest.mark.parametrize("options", [{}, {"readout": Rate()}, {"neuron": IF(0.4, ToZero())}])
@pytest.mark.parametrize("distribution", [Hadamard(), Orthonormal()])
@pytest.mark.parametrize("compiled", [True, False])
def test_one_row_for_every_neuron_is_backpropagation(kind, options, distribution, compiled) -> None:  # type: ignore[no-untyped-def]
    model, batch = case(kind, (8,), **options)
    names = [name for name, _ in model.named_parameters()]
    exact = Backprop(compiled=False).estimate(model, batch, torch.Generator(), names)
    estimate = NodePerturbation(8, distribution, compiled).estimate(model, batch, torch.Generator(), names)
    assert estimate.loss == pytest.approx(exact.loss, rel=1e-12)
    for name in names:
        assert exact.gradient[name].abs().max() > 1e-4, "a comparison of zeros would prove nothing"
        torch.testing.assert_close(estimate.gradient[name], exact.gradient[name], rtol=1e-10, atol=1e-12)


@kinds
@pytest.mark.parametrize("hidden", [(7,), (7, 6), (7, 6, 5)])
@pytest.mark.parametrize("distribution", [Bernoulli(), Normal(), Hadamard()])
def test_it_is_unbiased(kind, hidden, distribution) -> None:  # type: ignore[no-untyped-def]
    """The mean of 24 independent estimates is off by its own standard error, not more."""
    model, batch = case(kind, hidden)
    names = [name for name, _ in model.named_parameters()]
    exact = Backprop(compiled=False).estimate(model, batch, torch.Generator(), names).gradient
    generator, estimator = torch.Generator().manual_seed(5), NodePerturbation(300, distribution)
    runs = [estimator.estimate(model, batch, generator, names).gradient for _ in range(24)]
    for name in names:
        draws, truth = torch.stack([run[name].flatten() for run in runs]), exact[name].flatten()
        if "readout" in name or name == "bias":
            torch.testing.assert_close(draws, truth.expand_as(draws), rtol=1e-10, atol=1e-12)
            continue
        error = (draws.mean(0) - truth).norm()
        standard = (draws.var(0).sum() / len(draws)).sqrt()
        # Some ten independent entries: their squares sum to less than four times the expected in all but 1 of 10^5.
        assert error < 2 * standard + 1e-12 * truth.norm()
        assert standard < 0.5 * truth.norm(), "the claim must be able to fail"


def test_variance_is_below_that_of_weight_directions_and_hadamard_is_below_bernoulli() -> None:
    model, batch = case("pairs", (8,))
    names = [name for name, _ in model.named_parameters()]
    exact = flat(Backprop(compiled=False).estimate(model, batch, torch.Generator(), names).gradient, names)

    def variance(estimator) -> float:  # type: ignore[no-untyped-def]
        generator = torch.Generator().manual_seed(0)
        errors = [
            (flat(estimator.estimate(model, batch, generator, names).gradient, names) - exact).square().sum()
            for _ in range(200)
        ]
        return float(sum(errors) / len(errors) / exact.square().sum())

    one = variance(NodePerturbation())
    assert one < variance(ForwardGradient(Layerwise())) / 2  # measured 0.7 against 12
    few, rows = variance(NodePerturbation(4)), variance(NodePerturbation(4, Hadamard()))
    assert few == pytest.approx(one / 4, rel=0.3)
    # (N - K) / (N - 1) = 4 / 7 of it, by the theory of `Hadamard`; 200 draws know either to some 10 %.
    assert rows / few == pytest.approx(4 / 7, rel=0.3)


def test_inside_a_closed_form_readout_a_full_set_is_the_exact_gradient_too() -> None:
    model, batch = case("pairs", (8,))
    names = ClosedFormReadout(Backprop(compiled=False)).trained(model)
    exact = ClosedFormReadout(Backprop(compiled=False)).estimate(model, batch, torch.Generator(), names)
    nodes = ClosedFormReadout(NodePerturbation(8, Hadamard())).estimate(model, batch, torch.Generator(), names)
    assert set(nodes.gradient) == set(names)
    for name in names:
        torch.testing.assert_close(nodes.gradient[name], exact.gradient[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("hidden", [(7,), (7, 6)])
def test_no_autograd_graph_is_built(hidden) -> None:  # type: ignore[no-untyped-def]
    model, batch = case("pairs", hidden)
    names = [name for name, _ in model.named_parameters()]

    def refuse(tensor):  # type: ignore[no-untyped-def]
        raise AssertionError("a tensor was saved for a backward pass")

    with torch.autograd.graph.saved_tensors_hooks(refuse, lambda tensor: tensor):
        gradient = NodePerturbation(4).estimate(model, batch, torch.Generator(), names).gradient
    assert not any(g.requires_grad for g in gradient.values())


@pytest.mark.parametrize(
    "shapes",
    [
        [(6, 5), (6, 5)],
        [(6, 1, 5), (1, 7, 5)],
        [(3, 1, 1, 5), (1, 4, 1, 5), (1, 1, 2, 5)],
        [(6, 1, 5), (7, 5), (7, 5)],
        [(5,), (4, 5)],
        [(1, 5), (1, 5)],
    ],
)
def test_contraction_and_its_derivative(shapes) -> None:  # type: ignore[no-untyped-def]
    factors = [randn(*shape, seed=i).requires_grad_() for i, shape in enumerate(shapes)]
    y = contract(*factors)
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    torch.testing.assert_close(y, product.sum(-1, keepdim=True))
    error = randn(*y.shape, seed=9)
    for i, expected in enumerate(torch.autograd.grad(y, factors, error)):
        torch.testing.assert_close(pull(error, factors, i), expected)


def test_nonsense_is_refused() -> None:
    with pytest.raises(OutOfRange, match="directions"):
        NodePerturbation(directions=0)
    with pytest.raises(UnsupportedNode, match="Linear"):
        NodePerturbation().estimate(
            torch.nn.Linear(2, 1), Batch((torch.ones(1, 2),), torch.ones(1, 1)), torch.Generator(), ["weight"]
        )
    model, batch = case("pairs")
    with pytest.raises(GraphError, match="branch and trunk"):
        model(*batch.inputs, batch.inputs[0])
