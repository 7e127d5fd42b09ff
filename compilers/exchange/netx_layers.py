"""read_layers: what a netx file says, layer by layer; a field that is not known is refused, not passed over.

    layer/i/type                      `input`, `flatten`, `dense`, `dense_rec`
    layer/i/shape                     of what the layer emits
    layer/i/{inFeatures,outFeatures}  shape of a dense layer's weights
    layer/i/{weight,weight_rec}       synapses; those of one neuron, or from one line, may lie on one axis
    layer/i/{bias,delay}              of a dense layer
    layer/i/neuron/...                `NEURON` below

These are the fields that lava-dl 0.6.0 writes for such layers (`lava.lib.dl.slayer.block.base`), and those that netx
reads of them (`lava.lib.dl.netx.hdf5`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int64

from neurokit.errors import OutOfRange, ProgramError, UnsupportedNode, explain
from neurokit.system.file_kinds import recognise

#: How errors name what reads these layers.
TARGET = "the import of netx files"
_DENSE = frozenset({"shape", "inFeatures", "outFeatures", "weight", "bias", "delay"})
#: Fields of a layer beside its type and its neuron, by type.
FIELDS: Mapping[str, frozenset[str]] = {
    "input": frozenset({"shape"}),
    "flatten": frozenset({"shape"}),
    "dense": _DENSE,
    "dense_rec": _DENSE | {"weight_rec"},
}
#: Fields of a neuron that are read.
NEURON = frozenset({"type", "iDecay", "vDecay", "vThMant", "wgtExp"})
#: Fields of a neuron that change no spike, and why.
HARMLESS: Mapping[str, str] = {
    "theta": "64 times vThMant, the threshold in the unit that training uses",
    "tauRho": "width of the surrogate gradient, for training alone",
    "scaleRho": "height of the surrogate gradient, for training alone",
}
#: Fields of a neuron with one value that a Program can say: a spike blocks no step but its own, and carries one bit.
ALONE: Mapping[str, Any] = {"refDelay": 1, "gradedSpike": False, "messageBits": 0}


@dataclass(frozen=True, eq=False)
class FileLayer:
    """One layer of the file: its name for errors, its type, its datasets and those of its neuron, which may be none."""

    name: str
    kind: str
    arrays: dict[str, Any]
    neuron: dict[str, Any]

    @property
    def size(self) -> int | None:
        """Lines that the layer emits by its `shape`, or None where it has none."""
        shape = self.arrays.get("shape")
        return None if shape is None else int(np.prod(np.asarray(shape)))

    def weights(self, key: str) -> Int64[np.ndarray, "out in"]:
        """`weight` or `weight_rec` as `(out, in)`, on one axis by `outFeatures` or else by `shape`.

        Raises ProgramError where there are none, OutOfRange for what is no matrix of integers or contradicts
        `outFeatures`, `inFeatures` or `shape`.
        """
        if key not in self.arrays:
            raise ProgramError(explain(f"{self.name}: {key}", None, "a matrix", "export the network again"))
        array = np.asarray(self.arrays[key])
        if array.ndim < 2:  # some exports squeeze them
            rows = self._count("outFeatures") or self.size or 0
            if rows < 1 or array.size % rows:
                legal = "a matrix (out, in), or one axis beside outFeatures or a shape that divides it"
                remedy = "export the network again"
                raise OutOfRange(explain(f"{self.name}: shape of {key}", array.shape, legal, remedy))
            array = array.reshape(rows, -1)
        if array.dtype.kind not in "fiu" or array.ndim != 2 or (array != np.round(array)).any():
            legal, found = "a matrix (out, in) of integers", f"of shape {array.shape} and dtype {array.dtype}"
            remedy = "export with slayer's quantised weights"
            raise OutOfRange(explain(f"{self.name}: {key}", found, legal, remedy))
        if key == "weight":
            said = {"outFeatures": self._count("outFeatures"), "inFeatures": self._count("inFeatures")}
            for field, count, size in (*zip(said, said.values(), array.shape, strict=True), self._emits(array)):
                if count not in (None, size):
                    legal = f"{size}, as the weights say"
                    raise OutOfRange(explain(f"{self.name}: {field}", count, legal, "export the network again"))
        return array.astype(np.int64)

    def _emits(self, weight: np.ndarray) -> tuple[str, int | None, int]:
        return "lines of its shape", self.size, len(weight)

    def _count(self, key: str) -> int | None:
        """A number of lines, or None where it is not said."""
        if key not in self.arrays:
            return None
        values = np.asarray(self.arrays[key])
        if values.size != 1 or values.dtype.kind not in "iu" or values.flat[0] < 1:
            legal = "one integer of at least 1"
            raise OutOfRange(explain(f"{self.name}: {key}", values.tolist(), legal, "export the network again"))
        return int(values.flat[0])


def read_layers(path: Path) -> list[FileLayer]:
    """All layers of a netx file in order, every field of them known.

    Raises ProgramError for anything that is no netx file, UnsupportedNode for a layer or a field that is not known.
    """
    try:
        with h5py.File(path) as file:
            groups = file["layer"]
            layers = [_layer(f"layer{i}", groups[str(i)]) for i in range(len(groups))]
    except FileNotFoundError:
        raise ProgramError(f"there is no file {str(path)!r}; give the path of a netx file (.net).") from None
    except (OSError, KeyError, TypeError, AttributeError, ValueError, UnicodeDecodeError) as error:
        kind = recognise(path)
        found = f"no netx file ({error!r})" if kind is None else f"no netx file but {kind.what}"
        remedy = "export the network again" if kind is None else kind.remedy("export the network again")
        raise ProgramError(explain(str(path), found, "groups layer/0, layer/1, ...", remedy)) from error
    for layer in layers:
        _require_known(layer)
    return layers


def _layer(name: str, group: h5py.Group) -> FileLayer:
    neuron: dict[str, Any] = {}
    if "neuron" in group:
        neuron = {key: _value(item) for key, item in group["neuron"].items()}
        neuron["type"] = _word(neuron["type"])
    arrays = {key: _value(item) for key, item in group.items() if key not in ("type", "neuron")}
    return FileLayer(name, _word(group["type"][()]), arrays, neuron)


class _Group:
    """Stands where a dataset should be; h5py would return names."""


def _value(item: h5py.Dataset | h5py.Group) -> Any:
    return item[()] if isinstance(item, h5py.Dataset) else _Group()


def _word(value: Any) -> str:
    found = np.atleast_1d(value)[0]
    return str(found.decode("ascii") if isinstance(found, bytes) else found)


def _require_known(layer: FileLayer) -> None:
    """Refuse a layer of a type without a place in a Program, and whatever it says beyond what is read of it."""
    if layer.kind not in FIELDS:
        remedy = "Export a network of Dense and Recurrent blocks."
        raise _refused(layer, "it has no place in a Program, which reads dense and dense_rec", remedy)
    if layer.kind == "input" and (layer.neuron or layer.arrays.keys() - FIELDS["input"]):
        drives = {key: np.asarray(layer.arrays[key]).tolist() for key in ("weight", "bias") if key in layer.arrays}
        neurons = f"{layer.neuron['type']} neurons" if layer.neuron else "no neurons"
        reason = f"it has {neurons} behind an affine map of the input ({drives or 'netx has 64 as its weight'})"
        remedy = "Export the network without neurons at its input; the Program's Input holds integers over the window."
        raise _refused(layer, reason, remedy)
    for where, found, known in (
        ("", layer.arrays, FIELDS[layer.kind]),
        ("neuron/", layer.neuron, NEURON | HARMLESS.keys() | ALONE.keys()),
    ):
        for key, value in found.items():
            if key not in known:
                reason = f"its field {where}{key} has no place in a Program"
                raise _refused(layer, reason, "Export the network without it.")
            if isinstance(value, _Group):
                complex_ = "its weights are complex, those of resonate-and-fire neurons"
                reason = complex_ if key == "weight" else f"its {where}{key} is a group"
                raise _refused(layer, reason, "Export the network with one array of it.")
    for key, legal in ALONE.items():
        said = layer.neuron.get(key, legal)
        if np.any(np.asarray(said) != legal):
            reason = f"its neuron/{key} is {said}, and a Program has {legal} alone"
            raise _refused(layer, reason, f"Train with {key} = {legal}.")


def _refused(layer: FileLayer, reason: str, remedy: str) -> UnsupportedNode:
    return UnsupportedNode(layer.name, layer.kind, TARGET, reason, remedy)
