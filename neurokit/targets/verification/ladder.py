"""ladder: the way from the trained network down to Lava, one stage at a time, and what each stage changes.

model       the torch network, in its own precision
graph       the same in float64
quantised   the Program's integers taken as reals: weights and thresholds are rounded, nothing else
reference   the Program: inputs and sums are rounded too
twin, ...   the same integers elsewhere; from here on every number must be equal
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float64

from neurokit.compilers.quantization.dequantize import dequantize
from neurokit.data.metrics import RelativeL2, relative_l2
from neurokit.errors import GraphError, explain
from neurokit.ir import interpreter as reference
from neurokit.ir.graph import Graph
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult
from neurokit.ir.target import Target
from neurokit.targets.verification.comparison import KINDS, Comparison, Mismatch, compare, earliest, tally


@dataclass(frozen=True)
class Layer:
    """One spiking layer on one stage.

    compared, different  its spikes (one a neuron and step), and those that the stage before has otherwise
    reach                the largest membrane seen, in magnitude; None where membranes are not integers
    limit                what the membrane's declared width holds
    saturated            membranes at or beyond the limit
    """

    compared: int
    different: int
    reach: int | None
    limit: int | None
    saturated: int | None


@dataclass(frozen=True)
class ParityStage:
    """One stage.

    against_before  relative L2 (global) of the outputs against the stage before; None on the first stage, and where
    against_model   that stage, or for this one the first stage, answers 0 everywhere
    against_truth   against true answers, if they were given
    exact           whether every number must be that of the stage before
    different       numbers that are not, of all kinds that both stages have
    first           the earliest of them: layer, sample, step, neuron
    layers          by name
    """

    name: str
    against_before: float | None
    against_model: float | None
    against_truth: RelativeL2 | None
    exact: bool
    different: int
    first: Mismatch | None
    layers: Mapping[str, Layer]
    seconds: float


@dataclass(frozen=True)
class Ladder:
    """All stages, and what `compare` said of the targets among them (None with one target)."""

    samples: int
    stages: tuple[ParityStage, ...]
    comparison: Comparison | None

    @property
    def mismatches(self) -> int:
        """Numbers that differ where none may."""
        return sum(stage.different for stage in self.stages if stage.exact)

    def to_json(self) -> dict[str, Any]:
        """The object that `neurokit compare --ladder --json` writes, beside what `compare` writes."""
        record = asdict(self)
        for stage, made in zip(record["stages"], self.stages, strict=True):
            stage["against_truth"] = made.against_truth and made.against_truth.as_dict()
        return {**record, "mismatches": self.mismatches}


def ladder(
    network: Any,
    program: Program,
    samples: Mapping[str, np.ndarray],
    targets: Sequence[Target],
    *,
    truth: Float64[np.ndarray, "*batch size"] | None = None,
    above: Mapping[str, RunResult] = MappingProxyType({}),
) -> tuple[Ladder, dict[str, RunResult]]:
    """Climb down from a trained network to the targets, and return the Ladder with every stage's result.

    network  what `program` was made of: a torch network of neurokit, its Graph, or None to begin at the Program's own
             reals
    samples  real inputs, `(*batch, size)` by name, as for `Target.run`
    targets  one or more, in the order of the stages; the first is held against the Program's reals
    truth    true answers, `(*batch, size)`, for a Program with one Output
    above    stages above these, by name: recorded results in the Program's terms, of layers with the same names

    Raises GraphError without a target, and what the targets, `trace` and `relative_l2` raise.
    """
    if not targets:
        raise GraphError(explain("ladder: targets", "empty", "one or more", "pass some, such as [Reference(), Twin()]"))
    results = {**above, **dict(_real_rungs(network, program, samples))}
    comparison = None
    if len(targets) > 1:
        comparison, ran = compare(program, samples, targets)
    else:
        ran = {targets[0].name: targets[0].run(program, samples, record=True)}
    exact = set(list(ran)[1:])
    results |= ran
    stages: list[ParityStage] = []
    before: RunResult | None = None
    top = next(iter(results.values()))
    for name, result in results.items():
        stages.append(_rung(name, result, before, top, name in exact, program, truth))
        before = result
    return Ladder(top.samples, tuple(stages), comparison), results


def _real_rungs(network: Any, program: Program, samples: Mapping[str, np.ndarray]) -> list[tuple[str, RunResult]]:
    """The stages in floating point."""
    stages = []
    if network is not None and not isinstance(network, Graph):
        from neurokit.compilers.frontend.trace import trace
        from neurokit.targets.verification import torch_trace as recorded

        ordered = {node.name: samples[node.name] for node in program.inputs}
        stages.append(("model", recorded.run(network, ordered)))
        network = trace(network, recorded.domain(program))
    if network is not None:
        stages.append(("graph", reference.run(network, samples, record=True)))
    stages.append(("quantised", reference.run(dequantize(program), samples, record=True)))
    return [(name, replace(result, target=name)) for name, result in stages]


def _rung(
    name: str,
    result: RunResult,
    before: RunResult | None,
    top: RunResult,
    exact: bool,
    program: Program,
    truth: np.ndarray | None,
) -> ParityStage:
    tallies = [] if before is None else tally(before, result, KINDS if exact else ("spike",))
    spikes = {each.layer: each for each in tallies if each.kind == "spike"}
    assert result.trace is not None, "every stage records"
    layers = {}
    for layer, train in result.trace.spikes.items():
        reach, limit, saturated = _headroom(program, layer, result)
        found = spikes.get(layer)
        different = 0 if found is None else found.different
        layers[layer] = Layer(0 if found is None else train.size, different, reach, limit, saturated)
    answer = _flat(result)
    return ParityStage(
        name=name,
        against_before=None if before is None else _relative(_flat(before), answer),
        against_model=None if result is top else _relative(_flat(top), answer),
        against_truth=None if truth is None else relative_l2(_rows(truth, result), _rows(result.output, result)),
        exact=exact,
        different=sum(each.different for each in tallies),
        first=earliest(tallies, [*program.ports]),
        layers=layers,
        seconds=result.seconds,
    )


def _headroom(program: Program, layer: str, result: RunResult) -> tuple[int | None, int | None, int | None]:
    """Largest membrane, its limit, and how many are there; unknown of membranes that are real numbers."""
    assert result.trace is not None
    states = result.trace.states.get(layer)
    if states is None or states.dtype.kind == "f":
        return None, None, None
    node = next(node for node in program.spiking if node.name == layer)
    limit = program.widths.membrane_limit(node.fraction)
    return int(np.abs(states).max()), limit, int((np.abs(states) >= limit).sum())


def _flat(result: RunResult) -> Float64[np.ndarray, " numbers"]:
    return np.concatenate([np.ravel(answer) for answer in result.outputs.values()])


def _rows(array: np.ndarray, result: RunResult) -> Float64[np.ndarray, "rows _"]:
    """One row for each index of the first axis of the batch, as operator learning counts its functions."""
    shape = result.output.shape
    return np.asarray(array, dtype=np.float64).reshape(shape[0], -1)


def _relative(expected: np.ndarray, got: np.ndarray) -> float | None:
    norm = float(np.linalg.norm(expected))
    return float(np.linalg.norm(got - expected)) / norm if norm else None
