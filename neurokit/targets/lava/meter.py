"""A worker that runs a Job on Lava twice, and says where the processor's time went in the second run.

    python -m neurokit.targets.lava.meter DIRECTORY SHM_PREFIX

Times are those of the processor, so that what else the machine does does not count. Of every process of the network:
its model, that is `run_spk` with what it calls but for sending and receiving, which are apart; and all the rest, which
is Lava's bookkeeping: threads, semaphores, and the service that tells every process of every step.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from neurokit.targets.lava.job import Answer, Job, Timing
from neurokit.targets.lava.worker import main

#: What a process counts, in nanoseconds of its main thread.
_MODEL, _PORTS = 0, 1


class _Meter:
    """The counts of this process, in a file that the worker can read; made at the first step."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.counts: np.ndarray | None = None

    def add(self, kind: int, nanoseconds: int) -> None:
        if self.counts is None:
            file = self.directory / f"meter-{os.getpid()}.npy"
            self.counts = np.lib.format.open_memmap(file, mode="w+", dtype=np.int64, shape=(2,))  # type: ignore[no-untyped-call]
        self.counts[kind] += nanoseconds

    def so_far(self, kind: int) -> int:
        return 0 if self.counts is None else int(self.counts[kind])


def _install(meter: _Meter) -> None:
    """Let every process that is forked from now on count."""
    from lava.magma.core.model.py.model import PyLoihiProcessModel
    from lava.magma.core.model.py.ports import PyInPortVectorDense, PyOutPortVectorDense

    spike, recv, send = PyLoihiProcessModel._spike, PyInPortVectorDense.recv, PyOutPortVectorDense.send

    def metered_spike(self: Any) -> None:
        before, ports = time.thread_time_ns(), meter.so_far(_PORTS)
        spike(self)
        meter.add(_MODEL, time.thread_time_ns() - before - (meter.so_far(_PORTS) - ports))

    def metered_recv(self: Any) -> Any:
        before = time.thread_time_ns()
        data = recv(self)
        meter.add(_PORTS, time.thread_time_ns() - before)
        return data

    def metered_send(self: Any, data: Any) -> None:
        before = time.thread_time_ns()
        send(self, data)
        meter.add(_PORTS, time.thread_time_ns() - before)

    PyLoihiProcessModel._spike = metered_spike
    PyInPortVectorDense.recv = metered_recv
    PyOutPortVectorDense.send = metered_send


def _spent(directory: Path) -> dict[str, float]:
    """Seconds of the processor since the start: all children of this process, and what they counted themselves."""
    counts = [np.load(file) for file in directory.glob("meter-*.npy")]
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    model, ports = np.sum(counts, axis=0) / 1e9
    return {"all": sum(t.user + t.system for t in times), "model": float(model), "ports": float(ports)}


def answer(job: Job) -> Answer:
    """Run the samples twice; the notes hold seconds, chip steps and processes of the second run."""
    from neurokit.targets.lava.network import LavaNetwork

    directory = Path.cwd()
    _install(_Meter(directory))
    began = time.perf_counter()
    with LavaNetwork(job.program, job.form, record=job.record) as network:
        built = time.perf_counter()
        network.run(job.inputs)
        before, steps, started = _spent(directory), network.chip_steps, time.perf_counter()
        raw, trace = network.run(job.inputs)
        over, after = time.perf_counter(), _spent(directory)
        processes = len(list(directory.glob("meter-*.npy")))
        steps = network.chip_steps - steps
    notes = {key: repr(after[key] - before[key]) for key in after}
    notes |= {"chip_steps": str(steps), "processes": str(processes), "stop": repr(time.perf_counter() - over)}
    return Answer(raw, trace, Timing(built - began, over - started, steps, started), version("lava-nc"), notes)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], answer)
