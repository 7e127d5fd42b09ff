"""Quantisation-aware training: the gradient is taken on the grid, and what is kept is never worse than no training."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurokit.compilers.frontend.trace import trace  # noqa: E402
from neurokit.compilers.quantization.quantize import explain_quantization, quantize  # noqa: E402
from neurokit.compilers.quantization.scales import NeuronScale  # noqa: E402
from neurokit.compilers.quantization.search import Search, distance  # noqa: E402
from neurokit.data.data import OperatorData, PointData, carve  # noqa: E402
from neurokit.data.mexican_hat import MexicanHat  # noqa: E402
from neurokit.data.poisson import Poisson  # noqa: E402
from neurokit.errors import GraphError, OutOfRange, UnsupportedNode  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.closed_form import ClosedFormReadout  # noqa: E402
from neurokit.gradients.estimator import Estimator  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.node_perturbation import NodePerturbation  # noqa: E402
from neurokit.ir import interpreter as reference  # noqa: E402
from neurokit.ir import program as p  # noqa: E402
from neurokit.ir.fixed_point import Widths  # noqa: E402
from neurokit.ir.weight_grid import WeightGrid  # noqa: E402
from neurokit.networks import MLP, DeepONet, SepONet  # noqa: E402
from neurokit.training.loop import Samples, evaluate, fit  # noqa: E402
from neurokit.training.qat import (  # noqa: E402
    FineTuning,
    OnGrid,
    above_chance,
    evaluate_program,
    finetune,
    linears,
    load_weights,
    snap,
)

pytestmark = pytest.mark.torch

FEW = Search(samples=100, rounds=1, utilizations=(1.0, 0.85))
POINTS = MexicanHat(side=12, train=400).generate(0)
FUNCTIONS = Poisson(sensors=9, locations=7, train=40, test=20).generate(0)


def mlp(dtype: torch.dtype = torch.float32) -> MLP:
    return MLP(inputs=2, hidden=(8, 8), outputs=1, steps=12, dtype=dtype)


def deeponet() -> DeepONet:
    return DeepONet(sensors=9, coordinates=1, hidden=(8,), features=6, steps=12)


def layers_of(model: torch.nn.Module, data: PointData | OperatorData, bits: int = 4):  # type: ignore[no-untyped-def]
    return explain_quantization(trace(model, data.domain), grid=WeightGrid(bits)).layers


def test_trunks_of_coordinates_in_different_units_have_grids_of_their_own() -> None:
    """The weights of a Program lie on its grids, so that rounding them leaves them where they are."""
    model = SepONet(sensors=3, coordinates=2, rank=4, hidden=(6,), steps=8, dtype=torch.float64)
    with torch.no_grad():
        model.trunks[1].hidden[0].weight.div_(1000)  # type: ignore[union-attr, operator]
    made = explain_quantization(trace(model, {"branch": (-1, 1), "trunk": (np.zeros(2), np.array([1.0, 1000.0]))}))
    load_weights(model, made.realized())
    before = [linear.weight.clone() for linear in linears(model).values()]
    snap(model, made.layers)
    for linear, weight in zip(linears(model).values(), before, strict=True):
        torch.testing.assert_close(linear.weight, weight, rtol=1e-12, atol=0)


@pytest.mark.parametrize("estimator", [Backprop(), ForwardGradient(directions=2), NodePerturbation(2)])
def test_the_gradient_is_that_of_the_rounded_network(estimator: Estimator) -> None:
    """Same numbers as the estimator finds on a network whose weights were rounded first; the unrounded stay."""
    for model, data in ((mlp(), POINTS.train), (deeponet(), FUNCTIONS.train)):
        layers = layers_of(model, data)
        rounded = copy.deepcopy(model)
        snap(rounded, layers)
        batch = Samples(data, model).all()
        names = OnGrid(estimator, layers).trained(model)
        before = {name: q.clone() for name, q in model.named_parameters()}
        on_grid = OnGrid(estimator, layers).estimate(model, batch, torch.Generator().manual_seed(3), names)
        direct = estimator.estimate(rounded, batch, torch.Generator().manual_seed(3), names)
        assert on_grid.loss == direct.loss
        for name in names:
            assert torch.equal(on_grid.gradient[name], direct.gradient[name])
        for name, parameter in model.named_parameters():
            assert torch.equal(parameter, before[name])


def test_snapped_weights_are_the_integers_of_the_program() -> None:
    """The grid of training is that of `quantize`: rounding to nearest by the plan changes nothing any more."""
    for model, data in ((mlp(), POINTS.train), (deeponet(), FUNCTIONS.train)):
        graph = trace(model, data.domain)
        made = explain_quantization(graph, grid=WeightGrid(4))
        snap(model, made.layers)
        again = explain_quantization(trace(model, data.domain), grid=WeightGrid(4), plan=made.plan)
        for name, linear in linears(model).items():
            node, layer = again.program[name], again.layers[name]
            assert isinstance(node, p.Dense)
            # float32 keeps 24 bits of a number with at most 8; half a step is what would change a level.
            assert np.allclose(node.weight * layer.unit, linear.weight.detach().numpy(), rtol=1e-6, atol=0)
            assert np.array_equal(node.weight, made.program[name].weight)  # type: ignore[union-attr]


def test_the_float_network_on_the_grid_and_the_program_differ_by_inputs_and_floors_alone() -> None:
    """Bound: the report's `arithmetic`, which is what inputs and floors do to the real network of the integers."""
    model, data = mlp(dtype=torch.float64), POINTS.train
    made = explain_quantization(trace(model, data.domain), grid=WeightGrid(6))
    snap(model, made.layers)
    on_grid = trace(model, data.domain)
    result = reference.run(made.program, data.inputs)
    real = reference.run(made.realized(), data.inputs)
    traced = reference.run(on_grid, data.inputs)
    assert distance(traced.outputs, real.outputs) < 1e-12, "the same numbers: what training sees is on the grid"
    arithmetic = made.report(data.inputs).arithmetic
    assert arithmetic == pytest.approx(distance(result.outputs, traced.outputs), rel=1e-9)


