"""Factored: whole grids at the price of their axes.

In an operator network branch and trunk meet as totals, `y = sum_k branch_k(g) trunk_k(x)`. Presented pair by pair, N
functions at P locations cost N * P windows. Here what hangs on different Inputs is run apart, N + P windows, and the
products and sums of totals are done on the host, in the integers of the reference.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurokit.ir.interpreter import apply
from neurokit.ir.program import Input, Output, Program, Readout
from neurokit.ir.result import RunResult, Trace
from neurokit.ir.signals import Signal
from neurokit.ir.target import Target


@dataclass(frozen=True)
class Factored:
    """A target that runs the parts of a Program on `target`, each on its Inputs' samples, and contracts on the host.

    The numbers are those of `target`. A chip would send totals to its host, N + P graded vectors, in place of answers.
    """

    target: Target

    @property
    def name(self) -> str:
        return f"{self.target.name}-factored"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        """Run a batch of real-valued samples; see `neurokit.ir.target.Target.run`.

        `steps` and `seconds` are those of all parts, run one after the other, and of the host's arithmetic. Raises what
        the target raises, and OverflowDetected when an integer of the host's part leaves its width.
        """
        program.encode(inputs)
        split = parts(program)
        results = [
            self.target.run(part, {node.name: inputs[node.name] for node in part.inputs}, record=record)
            for part in split
        ]
        began = time.perf_counter()
        value: dict[str, Any] = {}
        for part, result in zip(split, results, strict=True):
            value |= {output.source: result.raw[output.name] for output in part.outputs}
        for node in program.nodes:
            if program.ports[node.name].signal is Signal.TOTAL and not isinstance(node, Readout | Output):
                value[node.name] = apply(node, program.widths, *(value[source] for source in node.sources))
        raw = {node.name: np.asarray(value[node.source]) for node in program.outputs}
        outputs = {node.name: node.decode(raw[node.name]) for node in program.outputs}
        seconds = time.perf_counter() - began
        trace = None
        if record:
            traces = [result.trace for result in results if result.trace is not None]
            trace = Trace(
                spikes={name: s for each in traces for name, s in each.spikes.items()},
                states={name: u for each in traces for name, u in each.states.items()},
                totals=value,
            )
        return RunResult(
            target=self.name,
            outputs=outputs,
            raw=raw,
            trace=trace,
            steps=sum(result.steps for result in results),
            seconds=seconds + sum(result.seconds for result in results),
            provenance={**results[0].provenance, "contraction": "host"},
        )


def parts(program: Program) -> list[Program]:
    """What lies before the totals of a Program, apart where it hangs on different Inputs.

    Every part has an Output for each of its Readouts, in raw integers.
    """
    roots: dict[str, frozenset[str]] = {}
    for node in program.nodes:
        inherited = frozenset().union(*(roots[source] for source in node.sources))
        roots[node.name] = frozenset([node.name]) if isinstance(node, Input) else inherited
    readouts = [node for node in program.nodes if isinstance(node, Readout)]
    found = []
    for family in dict.fromkeys(roots[node.name] for node in readouts):
        own = [node for node in readouts if roots[node.name] == family]
        needed = {node.name for node in own}
        for node in reversed(program.nodes):
            if node.name in needed:
                needed.update(node.sources)
        outputs = tuple(Output(f"{node.name}, raw", node.name) for node in own)
        nodes = tuple(node for node in program.nodes if node.name in needed)
        found.append(replace(program, nodes=(*nodes, *outputs), certificate={}))
    return found
