"""doctor: what is installed, what works, what does not and why, in words."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from typing import Any

PACKAGES = ("numpy", "scipy", "h5py", "torch", "numba", "lava-nc", "lava-dl")


def examine() -> dict[str, Any]:
    """The state of this installation as `{ok, python, packages, lava, loihi2}`.

    `ok` says that the CPU path is healthy: the core works, and Lava imports where it can be expected to (Python
    3.10). Looking is safe: nothing is started, and nothing here raises when a piece is missing.
    """
    lava = _lava()
    return {
        "ok": bool(lava["imports"]) or not lava["expected"],
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "lava": lava,
        "loihi2": _loihi2(bool(lava["imports"])),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _lava() -> dict[str, Any]:
    expected = sys.version_info[:2] == (3, 10)
    try:
        importlib.import_module("lava.proc.dense.process")
    except Exception as error:  # a broken installation may raise anything while it imports
        why = (
            f"Lava does not import: {type(error).__name__}: {error}. Install it: pip install 'neurokit-loihi[lava]'."
            if expected
            else f"Lava needs Python 3.10 exactly, this is {platform.python_version()}; everything else works here."
        )
        return {"expected": expected, "imports": False, "why": why}
    if _version("lava-nc") != "0.10.0":
        why = f"lava-nc {_version('lava-nc')} imports, but neurokit was proved against 0.10.0 only; install that one."
        return {"expected": expected, "imports": True, "why": why}
    return {
        "expected": expected,
        "imports": True,
        "why": "lava-nc 0.10.0 imports: Programs run on Lava's CPU simulator.",
    }


def _loihi2(lava_imports: bool) -> dict[str, Any]:
    """Whether Intel's extension is installed, configured and able to reach a chip; never calls it."""
    installed = lava_imports and importlib.util.find_spec("lava.utils.loihi2_profiler") is not None
    settings = {
        key: os.environ[key]
        for key in ("SLURM", "NOSLURM", "LOIHI_GEN", "PARTITION", "BOARD", "NXSDKHOST")
        if key in os.environ
    }
    scheduler = shutil.which("sinfo")
    configured = bool(settings) or scheduler is not None
    if not installed:
        why = (
            "Intel's Lava extension for Loihi (lava-loihi) is not installed. It is given to members of Intel's "
            "Neuromorphic Research Community; without it Programs run on Lava's CPU simulator."
        )
    elif not configured:
        why = (
            "The extension is installed, but no system is configured: "
            "no sinfo on PATH, and none of SLURM, NXSDKHOST or BOARD is set."
        )
    else:
        why = (
            f"The extension is installed and configured ({settings or scheduler}), "
            "but neurokit has never been run on a chip: not tried."
        )
    return {"installed": installed, "configured": configured, "reachable": False, "why": why}