def test_weights_stay_in_reach_of_their_grid() -> None:
    model, data = mlp(), POINTS.train
    layers = layers_of(model, data)
    with torch.no_grad():
        model.hidden[0].weight.mul_(50)
    fit(model, data, OnGrid(Backprop(), layers), iterations=2, batch_size=50, learning_rate=1e-3)
    layer = layers["0"]
    levels = model.hidden[0].weight.detach().numpy() / layer.unit / layer.grid.step
    assert np.allclose(levels, np.rint(levels), atol=1e-4), "left on the grid"
    assert levels.min() >= layer.grid.low - 1e-4
    assert levels.max() <= layer.grid.high + 1e-4


@pytest.mark.parametrize("estimator", [Backprop(), ForwardGradient(directions=4)])
def test_what_is_kept_is_never_worse_on_validation_than_no_training(estimator: Estimator) -> None:
    train, validation = carve(POINTS.train, 100, 0)
    model = mlp()
    fit(model, train, Backprop(), iterations=150, batch_size=100, learning_rate=1e-2)
    before = copy.deepcopy(model.state_dict())
    settings = FineTuning(iterations=40, batch_size=50, learning_rates=(1e-3, 3e-1), checkpoints=2)
    found = finetune(model, train, validation, grid=WeightGrid(3), estimator=estimator, settings=settings, search=FEW)
    assert found.best.mean <= found.post_training.mean
    assert evaluate_program(found.program, validation) == found.best
    assert [(c.learning_rate, c.iteration) for c in found.checkpoints] == [
        (1e-3, 20),
        (1e-3, 40),
        (3e-1, 20),
        (3e-1, 40),
    ]
    compared = [c.error.mean for c in found.checkpoints if c.error is not None]
    best = min([found.post_training.mean, *compared])
    assert found.best.mean in (found.post_training.mean, best), "the best, or what was there before"
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), "the network that came is not changed"
    answer = evaluate(found.model, validation).mean
    assert answer == pytest.approx(found.best.mean, rel=0.3), "inputs and floors are all that lies between"


