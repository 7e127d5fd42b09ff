"""The Program itself: nodes, window, widths and certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64

from neurokit.errors import GraphError, explain
from neurokit.ir.fixed_point import Widths
from neurokit.ir.program.nodes import Input, Output, Product, Readout, Sum
from neurokit.ir.program.spiking import Spiking
from neurokit.ir.program.synapses import Conv2d, Dense, Sparse, Synapses
from neurokit.ir.signals import Port, present, require_unread, wire_up

if TYPE_CHECKING:
    from pathlib import Path

ProgramNode = Input | Dense | Sparse | Conv2d | Spiking | Readout | Sum | Product | Output


@dataclass(frozen=True, eq=False)
class Interval:
    """Closed integer bounds per line."""

    low: Int64[np.ndarray, " size"]
    high: Int64[np.ndarray, " size"]


@dataclass(frozen=True)
class Program:
    """An integer network over windows of `steps` time steps.

    `certificate` holds, for the state or output of every node, bounds proved by `neurokit.ir.interval_analysis.prove`
    for all inputs in the declared range. `provenance` says how the Program came to be (versions, seeds, recipe).

    Raises GraphError when nodes do not fit together, OutOfRange when a number does not fit where it is.
    """

    nodes: tuple[ProgramNode, ...]
    steps: int
    widths: Widths = field(default_factory=Widths)
    certificate: Mapping[str, Interval] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.steps, (int, np.integer)) or not 1 <= self.steps <= 2**14:
            raise GraphError(explain("Program.steps", self.steps, "1..16384 time steps", "choose a window, such as 32"))
        if not self.outputs:
            raise GraphError("the Program has no Output node; add one after the last node.")
        _ = self.ports
        require_unread(self.nodes, self.outputs)
        object.__setattr__(self, "certificate", MappingProxyType(dict(self.certificate)))
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))

    @cached_property
    def ports(self) -> dict[str, Port]:
        """What every node emits."""
        return wire_up(self.nodes)

    @cached_property
    def latency(self) -> dict[str, int]:
        """Chip steps by which each node's local time lags its input: one for all synapses on the longest way."""
        lag: dict[str, int] = {}
        for node in self.nodes:
            lag[node.name] = max((lag[s] for s in node.sources), default=0) + isinstance(node, Synapses)
        return lag

    @property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Input))

    @property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Output))

    @property
    def spiking(self) -> tuple[Spiking, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Spiking))

    @cached_property
    def _by_name(self) -> dict[str, ProgramNode]:
        return {node.name: node for node in self.nodes}

    def __getitem__(self, name: str) -> ProgramNode:
        if name not in self._by_name:
            raise KeyError(f"no node {name!r}; nodes are {', '.join(self._by_name)}")
        return self._by_name[name]

    def encode(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Real samples, `(..., size)` per input, to integers; raises GraphError or OutOfRange on a bad sample."""
        sizes = {n.name: n.low.size for n in self.inputs}
        arrays = present(inputs, sizes, "the Program")
        return {n.name: n.encode(arrays[n.name]) for n in self.inputs}

    def save(self, path: str | Path) -> Path:
        """Write the Program as HDF5, whole or not at all; see `neurokit.ir.hdf5`."""
        from neurokit.ir.hdf5 import save

        return save(self, path)

    @staticmethod
    def load(path: str | Path) -> Program:
        """Read a Program; raises ProgramError when the file is anything else."""
        from neurokit.ir.hdf5 import load

        return load(path)
