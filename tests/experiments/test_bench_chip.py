"""bench chip: a tiny form runs, every network is estimated and measured, and the picture is drawn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from neurokit.errors import OutOfRange
from neurokit.experiments.bench import chip


def test_the_command_estimates_and_measures_every_network(tmp_path: Path) -> None:
    command = "bench chip --steps 4,9,20 --widths 8,12 --bits 3,8 --repetitions 1 --picture chip.png --json chip.json"
    done = subprocess.run(
        [sys.executable, "-m", "neurokit", *command.split()], capture_output=True, text=True, timeout=300, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "chip.json").read_text())
    assert record["base"] == {"steps": 9, "width": 8, "bits": 8}
    made = [(row["steps"], row["width"], row["bits"]) for row in record["rows"]]
    assert made == [(4, 8, 8), (9, 8, 8), (20, 8, 8), (9, 12, 8), (9, 8, 3)], "one is varied at a time, none twice"
    for row in record["rows"]:
        for name in ("time_s", "energy_j", "with_board_j"):
            assert 0 < row[f"{name}_low"] < row[f"{name}_high"]
        assert row["energy_j_high"] < row["with_board_j_high"]
        assert all(row[name] > 0 for name in chip.CPU)
        assert 0 < row["rate"] < 1
    assert record["machine"]["processor"]
    assert (tmp_path / "chip.png").stat().st_size > 10_000


def test_the_chips_time_grows_with_steps_by_a_barrier_each_at_least() -> None:
    record = chip.run(steps=(4, 24), widths=(8,), bits=(8,), repetitions=1)
    short, long = record["rows"]
    for end, least in (("low", 1250e-9), ("high", 2130e-9)):
        assert long[f"time_s_{end}"] - short[f"time_s_{end}"] >= 20 * least * (1 - 1e-9)


def test_no_network_is_refused() -> None:
    with pytest.raises(OutOfRange, match=r"bench chip: widths is \[\]"):
        chip.run(widths=())
    with pytest.raises(OutOfRange, match=r"bench chip: steps is \[8, 0\]"):
        chip.run(steps=(8, 0))
