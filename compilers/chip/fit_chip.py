"""check_fit: refuse a Program that breaks a chip's rules."""

from __future__ import annotations

from neurokit.compilers.chip.check import check
from neurokit.errors import DoesNotFit
from neurokit.hw_configs import Hardware
from neurokit.ir.program import Program


def check_fit(program: Program, chip: Hardware, *, split: bool = False) -> None:
    """Raise DoesNotFit naming every violation that `neurokit.compilers.chip.check.check` finds, one a line."""
    violations = check(program, chip, split=split)
    if violations:
        raise DoesNotFit("\n".join(map(str, violations)))
