"""chain: the sequential part of a Program behind one Input, which is all that a netx file can say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurokit.errors import GraphError, UnsupportedNode, explain
from neurokit.ir.program import Dense, Input, Program, Readout, Spiking, Synapses
from neurokit.ir.signals import consumers

#: How errors name this target.
TARGET = "a netx file"


@dataclass(frozen=True, eq=False)
class Chain:
    """`source`, then pairs of synapses and neurons, then the synapses in front of the readout, and the readout."""

    source: Input
    hidden: tuple[tuple[Synapses, Spiking], ...]
    last: Synapses
    readout: Readout


def chain(program: Program, source: str | None) -> Chain:
    """Follow a Program from its Input `source` (by default the only one) to the Readout behind it.

    Missing synapses are the unit matrix. Raises GraphError for an unknown or missing `source`, UnsupportedNode naming
    the first node where the way splits or that is none of Input, synapses, Spiking, Readout.
    """
    inputs = {node.name: node for node in program.inputs}
    if source is None and len(inputs) > 1:
        remedy = "name the input whose chain is meant: `--input NAME` of `neurokit export`, source=NAME in Python"
        raise GraphError(explain("the one input of a netx file", "not named", f"one of {sorted(inputs)}", remedy))
    start = next(iter(inputs)) if source is None else source
    if start not in inputs:
        raise GraphError(explain("source", start, f"one of {sorted(inputs)}", "name an input of the Program"))
    readers = consumers(program.nodes)
    name, synapses = start, None
    hidden: list[tuple[Synapses, Spiking]] = []
    while True:
        if len(readers[name]) != 1:
            reason = f"{len(readers[name])} nodes read it: {', '.join(readers[name]) or 'none'}"
            raise _refused(program, name, reason, "A netx file is one chain of layers from an Input to a Readout.")
        node = program[readers[name][0]]
        size = program.ports[name].size
        if isinstance(node, Synapses) and synapses is None:
            synapses = node
        elif isinstance(node, Spiking):
            hidden.append((synapses or _unit(f"{node.name}.unit", name, size), node))
            synapses = None
        elif isinstance(node, Readout) and hidden:
            return Chain(inputs[start], tuple(hidden), synapses or _unit(f"{node.name}.unit", name, size), node)
        elif isinstance(node, Synapses):
            raise _refused(program, node.name, "it reads other synapses", "Multiply the two into one.")
        else:
            remedy = "Use one Input, then synapses and Spiking in turn, then a Readout; join branches outside the file."
            raise _refused(program, node.name, "it has no place in a chain of layers", remedy)
        name = node.name


def _unit(name: str, source: str, size: int) -> Dense:
    return Dense(name, source, np.eye(size, dtype=np.int8), np.zeros(size, dtype=np.int32))


def _refused(program: Program, name: str, reason: str, remedy: str) -> UnsupportedNode:
    return UnsupportedNode(name, type(program[name]).__name__, TARGET, reason, remedy)
