"""Neurons between Graph and NIR, both ways.

NIR's equations, in steps (`neurokit.compilers.exchange.time_step`), with the drive `x`:

    IF       v <- v + dt r x
    LIF      v <- keep v + gain (v_leak + r x)
    CubaLIF  j <- keep_syn j + gain_syn w_in x;  v <- keep v + gain (v_leak + r j)

and all fire where `v > v_threshold`, then `v = v_reset`. A Graph's neurons are the same in another unit of v, in which
a drive of one adds one: `u = v / total gain`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float64

from neurokit.compilers.exchange.dialects import Dialect
from neurokit.compilers.exchange.time_step import TimeStep
from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron


class Gain(Protocol):
    """Where a written neuron keeps the factor between a Graph's unit of the membrane and NIR's."""

    def split(self, gain: float) -> tuple[float, float]:
        """`(resistance, threshold)`: the factors of the drive and of the threshold; their quotient is `1 / gain`."""
        ...


@dataclass(frozen=True)
class InResistance:
    """`r = 1 / gain` (and `w_in` likewise), the threshold as it is; snnTorch reads and writes this."""

    def split(self, gain: float) -> tuple[float, float]:
        return 1 / gain, 1.0


@dataclass(frozen=True)
class InThreshold:
    """`r = 1`, the threshold times the gain: for readers that ignore `r`, norse among them."""

    def split(self, gain: float) -> tuple[float, float]:
        return 1.0, gain


def write(name: str, neuron: Neuron, shape: tuple[int, ...], time: TimeStep, gain: Gain, nir: ModuleType) -> Any:
    """The NIR node of a neuron, its parameters as arrays of `shape`.

    Raises OutOfRange for a decay without tau, UnsupportedNode for a neuron that NIR has not.

    Firing at the threshold (`strict=False`) is said as firing above the number just below it: the same in float64.
    """
    if isinstance(neuron, CubaLIF):
        tau = {"tau_mem": time.tau(neuron.beta), "tau_syn": time.tau(neuron.alpha)}
        r, scale = gain.split(1 - neuron.beta)
        w_in, scale_in = gain.split(1 - neuron.alpha)
        parts = {**tau, "r": r, "w_in": w_in, "v_leak": 0.0}
        scale *= scale_in
    elif isinstance(neuron, LIF):
        tau = {"tau": time.tau(neuron.beta)}
        r, scale = gain.split(1 - neuron.beta)
        parts = {**tau, "r": r, "v_leak": 0.0}
    elif isinstance(neuron, IF):
        r, scale = gain.split(time.dt)
        parts = {"r": r}
    else:
        reason = "NIR has no such neuron"
        raise UnsupportedNode(name, type(neuron).__name__, "NIR", reason, "Use IF, LIF or CubaLIF.")
    threshold = neuron.threshold * scale
    parts |= {"v_threshold": threshold if neuron.strict else math.nextafter(threshold, 0.0), "v_reset": 0.0}
    kind = getattr(nir, type(neuron).__name__)
    return kind(**{name: np.full(shape, value, dtype=np.float64) for name, value in parts.items()})


class ReadNeuron(NamedTuple):
    """A neuron, and what the synapses before it must do: `a = row * (weight @ x + bias) + current`, per line."""

    neuron: Neuron
    row: Float64[np.ndarray, " size"]
    current: Float64[np.ndarray, " size"]


def read(name: str, node: Any, size: int, dialect: Dialect) -> ReadNeuron:
    """The neuron of a NIR node over `size` lines.

    Differing thresholds or gains go into `row`, with a threshold of one, and so do negative gains; a leak potential
    goes into `current`. Raises UnsupportedNode for what a Graph cannot say: differing decays, a reset to anything but
    zero; OutOfRange for a threshold that is not above zero.
    """
    kind = type(node).__name__
    value = {key: _lines(name, key, array, size) for key, array in vars(node).items() if key in _PARAMETERS}
    if value["v_reset"].any():
        raise _refused(name, kind, "v_reset is not 0", "A Graph resets to 0: shift the membrane's zero before writing.")
    current = np.zeros(size)
    decays: dict[str, float] = {}
    if kind == "IF":
        gain = value["r"] * (dialect.time.dt if dialect.integrator is None else dialect.integrator)
    else:
        decays["beta"] = _keep(name, kind, value.get("tau", value.get("tau_mem")), dialect.time)
        gain = value["r"] * ((1 - decays["beta"]) if dialect.membrane else 1.0)
        if kind == "CubaLIF":
            decays["alpha"] = _keep(name, kind, value["tau_syn"], dialect.time)
            gain = gain * value["w_in"] * ((1 - decays["alpha"]) if dialect.synapse else 1.0)
            if value["v_leak"].any():
                raise _refused(name, kind, "v_leak is not 0", "Shift the membrane's zero to v_leak before writing.")
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "LIF" and value["v_leak"].any():
            current = value["v_leak"] / np.abs(value["r"])
        threshold = value["v_threshold"] / np.abs(gain)
    # From rest at 0 a neuron with a threshold of 0 or less fires without any input, and towards lower membranes.
    for what, bad, legal in (
        ("v_threshold", ~(value["v_threshold"] > 0), "a number > 0, above the membrane at rest"),
        ("v_threshold per unit of drive", ~np.isfinite(threshold) | ~np.isfinite(current), "finite, so r is not 0"),
    ):
        if bad.any():
            line = int(np.argmax(bad))
            found = f"{value['v_threshold'][line]:g} with a gain of {gain[line]:g} in line {line}"
            raise OutOfRange(explain(f"node {name!r}: {what}", found, legal, "mend the resistance or the threshold"))
    row = np.sign(gain)  # a negative resistance is a change of sign of the weights before it
    if (threshold != threshold[0]).any():
        row, current, threshold = row / threshold, current / threshold, np.ones(size)
    neurons: dict[str, type[Neuron]] = {"IF": IF, "LIF": LIF, "CubaLIF": CubaLIF}
    values: dict[str, Any] = {"reset": dialect.reset, "strict": dialect.strict, **decays}
    return ReadNeuron(neurons[kind](threshold=float(threshold[0]), **values), row, current)


_PARAMETERS = {"r", "tau", "tau_mem", "tau_syn", "w_in", "v_leak", "v_threshold", "v_reset"}


def _lines(name: str, key: str, values: Any, size: int) -> Float64[np.ndarray, " size"]:
    """A parameter for every line; some writers give one number for all."""
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    if array.size not in (1, size) or np.isnan(array).any():
        legal = f"1 or {size} numbers"
        raise OutOfRange(explain(f"node {name!r}: {key}", array, legal, "write one for every neuron"))
    return np.broadcast_to(array, (size,))


def _keep(name: str, kind: str, tau: Any, time: TimeStep) -> float:
    if (tau != tau[0]).any():
        raise _refused(name, kind, "its neurons have different time constants", "Split the layer by time constant.")
    try:
        return time.keep(float(tau[0]))
    except OutOfRange as error:
        raise OutOfRange(f"node {name!r}: {error}") from None


def _refused(name: str, kind: str, reason: str, remedy: str) -> UnsupportedNode:
    return UnsupportedNode(name, kind, "a Graph", reason, remedy)
