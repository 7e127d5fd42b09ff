"""import_netx: a network that lava-dl's slayer trained and exported -> Program, exactly as Loihi's neuron runs it.

    dense, dense_rec   Dense of the file's even weights as `2 * int8`; recurrent synapses onto the layer itself
    CUBA, LOIHI        CubaLIF, reset to zero, firing above `vThMant`; `4096 - iDecay` and `4096 - vDecay` are kept
    flatten            nothing: lines are in order already
    input              nothing, if it has no neuron

Slayer's blocks shift their spikes by one step each (`delay_shift=True`), which is the step of a synapse on the chip; a
Program's local time has none of these shifts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int64

from neurokit import __version__
from neurokit.compilers.bounds import prove
from neurokit.errors import OutOfRange, ProgramError, UnsupportedNode, explain
from neurokit.file_kinds import recognise
from neurokit.integers import DECAY_BITS, EXPONENTS, Decay12
from neurokit.neurons import CubaLIF, ToZero
from neurokit.program import Dense, Input, Output, Program, ProgramNode, Readout, Recurrent, Spiking
from neurokit.readouts import Rate

_TARGET = "the import of netx files"
_KEEP_ALL = 2**DECAY_BITS
#: Even weights are halved and get an exponent of one; a Program's reaches to 6.
LARGEST_WEIGHT_EXPONENT = EXPONENTS[-1] - 1
#: Fields of a layer and of its neuron that are read, or that do not matter (None), and those that may say one thing
#: alone. `theta`, `tauRho` and `scaleRho` are for training: the threshold in 64ths, and the surrogate's shape.
_ARRAYS: dict[str, Any] = dict.fromkeys(("shape", "weight", "weight_rec", "bias", "delay", "inFeatures", "outFeatures"))
_NEURON: dict[str, Any] = {
    **dict.fromkeys(("type", "iDecay", "vDecay", "vThMant", "wgtExp", "theta", "tauRho", "scaleRho")),
    "refDelay": 1,
    "gradedSpike": False,
}


def import_netx(path: str | Path, *, steps: int, low: int = 0, high: int = 1) -> Program:
    """Read the netx file of a slayer network as a Program over windows of `steps` steps.

    Its input `x` are integers `low..high` on every line, held over the window; its output `y` is the mean spike count
    a step of the last layer's neurons. The Program is proved.

    Raises UnsupportedNode for a layer or neuron without a place in a Program, OutOfRange for numbers that do not fit,
    ProgramError for a file that is no netx file.
    """
    layers = _layers(Path(path))
    nodes: list[ProgramNode] = []
    for i, layer in layers.items():
        name = f"layer{i}"
        if layer.kind == "flatten" or (layer.kind == "input" and not layer.neuron):
            continue
        if layer.kind not in ("dense", "dense_rec"):
            remedy = "Export a network of Dense and Recurrent blocks."
            raise UnsupportedNode(name, layer.kind, _TARGET, "it has no place in a Program", remedy)
        weight = _matrix(name, layer)
        if not nodes:
            nodes.append(Input("x", np.full(weight.shape[1], low), np.full(weight.shape[1], high), scale=1.0))
        nodes += _population(name, layer, weight, nodes[-1].name)
    if not nodes:
        raise ProgramError(explain(f"{path}: layers", sorted(layers), "at least one dense", "export the network again"))
    end = nodes[-1].name
    nodes += [Readout("count", end, Rate()), Output("y", "count", scale=1 / steps)]
    made = {"neurokit": __version__, "made": f"imported from the netx file {Path(path).name}"}
    program = Program(tuple(nodes), steps, provenance=made)
    return Program(program.nodes, steps, certificate=prove(program), provenance=made)


@dataclass(frozen=True, eq=False)
class _Layer:
    """What a layer of the file says."""

    kind: str
    arrays: dict[str, Any]
    neuron: dict[str, Any]


def _layers(path: Path) -> dict[int, _Layer]:
    """All layers by their number; raises ProgramError for anything that is no netx file."""
    try:
        with h5py.File(path) as file:
            groups = file["layer"]
            return {i: _layer(groups[str(i)]) for i in range(len(groups))}
    except FileNotFoundError:
        raise ProgramError(f"there is no file {str(path)!r}; give the path of a netx file (.net).") from None
    except (OSError, KeyError, TypeError, AttributeError, ValueError, UnicodeDecodeError) as error:
        kind = recognise(Path(path))
        found = f"no netx file ({error!r})" if kind is None else f"no netx file but {kind.what}"
        remedy = "export the network again" if kind is None else kind.remedy("export the network again")
        raise ProgramError(explain(str(path), found, "groups layer/0, layer/1, ...", remedy)) from error


def _layer(group: h5py.Group) -> _Layer:
    arrays = {
        key: item[()] if isinstance(item, h5py.Dataset) else None
        for key, item in group.items()
        if key not in ("type", "neuron")
    }
    neuron = {}
    if "neuron" in group:
        neuron = {key: item[()] for key, item in group["neuron"].items()}
        neuron["type"] = _word(neuron["type"])
    return _Layer(_word(group["type"][()]), arrays, neuron)


def _word(value: Any) -> str:
    found = np.atleast_1d(value)[0]
    return str(found.decode("ascii") if isinstance(found, bytes) else found)


def _population(name: str, layer: _Layer, weight: np.ndarray, source: str) -> list[ProgramNode]:
    """The synapses and neurons of a layer."""
    kind = layer.neuron.get("type", "no neuron")
    if kind not in ("CUBA", "LOIHI"):
        raise UnsupportedNode(name, kind, _TARGET, "it is no CUBA neuron", "Export a network of CUBA blocks.")
    delay = np.asarray(layer.arrays.get("delay", 0))
    if delay.any():
        alike = (delay == delay.flat[0]).all()
        said = f"all its delays are {delay.flat[0]:g}" if alike else f"its delays are {delay.min():g}..{delay.max():g}"
        reason = f"{said} steps, and slayer delays spikes where netx delays synapses"
        raise UnsupportedNode(name, "delay", _TARGET, reason, "Train without delays.")
    _require_known(name, layer)
    bias = layer.arrays.get("bias")
    if bias is not None and np.any(bias):
        # Slayer trains it in front of the membrane's leak, netx adds it behind the synapses' one.
        raise UnsupportedNode(name, "bias", _TARGET, "it skips the decay of the current", "Train without bias.")
    alpha, beta = (_decay(name, layer.neuron, key) for key in ("iDecay", "vDecay"))
    threshold = int(_number(name, layer.neuron, "vThMant", range(1, 2**17)))
    recurrent = None
    if layer.kind == "dense_rec":
        recurrent = Recurrent(*_halves(_whole(f"{name}: weight_rec", layer.arrays.get("weight_rec"))))
    half, exponent = _halves(weight)
    exponent += _weight_exponent(name, layer)
    if recurrent is not None:
        recurrent = Recurrent(recurrent.weight, recurrent.exponent + _weight_exponent(name, layer))
    neuron = CubaLIF(threshold, ToZero(), strict=True, alpha=alpha, beta=beta)
    zero = np.zeros(len(weight), dtype=np.int32)
    return [
        Dense(f"{name}.synapses", source, half, zero, exponent),
        Spiking(name, f"{name}.synapses", neuron, recurrent=recurrent),
    ]


def _require_known(name: str, layer: _Layer) -> None:
    """Refuse what a layer says beyond what is read of it, unless it says what is so anyway."""
    for where, found, known in (
        ("", layer.arrays, _ARRAYS),
        ("neuron/", layer.neuron, _NEURON),
    ):
        for key, value in found.items():
            legal = known.get(key, None)
            if key not in known:
                reason = f"its field {where}{key} has no place in a Program"
                raise UnsupportedNode(name, layer.kind, _TARGET, reason, "Export the network without it.")
            if legal is not None and np.any(np.asarray(value) != legal):
                reason = f"its {where}{key} is {value}, and a Program has {legal} alone"
                raise UnsupportedNode(name, layer.kind, _TARGET, reason, f"Train with {key} = {legal}.")


def _weight_exponent(name: str, layer: _Layer) -> int:
    """`wgtExp` of a LOIHI neuron: all its weights are worth `2**wgtExp`; 0 of others."""
    found = np.unique(np.asarray(layer.neuron.get("wgtExp", 0)))
    if found.size != 1 or found[0] != int(found[0]) or not 0 <= found[0] <= LARGEST_WEIGHT_EXPONENT:
        legal = f"one integer in 0..{LARGEST_WEIGHT_EXPONENT}"
        remedy = "scale weights and threshold instead: below 0 the chip drops bits of every weight"
        raise OutOfRange(explain(f"{name}: neuron/wgtExp", found, legal, remedy))
    return int(found[0])


def _matrix(name: str, layer: _Layer) -> Int64[np.ndarray, "out in"]:
    """The weights of a layer, `(outFeatures, in)`: those of one neuron, or of one input, may lie on one axis."""
    weight = layer.arrays.get("weight")
    if weight is not None and np.ndim(weight) == 1:
        out = layer.arrays.get("outFeatures")
        shape: np.ndarray = np.atleast_1d(layer.arrays.get("shape", []))
        count = int(out) if out is not None else int(np.prod(shape)) if shape.size else 0
        if count < 1 or len(weight) % count:
            legal = "a matrix (out, in), or one axis beside outFeatures or a shape that divides it"
            raise OutOfRange(explain(f"{name}: shape of weight", np.shape(weight), legal, "export the network again"))
        weight = np.reshape(weight, (count, -1))
    found = _whole(f"{name}: weight", weight)
    for key, size in zip(("outFeatures", "inFeatures"), found.shape, strict=True):
        said = layer.arrays.get(key)
        if said is not None and int(said) != size:
            raise OutOfRange(explain(f"{name}: {key}", said, f"{size}, as the weights say", "export the network again"))
    return found


def _whole(subject: str, values: Any) -> Int64[np.ndarray, "out in"]:
    """A matrix of integers; some exports hold them as floats."""
    if values is None:
        raise ProgramError(explain(subject, None, "a matrix", "export the network again"))
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or (array != np.round(array)).any():
        legal = "a matrix (out, in) of integers"
        found = f"of shape {array.shape} and dtype {array.dtype}"
        raise OutOfRange(explain(subject, found, legal, "export with slayer's quantised weights"))
    return array.astype(np.int64)


def _halves(weight: Int64[np.ndarray, "out in"]) -> tuple[Int64[np.ndarray, "out in"], int]:
    """Even weights as `(weight / 2, 1)`, which fits 8 bits; odd ones as they are."""
    return (weight, 0) if (weight % 2).any() else (weight // 2, 1)


def _decay(name: str, neuron: dict[str, Any], key: str) -> Decay12:
    return Decay12(_KEEP_ALL - _number(name, neuron, key, range(_KEEP_ALL + 1)))


def _number(name: str, neuron: dict[str, Any], key: str, legal: range) -> int:
    """A parameter that all neurons of a layer share."""
    values = np.unique(np.asarray(neuron.get(key, np.zeros(0))))
    if values.size != 1:
        reason = f"it has {values.size} values of {key}"
        raise UnsupportedNode(name, "CUBA", _TARGET, reason, "Export a block with shared_param=True.")
    if values[0] not in legal:
        said = f"an integer in {legal[0]}..{legal[-1]}"
        raise OutOfRange(explain(f"{name}: {key}", values[0], said, "mend the file"))
    return int(values[0])
