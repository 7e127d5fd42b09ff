"""The self-test knows the answers, and says which assumption a target breaks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from neurokit.cli.app import app
from neurokit.errors import NeurokitError, TargetUnavailable, UnsupportedNode
from neurokit.ir import interpreter as reference
from neurokit.ir.program import Program, Spiking
from neurokit.ir.result import RunResult
from neurokit.ir.target import Reference, Target
from neurokit.simulator import Twin
from neurokit.targets.verification.selftest import equations as eq
from neurokit.targets.verification.selftest.assumption import STEPS, merge
from neurokit.targets.verification.selftest.assumptions import assumptions
from neurokit.targets.verification.selftest.verdict import examine

#: What the exactness of the stock form stands and falls with.
HEART = ("soft-reset", "between-samples", "product")


@pytest.mark.parametrize("target", [Reference(), Twin(compiled=False)])
@pytest.mark.parametrize("together", [1, 100])
def test_reference_and_twin_keep_every_assumption(target: Target, together: int) -> None:
    verdict = examine(target, together=together)
    assert [f for f in verdict.findings if not f.holds] == []
    assert len(verdict.findings) == len(assumptions()) >= 19
    assert all(f.compared > 20 for f in verdict.findings)


def test_the_equations_are_those_of_the_paper() -> None:
    """Worked by hand: 3 a step against a threshold of 7, from an empty membrane."""
    spikes, states = eq.fire(eq.Neuron(7), [[3]] * 6)
    assert states == [[3], [6], [9], [5], [8], [4]]
    assert spikes == [[0], [0], [1], [0], [1], [0]]
    assert eq.decayed(-3, 2048) == -1  # toward zero, where a floor would be -2
    assert eq.weigh(((3, -2),), [1, 4], [1], -1) == [-2]  # a floor
    assert eq.memmean([[1], [2], [3]]) == [1 * 3 + 2 * 2 + 3 * 1]


def test_every_assumption_can_fail() -> None:
    """What is known differs from sample to sample, and populations fire and rest, but where membranes alone tell."""
    for each in assumptions():
        known = [*each.states.values(), *each.outputs.values()]
        assert any(len({str(answer) for answer in some}) > 1 for some in known), each.name
        if each.name not in ("exact-weights", "weight-exponents", "accumulation"):
            fired = {s for trains in each.spikes.values() for train in trains for line in train for s in line}
            assert fired == {0, 1}, each.name
        assert len(each.samples) == 4


@dataclass(frozen=True)
class Bent:
    """The reference with one mistake."""

    mistake: str
    name: str = "bent"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        if self.mistake == "unavailable":
            raise TargetUnavailable("not here")
        if self.mistake == "recurrent" and any(isinstance(n, Spiking) and n.recurrent for n in program.nodes):
            raise UnsupportedNode("s", "Spiking", "bent", "it is bent", "Straighten it")
        result = reference.run(program, inputs, record=record)
        assert result.trace is not None
        if self.mistake == "silent":
            return replace(result, trace=None)
        if self.mistake == "unsigned":  # a graded output whose sign was not extended
            return replace(result, raw={name: y & 0xFFFFFF for name, y in result.raw.items()})
        if self.mistake == "residue":  # a membrane that a sample hands on to the next
            states = {name: m + np.arange(len(m))[:, None, None] for name, m in result.trace.states.items()}
            return replace(result, trace=replace(result.trace, states=states))
        return result


@pytest.mark.parametrize(
    ("mistake", "caught", "why"),
    [
        ("unsigned", "readout-rate", r"outputs of 'y' differ.*expected"),
        ("residue", "between-samples", r"membranes of 's' differ, first in sample 1, step 0"),
        ("recurrent", "recurrence", "UnsupportedNode.*it is bent"),
    ],
)
def test_a_mistake_is_found_where_it_is(mistake: str, caught: str, why: str) -> None:
    verdict = examine(Bent(mistake))
    failed = {f.assumption: f.why for f in verdict.findings if not f.holds}
    assert not verdict.holds
    assert caught in failed
    assert len(failed) < len(verdict.findings)
    assert re.search(why, failed[caught])


def test_a_target_that_is_not_here_or_says_nothing_is_no_verdict() -> None:
    with pytest.raises(TargetUnavailable):
        examine(Bent("unavailable"))
    assert not examine(Bent("silent")).holds
    with pytest.raises(NeurokitError, match="together"):
        examine(Reference(), together=0)


def test_assumptions_side_by_side_keep_their_lines_apart() -> None:
    program, rows = merge(assumptions())
    assert program.steps == STEPS
    assert rows.shape == (4, sum(len(a.samples[0]) for a in assumptions()))
    assert "soft-reset.s" in program.ports


@pytest.mark.lava
def test_the_command_passes_on_the_simulator(tmp_path: Path) -> None:
    pytest.importorskip("lava")
    told = tmp_path / "told.json"
    command = ["selftest", "--target", "lava", "--json", str(told), "--deadline", "250"]
    done = CliRunner().invoke(app, [*command, *(word for name in HEART for word in ("--only", name))])
    record: dict[str, Any] = json.loads(told.read_text())
    assert record["ok"], record
    assert done.exit_code == 0
    assert [each["assumption"] for each in record["assumptions"]] == list(HEART)
    assert record["versions"]["lava"] == "0.10.0"


def test_the_command_refuses_an_unknown_assumption() -> None:
    done = CliRunner().invoke(app, ["selftest", "--only", "gravity"])
    assert "gravity" in str(done.exception)
