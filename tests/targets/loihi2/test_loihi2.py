"""The hardware branch, driven by a stand-in for the extension: it builds, selects, sends and reads what it should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from places import SUPPORT

from neurokit.targets.loihi2.loihi2 import Loihi2
from neurokit.targets.registry import VERDICT, parse

pytest.importorskip("lava")
pytestmark = pytest.mark.lava

FAKE = SUPPORT / "fake_loihi"
INPUTS, OUTPUTS, STATES = 2, 1, 3

EXAMINE = """
import json, sys
from neurokit.targets.loihi2.loihi2 import Loihi2
from neurokit.compilers.lava.loihi2_border import Border
from neurokit.targets.verification.selftest.assumptions import assumptions
from neurokit.targets.verification.selftest.verdict import examine
names, border, profile = json.loads(sys.argv[1])
target = Loihi2(border=Border(*border) if border else None, profile=profile, deadline_s=250)
chosen = [each for each in assumptions() if each.name in names]
print(json.dumps(examine(target, chosen, together=len(chosen)).to_json()))
"""


@dataclass(frozen=True)
class Told:
    """A verdict, and what the stand-in noted."""

    verdict: dict[str, Any]
    noted: Counter[str]


def examine(folder: Path, names: list[str], border: tuple[int, ...] | None, profile: bool, **more: str) -> Told:
    """Hold `Loihi2` beside the stand-in against some assumptions, in an interpreter of its own."""
    (folder / "ping").write_text("#!/bin/sh\nexit 0\n")
    (folder / "ping").chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", EXAMINE, json.dumps([names, border, profile])],
        capture_output=True,
        text=True,
        timeout=280,
        env={
            **{key: value for key, value in os.environ.items() if key not in ("PARTITION", "BOARD", "SLURM")},
            "PATH": f"{folder}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(FAKE), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "NXSDKHOST": "stand-in",
            "FAKE_LOG": str(folder / "log"),
            "FAKE_BORDER": f"{INPUTS},{OUTPUTS},{STATES}",
            **more,
        },
    )
    assert done.returncode == 0, done.stderr
    return Told(json.loads(done.stdout.splitlines()[-1]), Counter((folder / "log").read_text().splitlines()))


def test_the_stock_network_runs_between_adapters_and_every_number_is_there(tmp_path: Path) -> None:
    """Two assumptions side by side: spikes and states of both, a product, totals of either sign; and the probes."""
    told = examine(tmp_path, ["soft-reset", "product"], None, profile=True)
    verdict, noted = told.verdict, told.noted
    assert verdict["ok"], verdict
    assert [f["assumption"] for f in verdict["assumptions"]] == ["soft-reset", "product"]
    found = verdict["versions"]
    assert found["border"] == f"inputs {INPUTS}, outputs {OUTPUTS}, states {STATES}"
    assert found["border_known"] == "measured"
    assert found["device"].startswith("NXSDKHOST=stand-in")
    assert found["hardware"].startswith("unverified")
    # The measurement has one of each. The network has one input (with its bias lines), graded; from both populations
    # spikes, binary, and states; from every total a graded spike.
    assert sum(count for line, count in noted.items() if line.startswith("PyToNxAdapter")) == 2
    assert noted["Read (1,) 1 0"] == 1
    assert noted["NxToPyAdapter (2,) 0"] == noted["Read (2,) 1 0"] == 2
    assert noted["NxToPyAdapter (1,) 24"] == 2
    assert noted["NxToPyAdapter (2,) 24"] == 4
    (steps,) = (line.split()[1] for line in noted if line.startswith("energy_probe"))
    assert noted[f"execution_time_probe {steps}"] == noted["Loihi2HWProfiler Loihi2HwCfg 1"] == 1
    assert float(found["execution_time_s"]) == pytest.approx(int(steps) * 1e-6)
    assert (found["power_w"], found["static_power_w"], found["energy_j"]) == ("1.5", "1.25", "0.5")
    assert (found["synaptic_operations"], found["dendrite_updates"]) == ("30", "7")


def test_the_refractory_counter_in_a_membrane_is_not_taken_for_one(tmp_path: Path) -> None:
    """The stand-in's `v` reads 128 in the step of a spike, as a chip's does; see targets/test_silicon_trace.py."""
    told = examine(tmp_path, ["hard-reset", "leak", "synaptic-current"], (INPUTS, OUTPUTS, STATES), profile=False)
    assert [(f["assumption"], f["holds"], f["why"]) for f in told.verdict["assumptions"]] == [
        (name, True, "") for name in ("hard-reset", "leak", "synaptic-current")
    ]


def test_a_process_without_a_model_for_the_chip_is_an_error_and_not_a_run_on_the_cpu(tmp_path: Path) -> None:
    border = INPUTS, OUTPUTS, STATES
    told = examine(tmp_path, ["product"], border, profile=False, FAKE_WITHOUT="ProdNeuron")
    (finding,) = told.verdict["assumptions"]
    assert not finding["holds"]
    assert "has no model of ProdNeuron for the chip" in finding["why"]
    assert "runs on the CPU" in finding["why"]


def test_the_command_line_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VERDICT, raising=False)
    assert parse("loihi2", 60.0) == [Loihi2(deadline_s=60.0)]
    monkeypatch.setenv(VERDICT, "verdict.json")
    assert parse("loihi2", 60.0) == [Loihi2(deadline_s=60.0, self_test=Path("verdict.json"))]
