"""Inputs in any units: training sees them centred and scaled; everything made of the network takes them as given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurokit.compilers.frontend.trace import trace  # noqa: E402
from neurokit.compilers.quantization.quantize import quantize  # noqa: E402
from neurokit.data.data import Data, OperatorData, PointData, TripleData  # noqa: E402
from neurokit.data.grid_data import GridData  # noqa: E402
from neurokit.data.poisson import Poisson  # noqa: E402
from neurokit.errors import ModelFileError, OutOfRange  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.local_loss import LocalLoss, LocalReadouts  # noqa: E402
from neurokit.ir import interpreter as reference  # noqa: E402
from neurokit.ir.graph import Graph  # noqa: E402
from neurokit.networks import MLP, DeepONet, SepONet, load_model, save_model  # noqa: E402
from neurokit.networks.currents import CurrentSpread, spread_currents  # noqa: E402
from neurokit.networks.input_units import Affine, InputUnits  # noqa: E402
from neurokit.networks.stack import Stack  # noqa: E402
from neurokit.networks.units import give, of_inputs  # noqa: E402
from neurokit.simulator import Twin  # noqa: E402
from neurokit.targets.verification import torch_trace  # noqa: E402
from neurokit.training.loop import evaluate, fit, predict  # noqa: E402
from neurokit.training.qat import FineTuning, finetune  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::neurokit.errors.MisleadingError")]

#: Scale and offset of a coordinate: ordinary, a Unix time over half an hour, micrometres in metres.
OWN, UNIX, MICRO = (1.0, 0.0), (1000.0, 1.7e9), (1e-6, 5e-3)


def operator(unit: tuple[float, float], seed: int = 0, factor: float = 1.0) -> OperatorData:
    """Functions `sum_k a_k sin(pi k x) exp(-k t)` of x in 0..1 and of t in units of its own, a in other ones."""
    (scale, offset), rng = unit, np.random.default_rng(seed)
    a, (x, t) = rng.normal(size=(30, 3)), rng.random((2, 12, 1))
    y = a @ np.stack([np.sin(np.pi * k * x[:, 0]) * np.exp(-k * t[:, 0]) for k in (1, 2, 3)])
    domain = {
        "branch": (-6 * factor, 6 * factor),
        "trunk": (np.array([0, offset - scale]), np.array([1, offset + scale])),
    }
    return OperatorData(factor * a, np.hstack([x, offset + scale * (2 * t - 1)]), y, domain)


def aligned(unit: tuple[float, float], seed: int = 0) -> TripleData:
    whole = operator(unit, seed)
    at = np.arange(30) % 12
    return TripleData(whole.branch, whole.locations[at], whole.targets[np.arange(30), at][:, None], whole.domain)


def surface(unit: tuple[float, float], seed: int = 0) -> OperatorData:
    """On a grid, as separable networks read it."""
    (scale, offset), a = unit, np.random.default_rng(seed).normal(size=(30, 3))
    x, t = np.linspace(0, 1, 4), np.linspace(-1, 1, 3)
    y = a[:, :1, None] * x[:, None] * t + a[:, 1:2, None] * x[:, None] ** 2
    return GridData.of(OperatorData.on_grid(a, (x, offset + scale * t), y, operator(unit).domain))


def points(unit: tuple[float, float], seed: int = 0) -> PointData:
    (scale, offset), x = unit, np.random.default_rng(seed).uniform(-1, 1, (60, 2))
    ends = np.array([-1, offset - scale]), np.array([1, offset + scale])
    return PointData(x * [1, scale] + [0, offset], np.exp(-2 * (x**2).sum(1, keepdims=True)), {"x": ends})


def network(data: Data, **sizes: Any) -> Any:
    sizes = {"hidden": (8,), "steps": 12, **sizes}
    if isinstance(data, PointData):
        return MLP(inputs=2, outputs=1, **sizes)
    if isinstance(data, GridData):
        return SepONet(sensors=3, coordinates=2, rank=4, **sizes)
    return DeepONet(sensors=3, coordinates=2, features=4, **sizes)


def trained(model: Any, data: Data, iterations: int = 20, **how: Any) -> Any:
    fit(model, data, Backprop(), iterations=iterations, batch_size=20, learning_rate=1e-2, **how)
    return model


def named(data: Data) -> dict[str, np.ndarray]:
    """Samples by the names of a Graph's inputs, every coordinate in one array."""
    if isinstance(data, PointData):
        return {"x": data.x}
    if isinstance(data, OperatorData):
        return {"branch": data.branch[:, None], "trunk": data.locations[None]}
    return data.inputs


