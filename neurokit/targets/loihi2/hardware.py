"""hardware_status: is Intel's extension installed, is a Loihi 2 configured, and is it in reach? It never raises.

Looks without touching: it asks the scheduler which nodes there are, or the host whether it answers, and starts nothing
on a chip. What it finds says nothing about exactness; that is what `neurokit selftest --target loihi2` is for.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass

#: A module that only Intel's extension has; Lava's own `loihi.is_installed` asks for the same one.
EXTENSION = "lava.utils.loihi2_profiler"
#: Environment variables by which Lava finds a chip.
SETTINGS = ("SLURM", "NOSLURM", "LOIHI_GEN", "PARTITION", "BOARD", "NXSDKHOST", "HOST_BINARY")
#: Those that are about a chip, and not about how to get there.
_NAMING = ("SLURM", "PARTITION", "BOARD", "NXSDKHOST")
#: Seconds that a question to the scheduler or the host may take.
PATIENCE_S = 3.0
#: States of a node of SLURM in which nothing will ever run on it.
_DEAD = ("down", "drain", "fail", "unknown", "not_responding")


@dataclass(frozen=True)
class HardwareStatus:
    """What is there of a Loihi 2; `why` says in words what is missing, or what was found."""

    installed: bool
    configured: bool
    reachable: bool
    why: str

    @property
    def available(self) -> bool:
        """Whether a network can be run there."""
        return self.installed and self.configured and self.reachable

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def hardware_status(environment: Mapping[str, str] | None = None) -> HardwareStatus:
    """What is there; answers within a few seconds, whatever is there."""
    found = dict(os.environ if environment is None else environment)
    settings = {key: found[key] for key in SETTINGS if key in found}
    scheduler = shutil.which("sinfo", path=found.get("PATH"))
    configured = any(key in settings for key in _NAMING) or scheduler is not None
    if not installed():
        return HardwareStatus(
            False,
            configured,
            False,
            "Intel's Lava extension for Loihi (lava-loihi) is not installed. It is given to members of Intel's "
            "Neuromorphic Research Community; without it Programs run on Lava's CPU simulator.",
        )
    if not configured:
        return HardwareStatus(
            True,
            False,
            False,
            "The extension is installed, but no system is configured: "
            "no sinfo on PATH, and none of SLURM, NXSDKHOST, PARTITION or BOARD is set.",
        )
    reachable, why = _reach(settings, scheduler, found)
    return HardwareStatus(True, True, reachable, why)


def installed() -> bool:
    """Whether the extension is there; imports none of it."""
    try:
        return importlib.util.find_spec(EXTENSION) is not None
    except (ImportError, ValueError):  # no Lava at all, or a broken one
        return False


def _reach(settings: Mapping[str, str], scheduler: str | None, environment: Mapping[str, str]) -> tuple[bool, str]:
    """Whether the configured system answers, and what it says."""
    if "NXSDKHOST" in settings:
        host = settings["NXSDKHOST"]
        if _ask(["ping", "-c", "1", "-W", "1", host], environment) is None:
            return False, f"The host {host} (NXSDKHOST) does not answer a ping."
        return True, f"The host {host} (NXSDKHOST) answers a ping."
    if scheduler is None:
        return False, f"{', '.join(settings)} is set, but there is no sinfo on PATH and no NXSDKHOST."
    told = _ask([scheduler, "-h", "-N", "-o", "%P %N %T"], environment)
    if told is None:
        return False, f"{scheduler} gave no answer within {PATIENCE_S:g} s."
    nodes = [fields for line in told.splitlines() if len(fields := line.split()) == 3]
    for key, column in (("PARTITION", 0), ("BOARD", 1)):
        if key in settings:
            nodes = [fields for fields in nodes if fields[column].rstrip("*") == settings[key]]
    alive = [fields for fields in nodes if not any(word in fields[2].lower() for word in _DEAD)]
    if not alive:
        return False, f"SLURM knows {len(nodes)} nodes for {dict(settings) or 'any partition'}, and none of them is up."
    return True, f"SLURM has {len(alive)} nodes up, such as {alive[0][1]} in partition {alive[0][0]}."


def _ask(command: list[str], environment: Mapping[str, str]) -> str | None:
    """What a command prints, or None if it cannot be run, fails, or takes too long."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            env=dict(environment),
            start_new_session=True,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
