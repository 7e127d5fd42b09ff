"""availability: which targets can run a Program here and now, and why not. Imports neither Lava nor torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from neurokit.errors import TargetUnavailable
from neurokit.targets.lava.target import require_lava
from neurokit.targets.loihi2.hardware import HardwareStatus, hardware_status


@dataclass(frozen=True)
class Availability:
    """A target by its name on the command line and in Python.

    what       what runs there
    available  whether it can run here and now, as far as can be seen without starting anything
    why        in words
    """

    name: str
    python: str
    what: str
    available: bool
    why: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def availability(chip: HardwareStatus | None = None) -> tuple[Availability, ...]:
    """Every target, by what was found of a chip; by default looks now, for a few seconds at most."""
    chip = hardware_status() if chip is None else chip
    try:
        require_lava()
        lava, why = True, "Lava's CPU simulator is installed"
    except TargetUnavailable as error:
        lava, why = False, str(error)
    return (
        Availability("reference", "Reference()", "the definition, slow and clear", True, "needs NumPy alone"),
        Availability("twin", "Twin()", "the same integers, compiled: the fast one", True, "needs NumPy and numba"),
        Availability("lava", "LavaCPU()", "Lava's own processes, as a chip would run", lava, why),
        Availability("lava-softif", "LavaCPU(SoftIFForm())", "one Lava process model a layer", lava, why),
        Availability("lava-fused", "LavaCPU(FusedForm())", "one Lava process for the whole network", lava, why),
        Availability(
            "loihi2",
            "Loihi2()",
            "Lava's own processes on the chip; unverified until its self-test has passed there",
            chip.installed and chip.configured and chip.reachable,
            chip.why,
        ),
    )
