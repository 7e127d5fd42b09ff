"""compare: run one Program on several targets and hold every spike, state, total and output against the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from neurokit.errors import NeurokitError, explain
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult, Trace
from neurokit.ir.target import Target

#: What is compared.
KINDS = ("spike", "state", "total", "output")


@dataclass(frozen=True)
class Mismatch:
    """One number on which a target differs from the baseline."""

    target: str
    kind: str  #: one of KINDS
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
class Tally:
    """How many numbers of one kind and layer were compared, how many differ, and the first that does."""

    kind: str
    layer: str
    compared: int
    different: int
    first: Mismatch | None


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

    Raises what the targets raise; NeurokitError when fewer than two targets are given, or one twice.
    """
    if len(targets) < 2:
        raise NeurokitError(
            explain("compare: targets", [t.name for t in targets], "at least two", "add one, such as reference,twin")
        )
    if len({target.name for target in targets}) < len(targets):
        raise NeurokitError(explain("compare: targets", [t.name for t in targets], "all different", "name each once"))
    results = {target.name: target.run(program, inputs, record=True) for target in targets}
    baseline, *others = results
    tallies = [each for other in others for each in tally(results[baseline], results[other])]
    compared = {kind: sum(each.compared for each in tallies if each.kind == kind) for kind in KINDS}
    comparison = Comparison(
        targets=tuple(results),
        samples=results[baseline].samples,
        spikes_compared=compared["spike"],
        states_compared=compared["state"],
        totals_compared=compared["total"] + compared["output"],
        mismatches=sum(each.different for each in tallies),
        first_mismatch=earliest(tallies, program.ports),
        steps={name: r.steps for name, r in results.items()},
        seconds={name: r.seconds for name, r in results.items()},
    )
    return comparison, results


def tally(expected: RunResult, got: RunResult, kinds: Sequence[str] = KINDS) -> list[Tally]:
    """What of `got` differs from `expected`, by kind of number and layer.

    Raises NeurokitError when one of them recorded nothing, or shapes differ.
    """
    found = []
    for kind, layer, left, right in _pairs(expected, got):
        if kind not in kinds:
            continue
        if left.shape != right.shape:
            raise NeurokitError(f"{got.target}: {kind} of {layer!r} has shape {right.shape}, expected {left.shape}")
        different = np.argwhere(left != right)
        first = _first(got.target, kind, layer, left, right, different) if len(different) else None
        found.append(Tally(kind, layer, left.size, len(different), first))
    return found


def earliest(tallies: Iterable[Tally], layers: Iterable[str]) -> Mismatch | None:
    """The first of all differences: by sample, then step, then depth, in the order of `layers`."""
    depth = {name: i for i, name in enumerate(layers)}
    found = [each.first for each in tallies if each.first is not None]
    end = max((m.step for m in found if m.step is not None), default=0) + 1
    return min(found, key=lambda m: (m.sample, end if m.step is None else m.step, depth[m.layer]), default=None)


def _pairs(expected: RunResult, got: RunResult) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
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
