"""Assumption: a small Program with known answers; and several of them as one Program, so that they share a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from neurokit.errors import GraphError, explain
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense, Input, Product, Program, ProgramNode, Sum
from neurokit.targets.verification.selftest.equations import Line, Series

#: The one input of every assumption, and its steps: with the guard step a period of 8, the power of two of a chip.
INPUT, STEPS = "x", 7


@dataclass(frozen=True)
class Assumption:
    """One thing that a target must do exactly, and what it must answer.

    program  reads the Input `x` (whole numbers, through Dense alone), `STEPS` steps
    samples  integers per line, streamed one after the other
    spikes   by population: sample, step, neuron
    states   its membrane before the reset, likewise, in the Program's units
    outputs  by Output: sample, line, in integers

    Raises GraphError when the Program is another one or an answer is not of its shape.
    """

    name: str
    claim: str
    program: Program
    samples: Sequence[Line]
    spikes: Mapping[str, Sequence[Series]] = field(default_factory=dict)
    states: Mapping[str, Sequence[Series]] = field(default_factory=dict)
    outputs: Mapping[str, Sequence[Line]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        program = self.program
        readers = [node for node in program.nodes if INPUT in node.sources]
        inputs = [node.name for node in program.inputs]
        if inputs != [INPUT] or program.steps != STEPS or not all(isinstance(node, Dense) for node in readers):
            found = f"{program.steps} steps of {inputs}, read by {[type(node).__name__ for node in readers]}"
            legal = f"{STEPS} steps of [{INPUT!r}], read by Dense"
            raise GraphError(explain(f"the Program of assumption {self.name!r}", found, legal, "write another one"))
        count, spiking = len(self.samples), [node.name for node in program.spiking]
        self._require("samples", {INPUT: self.samples}, inputs, (count,))
        self._require("outputs", self.outputs, [node.name for node in program.outputs], (count,))
        for kind, answers in (("spikes", self.spikes), ("states", self.states)):
            self._require(kind, answers, spiking, (count, STEPS))

    def _require(self, kind: str, answers: Mapping[str, object], nodes: Sequence[str], lead: tuple[int, ...]) -> None:
        for name, answer in answers.items():
            legal = (*lead, self.program.ports[name].size) if name in nodes else None
            array = np.array(answer)
            if array.shape != legal or not np.issubdtype(array.dtype, np.integer):
                subject = f"assumption {self.name!r}: {kind} of {name!r}"
                shape = f"integers of the shape {legal}" if legal else f"of one of {list(nodes)}"
                raise GraphError(explain(subject, f"{array.dtype} {array.shape}", shape, "work it out again"))


def merge(assumptions: Sequence[Assumption]) -> tuple[Program, np.ndarray]:
    """All of them side by side in one Program over one wide input, and its samples.

    A node keeps its name behind that of its assumption: `soft-reset.s`. The last sample of an assumption with fewer is
    repeated.
    """
    sizes = [len(each.samples[0]) for each in assumptions]
    count = max(len(each.samples) for each in assumptions)
    nodes: list[ProgramNode] = []
    rows = np.zeros((count, sum(sizes)), dtype=np.int64)
    low, high = np.zeros(sum(sizes), dtype=np.int64), np.zeros(sum(sizes), dtype=np.int64)
    begin = 0
    for each, size in zip(assumptions, sizes, strict=True):
        lines = slice(begin, begin + size)
        (source,) = each.program.inputs
        low[lines], high[lines] = source.low, source.high
        rows[:, lines] = [*each.samples, *[each.samples[-1]] * (count - len(each.samples))]
        nodes += [_moved(node, each.name, lines, sum(sizes)) for node in each.program.nodes if node is not source]
        begin += size
    program = Program((Input(INPUT, low, high, 1.0), *nodes), STEPS)
    return replace(program, certificate=prove(program)), rows


def _moved(node: ProgramNode, name: str, lines: slice, size: int) -> ProgramNode:
    """A node of an assumption under its new name, reading its own lines of the wide input."""

    def moved(source: str) -> str:
        return source if source == INPUT else f"{name}.{source}"

    assert not isinstance(node, Input)
    if isinstance(node, Product):
        return replace(node, name=moved(node.name), left=moved(node.left), right=moved(node.right))
    if isinstance(node, Sum):
        return replace(node, name=moved(node.name), sources=tuple(map(moved, node.sources)))
    if isinstance(node, Dense) and node.source == INPUT:
        weight = np.zeros((len(node.weight), size), dtype=np.int8)
        weight[:, lines] = node.weight
        return replace(node, name=moved(node.name), weight=weight)
    assert node.source != INPUT
    return replace(node, name=moved(node.name), source=moved(node.source))
