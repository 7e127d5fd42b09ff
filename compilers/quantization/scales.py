"""Scales: what `quantize` chooses for every layer, and which choices are legal.

With the real value `unit` of one int8 weight, the real threshold `v_th`, an exponent `e` and an input of scale `x`:

    threshold = v_th / membrane unit,   membrane unit = unit * x * 2**-e      (spikes: x = 1)
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from neurokit.errors import OutOfRange, explain
from neurokit.ir.fixed_point import EXPONENTS, LEAKY_THRESHOLDS, THRESHOLD_EXPONENTS, THRESHOLD_MANTISSA
from neurokit.ir.weight_grid import Levels

#: Signed bits of an input message: enough for 1/2000 of a range, small enough for any weighted sum.
INPUT_BITS = 12
#: Thresholds that one 8-bit synapse with an exponent can subtract.
THRESHOLDS = tuple(sorted({k << e for e in THRESHOLD_EXPONENTS for k in THRESHOLD_MANTISSA}))
#: Weights that mostly show at once that a layer's are no whole multiples of a power of two.
FEW = 4096
#: The smallest real value of an integer; its inverse is a number of float64 with room for what multiplies it.
LEAST = 2.0**-900
#: How much of the range of its grid a layer's largest weight may take; above 1 the largest weights saturate.
GRID_UTILIZATIONS = (1.0, 0.97, 0.94, 0.9, 0.86, 0.82, 0.78, 0.74, 0.7, 0.65, 0.6, 0.55, 1.04, 1.1, 1.2, 1.35)


@dataclass(frozen=True)
class NeuronScale:
    """Synapses that drive neurons: integer threshold, synaptic exponent, step of the weights' levels.

    may_coarsen  to `coarser`, as often as need be, where a state would not fit its width
    """

    threshold: int
    exponent: int = 0
    step: int = 1
    may_coarsen: bool = False

    @property
    def coarser(self) -> NeuronScale | None:
        """The same real levels under twice the unit of the membrane, None where the integers cannot say that.

        Half the threshold, and half the step or, where that is one, an exponent less.
        """
        if self.threshold % 2:
            return None
        if self.step > 1:
            return replace(self, threshold=self.threshold // 2, step=self.step // 2)
        if self.exponent > EXPONENTS[0]:
            return replace(self, threshold=self.threshold // 2, exponent=self.exponent - 1)
        return None


@dataclass(frozen=True)
class ReadoutScale:
    """Synapses of a readout: the real value of one integer weight, and whether they weigh counted spikes."""

    unit: float
    counted: bool = False


@dataclass(frozen=True)
class InputScale:
    """The real value of one unit of an Input."""

    unit: float


@dataclass(frozen=True)
class ScaleRequest:
    """A way to choose a scale, rather than a scale.

    fill   how much of the range of its grid the layer's largest weight takes; above 1 the largest weights saturate
    share  between a layer and the Input before it: the power of what both must give up that the weights give; None
           tries several and keeps the one whose currents err least
    """

    fill: float = 1.0
    share: float | None = None


Scale = NeuronScale | ReadoutScale | InputScale


class Gain(NamedTuple):
    """Exponents of two by which rows and columns of a Dense are multiplied before its scale is chosen."""

    rows: Int[np.ndarray, " out"]
    columns: Int[np.ndarray, " in"]


@dataclass(frozen=True, eq=False)
class Plan:
    """The choices that make a Program of a Graph.

    scales  of layers and inputs, by name; what is not named is chosen by rule
    gains   of the layers around products, by name; None leaves them to `neurokit.compilers.quantization.equalize`
    """

    scales: Mapping[str, Scale | ScaleRequest] = field(default_factory=dict)
    gains: Mapping[str, Gain] | None = None

    def yielding(self) -> Plan:
        """The same levels of weights for weights that may have grown: membranes get coarser where they need room."""
        scales = {n: replace(s, may_coarsen=True) if isinstance(s, NeuronScale) else s for n, s in self.scales.items()}
        return replace(self, scales=scales)


def highest_threshold(leaky: bool) -> int:
    """The largest legal threshold; one of a leaky neuron is any integer, for its reset is no synapse's weight."""
    return LEAKY_THRESHOLDS[-1] if leaky else THRESHOLDS[-1]


def threshold_below(value: float, leaky: bool = False) -> int:
    """The largest legal threshold that is at most `value`, 1 if there is none."""
    if leaky:
        return int(min(LEAKY_THRESHOLDS[-1], max(1, value * (1 + 1e-12))))
    return THRESHOLDS[max(0, bisect_right(THRESHOLDS, value * (1 + 1e-12)) - 1)]


def extent(weight: np.ndarray, levels: Levels) -> float:
    """The real value of one level with which the extreme weights of a layer lie at the ends of its grid.

    At least LEAST: smaller weights are rounded to zero.
    """
    above = float(weight.max()) / levels.high if levels.high else 0.0
    below = float(weight.min()) / levels.low if levels.low else 0.0
    value = max(above, below, 0.0)
    return max(value, LEAST) if value else 1.0


