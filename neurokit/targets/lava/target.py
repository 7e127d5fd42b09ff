"""LavaCPU: Programs on Lava's fixed-point simulator, which is bit-exact to Loihi's arithmetic."""

from __future__ import annotations

import importlib.util
import math
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np

from neurokit.compilers.lava.forms import Form, StockForm
from neurokit.compilers.lava.schedule import schedule
from neurokit.errors import GraphError, OutOfRange, TargetUnavailable, explain
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult
from neurokit.targets.lava.batches import folded, spread
from neurokit.targets.lava.job import Job

#: The one version whose behaviour, private parts included, this package was built on.
LAVA_VERSION = "0.10.0"


@dataclass(frozen=True)
class LavaCPU:
    """Lava on the CPU, in a process of its own.

    form        `StockForm()`, Lava's own processes only; `SoftIFForm()`, one process model a layer; or `FusedForm()`,
                one for the whole network
    deadline_s  seconds for building and running; after that, LavaTimeout
    workers     Lava networks that run at once, each in an interpreter of its own and with a share of the samples; the
                results are those of one

    All samples stream through one network, `form.batch` of them a window, one window after the other.
    """

    form: Form = field(default_factory=StockForm)
    deadline_s: float = 600.0
    workers: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.form, Form):
            legal = "StockForm(), SoftIFForm() or FusedForm()"
            raise OutOfRange(explain("LavaCPU.form", repr(self.form), legal, "give the object, not its name"))
        if not isinstance(self.workers, int) or self.workers < 1:
            raise OutOfRange(explain("LavaCPU.workers", self.workers, "an integer >= 1", "start one or more"))
        if not self.deadline_s > 0:
            raise OutOfRange(explain("LavaCPU.deadline_s", self.deadline_s, "a number > 0", "give it some seconds"))

    @property
    def name(self) -> str:
        return "lava" if isinstance(self.form, StockForm) else f"lava-{self.form.name}"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        """Run a batch of real-valued samples; see `neurokit.ir.target.Target.run`.

        `steps` of the result counts the chip steps of all workers, start-up and flush windows included, and `seconds`
        is the run alone, from the first worker's beginning to the last one's end. Raises TargetUnavailable without
        Lava, UnsupportedNode or OutOfRange when Lava cannot run the Program exactly, LavaFailure with the child's
        traceback when a Lava process fails, LavaTimeout at the deadline.
        """
        values = program.encode(inputs)
        schedule(program, form=self.form)
        require_lava()
        from neurokit.targets.lava.pool import joined, shares, supervise_all

        flat, batch = spread(values)
        if not math.prod(batch):
            raise GraphError(explain("samples", f"of shape {batch}", "one or more", "bring some"))
        answer = joined(supervise_all(shares(Job(program, flat, self.form, record), self.workers), self.deadline_s))
        raw, trace = folded(program, values, batch, answer)
        return RunResult(
            target=self.name,
            outputs={output.name: output.decode(raw[output.name]) for output in program.outputs},
            raw=raw,
            trace=trace,
            steps=answer.timing.chip_steps,
            seconds=answer.timing.run_s,
            provenance={
                "lava": answer.lava_version,
                "form": self.form.name,
                "batch": str(self.form.batch),
                "workers": str(self.workers),
                "build_seconds": f"{answer.timing.build_s:.3f}",
                "python": platform.python_version(),
            },
        )


def require_lava() -> None:
    """Raise TargetUnavailable, saying why and what to do, unless the right Lava is here. Does not import it."""
    remedy = "Make a Python 3.10 environment and run `pip install 'neurokit-loihi[lava]'` there."
    if sys.version_info[:2] != (3, 10):
        raise TargetUnavailable(f"Lava {LAVA_VERSION} needs Python 3.10, this is {platform.python_version()}. {remedy}")
    missing = [name for name in ("lava.magma", "psutil") if not _there(name)]
    if missing:
        raise TargetUnavailable(f"the target 'lava' needs {' and '.join(missing)}, which cannot be found. {remedy}")
    if version("lava-nc") != LAVA_VERSION:
        raise TargetUnavailable(
            f"this neurokit is built on lava-nc {LAVA_VERSION}, here is {version('lava-nc')}. {remedy}"
        )


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
