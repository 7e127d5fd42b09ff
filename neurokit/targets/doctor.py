"""doctor: what is installed, what works, what does not and why, in words."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import sys
from typing import Any

from neurokit.targets.loihi2.hardware import hardware_status

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
        "loihi2": hardware_status().to_json(),
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
