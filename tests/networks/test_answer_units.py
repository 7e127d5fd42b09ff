"""Answers in any units: training sees them centred and scaled, and everything made of the network gives them back."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

from neurokit.cli.app import app  # noqa: E402
from neurokit.compilers.frontend.trace import trace  # noqa: E402
from neurokit.compilers.quantization.quantize import quantize  # noqa: E402
from neurokit.data.data import Data, OperatorData, PointData, TripleData  # noqa: E402
from neurokit.data.grid_data import GridData  # noqa: E402
from neurokit.data.metrics import RelativeL2, relative_l2  # noqa: E402
from neurokit.data.poisson import Poisson  # noqa: E402
from neurokit.data.user_data import write_data  # noqa: E402
from neurokit.errors import GraphError, MisleadingError, ModelFileError, OutOfRange, UnsupportedNode  # noqa: E402
from neurokit.gradients.alternating import AlternatingReadout  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.closed_form import ClosedFormReadout  # noqa: E402
from neurokit.gradients.estimator import Estimator  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.local_loss import LocalLoss, LocalReadouts  # noqa: E402
from neurokit.gradients.node_perturbation import NodePerturbation  # noqa: E402
from neurokit.ir import interpreter as reference  # noqa: E402
from neurokit.ir import program as p  # noqa: E402
from neurokit.networks import MLP, DeepONet, SepONet, load_model, save_model  # noqa: E402
from neurokit.networks.answer_units import AnswerUnits, set_units  # noqa: E402
from neurokit.networks.stack import Stack  # noqa: E402
from neurokit.neurons.readouts import MemMean, Rate  # noqa: E402
from neurokit.simulator import Twin  # noqa: E402
from neurokit.training.loop import Observer, Tell, Training, evaluate, fit, predict  # noqa: E402
from neurokit.training.qat import FineTuning, evaluate_program, finetune  # noqa: E402
from neurokit.training.runs.config import RunConfig  # noqa: E402
from neurokit.training.runs.folder import RunFolder  # noqa: E402
from neurokit.training.runs.training import train_run  # noqa: E402

pytestmark = pytest.mark.torch

RNG = np.random.default_rng(0)
DOMAIN = {"branch": (-1.0, 1.0), "trunk": (0.0, 1.0)}
#: The same answers in other units: factor and what is added.
OTHER_UNITS = [(1.0, 1e4), (1e6, 0.0), (1e-9, 0.0), (3e-9, 5e-8)]


def in_units(data: Any, factor: float, added: float) -> Any:
    """The same samples, their answers in other units."""
    name = "y" if isinstance(data, PointData) else "targets"
    return replace(data, **{name: factor * getattr(data, name) + added})


def operator(count: int = 30, seed: int = 0) -> OperatorData:
    """Functions `a sin(pi s) + b cos(pi s)` to `a x + b x^2`, at five sensors and on a grid of four locations."""
    a, b = np.random.default_rng(seed).uniform(-0.5, 0.5, (2, count, 1))
    s, x = np.linspace(0, 1, 5), np.linspace(0.1, 1, 4)
    return OperatorData.on_grid(a * np.sin(np.pi * s) + b * np.cos(np.pi * s), (x,), a * x + b * x**2, DOMAIN)


def aligned(count: int = 60, seed: int = 0) -> TripleData:
    whole = operator(count, seed)
    at = np.arange(count) % len(whole.locations)
    return TripleData(whole.branch, whole.locations[at], whole.targets[np.arange(count), at][:, None], DOMAIN)


def surface(count: int = 60, seed: int = 0) -> OperatorData:
    """The same on a grid of two coordinates, presented axis by axis."""
    a, b = np.random.default_rng(seed).uniform(-0.5, 0.5, (2, count, 1, 1))
    s, x = np.linspace(0, 1, 5), np.linspace(0.1, 1, 3)
    branch = (a * np.sin(np.pi * s) + b * np.cos(np.pi * s))[:, 0]
    return GridData.of(OperatorData.on_grid(branch, (x, x), a * x[:, None] + b * x[None, :] ** 2, DOMAIN))


def points(count: int = 80, seed: int = 0) -> PointData:
    x = np.random.default_rng(seed).uniform(-1, 1, (count, 2))
    return PointData(x, np.exp(-2 * (x**2).sum(1, keepdims=True)), {"x": (-1.0, 1.0)})


def network(data: Data, readout: Any = MemMean(), hidden: tuple[int, ...] = (8,)) -> Any:  # noqa: B008
    """In float64, where what is left of another unit is its rounding."""
    sizes: dict[str, Any] = {"hidden": hidden, "steps": 12, "readout": readout, "dtype": torch.float64}
    if isinstance(data, PointData):
        return MLP(inputs=data.x.shape[1], outputs=data.y.shape[1], **sizes)
    if isinstance(data, GridData):
        return SepONet(sensors=5, coordinates=data.locations.shape[1], rank=4, **sizes)
    return DeepONet(sensors=5, coordinates=1, features=4, **sizes)


def trained(model: Any, data: Data, estimator: Estimator, **how: Any) -> Any:
    fit(model, data, estimator, iterations=12, batch_size=20, learning_rate=1e-2, **how)
    return model


WAYS = [
    pytest.param(operator, Backprop(), MemMean(), id="deeponet, backprop"),
    pytest.param(operator, ForwardGradient(directions=4), MemMean(), id="deeponet, forward"),
    pytest.param(operator, NodePerturbation(directions=4), MemMean(), id="deeponet, node perturbation"),
    pytest.param(operator, ClosedFormReadout(ForwardGradient(directions=4), 1e-6), Rate(), id="deeponet, closed form"),
    pytest.param(operator, AlternatingReadout(Backprop(), 1e-6, 2), MemMean(), id="deeponet, alternating"),
    pytest.param(aligned, Backprop(), Rate(), id="deeponet, aligned"),
    pytest.param(surface, ForwardGradient(directions=4), MemMean(), id="seponet, forward"),
    pytest.param(
        surface, AlternatingReadout(ForwardGradient(directions=4), 1e-6, 2), Rate(), id="seponet, alternating"
    ),
    pytest.param(points, Backprop(), Rate(), id="mlp, backprop"),
    pytest.param(points, NodePerturbation(directions=4), MemMean(), id="mlp, node perturbation"),
]


@pytest.mark.filterwarnings("ignore::neurokit.errors.MisleadingError")  # so few iterations learn little
@pytest.mark.parametrize(("make", "estimator", "readout"), WAYS)
def test_errors_are_the_same_in_any_units(make: Any, estimator: Estimator, readout: Any) -> None:
    """The normalised problem differs by the rounding of `factor y + added` alone, 1e-12 of the spread at worst.

    Training multiplies that by what its iterations and a solved readout make of it; 1e-6 leaves six digits for it.
    """
    data, test = make(), make(seed=1)
    plain = evaluate(trained(network(data, readout), data, estimator), test)
    assert plain.centred is not None
    for factor, added in OTHER_UNITS:
        told = trained(network(data, readout), in_units(data, factor, added), estimator)
        error = evaluate(told, in_units(test, factor, added))
        assert error.centred == pytest.approx(plain.centred, rel=1e-6)
        if not added:
            assert error == pytest.approx(plain, rel=1e-6)


@pytest.mark.filterwarnings("ignore::neurokit.errors.MisleadingError")
def test_local_losses_learn_in_the_same_units() -> None:
    data, test = points(), points(seed=1)
    found = []
    for factor, added in [(1.0, 0.0), *OTHER_UNITS]:
        model = network(data, hidden=(6, 6))
        trained(LocalReadouts(model), in_units(data, factor, added), LocalLoss(Backprop()))
        found.append(evaluate(model, in_units(test, factor, added)).centred)
    assert found == pytest.approx([found[0]] * len(found), rel=1e-6)  # as above


@pytest.mark.parametrize("make", [operator, surface, points])
def test_graph_and_program_answer_in_the_units_of_the_data(make: Any) -> None:
    """Both have the integers of the network in units of one; the units stand in the Output alone."""
    data, estimator = make(), Backprop()
    plain = trained(network(data), data, estimator)
    told = trained(network(data), in_units(data, 1e6, 1e4), estimator)
    inputs = {"x": data.x} if isinstance(data, PointData) else {"branch": data.branch[:4], "trunk": data.locations[:4]}
    if isinstance(data, GridData):
        inputs["trunk"] = data.locations[:4]
    graph, other = trace(plain, data.domain), trace(told, data.domain)
    answer, in_other = reference.run(graph, inputs).output, reference.run(other, inputs).output
    np.testing.assert_allclose(in_other, 1e6 * answer + 1e4, atol=1e-6 * 1e6)  # as for errors
    with torch.no_grad():
        said = told(*(torch.tensor(x) for x in inputs.values())).numpy()
    np.testing.assert_allclose(said, in_other, rtol=1e-12)  # rounding of sums
    program, in_units_of_data = quantize(graph, calibration=inputs), quantize(other, calibration=inputs)
    for one, two in zip(program.nodes, in_units_of_data.nodes, strict=True):
        if isinstance(one, p.Dense) and isinstance(two, p.Dense):
            np.testing.assert_array_equal(one.weight, two.weight)
    integers = Twin().run(program, inputs), Twin().run(in_units_of_data, inputs)
    np.testing.assert_array_equal(*(next(iter(run.raw.values())) for run in integers))
    np.testing.assert_allclose(integers[1].output, 1e6 * integers[0].output + 1e4, atol=1e-6 * 1e6)


def test_columns_in_different_units_are_learnt_alike() -> None:
    """One column in a millionth of the unit of the other and far from zero: both errors are those of one unit."""
    data = points()
    both = replace(data, y=np.hstack([data.y, np.sin(2 * data.x[:, :1])]))
    far = replace(both, y=both.y * [1.0, 1e6] + [300.0, -1e7])
    models = [trained(network(both), samples, Backprop()) for samples in (both, far)]
    errors = [
        np.sqrt(((predict(model, samples) - samples.y) ** 2).mean(0)) / samples.y.std(0)
        for model, samples in zip(models, (both, far), strict=True)
    ]
    np.testing.assert_allclose(errors[1], errors[0], rtol=1e-6)  # as for errors
    graph = trace(models[1], far.domain)
    np.testing.assert_allclose(reference.run(graph, far.inputs).output, predict(models[1], far), rtol=1e-9)


def test_a_stack_keeps_units_too() -> None:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(2, 6)]
    stack = Stack((2, 1, 1), layers, torch.nn.Linear(6, 1), steps=8).double()
    data = in_units(points(), 1e6, 1e4)
    fit(stack, data, Backprop(), iterations=20, batch_size=20, learning_rate=1e-2)
    answer = reference.run(trace(stack, data.domain), data.inputs).output
    np.testing.assert_allclose(answer, predict(stack, data), rtol=1e-9)
    assert abs(answer.mean() - data.y.mean()) < data.y.std()


def test_a_network_of_float32_resolves_answers_far_from_zero() -> None:
    """In float32 numbers around 1e6 lie 0.06 apart; the answers' spread is 0.2."""
    data = in_units(points(), 1.0, 1e6)
    model = trained(MLP(inputs=2, hidden=(8,), outputs=1, steps=12), data, Backprop())
    answers = predict(model, data)
    assert np.abs(answers - answers.astype(np.float32)).max() > 1e-3
    assert not model.readout.weight.isnan().any()


