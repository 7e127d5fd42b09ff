"""Lava computes what the reference defines: every spike, every membrane, every total, in both forms."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from places import SUPPORT

pytest.importorskip("lava")
pytestmark = pytest.mark.lava

CASES = SUPPORT / "lava_cases.py"


def run_apart(case: str, *arguments: dict[str, Any], limit_s: float = 280) -> list[dict[str, Any]]:
    """Run a case once per set of arguments, all in one fresh interpreter: Lava forks, and wants no torch beside it."""
    done = subprocess.run(
        [sys.executable, str(CASES), case, json.dumps(arguments)], capture_output=True, text=True, timeout=limit_s
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


# Windows of one step, of a few, and long ones; back to back or apart; the first at the first step or later.
WINDOWS = [(1, 2, 1), (1, 5, 3), (2, 3, 2), (7, 8, 4), (7, 20, 1), (31, 32, 2), (64, 65, 2)]


@pytest.mark.parametrize("model", ["fixed", "float", "stock"])
@pytest.mark.parametrize("threshold", [1, 127, 128, 199, 254, 255 * 2**3])
def test_soft_if_is_the_neuron_over_back_to_back_windows_at_the_ends_of_the_membrane(
    model: str, threshold: int
) -> None:
    asked = [
        {"model": model, "threshold": threshold, "steps": t, "period": p, "start": s, "samples": 4, "seed": 7 * t + p}
        for t, p, s in WINDOWS
    ]
    answers = run_apart("soft_if", *asked)
    assert len(answers) == len(asked)
    for arguments, answer in zip(asked, answers, strict=True):
        assert (answer["bad_spikes"], answer["bad_states"]) == (0, 0), arguments
    # The claim is worth something only if neurons fired and membranes went as far as 18 bits allow.
    assert max(a["reach"] for a in answers) == 2**17 - 1
    assert sum(a["spikes"] for a in answers) > 100


@pytest.mark.parametrize("form", ["softif", "stock"])
@pytest.mark.parametrize("rule", ["rate", "memmean"])
def test_readout_sends_the_weighted_total_at_one_step_and_nothing_at_any_other(form: str, rule: str) -> None:
    asked = [
        {"form": form, "rule": rule, "shift": shift, "steps": t, "period": p, "start": s, "seed": shift}
        for (t, p, s), shift in zip(WINDOWS, [0, 3, 0, 1, 7, 0, 2], strict=True)
    ]
    answers = run_apart("readout", *asked)
    assert [a["bad"] for a in answers] == [0] * len(asked)
    assert max(a["largest"] for a in answers) > 2**22  # up to the accumulator's 24 bits


@pytest.mark.parametrize("form", ["softif", "stock"])
def test_constant_speaks_in_every_step_of_its_windows_and_in_no_other(form: str) -> None:
    asked = [
        {"form": form, "digits": digits, "steps": t, "period": p, "start": s + 2}
        for (t, p, s), digits in zip(WINDOWS, [1, 2, 3, 3, 2, 1, 3], strict=True)
    ]
    answers = run_apart("constant", *asked)
    assert [a["bad"] for a in answers] == [0] * len(asked)
    assert all(a["spikes"] for a in answers)


# Fifteen random Programs: one or two branches of depth 1 to 4 and of different depth, now and then a shared input,
# negative and positive exponents, biases of one to three digits, products, both readouts, silent and saturated layers.
@pytest.mark.parametrize("first", range(0, 15, 5))
def test_random_programs_agree_with_the_reference_in_both_forms(first: int) -> None:
    (answer,) = run_apart("programs", {"seeds": list(range(first, first + 5)), "forms": ["stock", "softif"]})
    assert answer["wrong"] == {}
    assert answer["compared"] > 1000
    assert answer["fired"] > 10


@pytest.mark.parametrize(
    ("kind", "forms", "extra_period"),
    [
        ("populations", ["stock"], 0),
        ("populations", ["softif"], 2),
        ("current based", ["softif"], 0),
        ("synapses", ["stock"], 1),
        ("repeated sources", ["stock", "softif"], 0),
        ("every node", ["stock"], 0),
    ],
)
def test_every_kind_of_population_and_synapse_agrees_with_the_reference(
    kind: str, forms: list[str], extra_period: int
) -> None:
    asked = {"seeds": [1], "forms": forms, "extra_period": extra_period, "kind": kind}
    (answer,) = run_apart("programs", asked)
    assert answer["wrong"] == {}
    assert answer["fired"] > 10


# Their widths leave no room for one more unit of a bias: Lava, which wraps in silence, has as many bits.
@pytest.mark.parametrize(("form", "seeds"), [("stock", [2, 3]), ("softif", [3, 5])])
def test_programs_at_the_limits_of_the_widths_agree_with_the_reference(form: str, seeds: list[int]) -> None:
    (answer,) = run_apart("programs", {"seeds": seeds, "forms": [form], "kind": "at a limit"})
    assert answer["wrong"] == {}
    assert answer["fired"] > 10


@pytest.mark.parametrize(("kind", "form"), [("random", "stock"), ("populations", "stock"), ("random", "softif")])
def test_windows_that_fill_the_tapes_drain_before_anything_comes_out(kind: str, form: str) -> None:
    """Long windows of wide layers: buffers hold so few that the first of them are over before there is an answer."""
    (answer,) = run_apart("programs", {"seeds": [1], "forms": [form], "kind": kind, "room": 1})
    assert answer["wrong"] == {}
    assert answer["fired"] > 10
    assert answer["drain"] > 0


@pytest.mark.parametrize("extra_period", [1, 7])
def test_idle_steps_between_windows_change_nothing(extra_period: int) -> None:
    asked = {"seeds": [100, 101], "forms": ["stock", "softif"], "extra_period": extra_period}
    (answer,) = run_apart("programs", asked)
    assert answer["wrong"] == {}


@pytest.mark.parametrize("form", ["softif", "stock"])
def test_a_network_runs_again_where_it_stopped(form: str) -> None:
    (answer,) = run_apart("twice", {"form": form})
    assert answer["wrong"] == {}
    first, second = answer["chip_steps"]
    assert second == 2 * first
    ours = {m for m in answer["modules"] if not m.startswith("lava.proc.")} - {"neurokit.processes.ring_buffer.process"}
    # The stock form is Lava's own processes, and buffers at its ends.
    assert bool(ours) == (form == "softif")
