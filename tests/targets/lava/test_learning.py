"""Networks that learn while they run on Lava hold, after every update, the integers of the learner on the twin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from places import SUPPORT

pytest.importorskip("lava")
pytestmark = pytest.mark.lava

CASES = SUPPORT / "learning_cases.py"


def run_apart(case: str, *arguments: dict[str, Any], limit_s: float = 280) -> list[dict[str, Any]]:
    """Run a case once per set of arguments, all in one fresh interpreter: Lava forks, and wants no torch beside it."""
    done = subprocess.run(
        [sys.executable, str(CASES), case, json.dumps(arguments)], capture_output=True, text=True, timeout=limit_s
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_tangents_of_a_running_network_are_those_of_the_twin() -> None:
    asked = [
        {"program": "chain", "form": "softif", "seed": 1, "samples": 3},
        {"program": "leaky", "form": "softif", "seed": 3, "samples": 4},
        {"program": "operator", "form": "softif", "seed": 4, "samples": 3},
    ]
    for arguments, answer in zip(asked, run_apart("tangent_network", *asked), strict=True):
        assert (answer["values"], answer["tangents"]) == (0, 0), arguments
        assert answer["seen"] > answer["compared"] // 2  # tangents of zero would be no news


def test_every_update_on_lava_is_that_of_the_learner_on_the_twin() -> None:
    asked = [
        {"rule": "spsa", "optimizer": "stochastic", "form": "softif", "updates": 2},
        {"rule": "spsa one-sided", "optimizer": "residue", "form": "stock", "updates": 1},
        {"rule": "rfg apart", "optimizer": "stochastic", "form": "softif", "updates": 1, "program": "operator"},
        {"rule": "spsa signs", "optimizer": "whole", "form": "softif", "updates": 2, "engine": True},
    ]
    for arguments, answer in zip(asked, run_apart("closed_loop", *asked), strict=True):
        assert answer["wrong"] == 0, arguments
        assert answer["compared"] > 40
        assert answer["moves"] > 10, arguments


def test_what_cannot_be_learned_is_refused() -> None:
    (told,) = run_apart("refusals", {})
    for case, wanted in (
        ("decay", r"^1\.0$"),
        ("bias", "UnsupportedNode.*a bias is spread over digits"),
        ("fraction", "GraphError.*integer steps along signs"),
        ("fused", "GraphError.*StockForm"),
        ("not running", "GraphError.*not running"),
        ("tangents", "UnsupportedNode.*no tangents"),
        ("saturation", "OutOfRange.*the engine saturates"),
        ("node perturbation", "UnsupportedNode.*cannot be told in an order"),
    ):
        assert re.search(wanted, told[case]), (case, told[case])
