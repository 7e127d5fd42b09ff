"""read_arrays: the arrays of an `.npz` that a user brings; of any other file, what it is and how to make one of it."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neurokit.errors import GraphError
from neurokit.system.file_kinds import NPZ, recognise


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of the archive; those of objects are refused before anything in them is read.

    Raises GraphError for a file that is not such an archive, saying what it is.
    """
    kind = recognise(path)
    if kind is not None and kind != NPZ:
        remedy = kind.remedy("name an .npz file, as np.savez writes them", arrays=True)
        raise GraphError(f"{path} is not a readable .npz file: it is {kind.what}. To mend it, {remedy}.")
    try:
        archive = np.load(path, allow_pickle=False)
        with archive:
            return {name: _read(path, archive, name) for name in archive.files}
    except GraphError:
        raise
    except (OSError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise GraphError(f"{path} is not a readable .npz file: {error}") from None


def _read(path: Path, archive: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    try:
        return archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise GraphError(
            f"array {name!r} of {path} is an array of Python objects, which can run code when it is loaded and is "
            f"refused. If it is DeepXDE's tuple X, load it where you trust it and save its parts as plain arrays: "
            "np.savez(path, X_branch=X[0], X_trunk=X[1], y=y)."
        ) from None
