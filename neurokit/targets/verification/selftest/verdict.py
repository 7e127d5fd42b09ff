"""Verdict: which assumptions a target keeps."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from neurokit._version import __version__
from neurokit.errors import NeurokitError, TargetError, TargetUnavailable, explain
from neurokit.ir.result import RunResult
from neurokit.ir.target import Target
from neurokit.targets.verification.selftest.assumption import INPUT, Assumption, merge
from neurokit.targets.verification.selftest.assumptions import assumptions

#: Assumptions that share a run; more take more processes on Lava, fewer more starts.
TOGETHER = 5


@dataclass(frozen=True)
class Finding:
    """What a target made of one assumption; `why` is empty where it holds."""

    assumption: str
    claim: str
    holds: bool
    compared: int
    why: str


@dataclass(frozen=True)
class Verdict:
    """What a target made of all of them."""

    target: str
    findings: tuple[Finding, ...]
    versions: Mapping[str, str]

    @property
    def holds(self) -> bool:
        return all(finding.holds for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.holds,
            "target": self.target,
            "assumptions": [asdict(finding) for finding in self.findings],
            "versions": dict(self.versions),
        }


def examine(target: Target, chosen: Sequence[Assumption] | None = None, *, together: int = TOGETHER) -> Verdict:
    """Hold `target` against the assumptions, by default all, `together` of them in one run.

    When a run fails, its assumptions are tried one by one, so that the failure has an address. Raises
    TargetUnavailable when the target is not here, OutOfRange for `together` below 1.
    """
    if together < 1:
        raise NeurokitError(explain("together", together, "at least 1", "let at least one share a run with itself"))
    asked = assumptions() if chosen is None else tuple(chosen)
    findings: list[Finding] = []
    versions: dict[str, str] = {"neurokit": __version__, "python": platform.python_version(), "numpy": np.__version__}
    for begin in range(0, len(asked), together):
        group = asked[begin : begin + together]
        try:
            found, provenance = _hold(target, group)
        except TargetUnavailable:
            raise
        except NeurokitError:
            found, provenance = [], {}
            for each in group:
                found.append(_alone(target, each, provenance))
        findings += found
        versions |= provenance
    return Verdict(target.name, tuple(findings), versions)


def _alone(target: Target, assumption: Assumption, provenance: dict[str, str]) -> Finding:
    try:
        (finding,), told = _hold(target, [assumption])
    except NeurokitError as error:
        return Finding(assumption.name, assumption.claim, False, 0, f"{type(error).__name__}: {error}")
    provenance |= told
    return finding


def _hold(target: Target, group: Sequence[Assumption]) -> tuple[list[Finding], dict[str, str]]:
    program, rows = merge(group)
    result = target.run(program, {INPUT: rows.astype(np.float64)}, record=True)
    return [_compare(each, result) for each in group], dict(result.provenance)


def _compare(assumption: Assumption, result: RunResult) -> Finding:
    if result.trace is None:
        raise TargetError(f"target {result.target!r} recorded nothing, although it was asked to")
    kinds: tuple[tuple[str, Mapping[str, Any], Mapping[str, np.ndarray]], ...] = (
        ("spike", assumption.spikes, result.trace.spikes),
        ("membrane", assumption.states, result.trace.states),
        ("output", assumption.outputs, result.raw),
    )
    compared, why = 0, ""
    for kind, expected, got in kinds:
        for node, answers in expected.items():
            known = np.array(answers, dtype=np.int64)
            received = np.asarray(got[f"{assumption.name}.{node}"])[: len(known)]
            compared += known.size
            wrong = np.argwhere(known != received)
            if len(wrong) and not why:
                where = tuple(int(i) for i in wrong[0])
                step = f", step {where[1]}" if known.ndim == 3 else ""
                why = (
                    f"{len(wrong)} of {known.size} {kind}s of {node!r} differ, first in sample {where[0]}{step}, line "
                    f"{where[-1]}: {known[where]} expected, {received[where]} found"
                )
    return Finding(assumption.name, assumption.claim, not why, compared, why)
