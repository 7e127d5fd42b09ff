"""LavaCPU: Programs on Lava's fixed-point simulator, which is bit-exact to Loihi's arithmetic."""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np

from neurokit.errors import LavaFailure, OutOfRange, TargetUnavailable, explain
from neurokit.lava.forms import Form, StockForm
from neurokit.lava.job import Job
from neurokit.lava.schedule import schedule
from neurokit.program import Program
from neurokit.result import RunResult, Trace

#: The one version whose behaviour, private parts included, this package was built on.
LAVA_VERSION = "0.10.0"


@dataclass(frozen=True)
class LavaCPU:
    """Lava on the CPU, in a process of its own.

    form        `StockForm()`, Lava's own processes only; `SoftIFForm()`, one process model a layer; or `FusedForm()`,
                one for the whole network
    deadline_s  seconds for building and running; after that, LavaTimeout

    All samples stream through one network, `form.batch` of them a window, one window after the other.
    """

    form: Form = field(default_factory=StockForm)
    deadline_s: float = 600.0

    def __post_init__(self) -> None:
        if not self.deadline_s > 0:
            raise OutOfRange(explain("LavaCPU.deadline_s", self.deadline_s, "a number > 0", "give it some seconds"))

    @property
    def name(self) -> str:
        return "lava" if isinstance(self.form, StockForm) else f"lava-{self.form.name}"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        """Run a batch of real-valued samples; see `neurokit.targets.Target.run`.

        `steps` of the result counts chip steps, start-up and drain included, and `seconds` is the run alone. Raises
        TargetUnavailable without Lava, UnsupportedNode or OutOfRange when Lava cannot run the Program exactly,
        LavaFailure with the child's traceback when a Lava process fails, LavaTimeout at the deadline.
        """
        values = program.encode(inputs)
        schedule(program, form=self.form)
        require_lava()
        from neurokit.lava.supervisor import supervise

        batch = np.broadcast_shapes(*(x.shape[:-1] for x in values.values()))
        flat = {
            name: np.ascontiguousarray(np.broadcast_to(x, (*batch, x.shape[-1]))).reshape(-1, x.shape[-1])
            for name, x in values.items()
        }
        answer = supervise(Job(program, flat, self.form, record), self.deadline_s)
        shapes = _batch_shapes(program, {name: x.shape[:-1] for name, x in values.items()})
        source = {output.name: output.source for output in program.outputs}
        raw = {name: _fold(name, y, batch, shapes[source[name]]) for name, y in answer.raw.items()}
        trace = None
        if answer.trace is not None:
            kinds = vars(answer.trace)
            trace = Trace(**{k: {n: _fold(n, a, batch, shapes[n]) for n, a in v.items()} for k, v in kinds.items()})
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


def _batch_shapes(program: Program, inputs: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Batch shape of every node: that of the inputs it depends on, broadcast together."""
    shapes = dict(inputs)
    for node in program.nodes:
        if node.sources:
            shapes[node.name] = np.broadcast_shapes(*(shapes[s] for s in node.sources))
    return shapes


def _fold(name: str, flat: np.ndarray, batch: tuple[int, ...], own: tuple[int, ...]) -> np.ndarray:
    """From one leading axis over all pairs to the batch axes of a node.

    A node that does not depend on an axis was computed once for every index of it; all must agree.
    """
    pairs = flat.reshape(*batch, *flat.shape[1:])
    padded = (1,) * (len(batch) - len(own)) + own
    once = pairs[tuple(slice(0, 1) if small != big else slice(None) for small, big in zip(padded, batch, strict=True))]
    if (pairs != once).any():
        raise LavaFailure(f"node {name!r} gave different answers to the same sample at different times of one run.")
    return np.ascontiguousarray(once).reshape(*own, *flat.shape[1:])
