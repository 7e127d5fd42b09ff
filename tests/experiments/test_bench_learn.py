"""bench learn: its rows have what each rule costs, and its ratios are those of the rows."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from neurokit.experiments.bench.learn import run


def test_a_row_for_every_width_and_number_of_directions_and_ratios_of_their_times() -> None:
    record = run(repetitions=1, counts=(1, 3), widths=(4, 5), batch=6)
    rows = record["rows"]
    assert [(row["width"], row["directions"]) for row in rows] == [(4, 1), (4, 3), (5, 1), (5, 3)]
    for rule in ("spsa", "rfg", "node", "node_rfg"):
        grown = rows[1][f"{rule}_ms"] / rows[0][f"{rule}_ms"]
        assert record["ratios"][f"{rule}: cost of 3 directions / cost of one, width 4"] == grown
        wider = rows[3][f"{rule}_ms"] / rows[1][f"{rule}_ms"]
        assert record["ratios"][f"{rule}: 3 directions, {rows[3]['weights']} weights / {rows[1]['weights']}"] == wider
    (bar,) = record["bars"].values()
    assert bar["met"] == (bar["value"] <= bar["bar"])


@pytest.mark.lava
def test_every_way_to_learn_on_lava_is_held_against_its_own_inference() -> None:
    pytest.importorskip("lava")
    code = "import json; from neurokit.experiments.bench.learn_lava import rows; print(json.dumps(rows((3,), 1)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    swapped, *learning = json.loads(done.stdout.splitlines()[-1])
    assert swapped["swap / inference"] == swapped["swap_ms"] / swapped["inference_ms"]
    assert [row["where"] for row in learning] == [
        "lava: orders, SPSA",
        "lava: orders, RFG",
        "lava: learning engine, SPSA",
    ]
    assert all(row["updates_per_s"] == pytest.approx(1e3 / row["update_ms"]) for row in learning)