@pytest.mark.parametrize("make", [operator, aligned, surface, points])
def test_a_unix_time_is_learnt_and_compiled_as_a_time_around_zero(make: Any) -> None:
    """In float32, which resolves 1.7e9 s in steps of 128 s.

    float64 resolves it in 2.4e-7 s, 1e-10 of the range: what float32 layers read differs in the last bit now and then.
    """
    errors, programs = [], []
    for unit in (OWN, UNIX, MICRO):
        data, test = make(unit), make(unit, seed=1)
        model = trained(network(data), data)
        errors.append(evaluate(model, test).overall)
        program = quantize(trace(model, data.domain), calibration=named(data), search=None)
        said = Twin().run(program, named(test)).output
        programs.append(np.linalg.norm(said.reshape(-1) - test.answers.reshape(-1)))
    assert errors == pytest.approx([errors[0]] * 3, rel=1e-3)
    assert programs == pytest.approx([programs[0]] * 3, rel=1e-2)  # a bit may move a weight by a level


def test_functions_in_other_units_are_learnt_alike() -> None:
    errors = []
    for factor in (1.0, 1e6, 1e-250):
        data, test = operator(OWN, factor=factor), operator(OWN, 1, factor)
        errors.append(evaluate(trained(network(data), data), test).overall)
    assert errors == pytest.approx([errors[0]] * 3, rel=1e-3)  # the last bit of float32, as above


@pytest.mark.parametrize("make", [operator, surface, points])
def test_graph_spikes_and_answers_are_those_of_the_network(make: Any) -> None:
    data = make(UNIX)
    model = trained(network(data, dtype=torch.float64), data, 2)
    graph = trace(model, data.domain)
    assert graph.inputs[-1].offset[1] == 1.7e9
    expected = reference.run(graph, named(data), record=True)
    np.testing.assert_allclose(expected.output.reshape(-1), predict(model, data).reshape(-1), rtol=1e-9)
    seen = torch_trace.run(model, named(data))
    assert expected.trace is not None
    assert seen.trace is not None
    for name, train in seen.trace.spikes.items():
        np.testing.assert_array_equal(train, expected.trace.spikes[name])


def test_a_stack_reads_units_too() -> None:
    torch.manual_seed(0)
    data = points(UNIX)
    stack = Stack((2, 1, 1), [torch.nn.Linear(2, 6)], torch.nn.Linear(6, 1), steps=8).double()
    trained(stack, data)
    assert of_inputs(stack).inputs["x"].offset[1] == 1.7e9
    answer = reference.run(trace(stack, data.domain), data.inputs).output
    np.testing.assert_allclose(answer, predict(stack, data), rtol=1e-9)


def test_local_losses_learn_in_the_same_units() -> None:
    found = []
    for unit in (OWN, UNIX):
        data, model = points(unit), network(points(unit), hidden=(6, 6))
        fit(LocalReadouts(model), data, LocalLoss(Backprop()), iterations=10, batch_size=20, learning_rate=1e-2)
        found.append(evaluate(model, data).overall)
    assert found[1] == pytest.approx(found[0], rel=1e-3)


def test_what_a_problem_of_neurokit_makes_is_read_as_it_is() -> None:
    data = Poisson(sensors=3, locations=4, train=20, test=5).generate(0).train
    model = trained(DeepONet(sensors=3, coordinates=1, hidden=(4,), features=2, steps=4), data, 2)
    assert of_inputs(model).inputs == {}
    same = trained(
        DeepONet(sensors=3, coordinates=1, hidden=(4,), features=2, steps=4), replace(data, provenance={}), 2
    )
    assert set(of_inputs(same).inputs) == {"branch"}, "coordinates of -1..1 are what they would become"
    assert of_inputs(trained(network(points(UNIX)), points(UNIX), 1, normalize=False)).inputs == {}


def test_a_network_keeps_its_units_when_it_is_trained_again() -> None:
    data = points(UNIX)
    model = trained(network(data), data)
    before, units = evaluate(model, data).overall, of_inputs(model).inputs["x"]
    fit(model, points((2000.0, 1.7e9)), Backprop(), iterations=1, batch_size=20, learning_rate=1e-9)
    np.testing.assert_array_equal(of_inputs(model).inputs["x"].offset, units.offset)
    np.testing.assert_array_equal(of_inputs(model).inputs["x"].scale, units.scale)
    assert evaluate(model, data).overall == pytest.approx(before, rel=0.1), "it went on from where it was"


