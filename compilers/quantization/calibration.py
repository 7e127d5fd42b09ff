"""Calibration: what the layers of a Graph see and should say on given samples, for rounding by the output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float64, UInt8

from neurokit.errors import GraphError, explain
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.neurons.readouts import Rate
from neurokit.simulator import Twin

#: More samples than these change a layer's second moments too little to pay for their time.
ENOUGH = 4096
#: Answers of networks of a few hundred neurons cost as much as starting threads for them.
TWIN = Twin(threads=1)


class Calibration:
    """Samples, and the real network's values on them.

    `inputs` are arrays `(*batch, size)` by input name, as for `neurokit.ir.interpreter.run`, of which at most `most`
    along the longest axis are used. Raises what that raises.
    """

    def __init__(self, graph: g.Graph, inputs: Mapping[str, np.ndarray], most: int = ENOUGH) -> None:
        self.graph = graph
        self.inputs = {name: _some(np.asarray(array, dtype=np.float64), most) for name, array in inputs.items()}
        for node in graph.inputs:
            x = self.inputs.get(node.name)
            if x is None:
                continue
            outside = (x < node.low) | (x > node.high)
            if outside.any():
                worst = float(x[outside][0])
                raise GraphError(
                    explain(
                        f"calibration of input {node.name!r}",
                        worst,
                        said_range(node, int(np.argwhere(outside)[0][-1])),
                        "declare a wider range, or leave the sample out",
                    )
                )
        result = reference.run(graph, self.inputs, record=True)
        trace = result.trace
        assert trace is not None
        self.answers = dict(result.outputs)
        self.totals = {name: _rows(total) for name, total in trace.totals.items()}
        self.shapes = {name: total.shape[:-1] for name, total in trace.totals.items()}
        self._mean_squares: dict[str, np.ndarray] = {}

    def mean_square(self, name: str) -> Float64[np.ndarray, " lines"]:
        """Of every line of a total of the real network."""
        if name not in self._mean_squares:
            self._mean_squares[name] = np.mean(np.square(self.totals[name]), axis=0)
        return self._mean_squares[name]

    def held(self, name: str) -> Float64[np.ndarray, "samples size"]:
        """What an Input emits of the samples."""
        node = self.graph[name]
        assert isinstance(node, g.Input), "others are not held"
        return _rows(node.emit(self.inputs[name]))

    def spikes(self, nodes: Iterable[p.ProgramNode], source: str) -> UInt8[np.ndarray, "samples steps size"]:
        """Spikes of the integer layer `source`, from the integer nodes that exist so far."""
        known = {node.name: node for node in nodes}
        needed, stack = set(), [source]
        while stack:
            name = stack.pop()
            needed.add(name)
            stack += known[name].sources
        ancestors = [node for node in known.values() if node.name in needed]
        listener = _listener(source, self.graph.ports[source].size)
        part = p.Program((*ancestors, *listener), self.graph.steps)
        inputs = {node.name: self.inputs[node.name] for node in part.inputs}
        trace = TWIN.run(part, inputs, record=True).trace
        assert trace is not None
        train = trace.spikes[source]
        return train.reshape(-1, *train.shape[-2:])


def said_range(node: g.Input, column: int) -> str:
    """The declared range of a column, in words."""
    low, high = (float(np.broadcast_to(end, (node.size,))[column]) for end in (node.low, node.high))
    return f"{low:g}..{high:g}, its declared range" + (f" in column {column}" if np.ndim(node.low) else "")


def _listener(source: str, size: int) -> tuple[p.ProgramNode, ...]:
    """The least that makes a Program of a spiking layer."""
    return (
        p.Dense("listener", source, np.ones((1, size)), np.zeros(1)),
        p.Readout("listener.total", "listener", Rate()),
        p.Output("listener.output", "listener.total"),
    )


def _some(array: np.ndarray, most: int) -> np.ndarray:
    """At most `most` rows of the longest leading axis, evenly spread."""
    if array.ndim < 2:
        return array
    axis = int(np.argmax(array.shape[:-1]))
    count = array.shape[axis]
    if count <= most:
        return array
    return np.take(array, np.linspace(0, count - 1, most).round().astype(int), axis=axis)


def _rows(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1, array.shape[-1])
