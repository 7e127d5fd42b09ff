"""bench emulators: what its record holds, and that the network given to another emulator is the Program's."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurokit.compilers.lava.forms import Form, StockForm
from neurokit.errors import OutOfRange, RunError, TargetUnavailable
from neurokit.experiments.bench import emulators as bench
from neurokit.ir import interpreter as reference
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult


@dataclass(frozen=True)
class NoLava:
    """LavaCPU on a machine without Lava."""

    form: Form = field(default_factory=StockForm)

    @property
    def name(self) -> str:
        return "lava" if self.form == StockForm() else f"lava-{self.form.name}"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        raise TargetUnavailable("Lava is not installed; install neurokit-loihi[lava].")


#: Plays nengo-loihi: an emulator in plain loops, of the arrays that it would be given.
STAND_IN = """
import json, sys, time, warnings
import numpy as np, scipy.sparse
given = np.load(sys.argv[-1])
count = int(given["layers"])
def matrix(name, rows, columns):
    parts = [given[f"{name}.{part}"] for part in ("data", "indices", "indptr")]
    return scipy.sparse.csr_array(tuple(parts), shape=(rows, columns))
sizes = [len(given[f"{i}.current"]) for i in range(count)]
into = [None] + [matrix(f"{i}", sizes[i], sizes[i - 1]) for i in range(1, count)]
back = [matrix(f"{i}.recurrent", sizes[i], sizes[i]) if f"{i}.recurrent.data" in given else None for i in range(count)]
state = [np.zeros(size) for size in sizes]
fired = [np.zeros(size) for size in sizes]
print(json.dumps({"version": "stand-in"}), flush=True)
for line in sys.stdin:
    spikes = [[] for _ in range(count)]
    for _ in range(int(line)):
        before = fired[:]
        for i in range(count):
            state[i] += given[f"{i}.current"]
            state[i] += 0 if into[i] is None else into[i] @ before[i - 1]
            state[i] += 0 if back[i] is None else back[i] @ before[i]
            fired[i] = (state[i] >= given[f"{i}.threshold"]).astype(float)
            state[i][fired[i] > 0] = 0
            spikes[i].append(np.flatnonzero(fired[i]).tolist())
    print(json.dumps({"seconds": 1.0, "spikes": spikes}), flush=True)
"""


def peers(folder: Path, script: str) -> Path:
    """A folder with an environment whose Python runs `script` whatever it is told to."""
    (folder / "script.py").write_text(script)
    python = folder / "nengo_loihi" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {folder / "script.py"} "$@"\n')
    python.chmod(0o755)
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "LavaCPU", NoLava)
    monkeypatch.setattr(bench, "BATCHES", (1, 5))


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "NETWORKS", {"recurrent": bench.recurrent})


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_every_spike_of_another_emulator_is_compared(tmp_path: Path) -> None:
    record = bench.run(peers=peers(tmp_path, STAND_IN), repetitions=1)
    json.dumps(record)
    rows: dict[str, list[dict[str, Any]]] = {
        name: [row for row in record["rows"] if row["network"] == name] for name in bench.NETWORKS
    }
    for name, (one, five, lava, soft, other) in rows.items():
        assert (one["target"], five["batch"], other["version"]) == ("twin", 5, "stand-in")
        assert {lava["unavailable"], soft["unavailable"]} == {"Lava is not installed; install neurokit-loihi[lava]."}
        assert other["spikes_compared"] == one["neurons"] * bench.STEPS
        assert other["mismatches"] == one["mismatches"] == five["mismatches"] == 0
        assert other["samples_per_second"] == 1.0
        ratio = record["ratios"][f"{name}: twin, batch 5 / nengo-loihi, batch 1"]
        assert ratio == pytest.approx(five["samples_per_second"])
    assert record["bars"]["numbers that differ from the reference"]["met"]
    # 8 x 16 x 16 and 16 x 8 x 8 neurons; two layers of 128 with all of themselves.
    assert [rows[name][0]["neurons"] for name in ("convolution", "recurrent")] == [3072, 256]


@pytest.mark.usefixtures("small", "one")
def test_a_spike_that_another_emulator_misses_is_found(tmp_path: Path) -> None:
    lazy = STAND_IN.replace(">= given", "> 1 + given")
    record = bench.run(peers=peers(tmp_path, lazy), repetitions=1)
    assert [row["mismatches"] > 0 for row in record["rows"] if row["target"] == "nengo-loihi"] == [True]
    assert not record["bars"]["numbers that differ from the reference"]["met"]


@pytest.mark.usefixtures("small", "one")
def test_without_its_environment_a_row_says_so_and_a_process_that_ends_is_an_error(tmp_path: Path) -> None:
    record = bench.run(repetitions=1)
    missing = [row["unavailable"] for row in record["rows"] if row["target"] == "nengo-loihi"]
    assert all("give its folder with --peers" in why for why in missing)
    with pytest.raises(RunError, match="its process ended"):
        bench.run(peers=peers(tmp_path, "raise SystemExit(1)"), repetitions=1)
    with pytest.raises(OutOfRange, match="repetitions is 0"):
        bench.run(repetitions=0)


@pytest.mark.parametrize("name", bench.NETWORKS)
def test_the_networks_are_proven_and_alive(name: str) -> None:
    program = bench.NETWORKS[name](np.random.default_rng(0))
    assert program.certificate
    inputs = bench.samples(program, np.random.default_rng(0), 3)
    trace = reference.run(program, inputs, record=True).trace
    assert trace is not None
    for layer, train in trace.spikes.items():
        assert 0.05 < train.mean() < 0.5, layer
    # What another emulator scales by two exactly: weights below 128, currents that its biases can hold.
    given = bench.layers(program, {key: x[:1] for key, x in inputs.items()})
    assert abs(given["0.current"]).max() < 4095
    assert all(abs(value).max() <= 127 for key, value in given.items() if key.endswith("data"))