def test_a_first_layer_that_was_set_for_inputs_as_they_are_goes_on_reading_them() -> None:
    data = points((3.0, 7.0))
    model = network(data)
    spread_currents(model, torch.tensor(data.x), CurrentSpread(0.1, 0.2), seed=0)
    trained(model, data, 1)
    assert of_inputs(model).inputs == {}
    assert model.units is not None
    assert not model.units.are_one, "its answers have units all the same"


def test_currents_are_spread_over_inputs_as_the_network_reads_them() -> None:
    data, model = points(UNIX), network(points(UNIX), dtype=torch.float64)
    give(model, None)
    model.input_units = InputUnits.of(data).inputs["x"]
    spread_currents(model, torch.tensor(data.x), CurrentSpread(0.15, 0.15), seed=0)
    current = model.hidden[0](model.read(torch.tensor(data.x))).detach().numpy()
    np.testing.assert_allclose(current.std(axis=0), 0.15, rtol=1e-6)  # 1.7e9 is resolved to 1e-10 of the range
    np.testing.assert_allclose(current.mean(axis=0), 0.5, rtol=1e-6)


def test_what_admits_a_network_sees_it_as_it_is_going_to_be_trained() -> None:
    seen: list[Graph] = []
    model = network(points(UNIX))
    trained(model, points(UNIX), 1, admit=seen.append)
    node = seen[0].inputs[0]
    assert (node.low, node.high, node.scale) == (-1.0, 1.0, 1.0)


def test_saved_networks_keep_their_units_and_older_files_have_none(tmp_path: Path) -> None:
    data = operator(UNIX)
    model = trained(network(data), data)
    path = save_model(model, tmp_path / "m.pt", data.domain)
    np.testing.assert_array_equal(predict(load_model(path).network, data), predict(model, data))
    content = torch.load(path, weights_only=True)
    units = content.pop("input_units")
    torch.save(content | {"version": 3}, path)
    assert of_inputs(load_model(path).network).inputs == {}
    for name, bad, says in (
        ("trunk", {"scale": [0.0, 1.0], "offset": [0.0, 0.0]}, "units of input column 0"),
        ("trunk", {"scale": [1.0], "offset": [0.0]}, "1 of its 2 columns"),
        ("trnk", {"scale": [1.0], "offset": [0.0]}, "damaged"),
    ):
        torch.save(content | {"input_units": units | {name: bad}}, path)
        with pytest.raises(ModelFileError, match=says):
            load_model(path)


def test_fine_tuning_trains_in_the_units_of_the_network() -> None:
    settings = FineTuning(iterations=10, batch_size=20, learning_rates=(1e-3,), checkpoints=2)
    found = []
    for unit in (OWN, UNIX):
        data = operator(unit)
        model = trained(SepONet(sensors=3, coordinates=2, rank=4, hidden=(8,), steps=12), data, 40)
        found.append(finetune(model, data, data, settings=settings, search=None))
    errors = [[c.error.overall for c in one.checkpoints if c.error is not None] for one in found]
    assert len(errors[0]) == 2
    # A last bit of float32 may move a weight by a level, which is 1 % of the largest.
    assert errors[1] == pytest.approx(errors[0], rel=0.02)


def test_fine_tuning_leaves_a_network_that_no_fit_has_seen_in_the_units_of_its_weights() -> None:
    data = replace(points((0.5, 0.25)), y=points(OWN).y + 3.0)
    model = network(data)
    settings = FineTuning(iterations=2, batch_size=20, learning_rates=(1e-9,), checkpoints=1)
    found = finetune(model, data, data, settings=settings, search=None)
    assert found.checkpoints[0].error is not None
    assert found.checkpoints[0].error.overall == pytest.approx(found.post_training.overall, rel=1e-3)


def test_columns_that_cannot_be_scaled_are_refused() -> None:
    with pytest.raises(OutOfRange, match=r"units of input column 1: \(scale, offset\) is \(0.0, 0.0\)"):
        Affine(np.array([1.0, 0.0]), np.zeros(2))
    wide = PointData(np.array([[-1.0], [1.0]]), np.ones((2, 1)), {"x": (-1.7e308, 1.7e308)})
    assert InputUnits.of(wide).inputs["x"].scale == 1.7e308, "a width that overflows has a half that does not"
