"""neurokit reproduce exact-deployment: stages are done once, rows say what they are, bars need Lava's equality."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

from neurokit.program import Program
from neurokit.reproduce.deployment import GRIDS, Recipe, run, summarise

pytestmark = pytest.mark.torch

TINY = Recipe(samples=60, held_out=30, hidden=8, batch=30, lava_samples=0)
TINY = replace(TINY, exact=replace(TINY.exact, epochs=1), aware=replace(TINY.aware, epochs=1))


def test_a_tiny_run_is_resumed_and_reported(tmp_path: Path) -> None:
    told: list[str] = []
    rows = run(1, TINY, tmp_path, told.append)
    names = [f"yin-yang/tau-{per_tau}/{kind}" for per_tau in GRIDS for kind in ("direct", "aware")]
    assert [row["row"] for row in rows] == ["yin-yang/exact", *names]
    assert len(told) == 3
    assert "EventProp, epoch 1 of 1" in told[0]
    assert json.loads(json.dumps(rows)) == run(1, TINY, tmp_path, told.append)
    assert len(told) == 3, "nothing is trained again"
    programs = [Program.load(path) for path in sorted(tmp_path.glob("*.h5"))]
    assert {program.provenance["exact.dt"] for program in programs} == {"0.1", "0.2"}
    # Every row answers for the same test samples; without Lava no bar is met.
    assert all(row["mean"] * 0.3 == pytest.approx(round(row["mean"] * 0.3), abs=1e-9) for row in rows)
    assert all(row["met"] in (None, False) for row in rows)


def test_a_bar_is_the_exact_accuracy_less_the_points_allowed_and_needs_equality() -> None:
    def trial(exact: float, aware: float, mismatches: int) -> dict[str, object]:
        lava = {"samples": 1, "spikes_compared": 10, "states_compared": 10, "mismatches": mismatches}
        common = {"seconds": 1.0, "float": 0.0, "continuous": 0.0}
        stages = {f"tau-{n}/direct": {"accuracy": 50.0, "lava": None, **common} for n in GRIDS}
        stages |= {f"tau-{n}/aware": {"accuracy": aware, "lava": lava, **common} for n in GRIDS}
        return {"seed": 0, "exact": {"accuracy": exact, "lava": None, **common}, **stages}

    def met(*trials: dict[str, object]) -> list[bool | None]:
        return [row["met"] for row in summarise(trials, replace(TINY))]

    assert met(trial(95.0, 93.5, 0), trial(97.0, 94.5, 0)) == [None, None, True, None, True]
    assert met(trial(95.0, 92.0, 0)) == [None, None, False, None, True]
    assert met(trial(95.0, 95.0, 1)) == [None, None, False, None, False]
