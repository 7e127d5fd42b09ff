"""Input coders, the sample gate and populations in floating point do in Lava what neurokit defines, step by step."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from places import SUPPORT

pytest.importorskip("lava")

pytestmark = pytest.mark.lava

CASES = SUPPORT / "coder_cases.py"
#: Windows of a few steps that follow each other at once, and of one step.
SEVERAL, ONE = {"steps": 7, "period": 8, "start": 3}, {"steps": 1, "period": 2, "start": 4}


def run_apart(*asked: tuple[str, dict[str, object]]) -> None:
    """Run cases in one fresh interpreter; every number of every chip step must be there, and there must be spikes."""
    done = subprocess.run(
        [sys.executable, str(CASES), json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(answers) == len(asked)
    for answer in answers:
        assert answer["bad"] == 0, answer
        assert answer["spikes"] > 3, answer


@pytest.mark.parametrize("case", ["latency", "graded"])
def test_a_coder_hears_a_sample_once_and_codes_it_over_its_window(case: str) -> None:
    run_apart(
        *((case, {"model": model, **SEVERAL, "seed": 1}) for model in ("fixed", "float", "stock")),
        (case, {"model": "stock", **ONE, "seed": 2}),
    )


@pytest.mark.parametrize("case", ["rate", "gate"])
def test_rates_and_gates_are_the_same_in_integers_in_floating_point_and_from_stock_processes(case: str) -> None:
    run_apart(*((case, {"model": model, **SEVERAL, "seed": 3}) for model in ("fixed", "float", "stock")))


def test_biases_and_recurrent_populations_run_in_floating_point() -> None:
    run_apart(
        ("bias", {"model": "float", **SEVERAL, "seed": 0}),
        ("floating", {"neuron": "LIF subtract", "seed": 4}),
        ("floating", {"neuron": "CubaLIF zero", "seed": 5}),
    )


def test_what_a_coder_cannot_say_is_refused() -> None:
    run_apart(("refused", {}))
