"""Twin: the integers of the reference, fast. Batched over samples, compiled by numba, parallel on threads."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from neurokit.errors import OutOfRange, TargetUnavailable, explain
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult
from neurokit.simulator.numpy_kernels import ArrayKernels, Kernels
from neurokit.simulator.plan import Plan
from neurokit.simulator.run import Run


@dataclass(frozen=True)
class Twin:
    """A target with the reference's numbers, bit for bit, and thousands of times the speed of Lava on a CPU.

    threads   on how many samples are worked on in parallel; None for all cores of this process
    compiled  True for numba, False for NumPy, None for numba if it is installed; a result's provenance says which

    Runs proven Programs only: `prove` is called once per Program, and its bounds make 32-bit arithmetic safe.
    """

    threads: int | None = None
    compiled: bool | None = None
    name: str = field(default="twin", init=False)

    def __post_init__(self) -> None:
        if self.threads is not None and (not isinstance(self.threads, int) or self.threads < 1):
            raise OutOfRange(explain("Twin.threads", self.threads, "an integer >= 1 or None", "use None for all cores"))

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        """Run a batch of real-valued samples, `(*batch, size)` per input name; leading axes broadcast.

        Raises GraphError or OutOfRange for a bad sample, OutOfRange when the Program cannot be proved,
        TargetUnavailable when `compiled=True` and numba is not installed.
        """
        kernels = choose(self.compiled)
        threads = self.threads or cores()
        plan = Plan.of(program)
        started = time.perf_counter()
        values = program.encode(inputs)
        values, trace = Run(program, plan, kernels, threads, record).all(values)
        raw = {node.name: values[node.source].astype(np.int64, copy=False) for node in program.outputs}
        return RunResult(
            target=self.name,
            outputs={node.name: node.decode(raw[node.name]) for node in program.outputs},
            raw=raw,
            trace=trace,
            steps=program.steps,
            seconds=time.perf_counter() - started,
            provenance={"kernels": kernels.description, "threads": str(threads)},
        )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def choose(compiled: bool | None) -> Kernels:
    """The kernels that `Twin.compiled` asks for, compiled and ready."""
    if compiled is False:
        return ArrayKernels()
    try:
        from neurokit.simulator.numba_kernels import NumbaKernels
    except ImportError as error:
        if compiled:
            raise TargetUnavailable(
                f"Twin(compiled=True) needs numba, which cannot be imported ({error}). To mend it, install "
                "neurokit-loihi[fast], or use Twin(), which then runs on NumPy."
            ) from error
        return ArrayKernels()
    kernels = NumbaKernels()
    kernels.prepare()
    return kernels
