"""Files that are written whole or not at all: to a temporary name beside the target, then renamed."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from neurokit.errors import OutputFailed
from neurokit.system.termination import hold, release

#: What the system says when there is no room: a full disk, a full quota, the largest file that a process may write.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: Bytes that are tried, to see whether it was for want of room that a library could not write.
_PROBE = 1 << 20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; on success it is flushed to disk and renamed onto `path`.

    On any failure the temporary file is removed and an older file at `path` is left as it was. A device or a pipe, such
    as /dev/null, is not replaced but written to. Raises OutputFailed, which is an OSError too, where there is no room
    or `path` cannot be written, whatever the exception in which a library says so.
    """
    with explained(path):
        made = _make(path.parent)
        special = path.exists() and not stat.S_ISREG(path.stat().st_mode) and not path.is_dir()
        if not special:
            try:
                handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
            except BaseException:
                _unmake(made)
                raise
            os.close(handle)
    if special:
        with explained(path, path):
            yield path
        return
    temporary = Path(name)
    hold(temporary)
    try:
        with explained(path, temporary):
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        release(temporary)
        if not path.exists():
            _unmake(made)


def _make(folder: Path) -> list[Path]:
    """Make a folder and all above it; returns those that were not there, the innermost first."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except BaseException:
        _unmake(missing)
        raise
    return missing


def _unmake(folders: list[Path]) -> None:
    """Remove folders, the innermost first, unless there is something in them."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


@contextmanager
def explained(path: Path, written: Path | None = None) -> Iterator[None]:
    """Turn what is raised for want of room at `path` into OutputFailed, which names it; `written` is what there is.

    NumPy says it in an OSError without a number, PyTorch and others in errors of their own: then it is tried.
    """
    try:
        yield
    except OutputFailed:
        raise
    except OSError as error:
        number = error.errno if error.errno is not None else _no_room(written)
        elsewhere = error.filename is not None and Path(error.filename) not in (path, written)
        if number is None or (written is not None and elsewhere):
            raise
        raise OutputFailed(number, path, _need(path, written)) from error
    except Exception as error:
        if (number := _no_room(written)) is None:
            raise
        raise OutputFailed(number, path, _need(path, written)) from error


def _no_room(written: Path | None) -> int | None:
    """The number of the error that a little more at the end of `written` raises, or None where there is room."""
    if written is None or not written.is_file():
        return None
    try:
        size = written.stat().st_size
        with written.open("rb+", buffering=0) as file:
            file.seek(size)
            wanted = memoryview(bytes(_PROBE))
            while wanted:
                wanted = wanted[file.write(wanted) :]
            os.fsync(file.fileno())
            file.truncate(size)
    except OSError as error:
        return error.errno if error.errno in NO_ROOM else None
    return None


def _need(path: Path, written: Path | None) -> str:
    """How much was written and how much room there is, where that can be asked."""
    words = ""
    with suppress(OSError):
        if written is not None and (size := written.stat().st_size):
            words += f" {size:,} bytes of it could be written, and it is larger."
        room = os.statvfs(path.parent)
        words += f" {room.f_bavail * room.f_frsize:,} bytes are free in {str(path.parent)!r}."
    return words


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder until the block ends, or the process, whatever it ends of. Raises OutputFailed."""
    base = Path(tempfile.gettempdir())
    with explained(base):
        folder = tempfile.TemporaryDirectory(prefix=prefix, dir=base)
    with folder as name:
        hold(Path(name))
        try:
            yield Path(name)
        finally:
            release(Path(name))


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as an `.npz` without pickles, byte for byte numpy.savez's, whole or not at all.

    numpy.savez does not close its archive when it fails, which complains about a full disk a second time when it is
    collected.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)  # type: ignore[no-untyped-call]
