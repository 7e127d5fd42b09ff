"""Job: a run of a Program on Lava as files in one folder, so that it may cross from one process to another.

    program.h5, inputs.npz, job.json     what to do, written by the parent; the JSON last
    result.npz, result.json              what came of it, written by the worker; the JSON last
    error.json                           or why nothing did
    worker.log                           what the worker printed

Everything is HDF5, JSON or NPZ without pickles, and every file that the other side waits for is written whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from neurokit.compilers.lava.forms import Form, form_named
from neurokit.compilers.lava.layout import Record
from neurokit.ir.program import Program
from neurokit.ir.result import Trace
from neurokit.system.atomic import write_arrays, write_text

#: The files that say that a Job, its answer or an error is there, each written whole and after all others.
JOB, RESULT, ERROR = "job.json", "result.json", "error.json"


@dataclass(frozen=True)
class Job:
    """What a worker is to run: encoded samples, `(samples, size)` per Input, in an order shared by all.

    Without samples the worker builds the network and waits for orders; see `neurokit.targets.lava.live`.
    """

    program: Program
    inputs: Mapping[str, Int64[np.ndarray, "samples size"]]
    form: Form
    record: Record
    period: int | None = None

    def save(self, directory: Path) -> None:
        self.program.save(directory / "program.h5")
        names = [node.name for node in self.program.inputs]
        samples = {f"input-{i}": self.inputs[name] for i, name in enumerate(names) if name in self.inputs}
        write_arrays(directory / "inputs.npz", samples)
        record = self.record if isinstance(self.record, bool) else sorted(self.record)
        settings = {"form": self.form.name, "batch": self.form.batch, "record": record, "period": self.period}
        write_text(directory / JOB, json.dumps(settings))

    @staticmethod
    def load(directory: Path) -> Job:
        program = Program.load(directory / "program.h5")
        settings = json.loads((directory / JOB).read_text(encoding="utf-8"))
        with np.load(directory / "inputs.npz", allow_pickle=False) as arrays:
            inputs = {n.name: arrays[k] for i, n in enumerate(program.inputs) if (k := f"input-{i}") in arrays}
        record = settings["record"] if isinstance(settings["record"], bool) else frozenset(settings["record"])
        form = form_named(settings["form"], settings["batch"])
        return Job(program, inputs, form, record, settings["period"])


@dataclass(frozen=True)
class Timing:
    """Seconds that building and running took, the chip steps executed, and the clock's seconds when the run began."""

    build_s: float
    run_s: float
    chip_steps: int
    began: float


@dataclass(frozen=True)
class Answer:
    """What a worker found: raw integers by Output name, the trace if recorded, all with one leading axis of samples.

    `notes` are for the provenance of the result.
    """

    raw: Mapping[str, Int64[np.ndarray, "samples size"]]
    trace: Trace | None
    timing: Timing
    lava_version: str
    notes: Mapping[str, str] = field(default_factory=dict)

    def save(self, directory: Path, program: Program) -> None:
        index = {n.name: i for i, n in enumerate(program.nodes)}
        groups: dict[str, Mapping[str, np.ndarray]] = {"raw": self.raw}
        if self.trace is not None:
            groups |= {"spikes": self.trace.spikes, "states": self.trace.states, "totals": self.trace.totals}
        found = {f"{group}-{index[name]}": a for group, arrays in groups.items() for name, a in arrays.items()}
        write_arrays(directory / "result.npz", found)
        record: dict[str, Any] = {"timing": asdict(self.timing), "lava_version": self.lava_version}
        record |= {"record": self.trace is not None, "notes": dict(self.notes)}
        write_text(directory / RESULT, json.dumps(record))

    @staticmethod
    def load(directory: Path, program: Program) -> Answer:
        settings = json.loads((directory / RESULT).read_text(encoding="utf-8"))
        groups: dict[str, dict[str, np.ndarray]] = {"raw": {}, "spikes": {}, "states": {}, "totals": {}}
        with np.load(directory / "result.npz", allow_pickle=False) as arrays:
            for key in arrays.files:
                group, _, index = key.partition("-")
                groups[group][program.nodes[int(index)].name] = arrays[key]
        raw = groups.pop("raw")
        trace = Trace(**groups) if settings["record"] else None
        return Answer(raw, trace, Timing(**settings["timing"]), settings["lava_version"], settings["notes"])


@dataclass(frozen=True)
class Failure:
    """Why a worker has no answer."""

    message: str
    child_traceback: str

    def save(self, directory: Path) -> None:
        write_text(directory / ERROR, json.dumps(asdict(self)))

    @staticmethod
    def load(directory: Path) -> Failure | None:
        path = directory / ERROR
        return Failure(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
