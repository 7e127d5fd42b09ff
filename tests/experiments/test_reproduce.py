"""Published tables: trials are kept and not redone, choices never see the test set, and what is said is what holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from neurokit.cli.app import app  # noqa: E402
from neurokit.data.data import OperatorData, Split  # noqa: E402
from neurokit.data.mexican_hat import MexicanHat  # noqa: E402
from neurokit.data.poisson import Poisson  # noqa: E402
from neurokit.errors import GraphError, OutOfRange, RunError, TrainingDiverged  # noqa: E402
from neurokit.experiments.papers import tables  # noqa: E402
from neurokit.experiments.papers.cost import forward, forward_equivalents  # noqa: E402
from neurokit.experiments.papers.networks import DeepONetShape, LocallyRead, MLPShape  # noqa: E402
from neurokit.experiments.papers.row import AtMost, Row, TimesRow  # noqa: E402
from neurokit.experiments.papers.runner import Cache, run  # noqa: E402
from neurokit.experiments.papers.summary import draw, markdown, summarise  # noqa: E402
from neurokit.experiments.papers.trial import Metric, Trial  # noqa: E402
from neurokit.experiments.papers.tune import tune  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.estimator import Batch, Estimate, Estimator  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.local_loss import LocalLoss  # noqa: E402
from neurokit.networks.currents import CurrentSpread  # noqa: E402
from neurokit.neurons.surrogates import WeakGaussian  # noqa: E402
from neurokit.training.loop import Samples, Settings, evaluate, fit  # noqa: E402

pytestmark = pytest.mark.torch

SMALL = Poisson(sensors=7, locations=6, train=24, test=9)
NETWORK = DeepONetShape(hidden=(5,), features=4, steps=6)
ROW = Row("poisson/small", SMALL, NETWORK, ForwardGradient(directions=2), Settings(30, 8, 1e-3), bar=AtMost(9.0))
OTHER = replace(ROW, name="poisson/bp", estimator=Backprop(), bar=TimesRow(2.0, "poisson/small"), paper=0.5)


def test_a_trial_is_what_fit_and_evaluate_give_and_its_curve_ends_there() -> None:
    trial = ROW.trial(3)
    split = SMALL.generate(3)
    model = NETWORK.build(split.train, 3)
    fit(model, split.train, ROW.estimator, iterations=30, batch_size=8, learning_rate=1e-3, seed=3)
    error = evaluate(model, split.test)
    assert trial.errors is not None
    assert (trial.errors["mean"], trial.errors["global"]) == (error.mean, error.overall)
    assert trial.curve[-1] == (30, error.mean)
    assert [n for n, _ in trial.curve] == sorted({n for n, _ in trial.curve})
    assert trial.cost > 1, "a gradient costs more than a forward pass"


def test_trials_are_kept_one_by_one_and_an_interrupted_table_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(done: float, note: str) -> None:
        if done == 3 and ":" in note:  # the trial is finished, not all but
            raise KeyboardInterrupt

    cache = Cache(tmp_path, Trial)
    with pytest.raises(KeyboardInterrupt):
        run([ROW, OTHER], seeds=2, jobs=1, cache=cache, progress=interrupt)
    assert len(list(tmp_path.iterdir())) == 3
    kept = {row.name: cache.load(row, 0) for row in (ROW, OTHER)}
    asked: list[tuple[str, int]] = []

    def counted(row: Row, seed: int, scratch: Path, progress: Any) -> Trial:
        asked.append((row.name, seed))
        return trial_of(row, seed, scratch, progress)

    trial_of = Row.trial
    monkeypatch.setattr(Row, "trial", counted)
    trials = run([ROW, OTHER], seeds=2, jobs=1, cache=cache)
    assert asked == [(OTHER.name, 1)]
    assert {name: done[0] for name, done in trials.items()} == kept
    assert run([ROW, OTHER], seeds=2, jobs=1, cache=cache) == trials
    assert len(asked) == 1


def test_another_recipe_has_another_file_and_words_do_not(tmp_path: Path) -> None:
    cache = Cache(tmp_path, Trial)
    changed = [
        replace(ROW, settings=replace(ROW.settings, learning_rate=2e-3)),
        replace(ROW, estimator=ForwardGradient(directions=3)),
        replace(ROW, network=replace(NETWORK, surrogate=WeakGaussian(0.3))),
        replace(ROW, problem=replace(SMALL, length_scale=0.5)),
        ROW.shortened(0.5),
    ]
    paths = {cache.path(row, 0) for row in (ROW, *changed)}
    assert len(paths) == 6
    assert cache.path(replace(ROW, differs="a remark", paper=1.0), 0) == cache.path(ROW, 0)
    cache.path(ROW, 0).write_text('{"row": 1}')
    with pytest.raises(RunError, match="remove it"):
        cache.load(ROW, 0)


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    alone = run([ROW, OTHER], seeds=1, jobs=1, cache=Cache(tmp_path / "1", Trial))
    both = run([ROW, OTHER], seeds=1, jobs=2, cache=Cache(tmp_path / "2", Trial))
    assert {n: t[0].errors for n, t in alone.items()} == {n: t[0].errors for n, t in both.items()}
    assert {n: t[0].curve for n, t in alone.items()} == {n: t[0].curve for n, t in both.items()}


@dataclass(frozen=True)
class _WithoutTest:
    """A problem whose test set cannot be looked at."""

    def generate(self, seed: int = 0) -> Split[Any]:
        return Split(train=SMALL.generate(seed).train, test=None)  # type: ignore[type-var]


def test_settings_are_chosen_without_the_test_set(tmp_path: Path) -> None:
    row = replace(ROW, problem=_WithoutTest(), held_out=6, grid={"learning_rate": (1e-9, 3e-2), "iterations": (5, 30)})
    choice = tune(row, Cache(tmp_path, Trial))
    assert [(c.settings.learning_rate, c.settings.iterations) for c in choice.candidates] == [
        (1e-9, 5), (1e-9, 30), (3e-2, 5), (3e-2, 30),
    ]  # fmt: skip
    assert choice.best.error == min(c.error for c in choice.candidates)
    assert choice.best.settings.learning_rate == 3e-2, "a rate of 1e-9 learns nothing"
    assert not choice.agrees
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = tune(replace(row, settings=choice.best.settings), Cache(tmp_path, Trial))
    assert again.agrees
    assert again.candidates == choice.candidates
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == stamps, "nothing was trained again"
    assert json.loads(json.dumps(choice.as_dict()))["candidates"][0]["learning_rate"] == 1e-9


def test_a_grid_names_settings() -> None:
    with pytest.raises(OutOfRange, match="'poisson/small': grid is momentum"):
        replace(ROW, grid={"momentum": (0.9,)})


@dataclass(frozen=True)
class _Diverging(Estimator):
    def estimate(self, model: Any, batch: Batch, generator: Any, trained: Sequence[str]) -> Estimate:
        parameters = dict(model.named_parameters())
        return Estimate(float("nan"), {name: torch.zeros_like(parameters[name]) for name in trained})


def test_a_run_that_diverges_is_a_result_and_misses_its_bar(tmp_path: Path) -> None:
    row = replace(ROW, estimator=_Diverging())
    trials = run([row], seeds=1, jobs=1, cache=Cache(tmp_path, Trial))
    assert trials[row.name][0].errors is None
    assert "iteration 1" in trials[row.name][0].failure
    (record,) = summarise([row], trials, 1.0)
    assert (record["mean"], record["met"]) == (None, False)
    assert "| diverged | diverged |" in markdown([record], 1.0)
    draw([record], tmp_path / "curves.png", 1.0)
    choice = tune(replace(row, held_out=6), Cache(tmp_path / "tuning", Trial))
    assert choice.as_dict()["candidates"][0]["validation_error"] is None


def _trial(row: Row, seed: int, error: float) -> Trial:
    errors = {"mean": error, "median": error / 2, "global": error / 4}
    return Trial(row.name, seed, row.digest, errors, "", 2.0, ((1, 1.0), (30, error)), 3.0)


def test_means_deviations_and_bars(tmp_path: Path) -> None:
    trials = {
        ROW.name: [_trial(ROW, seed, error) for seed, error in enumerate((0.1, 0.2, 0.3))],
        OTHER.name: [_trial(OTHER, seed, 0.41) for seed in range(3)],
    }
    small, other = summarise([ROW, OTHER], trials, 1.0)
    assert (small["mean"], small["sd"], small["n"]) == pytest.approx((0.2, 0.1, 3))
    assert (other["bar"], other["met"]) == (pytest.approx(0.4), False)
    assert small["met"] is True
    assert small["errors"]["global"]["mean"] == pytest.approx(0.05)
    on_global = replace(OTHER, metric=Metric.GLOBAL)
    assert summarise([ROW, on_global], trials, 1.0)[1]["met"] is True, "0.1025 against twice 0.2"
    (alone,) = summarise([OTHER], trials, 1.0)
    assert (alone["bar"], alone["met"]) == (None, None), "a bar relative to a row that was not run"
    table = markdown([small, other], 1.0)
    assert "| poisson/small | - | 0.2000 ± 0.1000 | 0.0500 ± 0.0250 | 3 | 9.0000 | yes | 2 |" in table
    assert "| **miss** |" in table
    assert "shortened" not in table
    shortened = summarise([ROW, OTHER], trials, 0.1)
    assert [record["met"] for record in shortened] == [None, None]
    assert markdown(shortened, 0.1).startswith("**Runs shortened to 0.1")
    draw([small, other], tmp_path / "curves.png", 1.0)
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_the_unit_of_compute_is_a_forward_pass_of_the_batch() -> None:
    data = SMALL.generate(0).train
    model = NETWORK.build(data, 0)
    batch = Samples(data, model).all()
    loss = float((model(*batch.inputs) - batch.target).square().mean())
    assert forward(model, batch.inputs, batch.target) == pytest.approx(loss, rel=1e-6)
    before = {name: p.clone() for name, p in model.named_parameters()}
    assert forward_equivalents(model, data, Backprop(), ROW.settings) > 0
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_networks_refuse_data_of_another_kind() -> None:
    points, functions = MexicanHat(train=5, side=3).generate().train, SMALL.generate(0).train
    assert MLPShape(hidden=(3,)).build(points, 0).widths == (3,)
    with pytest.raises(GraphError, match="MLPShape"):
        MLPShape(hidden=(3,)).build(functions, 0)
    with pytest.raises(GraphError, match="DeepONetShape"):
        NETWORK.build(points, 0)


def test_local_losses_train_as_any_other_row() -> None:
    row = replace(ROW, network=LocallyRead(replace(NETWORK, hidden=(5, 4))), estimator=LocalLoss(Backprop()))
    trial = row.trial(0)
    assert trial.curve[-1][1] < trial.curve[0][1]


def test_networks_start_where_their_neurons_tell_inputs_apart() -> None:
    """`spread_currents` is tested where it is; here: every part has its own, and the seed decides."""
    data = SMALL.generate(0).train
    shape = replace(NETWORK, branch=CurrentSpread(0.15, 0.15), trunk=CurrentSpread(0.15, 0.15))
    model, again, other = (shape.build(data, seed) for seed in (4, 4, 5))
    for part, x in ((model.branch, data.branch), (model.trunk, data.locations)):
        current = part.hidden[0](torch.tensor(x, dtype=torch.float32)).detach()
        torch.testing.assert_close(current.std(0, correction=0), torch.full((5,), 0.15), rtol=1e-4, atol=0)
    assert torch.equal(model.trunk.hidden[0].weight, again.trunk.hidden[0].weight)
    assert not torch.equal(model.trunk.hidden[0].weight, other.trunk.hidden[0].weight)
    points = MexicanHat(train=50, side=3).generate().train
    mlp = MLPShape(hidden=(4,), start=CurrentSpread(0.2, 0.2)).build(points, 0)
    current = mlp.hidden[0](torch.tensor(points.x, dtype=torch.float32)).detach()
    torch.testing.assert_close(current.std(0, correction=0), torch.full((4,), 0.2), rtol=1e-4, atol=0)


def test_every_row_of_the_paper_declares_settings_from_its_grid() -> None:
    table = tables.table("rfg")
    rows = table.rows
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert row.grid or isinstance(row.bar, TimesRow) or row.bar is None, row.name
        for name, values in row.grid.items():
            assert getattr(row.settings, name) in values, (row.name, name)
    assert {row.name.partition("/")[0] for row in table.matching("p*/*")} == {"poisson"}
    with pytest.raises(RunError, match="poisson/sg-bp"):
        table.matching("poison/*")
    with pytest.raises(RunError, match="one of rfg"):
        tables.table("qif")


def given(monkeypatch: pytest.MonkeyPatch, *rows: Row) -> None:
    """The table `rfg` is of these rows."""
    table = replace(tables.table("rfg"), rows=rows)
    monkeypatch.setitem(tables.TABLES, "rfg", lambda: table)


def test_the_command_shortens_resumes_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, ROW, replace(OTHER, bar=AtMost(1e-9)))
    monkeypatch.chdir(tmp_path)
    arguments = ["reproduce", "rfg", "--seeds", "2", "--budget", "0.2", "--out", "out"]
    done = CliRunner().invoke(app, [*arguments, "--json", "table.json"])
    assert done.exit_code == 0, done.output
    report = json.loads(Path("table.json").read_text())
    assert (report["name"], report["budget"]) == ("rfg", 0.2)
    keys = {"row", "paper", "mean", "sd", "n", "bar", "met", "seconds", "recipe"}
    assert all(keys <= set(record) for record in report["rows"])
    assert all("6 iterations" in record["recipe"] for record in report["rows"])
    assert "shortened" in Path("out/table.md").read_text()
    assert Path("out/curves.png").exists()
    before = {path: path.stat().st_mtime_ns for path in Path("out/trials").iterdir()}
    assert len(before) == 4
    CliRunner().invoke(app, arguments)
    assert {path: path.stat().st_mtime_ns for path in Path("out/trials").iterdir()} == before
    next(path for path in before if "poisson-bp-seed1" in path.name).unlink()
    reported = CliRunner().invoke(app, [*arguments, "--report", "--json", "table.json"])
    assert reported.exit_code == 0, reported.output
    assert [record["n"] for record in json.loads(Path("table.json").read_text())["rows"]] == [2, 1]
    assert len(list(Path("out/trials").iterdir())) == 3, "nothing was trained"
    whole = CliRunner().invoke(app, ["reproduce", "rfg", "--rows", "poisson/*", "--seeds", "1", "--out", "out"])
    assert whole.exit_code == 1, "a bar is missed with the whole budget"


def test_the_command_tunes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(ROW, grid={"learning_rate": (1e-3, 1e-2)}, held_out=6)
    given(monkeypatch, row)
    done = CliRunner().invoke(app, ["reproduce", "rfg", "--tune", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    (record,) = json.loads((tmp_path / "tuning.json").read_text())["rows"]
    assert record["declared"]["learning_rate"] == 1e-3
    assert len(record["candidates"]) == 2


def test_impossible_requests_are_explained(tmp_path: Path) -> None:
    with pytest.raises(OutOfRange, match="seeds"):
        run([ROW], seeds=0, jobs=1, cache=Cache(tmp_path, Trial))
    for wrong in (["--budget", "1.5"], ["--report", "--tune"], ["--report", "--out", str(tmp_path)]):
        assert isinstance(CliRunner().invoke(app, ["reproduce", "rfg", *wrong]).exception, RunError)
    asked = CliRunner().invoke(app, ["reproduce", "exact", "--tune"])
    assert isinstance(asked.exception, RunError)
    assert "no grid" in str(asked.exception)


def test_errors_are_those_of_metrics() -> None:
    """The median has no other source; on equal samples all three agree."""
    from neurokit.experiments.papers.trial import test_errors

    data = SMALL.generate(0).test
    same = OperatorData(data.branch[[0, 0]], data.locations, data.targets[[0, 0]], data.domain)
    errors = test_errors(NETWORK.build(data, 0), same)
    assert errors["mean"] == pytest.approx(errors["median"]) == pytest.approx(errors["global"])
    assert np.isfinite(errors["mean"])


def test_training_diverged_is_the_only_error_that_is_a_result() -> None:
    with pytest.raises(OutOfRange):
        replace(ROW, settings=Settings(3, 25, 1e-3)).trial(0)
    assert issubclass(TrainingDiverged, ArithmeticError)
