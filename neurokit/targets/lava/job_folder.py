"""JobFolder: the folder of a worker's job, which somebody removes whatever dies.

Its owner, the interpreter that made it, holds a lock on a file in it. The kernel takes that lock away with the owner,
however it ends; so whoever can take it knows that the owner is gone. Every new folder begins with a look for such ones:
what a parent and its worker that were killed together have left, is removed by the next run of the same user. Imports
no Lava.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import psutil

from neurokit.system.atomic import explained
from neurokit.system.termination import hold, release
from neurokit.targets.lava.shared_memory import new_prefix, unlink_all

#: How folders of jobs begin, and the file in them that the owner has locked and that names their shared memory.
_PREFIX, _OWNER = "neurokit-lava-job-", "owner"
_SHM_PREFIX = re.compile(r"/nk[0-9a-f]{5,6}_")
#: A folder without an owner's file for so many seconds was never finished: its owner died while making it.
_BIRTH_S = 60.0


class JobFolder:
    """A new temporary folder, `path`, and a name for the shared memory of its worker, `shm_prefix`.

    Removes what dead owners have left before it is made. Raises OutputFailed when there is no room.
    """

    def __init__(self) -> None:
        sweep()
        self.shm_prefix = new_prefix()
        with explained(Path(tempfile.gettempdir())):
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        for held in (self.path, self._segments):
            hold(held)
        # The lock belongs to the open file. It is taken under another name, so that no `owner` is ever seen without.
        self._lock: int | None = None
        try:
            self._lock = os.open(self.path / f".{_OWNER}", os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            with explained(self.path / _OWNER):
                os.write(self._lock, self.shm_prefix.encode())
            os.rename(self.path / f".{_OWNER}", self.path / _OWNER)
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the folder, with all that is in it, and the shared memory. Safe to call any number of times."""
        shutil.rmtree(self.path, ignore_errors=True)
        unlink_all(self.shm_prefix)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        for held in (self.path, self._segments):
            release(held)

    @property
    def _segments(self) -> Path:
        """The pattern of the names of the worker's shared memory."""
        return Path(f"/dev/shm{self.shm_prefix}*")


def sweep() -> list[Path]:
    """Remove the folders of this user's jobs whose owners are dead, their processes and their shared memory.

    Returns the folders.
    """
    return [path for path in sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")) if _swept(path)]


def _swept(path: Path) -> bool:
    """Whether a folder's owner is dead; then it is gone now."""
    try:
        about = path.lstat()
        if about.st_uid != os.getuid():
            return False
        try:
            lock = os.open(path / _OWNER, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            unfinished = time.time() - about.st_mtime > _BIRTH_S
            if unfinished:
                shutil.rmtree(path, ignore_errors=True)
            return unfinished
    except OSError:  # another has just removed it, or may not be looked at
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shm_prefix = os.read(lock, 64).decode(errors="replace")
        # A dead owner's worker, all that it forked, and its cleaner are called with both names at the end.
        for process in psutil.process_iter(["cmdline"]):
            if (process.info["cmdline"] or [])[-2:] == [str(path), shm_prefix]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        shutil.rmtree(path, ignore_errors=True)
        if _SHM_PREFIX.fullmatch(shm_prefix):
            unlink_all(shm_prefix)
    except BlockingIOError:  # its owner lives
        return False
    finally:
        os.close(lock)
    return True
