"""neurokit reproduce exact-deployment: stages are done once, rows say what they are, bars need Lava's equality."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

from neurokit.experiments.papers import deployment
from neurokit.experiments.papers.deployment import GRIDS, DeployedRow, Recipe
from neurokit.experiments.papers.deployment_report import draw, markdown, summarise
from neurokit.experiments.papers.exact_tasks import ExactTrial
from neurokit.experiments.papers.runner import Cache, kept, run
from neurokit.ir.program import Program

pytestmark = pytest.mark.torch

TINY = Recipe(samples=60, held_out=30, hidden=8, batch=30, lava_samples=0)
TINY = replace(TINY, exact=replace(TINY.exact, epochs=1), aware=replace(TINY.aware, epochs=1))


ROW = DeployedRow("yin-yang", TINY)


def test_a_tiny_run_is_resumed_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    cache = Cache(tmp_path, ExactTrial)
    trials = run([ROW], seeds=1, jobs=1, cache=cache, progress=lambda done, note: told.append(done))
    assert told[1:4] == pytest.approx([0, 1 / 3, 2 / 3]), "three trainings of one epoch"
    records = summarise([ROW], trials, 1.0)
    names = [f"yin-yang/tau-{per_tau}/{kind}" for per_tau in GRIDS for kind in ("direct", "aware")]
    assert [record["row"] for record in records] == ["yin-yang/exact", *names]
    assert kept([ROW], seeds=1, cache=cache) == trials
    programs = [Program.load(path) for path in sorted(tmp_path.glob("*/*.h5"))]
    assert {program.provenance["exact.dt"] for program in programs} == {"0.1", "0.2"}
    # Every record answers for the same test samples; without Lava no bar is met.
    assert all(record["mean"] * 0.3 == pytest.approx(round(record["mean"] * 0.3), abs=1e-9) for record in records)
    assert all(record["met"] in (None, False) for record in records)
    assert "**miss**" in markdown(records, 1.0)
    draw(records, tmp_path / "picture.png", 0.1)
    assert (tmp_path / "picture.png").stat().st_size > 5000
    # A stage that is in the folder is not done again.
    cache.path(ROW, 0).unlink()
    (cache.scratch(ROW, 0) / "tau-5-aware.json").unlink()
    trained: list[object] = []
    fit = deployment.fit_events
    monkeypatch.setattr(deployment, "fit_events", lambda *a, **k: trained.append(a) or fit(*a, **k))
    again = run([ROW], seeds=1, jobs=1, cache=cache)["yin-yang"][0]
    assert len(trained) == 1
    assert again.notes["tau-5/aware"]["accuracy"] == trials["yin-yang"][0].notes["tau-5/aware"]["accuracy"]


def test_a_bar_is_the_exact_accuracy_less_the_points_allowed_and_needs_equality() -> None:
    def trial(exact: float, aware: float, mismatches: int) -> ExactTrial:
        lava = {"samples": 1, "spikes_compared": 10, "states_compared": 10, "mismatches": mismatches}
        common = {"seconds": 1.0, "float": 0.0, "continuous": 0.0}
        stages = {f"tau-{n}/direct": {"accuracy": 50.0, "lava": None, **common} for n in GRIDS}
        stages |= {f"tau-{n}/aware": {"accuracy": aware, "lava": lava, **common} for n in GRIDS}
        stages |= {"exact": {"accuracy": exact, "lava": None, **common}}
        return ExactTrial("yin-yang", 0, "", exact, 1.0, stages)

    def met(*trials: ExactTrial, budget: float = 1.0) -> list[bool | None]:
        return [record["met"] for record in summarise([ROW], {"yin-yang": trials}, budget)]

    assert met(trial(95.0, 93.5, 0), trial(97.0, 94.5, 0)) == [None, None, True, None, True]
    assert met(trial(95.0, 92.0, 0)) == [None, None, False, None, True]
    assert met(trial(95.0, 95.0, 1)) == [None, None, False, None, False]
    assert met(trial(95.0, 95.0, 0), budget=0.5) == [None] * 5
