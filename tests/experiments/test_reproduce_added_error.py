"""Rows of compilation: the whole way from a configuration to the added error, tiny; what decides a fingerprint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from neurokit.experiments.papers.added_error import BAR, ROWS, CompiledRow, CompiledTrial, draw, markdown, summarise  # noqa: E402
from neurokit.experiments.papers.runner import Cache, run  # noqa: E402

pytestmark = pytest.mark.torch

HEAT = {"name": "heat", "sensors": 6, "points": 6, "instants": 4, "train": 20, "test": 8}
TABLES = {
    "problem": HEAT,
    "network": {"hidden": [6], "rank": 4, "steps": 8},
    "optimiser": {"iterations": 6, "batch_size": 10},
}
ROW = CompiledRow("heat/tiny", TABLES)


def test_a_row_is_trained_compiled_and_judged(tmp_path: Path) -> None:
    cache = Cache(tmp_path, CompiledTrial)
    trials = run([ROW], seeds=2, jobs=1, cache=cache)
    first, second = trials["heat/tiny"]
    assert first.floating != second.floating, "seeds differ"
    grown = [first.program[metric] - first.floating[metric] for metric in ("mean", "global")]
    assert first.added == max(grown) != 0
    assert cache.load(ROW, 0) == CompiledTrial.from_dict(json.loads(json.dumps(first.as_dict()))) == first
    (record,) = summarise([ROW], trials, 1.0)
    assert record["worst"] == max(first.added, second.added)
    assert record["met"] == (record["worst"] <= BAR), "no seed may add more"
    assert summarise([ROW], trials, 0.5)[0]["met"] is None
    assert "seponet 6, if, T = 8, memmean; 6 iterations" in markdown([record], 1.0)
    draw([record], tmp_path / "added.png", 1.0)
    assert (tmp_path / "added.png").stat().st_size > 1000


def test_what_decides_a_trial_decides_its_fingerprint() -> None:
    other = replace(ROW, tables={**TABLES, "network": {"hidden": [7]}})
    assert len({ROW.digest, other.digest, ROW.shortened(0.5).digest}) == 3
    assert replace(ROW, name="other").digest == ROW.digest
    assert ROW.shortened(0.01).config(0).optimiser.iterations == 1


def test_the_table_spans_problems_networks_dimensions_windows_and_widths() -> None:
    configs = [row.config(0) for row in ROWS]
    assert {config.word("problem") for config in configs} >= {
        "poisson", "antiderivative", "burgers", "reaction-diffusion", "heat", "mexican-hat",
    }  # fmt: skip
    assert {config.word("network") for config in configs} == {"deeponet", "seponet", "mlp"}
    assert {config.word("neuron") for config in configs} == {"if", "lif", "cuba-lif"}
    assert {config.network.steps for config in configs} >= {1, 32, 256, 1024}
    assert max(max(config.network.hidden) for config in configs) == 1024
    assert len({row.name for row in ROWS}) == len(ROWS)
