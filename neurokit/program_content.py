"""The content of a Program's file as a flat mapping `path -> value`, and the Program that a content describes.

The file, its SHA-256 and the check after loading are three uses of this one mapping; `docs/program-format.md` says it
in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurokit.errors import ProgramError, explain
from neurokit.integers import Widths
from neurokit.neurons import IF, Reset, Subtract, ToZero
from neurokit.program import Dense, Input, Interval, Output, Product, Program, ProgramNode, Readout, Spiking
from neurokit.readouts import RULES

FORMAT, VERSION = "neurokit-program", 1
#: How the file names a reset.
RESETS: dict[str, Reset] = {"subtract": Subtract(), "zero": ToZero()}
#: Sane limits on what is read.
MAX_NODES, MAX_NAME_BYTES, MAX_PROVENANCE_BYTES = 9999, 255, 2**20

Value = int | float | str | np.ndarray


@dataclass(frozen=True)
class Array:
    """A dataset's dtype and number of dimensions."""

    dtype: str
    ndim: int


Kind = type[int] | type[float] | type[str] | Array

VECTOR = Array("int32", 1)
BOUND = Array("int64", 1)
BYTES = Array("uint8", 1)
COMMON: dict[str, Kind] = {"type": str, "name": str, "latency": int}
SCHEMA: dict[str, dict[str, Kind]] = {
    "Input": {"low": VECTOR, "high": VECTOR, "scale": float},
    "Dense": {"source": str, "weight": Array("int8", 2), "bias": VECTOR, "exponent": int, "scale": float},
    "Spiking": {"source": str, "threshold": int, "reset": str, "scale": float},
    "Readout": {"source": str, "rule": str, "shift": int, "scale": float, "offset": VECTOR},
    "Product": {"left": str, "right": str, "shift": int, "scale": float},
    "Output": {"source": str, "scale": float, "offset": float},
}
NODES: dict[str, Callable[..., ProgramNode]] = {
    "Input": Input,
    "Dense": Dense,
    "Spiking": lambda threshold, reset, **rest: Spiking(neuron=IF(threshold, _chosen("reset", reset, RESETS)), **rest),
    "Readout": lambda rule, **rest: Readout(rule=_chosen("readout rule", rule, RULES), **rest),
    "Product": Product,
    "Output": Output,
}


def items(program: Program) -> dict[str, Value]:
    """Everything in the file but its SHA-256, as `path -> value`; raises ProgramError for what it cannot hold."""
    content: dict[str, Value] = {"format": FORMAT, "version": VERSION, "steps": int(program.steps)}
    content |= {f"widths/{kind}": int(bits) for kind, bits in vars(program.widths).items()}
    if len(program.nodes) > MAX_NODES:
        raise ProgramError(explain("the Program", f"{len(program.nodes)} nodes", f"at most {MAX_NODES}", "split it"))
    for index, node in enumerate(program.nodes):
        fields = _fields(node) | {"type": type(node).__name__, "name": node.name, "latency": program.latency[node.name]}
        if isinstance(node, Readout) and not node.offset.size:
            fields["offset"] = np.zeros(program.wires[node.name].size, dtype=np.int32)  # an offset is never left out
        for field, kind in (COMMON | SCHEMA[type(node).__name__]).items():
            content[f"nodes/{index:04}/{field}"] = _typed(f"node {node.name!r}: {field}", fields[field], kind)
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
        NODES[fields["type"]](**{k: v for k, v in fields.items() if k not in ("type", "latency")})
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


def _fields(node: ProgramNode) -> dict[str, Any]:
    """The node's fields by the names that the file gives them."""
    fields = dict(vars(node))
    if isinstance(node, Spiking):
        reset = [name for name, choice in RESETS.items() if choice == node.neuron.reset]
        if type(node.neuron) is not IF or not reset:
            raise ProgramError(
                explain(f"node {node.name!r}: neuron", node.neuron, f"an IF, reset {sorted(RESETS)}", "use one of them")
            )
        fields |= {"threshold": node.threshold, "reset": reset[0]}
    if isinstance(node, Readout):
        if RULES.get(node.rule.name) != node.rule:
            raise ProgramError(
                explain(f"node {node.name!r}: readout rule", node.rule, f"one of {sorted(RULES)}", "use one of them")
            )
        fields["rule"] = node.rule.name
    return fields


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


def _chosen(what: str, name: str, choices: Mapping[str, Any]) -> Any:
    if name not in choices:
        raise ProgramError(explain(f"the {what}", repr(name), f"one of {sorted(choices)}", "update neurokit"))
    return choices[name]