def test_fine_tuning_helps_where_bits_are_few() -> None:
    """From 2 bits, where rounding costs a multiple of the error, a hundred iterations bring a good part back."""
    train, validation = carve(FUNCTIONS.train, 10, 0)
    model = deeponet()
    fit(model, train, Backprop(), iterations=300, batch_size=20, learning_rate=1e-2)
    settings = FineTuning(iterations=120, batch_size=20, learning_rates=(3e-3,), checkpoints=2)
    found = finetune(model, train, validation, grid=WeightGrid(2), settings=settings, search=None)
    assert found.best.mean < 0.9 * found.post_training.mean
    assert "iterations at 0.003" in found.program.provenance["quantize.training"]


def test_gains_by_chance_are_kept_as_often_as_the_level_says() -> None:
    """2,000 draws of 100 gains around zero: the share kept is the level, within four standard errors."""
    rng, level, draws = np.random.default_rng(0), 0.05, 2000
    kept = np.mean([above_chance(rng.normal(size=100), level) for _ in range(draws)])
    assert abs(kept - level) < 4 * np.sqrt(level / draws)
    assert above_chance(rng.normal(0.5, 1.0, 100), level / 8)
    assert not above_chance(np.ones(1), level), "one function cannot show what chance is"
    assert not above_chance(np.zeros(5), level), "the same Program"


def test_weights_go_to_a_seponet_and_back() -> None:
    model = SepONet(sensors=5, coordinates=2, hidden=(6,), rank=4, steps=8)
    domain = {"branch": (-1.0, 1.0), "trunk": (-1.0, 1.0)}
    graph = trace(model, domain)
    other = SepONet(sensors=5, coordinates=2, hidden=(6,), rank=4, steps=8, seed=7)
    load_weights(other, graph)
    for (name, one), two in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(one, two), name
    snap(other, explain_quantization(graph, grid=WeightGrid(4)).layers)


def test_membranes_give_way_to_weights_that_grew() -> None:
    """A planned scale whose states no longer fit yields: the same levels, a coarser membrane, hardly another answer."""
    grid, graph = WeightGrid(4), trace(mlp(), POINTS.train.domain)
    found = explain_quantization(graph, grid=grid)
    scale = found.plan.scales["0"]
    assert isinstance(scale, NeuronScale)
    reach = found.program.certificate["0.spikes"]
    farthest = int(max(-reach.low.min(), reach.high.max()))
    narrow = Widths(membrane=farthest.bit_length())  # a bit too few
    with pytest.raises(OutOfRange, match="membrane"):
        quantize(graph, grid=grid, plan=found.plan, widths=narrow)
    again = explain_quantization(graph, grid=grid, plan=found.plan.yielding(), widths=narrow)
    assert again.plan.scales["0"] == replace(scale.coarser, may_coarsen=True)
    np.testing.assert_allclose(again.realized()["0"].weight, found.realized()["0"].weight, rtol=1e-12)
    assert NeuronScale(6, 0, 4).coarser == NeuronScale(3, 0, 2)
    assert NeuronScale(6, -2).coarser == NeuronScale(3, -3)
    assert NeuronScale(3, 0, 4).coarser is None
    assert NeuronScale(6, -7).coarser is None


def test_what_cannot_be_trained_is_refused_by_name() -> None:
    model, data = deeponet(), FUNCTIONS.train
    layers = layers_of(model, data)
    with pytest.raises(GraphError, match=r"all but .*readout\.weight"):
        OnGrid(ClosedFormReadout(Backprop()), layers).trained(model)
    with pytest.raises(UnsupportedNode, match="Linear"):
        linears(torch.nn.Linear(2, 2))
    with pytest.raises(OutOfRange, match=r"checkpoints is 5; legal is 1\.\.4"):
        FineTuning(iterations=4, checkpoints=5)
    with pytest.raises(OutOfRange, match="learning_rates"):
        FineTuning(learning_rates=())
    with pytest.raises(OutOfRange, match=r"learning_rate is -1"):
        FineTuning(learning_rates=(1e-4, -1.0))
    with pytest.raises(OutOfRange, match=r"level is 0; legal is 0 < level <= 0\.5"):
        FineTuning(level=0)
