"""save and load: a Program as one HDF5 file, format `neurokit-program`.

The file is flat and plain: scalars are attributes, arrays are contiguous datasets, nothing is compressed, and NumPy
and h5py are enough to read it. `docs/program-format.md` describes it for other readers.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurokit.errors import NeurokitError, ProgramError, explain
from neurokit.ir.fixed_point import Widths
from neurokit.ir.hdf5_limits import (
    BOUND,
    BYTES,
    FORMAT,
    MAX_NAME_BYTES,
    MAX_NODES,
    MAX_PROVENANCE_BYTES,
    VERSIONS,
    Value,
    build,
    digest,
    items,
)
from neurokit.ir.hdf5_schema import COMMON, Array, Kind, items_of, types_of
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Conv2d, Program, Spiking
from neurokit.system.atomic import replacing
from neurokit.system.file_kinds import recognise

#: Interval analysis repeats itself `steps` times per Spiking node and once for every line and weight of a convolution,
#: which a small file may have many of; more than this (some tens of seconds, some hundred megabytes) is refused.
MAX_PROOF_WORK, PROOF_OVERHEAD, LINE_OVERHEAD, WEIGHT_OVERHEAD = 2**30, 1000, 256, 8
#: First bytes of every HDF5 file, and the superblock versions whose metadata carries checksums.
SIGNATURE, SUPERBLOCKS = b"\x89HDF\r\n\x1a\n", (2, 3)
#: Where these say how long the file is: behind four single bytes and two addresses of eight.
END_OF_FILE = slice(28, 36)
#: How `torch.save` begins a file: a zip whose first entry, named in so many bytes, is a pickle.
ZIP, TORCH_ENTRY, ZIP_HEAD = b"PK\x03\x04", b"/data.pkl", 512


def save(program: Program, path: str | Path) -> Path:
    """Write `program` to `path`, whole or not at all, and return the path.

    The file is written under another name in the same folder, flushed to the disk and then renamed, so a failure
    leaves an older file at `path` as it was.

    Raises ProgramError when the Program holds what the format cannot say (a reset or readout rule of one's own, a
    name of more than 255 bytes) or when its certificate is not what `prove` finds.
    """
    path = Path(path)
    content = items(program)
    if program.certificate:
        _check_certificate(program, str(path))
    with replacing(path) as temporary:
        _write(content, temporary)
    return path


def load(path: str | Path) -> Program:
    """Read a Program, verify its SHA-256 and prove its certificate again.

    Raises ProgramError, and nothing else, when the file is missing, truncated, foreign, damaged, of a newer version,
    or describes something that is not a Program. Memory is in proportion to the size of the file.
    """
    path = Path(path)
    try:
        check_envelope(path)
        with h5py.File(path, "r", locking=False) as file:
            content, seal = Reader(str(path), file, path.stat().st_size).read()
        program = build(content)
    except ProgramError as error:
        raise ProgramError(f"{path}: {error}") from error
    except NeurokitError as error:
        raise ProgramError(f"{path}: it does not describe a Program: {error}") from error
    except (OSError, LookupError, ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError) as error:
        raise ProgramError(
            f"{path}: HDF5 cannot read it ({error}). It is truncated or damaged; copy it again from its source, or "
            "compile the network again."
        ) from error
    found = digest(content)
    if found != seal:
        raise ProgramError(
            f"{path}: its content has the SHA-256 {found}, but it says {seal}. It was damaged or edited; copy it "
            "again from its source, or compile the network again."
        )
    _check_canonical(program, content, str(path))
    if program.certificate:
        _check_certificate(program, str(path))
    return program


def _write(content: Mapping[str, Value], path: Path) -> None:
    # The library crashes on a disk that is full, so it writes into memory, and the bytes go to the disk from there.
    # Metadata of HDF5 1.10 carries checksums, so damage is found by the library and not followed as an address.
    with h5py.File(path, "w", libver=("v110", "v110"), driver="core", backing_store=False) as file:
        for name in ("widths", "nodes", "certificate"):
            file.create_group(name)
        for full, value in {**content, "sha256": digest(content)}.items():
            parent, _, leaf = full.rpartition("/")
            group = file.require_group(parent) if parent else file
            if isinstance(value, np.ndarray):
                group.create_dataset(leaf, data=value, dtype=value.dtype.newbyteorder("<"))
            elif isinstance(value, str):
                text = value.encode()
                group.attrs.create(leaf, text, dtype=h5py.string_dtype("utf-8", len(text)))
            else:
                group.attrs.create(leaf, value, dtype="<f8" if isinstance(value, float) else "<i8")
        file.flush()
        image = file.id.get_file_image()
    path.write_bytes(image)


def check_envelope(path: Path) -> None:
    """Refuse what is not a regular HDF5 file with checksummed metadata, before the HDF5 library sees it."""
    try:
        status = path.stat()
    except OSError as error:
        raise ProgramError(f"it cannot be opened ({error.strerror}); check the path.") from error
    if not stat.S_ISREG(status.st_mode):
        raise ProgramError("it is not a regular file; give the path of a file that `save` wrote.")
    with path.open("rb") as file:
        head = file.read(ZIP_HEAD)
    if head.startswith(ZIP) and TORCH_ENTRY in head:
        raise ProgramError("it looks like a trained model; turn it into a Program first, with `neurokit compile`.")
    if not head.startswith(SIGNATURE):
        kind = recognise(path)
        found = "" if kind is None else f" but {kind.what}"
        remedy = (
            "give the path of a file that `save` wrote" if kind is None else kind.remedy("give one that `save` wrote")
        )
        raise ProgramError(f"it is not an HDF5 file{found}. To mend it, {remedy}.")
    if head[len(SIGNATURE) : len(SIGNATURE) + 1] not in {bytes([version]) for version in SUPERBLOCKS}:
        raise ProgramError(
            "its HDF5 superblock is older than this format uses, or damaged; give a file that `save` wrote."
        )
    end = int.from_bytes(head[END_OF_FILE], "little")
    if end != status.st_size:
        raise ProgramError(
            f"it is {status.st_size} bytes long, but its HDF5 superblock says {end}; it is truncated, or something was "
            "appended to it: copy it again from its source, or compile the network again."
        )


@dataclass(frozen=True)
class Reader:
    """Walks the file by the schema, refusing whatever the schema does not name."""

    path: str
    file: h5py.File
    size: int

    def read(self) -> tuple[dict[str, Value], str]:
        """`(content, stored SHA-256)`."""
        root = self.file["/"]
        for name in ("format", "version"):
            if name not in root.attrs:
                raise ProgramError(f"it has no attribute {name!r}, so it is not a {FORMAT} file.")
        if self.attribute(root, "format", str) != FORMAT:
            raise ProgramError(f"its format is {self.attribute(root, 'format', str)!r}, not {FORMAT!r}.")
        version = int(self.attribute(root, "version", int))
        if version not in VERSIONS:
            legal = f"{VERSIONS[0]}..{VERSIONS[-1]}"
            raise ProgramError(
                explain("its format version", version, legal, "update neurokit, or save it again with this one")
            )
        content: dict[str, Value] = {}
        self.group(
            root,
            {"format": str, "version": int, "steps": int, "sha256": str, "provenance": BYTES},
            ("widths", "nodes", "certificate"),
            "",
            content,
        )
        self.group(self.child(root, "widths"), dict.fromkeys(vars(Widths()), int), (), "widths/", content)
        nodes = self.child(root, "nodes")
        names = [f"{index:04}" for index in range(min(len(nodes), MAX_NODES))]
        self.group(nodes, {}, names, "nodes/", content)
        for name in names:
            node = self.child(nodes, name)
            kind = self.attribute(node, "type", str) if "type" in node.attrs else None
            kinds = types_of(version)
            if kind not in kinds:
                raise ProgramError(explain(f"nodes/{name}: type", repr(kind), f"one of {kinds}", "save it again"))
            self.group(node, COMMON | items_of(str(kind)), (), f"nodes/{name}/", content)
        certificate = self.child(root, "certificate")
        proved = [name for name in names if name in certificate]
        self.group(certificate, {}, proved, "certificate/", content)
        for name in proved:
            self.group(
                self.child(certificate, name), {"low": BOUND, "high": BOUND}, (), f"certificate/{name}/", content
            )
        return content, str(content.pop("sha256"))

    def group(
        self,
        group: h5py.Group,
        fields: Mapping[str, Kind],
        children: tuple[str, ...] | list[str],
        prefix: str,
        content: dict[str, Value],
    ) -> None:
        """Read `fields` of a group into `content`; the group must hold these and `children`, and nothing else."""
        arrays = {name for name, kind in fields.items() if isinstance(kind, Array)}
        where = prefix or "the file"
        for what, found, expected in (
            ("attributes", set(group.attrs), set(fields) - arrays),
            ("members", set(group), arrays | set(children)),
        ):
            if found != expected:
                raise ProgramError(
                    f"{where}: its {what} are not those of the format: missing {sorted(expected - found)[:5]}, "
                    f"unknown {sorted(found - expected)[:5]}. Save it again with this version."
                )
        for name, kind in fields.items():
            if isinstance(kind, Array):
                content[prefix + name] = self.dataset(group, name, kind)
            else:
                content[prefix + name] = self.attribute(group, name, kind)

    def child(self, group: h5py.Group, name: str) -> h5py.Group:
        """A member of the file itself that is a group."""
        if not isinstance(group.get(name, getlink=True), h5py.HardLink) or group.get(name, getclass=True) != h5py.Group:
            raise ProgramError(f"{group.name}/{name} is missing, a link or not a group; save the Program again.")
        return group[name]

    def attribute(self, group: h5py.Group, name: str, kind: type[int] | type[float] | type[str]) -> int | float | str:
        """A scalar attribute of exactly the type that the format says."""
        low = h5py.h5a.open(group.id, name.encode())
        subject = f"attribute {name!r} of {group.name}"
        scalar = low.get_space().get_simple_extent_type() == h5py.h5s.SCALAR
        if kind is str:
            stored = low.get_type()
            fixed = isinstance(stored, h5py.h5t.TypeStringID) and not stored.is_variable_str()
            padded = fixed and stored.get_strpad() == h5py.h5t.STR_NULLPAD
            if not scalar or not padded or stored.get_size() > MAX_NAME_BYTES:
                raise ProgramError(
                    f"{subject} is not a fixed-length text of at most {MAX_NAME_BYTES} bytes, padded with NULs; save "
                    "the Program again."
                )
            return bytes(self.scalar(low, low.dtype)).decode()
        expected = np.dtype("<i8" if kind is int else "<f8")
        if not scalar or low.dtype != expected:
            raise ProgramError(f"{subject} is not a scalar of dtype {expected.name}; save the Program again.")
        return kind(self.scalar(low, expected))

    @staticmethod
    def scalar(low: h5py.h5a.AttrID, dtype: np.dtype) -> Any:
        """The value of an attribute that is open already; `group.attrs[name]` would open it twice more."""
        value = np.empty((), dtype=dtype)
        low.read(value)
        return value[()]

    def dataset(self, group: h5py.Group, name: str, kind: Array) -> np.ndarray:
        """A plain dataset whose bytes lie in the file where it says."""
        where = f"dataset {group.name.rstrip('/')}/{name}"
        if (
            not isinstance(group.get(name, getlink=True), h5py.HardLink)
            or group.get(name, getclass=True) != h5py.Dataset
        ):
            raise ProgramError(f"{where} is a link or not a dataset; save the Program again.")
        data = group[name]
        expected = np.dtype(kind.dtype).newbyteorder("<")
        if data.dtype != expected or data.ndim != kind.ndim or data.shape is None or 0 in data.shape or len(data.attrs):
            raise ProgramError(
                f"{where} has dtype {data.dtype}, shape {data.shape} and {len(data.attrs)} attributes; legal is "
                f"{kind.dtype} in {kind.ndim} dimensions, not empty, without attributes. Save the Program again."
            )
        plist, offset = data.id.get_create_plist(), data.id.get_offset()
        size = expected.itemsize * int(np.prod(data.shape, dtype=object))
        limit = MAX_PROVENANCE_BYTES if kind == BYTES else self.size
        plain = (
            plist.get_layout() == h5py.h5d.CONTIGUOUS and not plist.get_external_count() and not plist.get_nfilters()
        )
        if (
            not plain
            or offset is None
            or data.id.get_storage_size() != size
            or offset + size > self.size
            or size > limit
        ):
            raise ProgramError(
                f"{where} declares {size} bytes in the shape {data.shape}, which do not lie contiguous and plain in "
                f"this file of {self.size} bytes. It is damaged, or written by another program; save it again."
            )
        return np.asarray(data[()])


def _check_canonical(program: Program, content: Mapping[str, Value], path: str) -> None:
    """The loaded Program, saved again, must be the same content: nothing was lost, added or reinterpreted."""
    again = items(program)
    differing = [key for key in {**again, **content} if _digest_of(again, key) != _digest_of(content, key)]
    if differing:
        raise ProgramError(
            f"{path}: {differing[0]!r} is not what a Program with these nodes has; save the Program again."
        )


def _digest_of(content: Mapping[str, Value], key: str) -> str:
    """SHA-256 of one item, or of nothing where it is missing."""
    return digest({key: content[key]} if key in content else {})


def proof_work(program: Program) -> int:
    """About how many operations the interval analysis takes."""
    work = 0
    for node in program.nodes:
        if isinstance(node, Spiking):
            echoes = 0 if node.recurrent is None else node.recurrent.weight.size
            work += program.steps * (PROOF_OVERHEAD + program.ports[node.name].size + echoes)
        elif isinstance(node, Conv2d):  # of the others the weights are as many as the file has bytes
            work += node.shape[0] * (LINE_OVERHEAD + WEIGHT_OVERHEAD * node.kernel[0].size)
    return work


def _check_certificate(program: Program, path: str) -> None:
    work = proof_work(program)
    if work > MAX_PROOF_WORK:
        raise ProgramError(
            f"{path}: its certificate takes {work} operations to verify, more than {MAX_PROOF_WORK}; save it without "
            "one."
        )
    try:
        proved = prove(program)
    except NeurokitError as error:
        raise ProgramError(f"{path}: its certificate does not hold: {error}") from error
    for name in {**proved, **program.certificate}:
        stored, found = program.certificate.get(name), proved.get(name)
        if (
            stored is None
            or found is None
            or not (np.array_equal(stored.low, found.low) and np.array_equal(stored.high, found.high))
        ):
            raise ProgramError(
                f"{path}: the certificate of node {name!r} is not what the interval analysis finds; compile the "
                "network again, which proves it."
            )
