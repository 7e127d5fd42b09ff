"""claim: outputs of a command, looked at before there is any work that could be lost, and again where it fails."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from neurokit.errors import RunError, explain

#: Files of the outputs that the command claimed, by path, as they were then; and the folder, if it has one.
_before: dict[Path, tuple[int, int] | None] = {}
_folders: list[Path] = []


def claim(
    *,
    reads: Iterable[Path | None] = (),
    writes: Iterable[Path | str | None] = (),
    picture: Path | None = None,
    folder: Path | None = None,
) -> None:
    """Raise RunError for an output that cannot be written, or that would replace what the command reads or writes.

    reads    files that it reads
    writes   files that it writes; `-` is standard output
    picture  one more, whose ending says its format; raises OutOfRange for an ending that says none
    folder   the folder that it writes to
    """
    if picture is not None:
        from neurokit.plotting.figures import require_format  # loads matplotlib, which most commands do without

        require_format(picture)
    taken = {_identity(path): "which this command reads" for path in reads if path is not None}
    if folder is not None:
        if folder.exists() and not folder.is_dir():
            raise _refused(folder, "a file", "a folder, or a name that is free", "name another with --out")
        _require_room(folder)
    for path in (Path(path) for path in (*writes, picture) if path is not None and path != "-"):
        if path.is_dir():
            raise _refused(path, "a folder", "a file", "name a file in it")
        _require_room(path)
        if (use := taken.get(_identity(path))) is not None:
            raise _refused(path, f"a file {use}", "a file of its own", "name another one")
        taken[_identity(path)] = "which this command writes, too"

    _before.clear()
    _before.update({path: _state(path) for path in (Path(p) for p in (*writes, picture) if p is not None and p != "-")})
    _folders[:] = [] if folder is None else [folder]
    _before.update({path: _state(path) for path in _files()})


def leftovers() -> str:
    """What a command that failed has written of what it claimed, looked up where it lies; empty without a claim."""
    if not _before and not _folders:
        return ""
    new = [
        path for path in {**_before, **dict.fromkeys(_files())} if (now := _state(path)) and now != _before.get(path)
    ]
    empty = [folder for folder in _folders if folder.is_dir() and not any(folder.iterdir())]
    if not new and not empty:
        return "This run leaves no file."
    return f"This run leaves {', '.join(map(str, (*new, *empty)))}."


def _files() -> list[Path]:
    """The files in the claimed folder."""
    return sorted(path for folder in _folders if folder.is_dir() for path in folder.rglob("*") if path.is_file())


def _state(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written: its number on the disk and its time."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _identity(path: Path) -> tuple[int, int] | Path:
    """What two names of one file have in common."""
    try:
        found = path.stat()
    except OSError:
        return path.resolve()
    return found.st_dev, found.st_ino


def _require_room(path: Path) -> None:
    """Raise RunError unless `path`, or the folder that it would be made in, can be written to."""
    nearest = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    if nearest != path.absolute() and not nearest.is_dir():
        raise _refused(path, f"below {str(nearest)!r}, which is a file", "a path through folders", "name another one")
    place = nearest if nearest.is_dir() else nearest.parent
    if not os.access(place, os.W_OK | os.X_OK):
        raise _refused(path, f"in {str(place)!r}, which is closed to you", "a place you may write to", "name another")


def _refused(path: Path, found: str, legal: str, remedy: str) -> RunError:
    return RunError(explain(f"output {str(path)!r}", found, legal, remedy))
