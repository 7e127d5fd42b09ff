"""Tapes: recorded arrays that cross the border between Python and a running Lava network.

Reading or writing a Lava Var moves one element at a time (20 to 60 microseconds each), so input and output go through
memory-mapped `.npy` files instead. A network may run several times; every run adds one file to each tape, and the
process that plays or records it moves on to the next file when one is used up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32


@dataclass(frozen=True)
class Tape:
    """A sequence of files, one a run, whose first axis is the window."""

    directory: Path
    name: str

    def file(self, run: int) -> Path:
        return self.directory / f"{self.name}.{run}.npy"

    def write(self, run: int, frames: Int32[np.ndarray, "windows ..."]) -> None:
        """Add what is to be played in a run."""
        np.save(self.file(run), frames, allow_pickle=False)

    def blank(self, run: int, shape: tuple[int, ...]) -> None:
        """Add room for what a run will record."""
        # A sparse file: it takes no memory, and on the disk only what is written into it.
        np.lib.format.open_memmap(self.file(run), mode="w+", dtype=np.int32, shape=shape)  # type: ignore[no-untyped-call]

    def read(self, run: int) -> Int32[np.ndarray, "windows ..."]:
        """What was recorded in a run."""
        frames: np.ndarray = np.load(self.file(run), allow_pickle=False)
        return frames


class Reel:
    """A tape with a position: finds the frame of a window, counted over all runs."""

    def __init__(self, tape: Tape, *, writable: bool) -> None:
        self._tape = tape
        self._writable = writable
        self._run = -1
        self._first = 0
        self._frames: np.ndarray = np.empty((0,), dtype=np.int32)

    def frame(self, window: int) -> np.ndarray:
        """The frame of `window`, a view that writes through if the reel is writable. Windows must not go backwards."""
        assert window >= self._first
        while window >= self._first + len(self._frames):
            self._first += len(self._frames)
            self._run += 1
            path = self._tape.file(self._run)
            self._frames = np.load(path, mmap_mode="r+" if self._writable else "r", allow_pickle=False)
        view: np.ndarray = self._frames[window - self._first]
        return view