def dyadic(weight: np.ndarray, levels: Levels) -> int | None:
    """The smallest `f >= 0` or least negative one for which all `weight * 2**f` are levels, None if there is none."""
    if not weight.any():
        return 0
    finest = math.floor(-math.log2(extent(weight, levels)) + 1e-9)
    some = weight.ravel()[:FEW] * 2.0**finest
    if not np.array_equal(some, np.rint(some)):  # then no lower power makes them whole
        return None
    for f in range(finest - levels.high.bit_length() - levels.low.bit_length(), finest + 1):
        scaled = weight * 2.0**f
        if np.array_equal(scaled, np.rint(scaled)) and scaled.min() >= levels.low and scaled.max() <= levels.high:
            return f
    return None


def from_spikes(weight: np.ndarray, levels: Levels, cap: float, fill: float = 1.0, leaky: bool = False) -> NeuronScale:
    """The finest scale for `weight`, in thresholds, with a threshold of at most `cap`.

    The exponent is zero: the membrane's unit is that of the int8 weight, which is `step` times finer than a level.
    """
    step = levels.coarsest
    exact = dyadic(weight, levels) if fill == 1.0 else None
    if exact is not None:
        while step > 1 and 2.0**exact * step > cap:
            step //= 2
        return NeuronScale(threshold_below(min(cap, 2.0**exact * step), leaky), 0, step)
    return NeuronScale(threshold_below(min(cap, fill * step / extent(weight, levels)), leaky), 0, step)


def from_input(
    weight: np.ndarray, levels: Levels, reach: float, cap: float, share: float, fill: float = 1.0, leaky: bool = False
) -> tuple[NeuronScale, float]:
    """The finest scale for `weight`, in thresholds, under an Input of values up to `reach`, and the Input's unit.

    The membrane's unit, 1 / threshold, is coarser than the product of the weight's and the input's; an exponent of at
    most seven bits lies between. What it cannot bridge makes weights coarser by the power `share` of it and inputs by
    the rest.
    """
    exact = dyadic(weight, levels) if fill == 1.0 else None
    finest_x = reach / (2 ** (INPUT_BITS - 1) - 1)
    unit = extent(weight, levels) / fill
    if exact is not None:
        unit, finest_x = 2.0**-exact, 2.0 ** math.ceil(math.log2(finest_x))
        cap = 2.0 ** math.floor(math.log2(cap))
    threshold = threshold_below(min(cap, 1 / (unit * finest_x)), leaky)
    exponent = max(EXPONENTS[0], math.ceil(math.log2(unit * finest_x * threshold) - 1e-9))
    missing = 2.0**exponent / (unit * finest_x * threshold)  # > 1: the product must be coarser
    spent = missing**share
    if exact is not None:
        spent = 2.0 ** round(math.log2(missing) * share)
    coarser = unit * spent
    # An Input coarser than its own reach would emit nothing; of weights that small, nothing is lost by finer inputs.
    x_unit = min(2.0**exponent / (threshold * coarser), 2.0 ** math.floor(math.log2(reach)))
    return NeuronScale(threshold, exponent), x_unit


def from_shared_input(
    weight: np.ndarray, levels: Levels, x_unit: float, cap: float, fill: float = 1.0, leaky: bool = False
) -> NeuronScale:
    """The finest scale for `weight`, in thresholds, under an Input whose unit others rely on."""
    unit = extent(weight, levels) / fill
    exact = dyadic(weight, levels) if fill == 1.0 else None
    if exact is not None:
        unit = 2.0**-exact
    threshold = threshold_below(min(cap, 1 / (unit * x_unit)), leaky)
    exponent = max(EXPONENTS[0], math.ceil(math.log2(unit * x_unit * threshold) - 1e-9))
    if exponent > EXPONENTS[0]:
        # Another threshold lets the weights have just the unit they need.
        if 2.0**exponent / (unit * x_unit) > cap:
            exponent -= 1
        threshold = threshold_below(2.0**exponent / (unit * x_unit), leaky)
    return NeuronScale(threshold, exponent)


def at_threshold(
    weight: np.ndarray, levels: Levels, threshold: int, x_unit: float, held: bool, fill: float = 1.0
) -> NeuronScale:
    """The finest scale for `weight`, in thresholds, when other synapses have chosen the threshold.

    From spikes the exponent is zero or, where the weights are too large for that, the least that is enough.
    """
    step = 1 if held else levels.coarsest
    unit = extent(weight, levels) / fill / step
    exponent = math.ceil(math.log2(unit * x_unit * threshold) - 1e-9)
    lowest = EXPONENTS[0] if held else 0
    if exponent > EXPONENTS[-1]:
        raise OutOfRange(
            explain(
                "synaptic exponent", exponent, f"at most {EXPONENTS[-1]}", "bring the layers of a sum closer in size"
            )
        )
    return NeuronScale(threshold, max(lowest, exponent), step)


def misplanned(name: str, given: object, legal: str) -> OutOfRange:
    """The error of a plan that gives the layer `name` a scale of the wrong kind."""
    return OutOfRange(explain(f"plan: layer {name!r}", given, f"{legal}, or a ScaleRequest", "plan it anew"))