def test_constant_answers_are_learnt_as_their_mean() -> None:
    data = replace(points(), y=np.full((80, 1), 0.1))
    model = trained(network(data), data, Backprop())
    assert evaluate(model, data).centred is None
    assert np.abs(predict(model, data) - 0.1).max() < 1.0  # the network's own variation, of about one at the start


def test_what_a_problem_of_neurokit_makes_is_left_as_it_is() -> None:
    data = Poisson(sensors=5, locations=4, train=20, test=5).generate(0).train
    model, again = network(data), network(data)
    trained(model, data, Backprop())
    assert model.units == AnswerUnits()
    trained(again, data, Backprop(), normalize=False)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    told = trained(network(data), data, Backprop(), normalize=True)
    assert told.units == AnswerUnits.of(data.answers)
    mine = trained(network(data), replace(data, provenance={}), Backprop())
    assert mine.units == told.units


def test_a_network_keeps_its_units_when_it_is_trained_again_and_when_training_ends_early() -> None:
    class Stop(Observer):
        def iterated(self, training: Training) -> None:
            raise KeyboardInterrupt

    data = in_units(points(), 1e3, 5.0)
    model = trained(network(data), data, Backprop())
    units = model.units
    assert units == AnswerUnits.of(data.y)
    before = evaluate(model, data).overall
    with pytest.raises(KeyboardInterrupt):
        trained(model, in_units(points(), 1.0, 0.0), Backprop(), observers=[Stop()])
    assert model.units == units
    fit(model, data, Backprop(), iterations=1, batch_size=20, learning_rate=1e-9)
    assert evaluate(model, data).overall == pytest.approx(before, rel=0.5), "it went on from where it was"


