"""A reader of Program files that refuses what docs/program-format.md does not allow, written from it alone.

It knows nothing of neurokit: if both refuse the same files, the document says all that one needs.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

VECTOR, BYTES, BOUND = ("int32", 1), ("uint8", 1), ("int64", 1)
SYNAPSES: dict[str, Any] = {"source": str, "bias": VECTOR, "exponent": int, "delay": int, "scale": float}
NEURONS: dict[str, Any] = dict.fromkeys(("source", "neuron", "reset"), str)
NEURONS |= {"threshold": int, "alpha": int, "beta": int, "scale": float}
ADAPTIVE: dict[str, Any] = {"source": str, "reset": str, "scale": float}
ADAPTIVE |= dict.fromkeys(("threshold", "beta", "rho", "rise"), int)
PAIRS = {"stride": VECTOR, "padding": VECTOR, "dilation": VECTOR}
COMMON: dict[str, Any] = {"type": str, "name": str, "latency": int}
TYPES: dict[str, dict[str, Any]] = {
    "Input": {"low": VECTOR, "high": VECTOR, "scale": float},
    "InputByLine": {"low": VECTOR, "high": VECTOR, "scale": ("float64", 1), "offset": ("float64", 1)},
    "Dense": SYNAPSES | {"weight": ("int8", 2)},
    "Sparse": SYNAPSES | {"starts": ("int64", 1), "columns": VECTOR, "values": ("int8", 1), "width": int},
    "Conv2d": SYNAPSES | PAIRS | {"kernel": ("int8", 4), "image": VECTOR, "groups": int},
    "Spiking": NEURONS,
    "Recurrent": NEURONS | {"weight": ("int8", 2), "exponent": int},
    "ALIF": ADAPTIVE,
    "RecurrentALIF": ADAPTIVE | {"weight": ("int8", 2), "exponent": int},
    "Sum": {"sources": VECTOR, "scale": float},
    "Readout": {"source": str, "rule": str, "shift": int, "offset": VECTOR, "scale": float},
    "Product": {"left": str, "right": str, "shift": int, "scale": float},
    "Output": {"source": str, "scale": float, "offset": float},
    "OutputByLine": {"source": str, "scale": float, "offset": ("float64", 1)},
}
OUTPUTS = ("Output", "OutputByLine")
NEURON_TYPES = ("Spiking", "Recurrent", "ALIF", "RecurrentALIF")


class Refused(Exception):
    """The file is not a Program."""


@dataclass
class Content:
    """Steps, widths and nodes of a file; arrays are nested lists."""

    steps: int
    widths: dict[str, int]
    nodes: list[dict[str, Any]]


def demand(legal: object, what: str) -> None:
    if not legal:
        raise Refused(what)


def read(path: Path) -> Content:
    """What a file says, or Refused."""
    head = path.read_bytes()[:48]
    demand(head[:8] == b"\x89HDF\r\n\x1a\n" and head[8] in (2, 3) and head[9] == 8, "superblock")
    demand(int.from_bytes(head[28:36], "little") == path.stat().st_size, "length")
    try:
        with h5py.File(path, "r") as file:
            return _content(file)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise Refused(str(error)) from error


def _content(file: h5py.File) -> Content:
    numbers = {"format": str, "version": int, "steps": int, "sha256": str, "provenance": BYTES}
    root = _group(file, numbers, ("widths", "nodes", "certificate"))
    demand(root["format"] == "neurokit-program" and root["version"] in (2, 3, 4), "format")
    demand(1 <= root["steps"] <= 16384, "steps")
    widths = _group(file["widths"], dict.fromkeys(("synapse", "membrane", "accumulator", "message", "product"), int))
    demand(all(2 <= bits <= 32 for bits in widths.values()), "widths")
    indices = [f"{n:04}" for n in range(len(file["nodes"]))]
    demand(len(indices) <= 9999, "number of nodes")
    _group(file["nodes"], {}, indices)
    nodes = [_node(file["nodes"][index]) for index in indices]
    _connect(nodes)
    since = {"InputByLine": 3, "OutputByLine": 3, "ALIF": 4, "RecurrentALIF": 4}
    demand(root["version"] == max((since.get(node["type"], 2) for node in nodes), default=2), "version")
    proved = [index for index, node in zip(indices, nodes, strict=True) if node["type"] not in OUTPUTS]
    _group(file["certificate"], {}, proved if len(file["certificate"]) else ())
    for index in file["certificate"]:
        bounds = _group(file["certificate"][index], {"low": BOUND, "high": BOUND})
        demand(len(bounds["low"]) == len(bounds["high"]) == nodes[int(index)]["lines"], "certificate")
    _provenance(bytes(root["provenance"]))
    demand(root["sha256"] == seal(file), "sha256")
    return Content(root["steps"], widths, nodes)


def _group(group: Any, items: dict[str, Any], members: Iterable[str] = ()) -> dict[str, Any]:
    """The items of a group, which must be all that it has beside `members`."""
    demand(isinstance(group, h5py.Group), "not a group")
    arrays = {key for key, kind in items.items() if isinstance(kind, tuple)}
    demand(set(group) == arrays | set(members), f"members of {group.name}")
    demand(set(group.attrs) == set(items) - arrays, f"attributes of {group.name}")
    demand(all(isinstance(group.get(key, getlink=True), h5py.HardLink) for key in group), f"a link in {group.name}")
    return {
        key: _array(group[key], kind) if key in arrays else _scalar(group, key, kind) for key, kind in items.items()
    }


def _array(data: Any, kind: tuple[str, int]) -> list[Any]:
    demand(isinstance(data, h5py.Dataset), "not an array")
    demand(data.dtype == np.dtype(kind[0]).newbyteorder("<") and data.ndim == kind[1], f"dtype or shape of {data.name}")
    demand(data.size and not len(data.attrs), f"{data.name} is empty or has attributes")
    plist = data.id.get_create_plist()
    plain = plist.get_layout() == h5py.h5d.CONTIGUOUS and not plist.get_external_count()
    demand(plain and data.id.get_offset() is not None and data.nbytes == data.id.get_storage_size(), "not contiguous")
    return list(data[()].tolist())


def _scalar(group: h5py.Group, key: str, kind: type) -> Any:
    attribute = h5py.h5a.open(group.id, key.encode())
    where, stored = f"{key} of {group.name}", attribute.get_type()
    demand(attribute.get_space().get_simple_extent_type() == h5py.h5s.SCALAR, where)
    value = np.empty((), attribute.dtype)
    if kind is not str:
        demand(attribute.dtype == np.dtype("<i8" if kind is int else "<f8"), where)
        attribute.read(value)
        demand(math.isfinite(value.item()), where)
        return value.item()
    demand(isinstance(stored, h5py.h5t.TypeStringID) and not stored.is_variable_str(), where)
    demand(stored.get_strpad() == h5py.h5t.STR_NULLPAD and stored.get_size() <= 255, where)
    attribute.read(value)
    text = bytes(value[()])
    demand(len(text) == stored.get_size() and b"\0" not in text, where)
    return text.decode()


def _node(group: Any) -> dict[str, Any]:
    demand(isinstance(group, h5py.Group) and "type" in group.attrs, "a node without a type")
    kind = _scalar(group, "type", str)
    demand(kind in TYPES, f"type {kind}")
    return _group(group, COMMON | TYPES[kind])


def _connect(nodes: list[dict[str, Any]]) -> None:
    """Check every node against those before it, and add its number of lines and how its value lives in time."""
    known: dict[str, dict[str, Any]] = {}
    for index, node in enumerate(nodes):
        demand(node["name"] not in known, "two nodes of one name")
        if node["type"] == "Sum":
            demand(all(0 <= n < index for n in node["sources"]), "sources")
            names = [nodes[n]["name"] for n in node["sources"]]
        else:
            names = [node[key] for key in ("source", "left", "right") if key in node]
        demand(all(name in known for name in names), "a source that does not come before its reader")
        sources = [known[name] for name in names]
        demand(all(source["type"] not in OUTPUTS for source in sources), "an Output is read")
        node["lines"], node["time"] = _rules(node, sources)
        late = max((source["latency"] for source in sources), default=0)
        demand(node["latency"] == late + (node["type"] in ("Dense", "Sparse", "Conv2d")), "latency")
        known[node["name"]] = node
    demand(any(node["type"] in OUTPUTS for node in nodes), "no Output")


def _rules(node: dict[str, Any], sources: list[dict[str, Any]]) -> tuple[int, str]:
    """`(lines, time)` of what a node emits, once its numbers are legal."""
    kind = node["type"]
    scales = node["scale"] if kind == "InputByLine" else [node["scale"]]
    demand(kind in OUTPUTS or all(scale > 0 for scale in scales), "scale")
    demand("exponent" not in node or -7 <= node["exponent"] <= 6, "exponent")
    if kind == "InputByLine":
        offsets = node["offset"]
        demand(len(scales) == len(offsets) == len(node["low"]), "scale and offset")
        demand(all(map(math.isfinite, [*scales, *offsets])), "scale and offset")
        demand(any(offsets) or any(scale != scales[0] for scale in scales), "what an Input can say")
    if kind in ("Input", "InputByLine"):
        demand(len(node["low"]) == len(node["high"]), "low and high")
        demand(all(low <= high for low, high in zip(node["low"], node["high"], strict=True)), "low and high")
        return len(node["low"]), "held"
    lines, times = sources[0]["lines"], {source["time"] for source in sources}
    demand(all(source["lines"] == lines for source in sources), "sizes of sources")
    if kind in ("Dense", "Sparse", "Conv2d"):
        (time,) = times
        demand(0 <= node["delay"] <= (62 if time == "series" else 0), "delay")
        demand(all(abs(b) < 2**20 for b in node["bias"]), "bias")
        return {"Dense": _dense, "Sparse": _sparse, "Conv2d": _conv2d}[kind](node, lines), time
    if kind == "Sum":
        demand(times == {"total"} or "total" not in times, "totals and others in a Sum")
        return lines, "series" if "series" in times else times.pop()
    if kind in NEURON_TYPES:
        demand("total" not in times, "neurons that read totals")
        _neuron(node)
        if kind.startswith("Recurrent"):
            demand(len(node["weight"]) == len(node["weight"][0]) == lines, "recurrent weight")
        return lines, "series"
    if kind == "Readout":
        demand(times == {"series"} and node["rule"] in ("rate", "memmean") and 0 <= node["shift"] <= 7, "Readout")
        demand(len(node["offset"]) == lines and all(abs(v) < 2**20 for v in node["offset"]), "offset")
    else:
        demand(times == {"total"}, f"{kind} of what is no total")
        demand(kind in OUTPUTS or 0 <= node["shift"] <= 31, "shift")
    if kind == "OutputByLine":
        demand(len(node["offset"]) == lines and all(map(math.isfinite, node["offset"])), "offset")
        demand(any(value != node["offset"][0] for value in node["offset"]), "one offset for all lines")
    return lines, "total"


def _dense(node: dict[str, Any], lines: int) -> int:
    demand(len(node["weight"]) == len(node["bias"]) and len(node["weight"][0]) == lines, "Dense")
    return len(node["weight"])


def _sparse(node: dict[str, Any], lines: int) -> int:
    starts, columns = node["starts"], node["columns"]
    demand(node["width"] == lines and len(node["values"]) == len(columns), "Sparse")
    demand(starts[0] == 0 and starts[-1] == len(columns) and len(starts) == len(node["bias"]) + 1, "starts")
    demand(all(one <= other for one, other in pairwise(starts)), "starts")
    demand(all(0 <= column < lines for column in columns), "columns")
    for first, end in pairwise(starts):
        row = columns[first:end]
        demand(all(one < other for one, other in pairwise(row)), "columns")
    return len(starts) - 1


def _conv2d(node: dict[str, Any], lines: int) -> int:
    kernel = np.shape(node["kernel"])
    demand(len(node["image"]) == 3 and all(len(node[key]) == 2 for key in PAIRS), "geometry")
    demand(min(*node["image"], *node["stride"], *node["dilation"], node["groups"]) >= 1, "geometry")
    demand(min(node["padding"]) >= 0 and math.prod(node["image"]) == lines, "geometry")
    channels, groups = node["image"][0], node["groups"]
    demand(channels % groups == 0 and kernel[0] % groups == 0 and kernel[1] == channels // groups, "groups")
    size = [kernel[0]]
    for axis in (0, 1):
        room = node["image"][1 + axis] + 2 * node["padding"][axis]
        size.append((room - node["dilation"][axis] * (kernel[2 + axis] - 1) - 1) // node["stride"][axis] + 1)
    demand(min(size) >= 1 and math.prod(size) <= 2**24 and len(node["bias"]) == kernel[0], "result of Conv2d")
    return math.prod(size)


def _neuron(node: dict[str, Any]) -> None:
    threshold, beta = node["threshold"], node["beta"]
    demand(node["reset"] in ("subtract", "zero"), "reset")
    if "rho" in node:
        demand(1 <= threshold <= 131071 and 0 <= beta <= 4096 and 0 <= node["rho"] <= 4096, "ALIF")
        demand(1 <= node["rise"] <= 8388607, "rise")
        return
    alpha = node["alpha"]
    demand(node["neuron"] in ("IF", "LIF", "CubaLIF"), "neuron")
    if node["neuron"] == "IF":
        demand(threshold in {k * 2**e for k in range(1, 256) for e in range(8)}, "threshold")
        demand((alpha, beta) == (0, 4096), "decays")
    else:
        demand(1 <= threshold <= 131071 and 0 <= beta <= 4096, "LIF")
        demand(0 <= alpha <= (4096 if node["neuron"] == "CubaLIF" else 0), "alpha")


def _provenance(data: bytes) -> None:
    demand(len(data) <= 2**20, "provenance")
    made = json.loads(data.decode())
    demand(isinstance(made, dict) and all(isinstance(value, str) for value in made.values()), "provenance")
    demand(json.dumps(made, sort_keys=True, separators=(",", ":")).encode() == data, "provenance")


def seal(file: h5py.File) -> str:
    """SHA-256 as the document defines it."""
    entries: dict[bytes, tuple[bytes, bytes]] = {}

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            shape = "x".join(map(str, item.shape))
            entries[name.encode()] = f"{item.dtype.name} {shape}".encode(), item[()].tobytes()
        for key, value in item.attrs.items():
            full = f"{name}/{key}".lstrip("/").encode()
            if isinstance(value, bytes):
                entries[full] = f"str {len(value)}".encode(), bytes(value)
            else:
                entries[full] = (b"int" if value.dtype == "<i8" else b"float"), value.tobytes()

    add("", file)
    file.visititems(add)
    entries.pop(b"sha256", None)
    stream = b"".join(b"%s\n%s\n%s\n" % (name, kind, data) for name, (kind, data) in sorted(entries.items()))
    return hashlib.sha256(stream).hexdigest()
