"""Experiments: cut anywhere they end in the same numbers, their folders belong to one config, the command tells all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from neurokit.cli.app import app
from neurokit.errors import RunError
from neurokit.experiments.learning import curves
from neurokit.experiments.learning.catalogue import EXPERIMENTS, experiment_of
from neurokit.experiments.learning.drift import Drift
from neurokit.experiments.learning.from_scratch import FromScratch
from neurokit.experiments.learning.mismatch import DeviceMismatch
from neurokit.experiments.learning.networks import integer_mlp, provable
from neurokit.experiments.learning.quantisation import Quantisation, recovered
from neurokit.experiments.learning.records import config_of, run
from neurokit.experiments.learning.scaling import Scaling

TINY = FromScratch(hidden=6, steps=12, directions=2, batch=8, against_float=False)
ARM = "RFG, 8 bits"


@pytest.fixture(autouse=True)
def few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors on 10,000 points are most of the time of so short runs."""
    monkeypatch.setattr(curves, "POINTS", 4)


class Cut(Exception):
    """Ends a run in the middle."""


def test_a_run_that_was_cut_goes_on_to_the_same_row(tmp_path: Path) -> None:
    def cut(share: float) -> None:
        if share > 0.5:
            raise Cut

    whole = TINY.row(ARM, 1, tmp_path / "whole.npz", lambda share: None)
    with pytest.raises(Cut):
        TINY.row(ARM, 1, tmp_path / "kept.npz", cut)
    again = TINY.row(ARM, 1, tmp_path / "kept.npz", lambda share: None)
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}
    assert whole["passes"] == 12 * (1 + 3 * 2)
    assert whole["curve"][-1] == [whole["passes"], whole["after"]]


def test_a_folder_keeps_rows_and_belongs_to_one_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(TINY, 1, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.toml", "record.json", "curve.png", "rows"}
    assert json.loads((tmp_path / "record.json").read_text()) == first
    monkeypatch.setattr(curves.LearningCurves, "row", None)  # nothing is done again
    assert run(TINY, 1, tmp_path) == first
    with pytest.raises(RunError, match="of another config"):
        run(FromScratch(hidden=7), 1, tmp_path)
    made = experiment_of("from-scratch", tmp_path / "config.toml", [])
    assert config_of(made) == config_of(TINY), "the config that a folder holds can be used again"


def test_the_command_writes_the_record(tmp_path: Path) -> None:
    numbers = ["hidden=6", "directions=1", "batch=4", "against_float=false"]
    options = [part for number in numbers for part in ("--set", number)]
    out = tmp_path / "out"
    told = CliRunner().invoke(
        app, ["learn", "from-scratch", "--seeds", "1", "--budget", "0.003", *options, "--out", str(out), "--json", "-"]
    )
    assert told.exit_code == 0, told.output
    record = json.loads((out / "record.json").read_text())
    assert [row["method"] for row in record["rows"]] == list(TINY.methods())
    assert record["config"]["steps"] == 3
    assert set(record["bars"]["error with 8-bit weights <= 0.06"]) == {"value", "bar", "met"}


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("nobody", [], "from-scratch"),
        ("mismatch", ["wait=1"], "weight"),
        ("mismatch", ["weight"], "key=value"),
        ("mismatch", ["weight='much'"], "a finite number"),
    ],
)
def test_what_is_not_known_is_refused(name: str, options: list[str], said: str) -> None:
    with pytest.raises(RunError, match=said):
        experiment_of(name, None, options)


def test_every_experiment_has_a_name_arms_and_can_be_shortened() -> None:
    for name, kind in EXPERIMENTS.items():
        made = kind()
        assert made.name == name
        assert made.methods()
        assert config_of(made.shortened(0.01)) != config_of(made)


def test_a_fresh_network_is_proved_and_leaves_room() -> None:
    program = integer_mlp(2, (16, 16), 1.0, 0)
    assert provable(program)
    assert max(np.abs(node.weight).max() for node in program.nodes if hasattr(node, "weight")) <= 64


def test_what_is_recovered_is_a_share_of_what_was_added() -> None:
    row = {"before": 0.05, "after": 0.03, "references": {"float": 0.01}}
    assert np.isclose(recovered(row), 0.5)


def test_scaling_measures_deviation_and_passes(tmp_path: Path) -> None:
    made = Scaling(widths=(4,), draws=3, batch=8, directions=2, most=60, target=10.0)
    row = made.row("SPSA, layer-wise, width 4", 0, tmp_path / "kept.npz", lambda share: None)
    assert row["weights"] == 4 * 2 + 4 + 16 + 4 + 4 + 1
    assert row["deviation"] > 0
    assert row["passes"] is not None, "any network is within ten times the answers"


def test_scaling_holds_estimates_against_the_gradient_itself(tmp_path: Path) -> None:
    made = Scaling(widths=(4,), draws=60, batch=8, directions=2, most=60, target=10.0)
    row = made.row("RFG of currents, layer-wise, width 4", 0, tmp_path / "kept.npz", lambda share: None)
    # An unbiased estimate has the projection 1; the mean of 60 draws deviates from it by at most this.
    assert abs(row["projection"] - 1) < 3 * np.sqrt(row["deviation"] / 60)
    assert row["deviation"] < 2, "a mean over eight samples, each perturbed in its own way"


@pytest.mark.torch
def test_what_quantisation_costs_is_recovered_on_biases_alone(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    made = Quantisation(passes=70, directions=1, batch=16, pretraining=2)
    row = made.row("RFG", 0, tmp_path / "kept.npz", lambda share: None)
    assert row["weights"] == 16 + 16 + 1, "biases and the offset of the readout"
    assert row["passes"] <= 70
    assert np.isfinite(recovered(row))


@pytest.mark.torch
def test_a_device_with_mismatch_answers_otherwise_and_its_learners_differ_by_what_a_synapse_keeps(
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch")
    made = DeviceMismatch(steps=3, directions=1, batch=8, pretraining=20)
    rows = [made.row(method, 0, tmp_path / f"{i}.npz", lambda share: None) for i, method in enumerate(made.methods())]
    assert all(row["passes"] == 3 * (1 + 3) for row in rows)
    assert rows[0]["before"] == rows[1]["before"] != rows[0]["references"]["nominal"]
    bars = list(made.bars(rows).values())
    assert [bar.value for bar in bars] == [row["after"] / row["references"]["nominal"] for row in rows]


@pytest.mark.torch
def test_a_change_of_the_operator_is_seen_in_the_curve(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    made = Drift(functions=50, steps=10, directions=2, batch=4, pretraining=20, change=0.3, coefficient=0.25)
    row = made.row("RFG", 0, tmp_path / "kept.npz", lambda share: None)
    passes = [point[0] for point in row["curve"]]
    jump = next(i for i in range(1, len(passes)) if passes[i] == passes[i - 1])
    assert row["curve"][jump][1] != row["curve"][jump - 1][1], "the same weights, judged by another operator"
    assert passes[jump] == 3 * (1 + 4 * 2), "three of ten steps"
