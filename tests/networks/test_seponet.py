"""SepONet: grids cost their axes, every rule that DeepONet has holds, readouts by alternating least squares."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurokit.compilers.frontend.trace import trace  # noqa: E402
from neurokit.compilers.quantization.quantize import quantize  # noqa: E402
from neurokit.errors import GraphError, OutOfRange, UnsupportedNode  # noqa: E402
from neurokit.gradients import alternating  # noqa: E402
from neurokit.gradients.alternating import AlternatingReadout, sweep  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.closed_form import ClosedFormReadout  # noqa: E402
from neurokit.gradients.directions import Hadamard  # noqa: E402
from neurokit.gradients.estimator import Batch  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.node_perturbation import NodePerturbation  # noqa: E402
from neurokit.gradients.scopes import Global, Layerwise  # noqa: E402
from neurokit.ir import graph as g  # noqa: E402
from neurokit.ir import interpreter as reference  # noqa: E402
from neurokit.networks import MLP, DeepONet, SepONet, load_model, save_model  # noqa: E402
from neurokit.neurons.models import IF  # noqa: E402

pytestmark = pytest.mark.torch
DOMAIN = {"branch": (-4.0, 4.0), "trunk": (-1.0, 1.0)}
dimensions = pytest.mark.parametrize("d", [1, 2, 3])


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(d: int, hidden=(8,), rank: int = 5) -> SepONet:  # type: ignore[no-untyped-def]
    neuron = IF(threshold=0.4)
    return SepONet(
        sensors=4, coordinates=d, hidden=hidden, rank=rank, steps=12, neuron=neuron, seed=2, dtype=torch.float64
    )


def grid(d: int, functions: int = 6, points: int = 4) -> tuple[torch.Tensor, ...]:
    """A branch and d coordinates, every one along an axis of its own."""
    shapes = [tuple(points + i if axis == i else 1 for axis in range(d)) for i in range(d)]
    return randn(functions, *[1] * d, 4), *(randn(1, *shape, 1, seed=i + 1) for i, shape in enumerate(shapes))


def as_points(coordinates: tuple[torch.Tensor, ...]) -> torch.Tensor:
    shape = torch.broadcast_shapes(*(x.shape for x in coordinates))  # type: ignore[no-untyped-call]
    return torch.cat([x.expand(shape) for x in coordinates], dim=-1)


def batches(d: int) -> dict[str, Batch]:
    branch, *coordinates = grid(d)
    shape = torch.broadcast_shapes(branch.shape[:-1], *(x.shape[:-1] for x in coordinates))  # type: ignore[no-untyped-call]
    return {
        "grid": Batch((branch, *coordinates), randn(*shape, 1, seed=7)),
        "pairs": Batch((randn(6, 1, 4), randn(1, 9, d, seed=3)), randn(6, 9, 1, seed=7)),
        "aligned": Batch((randn(9, 4), randn(9, d, seed=3)), randn(9, 1, seed=7)),
    }


@dimensions
def test_grid_and_points_agree_with_the_formula(d: int) -> None:
    model, (branch, *coordinates) = network(d, (8, 6)), grid(d)
    with torch.no_grad():
        model.bias.fill_(0.3)
    on_grid = model(branch, *coordinates)
    product = model.branch(branch)
    for trunk, x in zip(model.trunks, coordinates, strict=True):
        product = product * trunk(x)
    torch.testing.assert_close(on_grid, product.sum(-1, keepdim=True) + 0.3)
    points = as_points(tuple(coordinates))
    torch.testing.assert_close(model(branch, points), on_grid)
    torch.testing.assert_close(model(randn(9, 4)[0], points[0].reshape(-1, d)[3]).shape, torch.Size([1]))


def test_a_grid_costs_its_axes() -> None:
    model, rows = network(3), []
    for part in model.parts.values():
        part.register_forward_hook(lambda module, inputs, output: rows.append(inputs[0].numel()))
    assert model(*grid(3, functions=7, points=20)).shape == (7, 20, 21, 22, 1)
    assert rows == [7 * 4, 20, 21, 22]


@dimensions
@pytest.mark.parametrize("layout", ["grid", "pairs", "aligned"])
@pytest.mark.parametrize("hidden", [(8,), (8, 6)])
def test_its_estimators_meet_backpropagation(d: int, layout: str, hidden: tuple[int, ...]) -> None:
    model, batch = network(d, hidden), batches(d)[layout]
    names = [name for name, _ in model.named_parameters()]
    exact = Backprop(compiled=False).estimate(model, batch, torch.Generator(), names)
    full = 1 << (sum(p.numel() for p in model.parameters()) - 1).bit_length()
    estimators = [ForwardGradient(scope, full, Hadamard()) for scope in (Global(), Layerwise())]
    if len(hidden) == 1:
        estimators.append(NodePerturbation(8, Hadamard()))  # type: ignore[arg-type]
    for estimator in estimators:
        estimate = estimator.estimate(model, batch, torch.Generator(), names)
        assert estimate.loss == pytest.approx(exact.loss, rel=1e-12)
        for name in names:
            torch.testing.assert_close(estimate.gradient[name], exact.gradient[name], rtol=1e-8, atol=1e-12)


@dimensions
def test_its_graph_agrees(d: int) -> None:
    model = network(d, (8, 6))
    with torch.no_grad():
        model.bias.fill_(0.3)
    graph = trace(model, DOMAIN)
    assert sum(isinstance(node, g.Product) for node in graph.nodes) == d
    rng = np.random.default_rng(0)
    branch, points = rng.normal(size=(5, 1, 4)), rng.uniform(-1, 1, (1, 7, d))
    result = reference.run(graph, {"branch": branch, "trunk": points})
    answer = model(torch.from_numpy(branch), torch.from_numpy(points)).detach().numpy()
    assert abs(answer - 0.3).max() > 1e-3
    np.testing.assert_allclose(result.output, answer, rtol=0, atol=1e-12)  # sums of some hundred numbers of order one


@dimensions
def test_it_has_a_program(d: int) -> None:
    """Chained products are ordinary nodes to the quantiser: integers stay near the real network."""
    model, rng = network(d, (8,)), np.random.default_rng(0)
    with torch.no_grad():
        for part in model.parts.values():
            part.readout.bias.add_(0.5)
    branch, points = rng.uniform(-1, 1, (20, 1, 4)), rng.uniform(-1, 1, (1, 30, d))
    graph = trace(model, {"branch": (-1.0, 1.0), "trunk": (-1.0, 1.0)})
    inputs = {"branch": branch, "trunk": points}
    exact, whole = reference.run(graph, inputs).output, reference.run(quantize(graph), inputs).output
    # 8-bit weights: errors of a percent; a lost factor or scale would be wrong by its own size.
    assert np.linalg.norm(whole - exact) < 0.1 * np.linalg.norm(exact - exact.mean())


def test_it_has_a_file(tmp_path: Path) -> None:
    model = network(3, (8, 6))
    loaded = load_model(save_model(model, tmp_path / "model.pt", DOMAIN)).network
    assert isinstance(loaded, SepONet)
    assert torch.equal(loaded(*grid(3)), model(*grid(3)))


def ridge_loss(model: SepONet | DeepONet, batch: Batch, ridge: float, part: MLP) -> torch.Tensor:
    squares = part.readout.weight.square().sum() + part.readout.bias.square().sum()
    return (model(*batch.inputs) - batch.target).square().mean() + ridge * squares


@dimensions
@pytest.mark.parametrize("layout", ["grid", "pairs", "aligned"])
def test_every_solution_of_a_sweep_is_a_minimum(d: int, layout: str) -> None:
    """The last factor solved for has no gradient left: the ridge is small enough for balancing not to matter."""
    model, batch, ridge = network(d, rank=3), batches(d)[layout], 1e-9
    last = list(model.parts.values())[-1]
    start = torch.autograd.grad(ridge_loss(model, batch, ridge, last), [last.readout.weight])[0]
    before = (model(*batch.inputs) - batch.target).square().mean()
    sweep(model, batch, ridge)
    after = (model(*batch.inputs) - batch.target).square().mean()
    assert after < 0.95 * before
    losses = [float(after)]
    for _ in range(6):
        sweep(model, batch, ridge)
        losses.append(float((model(*batch.inputs) - batch.target).square().mean()))
    assert all(b <= a * (1 + 1e-6) + 1e-12 for a, b in pairwise(losses)), losses
    sizes = torch.stack([part(x).square().mean((*range(x.ndim - 1),)) for part, x in
                         zip(model.parts.values(), model.present(batch.inputs), strict=True)])  # fmt: skip
    torch.testing.assert_close(sizes, sizes[:1].expand_as(sizes), rtol=1e-6, atol=0)  # balanced
    sweep(model, batch, ridge, times=200)
    end = torch.autograd.grad(ridge_loss(model, batch, ridge, last), [last.readout.weight])[0]
    assert end.norm() < 0.05 * start.norm()


def test_with_two_factors_sweeps_approach_the_closed_form() -> None:
    batch = Batch((randn(30, 1, 4), randn(1, 12, 1, seed=1)), randn(30, 12, 1, seed=2))
    model = DeepONet(sensors=4, coordinates=1, hidden=(8,), features=10, steps=16, dtype=torch.float64, seed=1)
    hidden = ClosedFormReadout(Backprop(compiled=False)).trained(model)
    joint = ClosedFormReadout(Backprop(compiled=False), 1e-10).estimate(model, batch, torch.Generator(), hidden).loss
    AlternatingReadout(Backprop(compiled=False), 1e-10, final_sweeps=100).conclude(model, batch)
    loss = float((model(*batch.inputs) - batch.target).square().mean().detach())
    assert loss == pytest.approx(joint, rel=1e-3)


@pytest.mark.parametrize("inner", [Backprop(compiled=False), ForwardGradient(Layerwise(), 3), NodePerturbation(2)])
def test_the_wrapper_trains_hidden_layers_only(inner) -> None:  # type: ignore[no-untyped-def]
    model, batch, estimator = network(2), batches(2)["grid"], AlternatingReadout(inner)
    names = estimator.trained(model)
    assert set(names) == {f"{p}.hidden.0.{kind}" for p in model.parts for kind in ("weight", "bias")}
    estimate = estimator.estimate(model, batch, torch.Generator(), names)
    assert set(estimate.gradient) == set(names)
    assert estimate.loss == pytest.approx(float((model(*batch.inputs) - batch.target).square().mean()), rel=1e-12)


def test_nonsense_is_refused() -> None:
    model = network(2)
    with pytest.raises(GraphError, match="one array"):
        model(randn(3, 4), randn(3, 3))
    for bad in ({"rank": 0}, {"coordinates": 0}):
        with pytest.raises(GraphError, match=r"SepONet\."):
            SepONet(**({"sensors": 2, "coordinates": 1} | bad))
    with pytest.raises(OutOfRange, match="ridge"):
        AlternatingReadout(Backprop(compiled=False), ridge=0)
    with pytest.raises(OutOfRange, match="final_sweeps"):
        AlternatingReadout(Backprop(compiled=False), final_sweeps=0)
    with pytest.raises(UnsupportedNode, match="MLP"):
        AlternatingReadout(Backprop(compiled=False)).trained(MLP(inputs=1, hidden=(2,), outputs=1))
    crossed = Batch((randn(3, 5, 4), randn(1, 5, 2)), randn(3, 5, 1))
    with pytest.raises(GraphError, match="axes"):
        AlternatingReadout(Backprop(compiled=False)).estimate(model, crossed, torch.Generator(), [])


@dimensions
def test_sweeps_in_features_are_sweeps_in_samples(d: int) -> None:
    sizes = (6, 4, 5, 6)[: d + 1]
    phis = [
        torch.cat([randn(n, 3, seed=i), torch.ones(n, 1, dtype=torch.float64)], dim=1).reshape(
            *(n if axis == i else 1 for axis in range(len(sizes))), 4
        )
        for i, n in enumerate(sizes)
    ]
    maps, bias, target = [randn(2, 4, seed=9 + i) for i in range(len(phis))], randn(1), randn(*sizes, seed=5)
    assert alternating._apart(phis)
    samples = alternating._around(phis, list(maps), target, bias, 1e-3, times=3)
    features = alternating._around_core(phis, list(maps), target, bias, 1e-3, times=3)
    for a, b in zip((*samples[0], samples[1]), (*features[0], features[1]), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)  # two orders of the same sums, thrice solved with
    assert not alternating._apart([phi.reshape(-1, 4)[:4] for phi in phis])  # aligned: all along one axis
