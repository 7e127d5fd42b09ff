"""Shared memory of a worker, recognised by the prefix of its names."""

from __future__ import annotations

import secrets
from pathlib import Path

#: Where Linux keeps POSIX shared memory.
_FOLDER = Path("/dev/shm")


def new_prefix() -> str:
    """A prefix of its own for one worker. Python adds 4 characters to it and allows 14 in all."""
    return f"/nk{secrets.token_hex(3)}_"


def unlink_all(prefix: str) -> list[str]:
    """Remove every segment whose name starts with `prefix`; returns their names."""
    found = sorted(_FOLDER.glob(prefix.lstrip("/") + "*")) if _FOLDER.is_dir() else []
    for segment in found:
        segment.unlink(missing_ok=True)
    return [segment.name for segment in found]
