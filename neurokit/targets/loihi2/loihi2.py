"""Loihi2: Programs on the chip, through Intel's extension of Lava.

Unverified: no chip was at hand when this was written. What is known of the extension, from public code, is modelled by
a stand-in in the tests; what is not known, how many steps its adapters take, is measured on the device before a run.
The self-test says whether a device keeps the assumptions; until its verdict is given, every result says "unverified".
"""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.compilers.chip.check import check
from neurokit.compilers.lava.forms import StockForm
from neurokit.compilers.lava.loihi2_border import Border
from neurokit.compilers.lava.schedule import schedule
from neurokit.errors import DoesNotFit, GraphError, OutOfRange, TargetError, TargetUnavailable, explain
from neurokit.hw_configs import load_chip
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult
from neurokit.targets.lava.batches import folded, spread
from neurokit.targets.lava.job import Answer, Job
from neurokit.targets.lava.target import require_lava
from neurokit.targets.loihi2.hardware import hardware_status

#: Steppings of the chip that Lava names.
GENERATIONS = ("N3B2", "N3B3", "N3C1", "N3D1")


@dataclass(frozen=True)
class Loihi2:
    """A Loihi 2 in reach of this machine.

    partition, board  where SLURM is to run it; without both, what the environment says (PARTITION, BOARD, NXSDKHOST)
    generation        stepping of the chip
    border            steps of the adapters; None measures them on the device before the run
    profile           measure time, power and activity with Lava's profiler; the figures are in the result's provenance
    self_test         the JSON that `neurokit selftest --target loihi2 --json` wrote for this device
    deadline_s        seconds for measuring, building, queueing and running; after that, LavaTimeout

    The network is the stock form of `LavaCPU`, with Intel's adapters at its border and windows of a power of two steps,
    as a chip's resets want it.
    """

    partition: str | None = None
    board: str | None = None
    generation: str = "N3B3"
    border: Border | None = None
    profile: bool = False
    self_test: Path | None = None
    deadline_s: float = 1800.0

    def __post_init__(self) -> None:
        if not self.deadline_s > 0:
            raise OutOfRange(explain("Loihi2.deadline_s", self.deadline_s, "a number > 0", "give it some seconds"))
        if self.generation not in GENERATIONS:
            raise OutOfRange(explain("Loihi2.generation", self.generation, ", ".join(GENERATIONS), "ask `sinfo`"))
        if self.partition is not None and self.board is not None:
            both = f"{self.partition}, {self.board}"
            raise OutOfRange(explain("Loihi2.partition and board", both, "one of both", "name the board alone"))

    @property
    def name(self) -> str:
        return "loihi2"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        """Run a batch of real-valued samples; see `neurokit.ir.target.Target.run`.

        `steps` counts chip steps. Raises TargetUnavailable without Lava, Intel's extension or a chip in reach;
        UnsupportedNode or OutOfRange when Lava cannot run the Program exactly, DoesNotFit when it breaks a design rule
        of the chip, LavaFailure when the run fails, LavaTimeout at the deadline.
        """
        values = program.encode(inputs)
        schedule(program, period_of(program))
        violations = check(program, load_chip("loihi2"), split=True)
        if violations:
            raise DoesNotFit("\n".join(map(str, violations)))
        self.require()
        from neurokit.targets.lava.supervisor import supervise

        flat, batch = spread(values)
        if not math.prod(batch):
            raise GraphError(explain("samples", f"of shape {batch}", "one or more", "bring some"))
        command = (sys.executable, "-m", "neurokit.targets.loihi2.loihi2_worker", json.dumps(self.settings()))
        answer = supervise(Job(program, flat, StockForm(), record), self.deadline_s, command)
        raw, trace = folded(program, values, batch, answer)
        return RunResult(
            target=self.name,
            outputs={output.name: output.decode(raw[output.name]) for output in program.outputs},
            raw=raw,
            trace=trace,
            steps=answer.timing.chip_steps,
            seconds=answer.timing.run_s,
            provenance=self.provenance(answer),
        )

    def require(self) -> None:
        """Raise TargetUnavailable, saying what is missing and how to get it, unless a chip is in reach."""
        require_lava()
        status = hardware_status(self.environment())
        if not status.reachable:
            raise TargetUnavailable(
                f"the target 'loihi2' is not in reach: {status.why} `neurokit doctor` shows what is there; "
                "docs/hardware.md says how to set it up."
            )

    def environment(self) -> dict[str, str]:
        """The environment in which a run of this target takes place."""
        chosen = {"PARTITION": self.partition, "BOARD": self.board}
        named = {key: value for key, value in chosen.items() if value is not None}
        kept = {k: v for k, v in os.environ.items() if not named or k not in (*chosen, "NXSDKHOST", "NOSLURM")}
        return {**kept, **named}

    def settings(self) -> dict[str, Any]:
        """What the worker needs to know."""
        border = None if self.border is None else asdict(self.border)
        return {
            "partition": self.partition,
            "board": self.board,
            "generation": self.generation,
            "border": border,
            "profile": self.profile,
        }

    def provenance(self, answer: Answer) -> dict[str, str]:
        """How a result came to be, and whether this device has passed the self-test."""
        return {
            "lava": answer.lava_version,
            "form": StockForm().name,
            "build_seconds": f"{answer.timing.build_s:.3f}",
            "python": platform.python_version(),
            **answer.notes,
            "hardware": self.standing(answer.notes),
        }

    def standing(self, notes: Mapping[str, str]) -> str:
        """`verified: ...` if `self_test` is a passed self-test of this device and software, else `unverified: ...`.

        Raises TargetError when `self_test` is no such file.
        """
        if self.self_test is None:
            return "unverified: no self-test of this device was given; run `neurokit selftest --target loihi2`"
        try:
            verdict = json.loads(self.self_test.read_text(encoding="utf-8"))
            told, versions = (verdict["target"], bool(verdict["ok"])), dict(verdict["versions"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            remedy = "give the file that `neurokit selftest --target loihi2 --json FILE` wrote"
            raise TargetError(explain("Loihi2.self_test", self.self_test, f"a verdict ({error!r})", remedy)) from None
        if told != (self.name, True):
            return f"unverified: {self.self_test} is not a passed self-test of {self.name!r}"
        other = [key for key in DEVICE if versions.get(key) != notes.get(key)]
        if other:
            return f"unverified: the self-test was of another {', '.join(other)}"
        return f"verified: every assumption held in the self-test {self.self_test}"


#: What must be the same in a self-test and a run, so that one stands for the other.
DEVICE = ("device", "extension", "border")


def period_of(program: Program) -> int:
    """Chip steps from one sample to the next: the power of two that leaves a guard step at least."""
    return 1 << program.steps.bit_length()
