"""The content of a Program's file as a flat mapping `path -> value`, and the Program that a content describes.

The file, its SHA-256 and the check after loading are three uses of this one mapping; `docs/program-format.md` says it
in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurokit.errors import ProgramError, explain
from neurokit.ir.fixed_point import Widths
from neurokit.ir.hdf5_schema import COMMON, Array, Kind, fields_of, items_of, kind_of, node_of, since
from neurokit.ir.program import Interval, Program

FORMAT = "neurokit-program"
#: Versions of the format that are read; a Program is written in the oldest that has all its types of nodes.
VERSIONS = range(2, 5)
#: Sane limits on what is read.
MAX_NODES, MAX_NAME_BYTES, MAX_PROVENANCE_BYTES = 9999, 255, 2**20

Value = int | float | str | np.ndarray

BOUND = Array("int64", 1)
BYTES = Array("uint8", 1)


def items(program: Program) -> dict[str, Value]:
    """Everything in the file but its SHA-256, as `path -> value`; raises ProgramError for what it cannot hold."""
    version = max((since(kind_of(node)) for node in program.nodes), default=0)
    version = max(version, VERSIONS[0])
    content: dict[str, Value] = {"format": FORMAT, "version": version, "steps": int(program.steps)}
    content |= {f"widths/{kind}": int(bits) for kind, bits in vars(program.widths).items()}
    if len(program.nodes) > MAX_NODES:
        raise ProgramError(explain("the Program", f"{len(program.nodes)} nodes", f"at most {MAX_NODES}", "split it"))
    for index, node in enumerate(program.nodes):
        kind = kind_of(node)
        fields = fields_of(node, program) | {"type": kind, "name": node.name, "latency": program.latency[node.name]}
        for field, what in (COMMON | items_of(kind)).items():
            content[f"nodes/{index:04}/{field}"] = _typed(f"node {node.name!r}: {field}", fields[field], what)
    positions = {node.name: index for index, node in enumerate(program.nodes)}
    for name, interval in program.certificate.items():
        if name not in positions:
            raise ProgramError(explain("a node of the certificate", repr(name), "a node of the Program", "prove again"))
        content[f"certificate/{positions[name]:04}/low"] = np.asarray(interval.low, dtype=np.int64)
        content[f"certificate/{positions[name]:04}/high"] = np.asarray(interval.high, dtype=np.int64)
    content["provenance"] = _provenance_bytes(program.provenance)
    return content


def build(content: Mapping[str, Value]) -> Program:
    """The Program that a content describes; the nodes themselves check their numbers and edges."""
    nodes: dict[str, dict[str, Any]] = {}
    bounds: dict[str, dict[str, Any]] = {}
    for path, value in content.items():
        top, _, rest = path.partition("/")
        if top in ("nodes", "certificate"):
            index, _, field = rest.partition("/")
            (nodes if top == "nodes" else bounds).setdefault(index, {})[field] = value
    names = {index: fields["name"] for index, fields in nodes.items()}
    made = [
        node_of(fields["type"], {k: v for k, v in fields.items() if k not in ("type", "latency")}, list(names.values()))
        for fields in nodes.values()
    ]
    widths = {path.removeprefix("widths/"): value for path, value in content.items() if path.startswith("widths/")}
    try:
        provenance = json.loads(content["provenance"].tobytes().decode())  # type: ignore[union-attr]
    except (ValueError, RecursionError) as error:
        raise ProgramError(f"its provenance is not JSON ({error}); it was damaged or edited.") from error
    if not isinstance(provenance, dict) or not all(isinstance(value, str) for value in provenance.values()):
        raise ProgramError("its provenance is not a JSON object of texts; save the Program again.")
    return Program(
        nodes=tuple(made),
        steps=content["steps"],  # type: ignore[arg-type]
        widths=Widths(**widths),  # type: ignore[arg-type]
        certificate={names[index]: Interval(**bound) for index, bound in bounds.items()},
        provenance=provenance,
    )


def digest(content: Mapping[str, Value]) -> str:
    """SHA-256, in hexadecimal, of a content: its items in the byte order of their paths, each as path, kind and data.

    An item contributes `path LF kind LF data LF`, with the kind `int` or `float` (data: 8 bytes, little-endian),
    `str N` (data: N bytes of UTF-8) or `dtype D1xD2` (data: row-major, little-endian).
    """
    stream = hashlib.sha256()
    for path in sorted(content, key=lambda text: text.encode()):
        value = content[path]
        if isinstance(value, np.ndarray):
            little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
            kind, data = f"{value.dtype.name} {'x'.join(map(str, value.shape))}", little.tobytes()
        elif isinstance(value, str):
            data = value.encode()
            kind = f"str {len(data)}"
        elif isinstance(value, float):
            kind, data = "float", np.array(value, dtype="<f8").tobytes()
        else:
            kind, data = "int", np.array(value, dtype="<i8").tobytes()
        stream.update(f"{path}\n{kind}\n".encode())
        stream.update(data)
        stream.update(b"\n")
    return stream.hexdigest()


def _typed(subject: str, value: Any, kind: Kind) -> Value:
    if isinstance(kind, Array):
        return np.asarray(value, dtype=kind.dtype)
    if kind is not str:
        return kind(value)
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise ProgramError(explain(subject, ascii(value), "text that UTF-8 can encode", "rename it")) from error
    if not 1 <= size <= MAX_NAME_BYTES or "\0" in value:
        raise ProgramError(
            explain(subject, ascii(value), f"1..{MAX_NAME_BYTES} bytes of UTF-8 without NUL", "use a shorter name")
        )
    return str(value)


def _provenance_bytes(provenance: Mapping[str, str]) -> np.ndarray:
    for key, value in provenance.items():
        if not (isinstance(key, str) and isinstance(value, str)):
            raise ProgramError(explain(f"provenance {key!r}", repr(value), "text", "convert it to a string"))
    text = json.dumps(dict(provenance), sort_keys=True, separators=(",", ":")).encode()
    if len(text) > MAX_PROVENANCE_BYTES:
        raise ProgramError(
            explain("the provenance", f"{len(text)} bytes", f"at most {MAX_PROVENANCE_BYTES}", "shorten its values")
        )
    return np.frombuffer(text, dtype=np.uint8)
