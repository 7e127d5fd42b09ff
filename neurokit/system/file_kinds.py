"""recognise: what a file is that was given in place of another, by its first bytes, and what to do about it."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import NamedTuple

#: As many bytes of a file as say what it is: the signature of HDF5 is at 512 in MATLAB's files, text shows in a line.
_HEAD = 4096
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"


class FileKind(NamedTuple):
    """What a file is, in words that follow "it is", and what its owner can do.

    restore  how to get at the file that was meant, whatever it was; empty where nothing is wrong with the file itself
    convert  how to bring its arrays into an .npz; empty where it has none
    """

    what: str
    restore: str = ""
    convert: str = ""

    def remedy(self, otherwise: str, *, arrays: bool = False) -> str:
        """What to do: restore the file, convert it where `arrays` are wanted, or what the reader would say."""
        return self.restore or (self.convert if arrays else "") or otherwise


_SAVEZ = "np.savez('data.npz', X_branch=..., X_trunk=..., y=...)"
_MATLAB = (
    "in Python: m = scipy.io.loadmat('FILE.mat'), then np.savez('data.npz', **{k: m[k] for k in m if k[0] != '_'})"
)
_MATLAB_73 = "in MATLAB, save the arrays again with the option '-v7'; then, " + _MATLAB
_AGAIN = "copy or download it again, whole"
_UNPACK = "unpack it first"

#: First bytes, and what they say. Longer ones come first where one begins another.
_MAGIC: tuple[tuple[bytes, FileKind], ...] = (
    (b"version https://git-lfs.github.com/spec/", FileKind(
        "a Git LFS pointer, a few lines in the place of the file itself", "fetch the file with: git lfs pull")),
    (b"MATLAB 5.0 MAT-file", FileKind("a MATLAB file (.mat, version 5 to 7)", convert=_MATLAB)),
    (b"MATLAB 7.3 MAT-file", FileKind("a MATLAB file (.mat, version 7.3, which is HDF5)", convert=_MATLAB_73)),
    (b"\x93NUMPY", FileKind("one bare array (.npy)", convert=f"save named arrays with {_SAVEZ}")),
    (b"PAR1", FileKind("a Parquet table", convert=f"read it with pandas.read_parquet and save its arrays: {_SAVEZ}")),
    *((b"CDF" + version, FileKind("a netCDF file", convert=f"read it with xarray and save its arrays: {_SAVEZ}"))
      for version in (b"\1", b"\2", b"\5")),
    (b"\x1f\x8b", FileKind("compressed by gzip", _UNPACK)),
    (b"BZh", FileKind("compressed by bzip2", _UNPACK)),
    (b"\xfd7zXZ\x00", FileKind("compressed by xz", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", FileKind("compressed by zstandard", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", FileKind("a 7-Zip archive", _UNPACK)),
    (b"\x89PNG", FileKind("a picture (PNG)")),
    (b"\xff\xd8\xff", FileKind("a picture (JPEG)")),
    (b"%PDF", FileKind("a PDF document")),
    (b"\x7fELF", FileKind("a program of the operating system")),
)  # fmt: skip
NPZ, TORCH = FileKind("an archive of arrays (.npz)"), FileKind("a network or a checkpoint of PyTorch (.pt)")
_PICKLE = FileKind(
    "a Python pickle, which can run code when it is loaded and is never opened here",
    convert=f"load it where you trust it and save its arrays: {_SAVEZ}",
)
_CSV = FileKind(
    "text in columns (CSV)", convert=f"read it with np.loadtxt(..., delimiter=',') and save its arrays: {_SAVEZ}"
)
_ANNEX = FileKind("a git-annex pointer, a line in the place of the file itself", "fetch the file with: git annex get")
_PAGE = FileKind("a web page (HTML), such as a login or an error page", "download the file itself and not its page")


def recognise(path: Path) -> FileKind | None:
    """What the file at `path` is; None where that cannot be said."""
    if path.is_dir():
        return FileKind("a folder", "name a file in it")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        return FileKind("not there: no file has this name", "check the path")
    except OSError:
        return None
    if not head:
        return FileKind("empty: it has 0 bytes", _AGAIN)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(_ZIP):
        return _zip(path)
    if head.startswith(_HDF5):
        return _hdf5(head)
    if re.match(rb"\x80[\x02-\x05]", head):
        return _PICKLE
    return _text(head)


def zipped(path: Path) -> bool:
    """Whether a file begins as a ZIP archive does."""
    with path.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP


def _zip(path: Path) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return FileKind(
            "a ZIP archive whose end is missing or damaged, as of an .npz or .pt that was cut short", _AGAIN
        )
    if any(name.endswith("data.pkl") for name in names):
        return TORCH
    if all(name.endswith(".npy") for name in names):
        return NPZ
    if "[Content_Types].xml" in names:
        return FileKind("an Office document", convert=f"export it as text, read it with np.loadtxt, and save: {_SAVEZ}")
    return FileKind("a ZIP archive", "unpack it first, or name another file")


def _hdf5(head: bytes) -> FileKind:
    if b"neurokit-program" in head:
        return FileKind("a Program of neurokit (HDF5)")
    return FileKind("an HDF5 file", convert=f"read it with h5py and save its arrays: {_SAVEZ}")


def _text(head: bytes) -> FileKind | None:
    """What kind of text it is, or None where it is none."""
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = head.decode("utf-16" if wide else "utf-8-sig", errors="ignore" if len(head) == _HEAD else "strict")
    except UnicodeDecodeError:
        return None
    if re.search(r"[\x00-\x08\x0e-\x1f]", text):
        return None
    if wide:
        return FileKind("text in UTF-16")
    start = text.lstrip().lower()
    if start.startswith(("<!doctype html", "<html")):
        return _PAGE
    if re.match(r"\S*/annex/objects/", start):
        return _ANNEX
    if start.startswith("<?xml"):
        return FileKind("an XML document")
    lines = [line for line in text.splitlines() if line.strip()][:3]
    for mark in (",", ";", "\t", " "):
        cells = {len(line.strip().split(mark)) for line in lines}
        if len(cells) == 1 and cells != {1} and _numbers(lines[-1], mark):
            return _CSV
    return FileKind("text")


def _numbers(line: str, mark: str) -> bool:
    """Whether the cells of a line are numbers, some at least."""
    return any(re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", cell) for cell in line.split(mark))
