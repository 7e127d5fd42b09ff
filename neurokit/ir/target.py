"""Targets: where a Program can run. Small objects behind one method, held to one conformance suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from neurokit.ir import interpreter as reference
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult


class Target(Protocol):
    """Something that runs Programs."""

    @property
    def name(self) -> str:
        """The word that selects this target on the command line."""
        ...

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        """Run a batch of real-valued samples, `(*batch, size)` per input name (leading axes broadcast).

        `record` fills the result's trace. Raises GraphError or OutOfRange for a bad sample, UnsupportedNode when
        the target has no rule for one of the Program's nodes, TargetError when the run fails.
        """
        ...


@dataclass(frozen=True)
class Reference:
    """The definition: `neurokit.ir.interpreter`, one step at a time, every width checked."""

    name: str = "reference"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        return reference.run(program, inputs, record=record)
