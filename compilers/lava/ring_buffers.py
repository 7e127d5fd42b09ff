"""RingBuffers: the arrays that cross the border between the host and a running Lava network.

Reading or writing a Lava Var moves one element at a time (20 to 60 microseconds each), so input and output go through
memory-mapped files instead, which the host and the processes of the network see alike and at once. A buffer is a ring:
it holds the frames of the last few windows, so that a network may run for ever and take no more room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32


@dataclass(frozen=True)
class RingBuffer:
    """A file of `shape[0]` frames, `(steps, size)` integers each; that of window `w` is at `w % shape[0]`."""

    directory: Path
    name: str
    shape: tuple[int, int, int]

    @property
    def file(self) -> Path:
        return self.directory / f"{self.name}.npy"

    def blank(self) -> None:
        """Make the file, full of zeros."""
        # A sparse file: it takes no memory, and on the disk only what is written into it.
        np.lib.format.open_memmap(self.file, mode="w+", dtype=np.int32, shape=self.shape)  # type: ignore[no-untyped-call]

    def open(self, *, writable: bool = False) -> Int32[np.ndarray, "frames steps size"]:
        """The frames, a view of the file; what others write into it appears in it."""
        frames: np.ndarray = np.load(self.file, mmap_mode="r+" if writable else "r", allow_pickle=False)
        return frames


@dataclass(frozen=True)
class RingBuffers:
    """The buffers that lead into and out of a network, by node name.

    inputs    what every Input says, from the host
    totals    what every total is, once a window: of all that are probed, and of the outputs
    spikes    of every Spiking that is probed
    states    its membrane before the reset; in the stock and process forms Var `u`, of which it is made
    residues  Var `v` of those with reset ToZero, whose membrane before the reset follows from both: see `Neurons`
    swaps     how often the fused form's weights were swapped; those after swap `k` are in `program_file(k)`
    """

    inputs: Mapping[str, RingBuffer]
    totals: Mapping[str, RingBuffer]
    spikes: Mapping[str, RingBuffer]
    states: Mapping[str, RingBuffer]
    residues: Mapping[str, RingBuffer]
    swaps: RingBuffer

    def program_file(self, swap: int) -> Path:
        """Where a Program with new weights lies."""
        return self.swaps.directory / f"program-{swap}.h5"

    def blank(self) -> None:
        """Make all files."""
        for buffer in (*self.by_kind("inputs", "totals", "spikes", "states", "residues"), self.swaps):
            buffer.blank()

    def by_kind(self, *kinds: str) -> list[RingBuffer]:
        """All buffers of some kinds."""
        return [buffer for kind in kinds for buffer in getattr(self, kind).values()]
