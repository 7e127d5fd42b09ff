"""RunResult: what a run of a Program (or Graph) on a target yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64, UInt8


@dataclass(frozen=True)
class Trace:
    """Everything that can be compared between targets, by node name, in local time.

    spikes  of every Spiking node, `(*batch, steps, size)` of 0 and 1
    states  its membrane before the reset, same shape
    totals  every value that is known when the window is over (readouts, products, sums), `(*batch, size)`
    """

    spikes: Mapping[str, UInt8[np.ndarray, "*batch steps size"]]
    states: Mapping[str, np.ndarray]
    totals: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class RunResult:
    """Outputs in problem units and as raw integers, and how they were got.

    outputs  by Output name, `(*batch, size)`; `output` is the only one
    raw      the integers (or, for a Graph, the reals) before the output's scale
    trace    spikes, states and totals, if they were asked for
    steps    time steps that the target executed, start-up and flush windows included
    seconds  wall-clock time of the run itself, without building or compiling
    """

    target: str
    outputs: Mapping[str, Float64[np.ndarray, "*batch size"]]
    raw: Mapping[str, Int64[np.ndarray, "*batch size"] | Float64[np.ndarray, "*batch size"]]
    trace: Trace | None
    steps: int
    seconds: float
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def output(self) -> Float64[np.ndarray, "*batch size"]:
        """The output of a network that has one."""
        if len(self.outputs) != 1:
            raise KeyError(f"this network has the outputs {sorted(self.outputs)}; choose one from `.outputs`")
        return next(iter(self.outputs.values()))

    @property
    def samples(self) -> int:
        """Number of samples in the batch."""
        return int(np.prod(next(iter(self.outputs.values())).shape[:-1], dtype=np.int64))
