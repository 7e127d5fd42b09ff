"""The container of a bundle: a ZIP file of which only the plainest form is read.

Any unzip opens it. What is read back must be what `write` writes: parts stored without compression, one after the
other from the first byte, under plain names, then the directory, then its end, and nothing else. So no part can be
larger than the file, two parts cannot share bytes, and no byte is left unread.
"""

from __future__ import annotations

import hashlib
import re
import stat
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neurokit.errors import BundleError, explain
from neurokit.system.atomic import explained, replacing
from neurokit.system.file_kinds import NPZ, TORCH, recognise, zipped

#: Records of the ZIP format: a part's header, its entry in the directory, and the end of the directory.
_HEADER, _ENTRY, _END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
_HEADER_MARK, _ENTRY_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
#: Sane limits on what is read.
MAX_PARTS, MAX_NAME, MAX_FILE = 200, 80, 2**32 - 2
#: Names of parts; they are never used as paths.
NAME = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?\.(json|h5)")
#: The moment that every part carries, so that equal bundles are equal bytes: the earliest that ZIP knows.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_CHUNK = 2**20


@dataclass(frozen=True)
class Part:
    """Where a part lies in its file."""

    offset: int
    size: int


def write(path: Path, parts: Mapping[str, bytes]) -> Path:
    """Write parts as one file, whole or not at all. Raises BundleError for a name that would not be read back."""
    bad = [name for name in parts if not NAME.fullmatch(name) or len(name) > MAX_NAME]
    if bad or len(parts) > MAX_PARTS:
        raise BundleError(
            explain("parts of a bundle", bad or len(parts), f"at most {MAX_PARTS} plain names", "rename them")
        )
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, allowZip64=False) as file:
        for name, data in parts.items():
            file.writestr(zipfile.ZipInfo(name, _MOMENT), data)
    return path


def directory(path: Path) -> dict[str, Part]:
    """Every part of a file by its name, nothing of them read yet; raises BundleError unless the file is plain."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BundleError(f"{path} is not a regular file; give the path of a bundle.")
        kind = recognise(path)
        if kind is not None and (kind in (NPZ, TORCH) or not zipped(path)):
            remedy = kind.remedy("give a file that `neurokit bundle` wrote")
            raise BundleError(f"{path} is no bundle but {kind.what}. To mend it, {remedy}.")
        if status.st_size > MAX_FILE:
            raise BundleError(f"{path} has {status.st_size} bytes, more than the {MAX_FILE} of a bundle.")
        with path.open("rb") as file:
            file.seek(max(0, status.st_size - _END.size))
            begin, size, count = _end(path, file.read(_END.size), status.st_size)
            file.seek(begin)
            parts = _entries(path, file.read(size), count)
            _require_gapless(path, parts, begin)
            for name, part in parts.items():
                file.seek(part.offset - _HEADER.size - len(name))
                _require_header(path, file.read(_HEADER.size + len(name)), name, part)
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    return parts


def read(path: Path, part: Part, limit: int) -> bytes:
    """A part's bytes; raises BundleError if they are more than `limit` or not there."""
    if part.size > limit:
        raise BundleError(f"{path}: a part of it has {part.size} bytes, more than the {limit} that it may have.")
    with path.open("rb") as file:
        file.seek(part.offset)
        data = file.read(part.size)
    if len(data) != part.size:
        raise _damaged(path, "it became shorter while it was read")
    return data


def extract(path: Path, part: Part, target: Path) -> str:
    """Copy a part to a file of the caller's choice, a piece at a time; returns its SHA-256 in hexadecimal."""
    digest, left = hashlib.sha256(), part.size
    with path.open("rb") as file, explained(target), target.open("wb") as out:
        file.seek(part.offset)
        while left:
            piece = file.read(min(left, _CHUNK))
            if not piece:
                raise _damaged(path, "it became shorter while it was read")
            digest.update(piece)
            out.write(piece)
            left -= len(piece)
    return digest.hexdigest()


def _end(path: Path, record: bytes, length: int) -> tuple[int, int, int]:
    """`(offset, size, entries)` of the directory, from the last bytes of the file."""
    if len(record) < _END.size or record[:4] != _END_MARK:
        raise _damaged(path, "the end of its directory is not at its end: it is truncated or no bundle")
    _, disk, first, here, count, size, begin, comment = _END.unpack(record)
    if disk or first or comment or here != count or not 1 <= count <= MAX_PARTS or begin + size + _END.size != length:
        raise _damaged(path, "its directory is not that of a bundle")
    if size > MAX_PARTS * (_ENTRY.size + MAX_NAME):
        raise _damaged(path, f"its directory has {size} bytes")
    return begin, size, count


def _entries(path: Path, data: bytes, count: int) -> dict[str, Part]:
    """The parts that a directory lists."""
    parts: dict[str, Part] = {}
    at = 0
    for _ in range(count):
        if len(data) < at + _ENTRY.size:
            raise _damaged(path, "its directory is too short")
        record = _ENTRY.unpack_from(data, at)
        mark, _, _, flags, method, _, _, _, packed, size, length, extra, comment, disk, _, _, begin = record
        name = data[at + _ENTRY.size : at + _ENTRY.size + length].decode("latin-1")
        if mark != _ENTRY_MARK or flags or extra or comment or disk:
            raise _damaged(path, f"the entry of {name!r} in its directory is not plain")
        if method != zipfile.ZIP_STORED or packed != size:
            raise BundleError(f"{path}: {name!r} is compressed; the parts of a bundle are stored as they are.")
        if length > MAX_NAME or not NAME.fullmatch(name):
            raise BundleError(f"{path}: {name!r} is not the name of a part of a bundle.")
        if name in parts:
            raise BundleError(f"{path}: it has two parts {name!r}.")
        parts[name] = Part(begin + _HEADER.size + length, size)
        at += _ENTRY.size + length
    if at != len(data):
        raise _damaged(path, "its directory is too long")
    return parts


def _require_gapless(path: Path, parts: Mapping[str, Part], end: int) -> None:
    """Raise unless the parts follow each other from the first byte to the directory."""
    at = 0
    for name, part in parts.items():
        if part.offset != at + _HEADER.size + len(name):
            raise _damaged(path, f"{name!r} does not begin where the part before it ends")
        at = part.offset + part.size
    if at != end:
        raise _damaged(path, "there is something between its parts and its directory")


def _require_header(path: Path, data: bytes, name: str, part: Part) -> None:
    """Raise unless a part's own header says what the directory says."""
    if len(data) != _HEADER.size + len(name):
        raise _damaged(path, f"{name!r} is cut off")
    mark, _, flags, method, _, _, _, packed, size, length, extra = _HEADER.unpack_from(data)
    same = (mark, flags, method, packed, size, length, extra) == (
        _HEADER_MARK,
        0,
        zipfile.ZIP_STORED,
        part.size,
        part.size,
        len(name),
        0,
    )
    if not same or data[_HEADER.size :].decode("latin-1") != name:
        raise _damaged(path, f"the header of {name!r} contradicts the directory")


def _damaged(path: Path, why: str) -> BundleError:
    return BundleError(f"{path}: {why}. It was damaged or edited; copy it again, or make it again.")