def test_saved_networks_keep_their_units_and_old_files_have_none(tmp_path: Path) -> None:
    data = in_units(points(), 1e6, 1e4)
    model = trained(network(data), data, Backprop())
    path = save_model(model, tmp_path / "m.pt", data.domain)
    np.testing.assert_array_equal(predict(load_model(path).network, data), predict(model, data))
    content = torch.load(path, weights_only=True)
    units = content.pop("units")
    torch.save(content | {"version": 2}, path)
    set_units(model, AnswerUnits())
    np.testing.assert_array_equal(predict(load_model(path).network, data), predict(model, data))
    torch.save(content | {"units": units | {"scale": [0.0]}}, path)
    with pytest.raises(ModelFileError, match="scale of the answers is 0"):
        load_model(path)


def test_fine_tuning_compares_programs_in_the_units_of_the_data() -> None:
    data = in_units(points(120), 1e6, 1e4)
    model = trained(network(data), data, Backprop())
    settings = FineTuning(iterations=10, batch_size=20, learning_rates=(1e-3,), checkpoints=2)
    found = finetune(model, data, data, settings=settings, search=None)
    assert evaluate_program(found.program, data) == found.best
    assert all(c.error is not None and c.error.overall < 1.0 for c in found.checkpoints), "not off by the units"
    columns = replace(data, y=np.hstack([data.y, points(120).y]))
    with pytest.raises(GraphError, match="one scale for all columns"):
        finetune(trained(network(columns), columns, Backprop()), columns, columns, settings=settings)


