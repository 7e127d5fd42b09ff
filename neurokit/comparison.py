"""compare: run one Program on several targets and hold every spike, state, total and output against the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from neurokit.errors import NeurokitError, explain
from neurokit.program import Program
from neurokit.result import RunResult, Trace
from neurokit.targets import Target


@dataclass(frozen=True)
class Mismatch:
    """One number on which a target differs from the baseline."""

    target: str
    kind: str  #: "spike", "state", "total" or "output"
    layer: str
    sample: int
    step: int | None
    neuron: int
    expected: float
    got: float

    def __str__(self) -> str:
        when = "" if self.step is None else f", step {self.step}"
        return (
            f"{self.target}: {self.kind} of layer {self.layer!r}, neuron {self.neuron}{when}, sample {self.sample}: "
            f"expected {self.expected:g}, got {self.got:g}"
        )


@dataclass(frozen=True)
class Comparison:
    """How many numbers were compared and how many differ; `first_mismatch` is the earliest in time and depth."""

    targets: tuple[str, ...]
    samples: int
    spikes_compared: int
    states_compared: int
    totals_compared: int
    mismatches: int
    first_mismatch: Mismatch | None
    steps: dict[str, int]
    seconds: dict[str, float]

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def compare(
    program: Program, inputs: Mapping[str, np.ndarray], targets: Sequence[Target]
) -> tuple[Comparison, dict[str, RunResult]]:
    """Run `inputs` on every target, the first being the baseline; returns the counts and every target's result.

    Raises what the targets raise; NeurokitError when fewer than two targets are given.
    """
    if len(targets) < 2:
        raise NeurokitError(
            explain("compare: targets", [t.name for t in targets], "at least two", "add one, such as reference,twin")
        )
    results = {target.name: target.run(program, inputs, record=True) for target in targets}
    if len(results) < len(targets):
        raise NeurokitError(explain("compare: targets", [t.name for t in targets], "all different", "name each once"))
    baseline, *others = results
    compared = {"spike": 0, "state": 0, "total": 0, "output": 0}
    found: list[Mismatch] = []
    mismatches = 0
    for other in others:
        for kind, layer, expected, got in _pairs(program, results[baseline], results[other]):
            compared[kind] += expected.size
            if expected.shape != got.shape:
                raise NeurokitError(f"{other}: {kind} of {layer!r} has shape {got.shape}, expected {expected.shape}")
            different = np.argwhere(expected != got)
            mismatches += len(different)
            if len(different):
                found.append(_first(other, kind, layer, expected, got, different))
    order = {name: i for i, name in enumerate(program.wires)}
    found.sort(key=lambda m: (m.sample, m.step if m.step is not None else program.steps, order[m.layer]))
    comparison = Comparison(
        targets=tuple(results),
        samples=results[baseline].samples,
        spikes_compared=compared["spike"],
        states_compared=compared["state"],
        totals_compared=compared["total"] + compared["output"],
        mismatches=mismatches,
        first_mismatch=found[0] if found else None,
        steps={name: r.steps for name, r in results.items()},
        seconds={name: r.seconds for name, r in results.items()},
    )
    return comparison, results


def _pairs(program: Program, expected: RunResult, got: RunResult) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """Matching arrays of two results, as `(kind, layer, expected, got)`."""
    a, b = _trace(expected), _trace(got)
    pairs = [("spike", name, a.spikes[name], b.spikes[name]) for name in a.spikes]
    pairs += [("state", name, a.states[name], b.states[name]) for name in a.states]
    # A target may keep fewer totals than the reference (a fused one never sees them); outputs it must have.
    pairs += [("total", name, a.totals[name], b.totals[name]) for name in a.totals if name in b.totals]
    pairs += [("output", name, expected.raw[name], got.raw[name]) for name in expected.raw]
    return pairs


def _trace(result: RunResult) -> Trace:
    if result.trace is None:
        raise NeurokitError(f"target {result.target!r} recorded nothing, although it was asked to")
    return result.trace


def _first(
    target: str, kind: str, layer: str, expected: np.ndarray, got: np.ndarray, different: np.ndarray
) -> Mismatch:
    """The earliest of the differences of one layer: by sample, then step, then neuron."""
    where = tuple(int(i) for i in different[0])
    timed = kind in ("spike", "state")
    batch = expected.shape[: -2 if timed else -1]
    return Mismatch(
        target=target,
        kind=kind,
        layer=layer,
        sample=int(np.ravel_multi_index(where[: len(batch)], batch)) if batch else 0,
        step=where[-2] if timed else None,
        neuron=where[-1],
        expected=float(expected[where]),
        got=float(got[where]),
    )
