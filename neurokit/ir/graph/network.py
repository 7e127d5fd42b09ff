"""The Graph itself: nodes and window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from neurokit.errors import GraphError, explain
from neurokit.ir.graph.nodes import Input, Output, Product, Readout, Spiking, Sum
from neurokit.ir.graph.synapses import Conv2d, Dense, Sparse
from neurokit.ir.signals import Port, require_unread, wire_up

GraphNode = Input | Dense | Sparse | Conv2d | Spiking | Sum | Readout | Product | Output


@dataclass(frozen=True)
class Graph:
    """A network and the number of time steps `T` of its window.

    Raises GraphError when nodes do not fit together.
    """

    nodes: tuple[GraphNode, ...]
    steps: int

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise GraphError(explain("Graph.steps", self.steps, "at least 1 time step", "choose a window, such as 32"))
        if not self.outputs:
            raise GraphError("the Graph has no Output node; add one after the last node.")
        _ = self.ports
        require_unread(self.nodes, self.outputs)

    @cached_property
    def ports(self) -> dict[str, Port]:
        """What every node emits."""
        return wire_up(self.nodes)

    @property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Input))

    @property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Output))

    @cached_property
    def _by_name(self) -> dict[str, GraphNode]:
        return {node.name: node for node in self.nodes}

    def __getitem__(self, name: str) -> GraphNode:
        if name not in self._by_name:
            raise KeyError(f"no node {name!r}; nodes are {', '.join(self._by_name)}")
        return self._by_name[name]