def test_a_foreign_network_is_trained_as_before_and_refused_by_name() -> None:
    data = points()
    foreign = torch.nn.Linear(2, 1).double()
    fit(foreign, data, Backprop(compiled=False), iterations=2, batch_size=8, learning_rate=1e-3)
    with pytest.raises(UnsupportedNode, match="no place for the units"):
        fit(foreign, data, Backprop(False), iterations=2, batch_size=8, learning_rate=1e-3, normalize=True)


def test_answers_without_a_scale_are_refused_before_training() -> None:
    with pytest.raises(OutOfRange, match=r"scale of the answers"):
        AnswerUnits.of(np.array([[0.0], [5e-324]]))
    units = AnswerUnits.of(np.array([[-3e300, 1e-250], [1e300, 3e-250]]))  # squares overflow and vanish
    assert units.scale == pytest.approx((2e300, 1e-250), rel=1e-12)
    assert units.offset == pytest.approx((-1e300, 2e-250), rel=1e-12)


def test_a_small_relative_error_that_hides_a_lost_signal_is_warned_of() -> None:
    data = in_units(points(), 1.0, 1e4)
    model = network(data)
    set_units(model, AnswerUnits(offset=(float(data.y.mean()),)))
    for part in (model.readout.weight, model.readout.bias):
        part.data.zero_()  # answers the mean
    with pytest.warns(MisleadingError, match="with little but the mean"):
        error = evaluate(model, data)
    assert error.overall < 1e-4
    assert error.centred == pytest.approx(1.0)
    assert relative_l2(data.y.T, data.y.T + 1e-6).warning is None, "small beside the spread, too"
    assert RelativeL2(0.9, 0.9, 0.95).warning is None, "nothing is hidden"


