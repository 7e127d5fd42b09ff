"""import_netx: a network that lava-dl's slayer trained and exported -> Program, exactly as Loihi's neuron runs it.

    dense, dense_rec   Dense of the file's even weights as `2 * int8`; recurrent synapses onto the layer itself
    delay              of all neurons of a dense layer alike: the delay of the synapses that read them
    CUBA, LOIHI        CubaLIF, reset to zero, firing above `vThMant`; `4096 - iDecay` and `4096 - vDecay` are kept
    wgtExp             of the neurons: all weights onto them are worth `2**wgtExp`
    flatten            nothing: lines are in order already
    input              nothing, if it has no neuron

Slayer's blocks shift their spikes by one step each (`delay_shift=True`), which is the step of a synapse on the chip; a
Program's local time has none of these shifts.

Slayer delays what leaves a layer, netx what enters it. Where all lines wait equally long and the layer is not
recurrent, both shift the layers behind by the same steps; a Program does so behind the layer, since its Input is held.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Int64

from neurokit._version import __version__
from neurokit.compilers.exchange.netx_layers import TARGET, FileLayer, read_layers
from neurokit.errors import OutOfRange, ProgramError, UnsupportedNode, explain
from neurokit.ir.fixed_point import DECAY_BITS, DELAYS, EXPONENTS, Decay12
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense, Input, Output, Program, ProgramNode, Readout, Recurrent, Spiking
from neurokit.neurons.models import CubaLIF, ToZero
from neurokit.neurons.readouts import Rate

_KEEP_ALL = 2**DECAY_BITS
#: Even weights are halved and get an exponent of one; a Program's reaches to 6.
LARGEST_WEIGHT_EXPONENT = EXPONENTS[-1] - 1


def import_netx(path: str | Path, *, steps: int, low: int = 0, high: int = 1) -> Program:
    """Read the netx file of a slayer network as a Program over windows of `steps` steps.

    Its input `x` are integers `low..high` on every line, held over the window; its output `y` is the mean spike count
    a step of the last layer's neurons, as late as their delay. The Program is proved.

    Raises UnsupportedNode for a layer, neuron or field without a place in a Program, OutOfRange for numbers that do not
    fit, ProgramError for a file that is no netx file.
    """
    nodes: list[ProgramNode] = []
    before: FileLayer | None = None
    lines, late = None, 0
    for layer in read_layers(Path(path)):
        if layer.kind in ("input", "flatten"):
            lines = _passed_on(layer, lines)
            continue
        weight = layer.weights("weight")
        if lines not in (None, weight.shape[1]):
            legal = f"{lines}, the lines before it"
            raise OutOfRange(explain(f"{layer.name}: columns of weight", weight.shape[1], legal, "mend the file"))
        if not nodes:
            nodes.append(Input("x", np.full(weight.shape[1], low), np.full(weight.shape[1], high), scale=1.0))
        nodes += _population(layer, weight, nodes[-1].name, late)
        lines, late, before = len(weight), _delay(layer, len(weight)), layer
    if before is None or lines is None:
        raise ProgramError(explain(f"{path}: dense layers", "none", "at least one", "export the network again"))
    if late:
        unit, zero = np.eye(lines, dtype=np.int8), np.zeros(lines, dtype=np.int32)
        nodes.append(Dense(f"{before.name}.late", nodes[-1].name, unit, zero, delay=late))
    end = nodes[-1].name
    nodes += [Readout("count", end, Rate()), Output("y", "count", scale=1 / steps)]
    made = {"neurokit": __version__, "made": f"imported from the netx file {Path(path).name}"}
    program = Program(tuple(nodes), steps, provenance=made)
    return Program(program.nodes, steps, certificate=prove(program), provenance=made)


def _passed_on(layer: FileLayer, lines: int | None) -> int | None:
    """Lines behind an input or a flatten."""
    if lines is not None and layer.size not in (None, lines):
        legal = f"{lines}, the lines before it"
        raise OutOfRange(explain(f"{layer.name}: lines of its shape", layer.size, legal, "export the network again"))
    return lines if layer.size is None else layer.size


def _population(layer: FileLayer, weight: Int64[np.ndarray, "out in"], source: str, late: int) -> list[ProgramNode]:
    """The synapses and neurons of a layer; what it reads comes `late`."""
    kind = layer.neuron.get("type", "no neuron")
    if kind not in ("CUBA", "LOIHI"):
        raise UnsupportedNode(layer.name, kind, TARGET, "it is no CUBA neuron", "Export a network of CUBA blocks.")
    if np.any(layer.arrays.get("bias", 0)):
        # Slayer trains it in front of the membrane's leak, netx adds it behind the synapses' one.
        raise UnsupportedNode(layer.name, "bias", TARGET, "it skips the decay of the current", "Train without bias.")
    alpha, beta = (Decay12(_KEEP_ALL - _number(layer, key, range(_KEEP_ALL + 1))) for key in ("iDecay", "vDecay"))
    threshold = _number(layer, "vThMant", range(1, 2**17))
    exponent = _weight_exponent(layer)
    recurrent = None
    if layer.kind == "dense_rec":
        own, even = _halves(layer.weights("weight_rec"))
        recurrent = Recurrent(own, even + exponent)
    half, even = _halves(weight)
    neuron = CubaLIF(threshold, ToZero(), strict=True, alpha=alpha, beta=beta)
    zero = np.zeros(len(weight), dtype=np.int32)
    return [
        Dense(f"{layer.name}.synapses", source, half, zero, even + exponent, delay=late),
        Spiking(layer.name, f"{layer.name}.synapses", neuron, recurrent=recurrent),
    ]


def _delay(layer: FileLayer, size: int) -> int:
    """Steps by which all spikes of a layer are late."""
    delays = np.asarray(layer.arrays.get("delay", 0))
    if not delays.any():
        return 0
    if (delays != delays.flat[0]).any():
        reason = (
            f"its delays are {delays.min():g}..{delays.max():g} steps, and a Program delays all spikes of a layer alike"
        )
        raise UnsupportedNode(layer.name, "delay", TARGET, reason, "Train without delays.")
    if delays.size not in (1, size) or delays.flat[0] not in DELAYS:
        said, legal = (
            f"{delays.flat[0]:g} for {delays.size} lines",
            f"an integer in {DELAYS[0]}..{DELAYS[-1]}, for each of {size}",
        )
        raise OutOfRange(explain(f"{layer.name}: delay", said, legal, "export the network again"))
    if layer.kind == "dense_rec":
        reason = "it is recurrent: slayer delays the spikes that leave it, netx its recurrent synapses as well"
        raise UnsupportedNode(layer.name, "delay", TARGET, reason, "Train it without delays.")
    return int(delays.flat[0])


def _weight_exponent(layer: FileLayer) -> int:
    """`wgtExp`, 0 where there is none."""
    found = np.unique(np.asarray(layer.neuron.get("wgtExp", 0)))
    if found.size != 1 or found[0] not in range(LARGEST_WEIGHT_EXPONENT + 1):
        legal = f"one integer in 0..{LARGEST_WEIGHT_EXPONENT}"
        remedy = "scale weights and threshold instead: below 0 the chip drops bits of every weight"
        raise OutOfRange(explain(f"{layer.name}: neuron/wgtExp", found, legal, remedy))
    return int(found[0])


def _halves(weight: Int64[np.ndarray, "out in"]) -> tuple[Int64[np.ndarray, "out in"], int]:
    """Even weights as `(weight / 2, 1)`, which fits 8 bits; odd ones as they are."""
    return (weight, 0) if (weight % 2).any() else (weight // 2, 1)


def _number(layer: FileLayer, key: str, legal: range) -> int:
    """A parameter that all neurons of a layer share."""
    values = np.unique(np.asarray(layer.neuron.get(key, np.zeros(0))))
    if values.size != 1:
        reason = f"it has {values.size} values of {key}"
        raise UnsupportedNode(layer.name, "CUBA", TARGET, reason, "Export a block with shared_param=True.")
    if values[0] not in legal:
        said = f"an integer in {legal[0]}..{legal[-1]}"
        raise OutOfRange(explain(f"{layer.name}: {key}", values[0], said, "mend the file"))
    return int(values[0])