def files(path: Path, factor: float, added: float) -> list[str]:
    data = [in_units(operator(40, seed), factor, added) for seed in (0, 1)]
    named = [str(write_data(part, path / f"{name}.npz")) for name, part in zip(("train", "test"), data, strict=True)]
    small = ["--iterations", "30", "--batch-size", "20", "--hidden", "8", "--features", "4", "--steps", "12"]
    return ["train", "--problem", "npz", "--data", named[0], "--test-data", named[1], *small]


def test_the_command_line_trains_any_units_and_warns_where_it_does_not(tmp_path: Path) -> None:
    found = {}
    for name, (factor, added) in {"plain": (1.0, 0.0), "far": (1.0, 1e4), "tiny": (1e-9, 0.0)}.items():
        (tmp_path / name).mkdir()
        command = [*files(tmp_path / name, factor, added), "--out", str(tmp_path / name / "run")]
        done = CliRunner().invoke(app, [*command, "--json", str(tmp_path / name / "r.json")])
        assert done.exit_code == 0, done.output
        found[name] = json.loads((tmp_path / name / "r.json").read_text())["relative_l2"]["centred"]
        folder = RunFolder(tmp_path / name / "run")
        assert folder.read_metrics()[-1]["test_error_centred"] == found[name]
        assert "normalize = true" in folder.config.read_text()
    # In float32 the same problem differs in last bits of some targets.
    assert found["far"] == pytest.approx(found["plain"], rel=1e-2)
    assert found["tiny"] == pytest.approx(found["plain"], rel=1e-2)
    command = [*files(tmp_path / "far", 1.0, 1e4), "--no-normalize", "--out", str(tmp_path / "raw")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "misleads" in " ".join(done.output.split())


def run_config(path: Path, **optimiser: Any) -> RunConfig:
    data = in_units(operator(40), 1e6, 1e4)
    write_data(data, path / "train.npz")
    write_data(data, path / "test.npz")
    return RunConfig.parse(
        {
            "problem": {"name": "npz", "train": str(path / "train.npz"), "test": str(path / "test.npz")},
            "network": {"hidden": [6], "features": 4, "steps": 8},
            "optimiser": {"iterations": 20, "batch_size": 16, **optimiser},
            "run": {"checkpoint_every": 7, "evaluate_every": 5},
        },
        "test",
    )


class _StopAt(Tell):
    def __init__(self, at: int) -> None:
        def stop(done: int, loss: float) -> None:
            if done == at:
                raise KeyboardInterrupt

        super().__init__(stop)


def test_a_run_in_other_units_resumes_bit_for_bit(tmp_path: Path) -> None:
    config = run_config(tmp_path)
    whole, cut = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    for folder in (whole, cut):
        folder.create(config)
    train_run(config, whole)
    with pytest.raises(KeyboardInterrupt):
        train_run(config, cut, observers=[_StopAt(9)])
    train_run(cut.require_run(), cut)
    one, two = (load_model(folder.model).network for folder in (whole, cut))
    assert one.units == two.units == AnswerUnits.of(config.generate().train.answers)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_a_run_from_before_there_was_normalisation_resumes_without(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "old")
    folder.create(run_config(tmp_path))
    text = folder.config.read_text()
    assert "normalize = true\n" in text
    folder.config.write_text(text.replace("normalize = true\n", ""))
    assert folder.require_run().normalizes is False
    assert copy.copy(run_config(tmp_path)).normalizes is True
    assert RunConfig.parse({}, "test").normalizes is False
    assert run_config(tmp_path, normalize=False).normalizes is False
