"""The spiking populations of a Program: the neurons of `neurokit.neurons.models`, in integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.ir.fixed_point import LEAKY_THRESHOLDS, Decay12, require_positive_scale, split_threshold
from neurokit.ir.program.synapses import Recurrent
from neurokit.ir.signals import Port, Signal, one_source, require_recurrent
from neurokit.neurons.models import NEURONS, Neuron, Subtract, heaviside, known


@dataclass(frozen=True)
class Spiking:
    """A population of neurons; state 0 at the start of every window.

    neuron     `IF`, with `>=` and a threshold `k * 2**e` (k in 1..255, e in 0..7), or one that leaks, with
               `strict=True`, whose decays are Decay12 and whose threshold is an integer in 1..131071; all with reset
               `Subtract` or `ToZero`. The threshold is in units of the current, other values are in those of the state.
    recurrent  synapses of the population onto itself, or None

    The membrane m of an IF is in units of the current a. The states of a leaky neuron are in 64ths of it, since Loihi
    keeps 6 bits of fraction below the synaptic input: in every step

        LIF      m <- m * beta + 64 a;                          s = 1 if m > 64 threshold else 0
        CubaLIF  i <- i * alpha + 64 a; m <- m * beta + i;      s = 1 if m > 64 threshold else 0
                 m <- m - s * 64 threshold (Subtract), or m <- m * (1 - s) (ToZero)

    where `a` includes what `recurrent` adds and `*` rounds toward zero (Decay12). Raises OutOfRange, UnsupportedNode or
    GraphError for anything else.
    """

    name: str
    source: str
    neuron: Neuron
    scale: float = 1.0  #: real value of one unit of the threshold, which is one of the current
    recurrent: Recurrent | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def __post_init__(self) -> None:
        kind = type(self.neuron).__name__
        if not known(self.neuron):
            remedy = f"Use one of {', '.join(NEURONS)}."
            raise UnsupportedNode(self.name, kind, "a Program", "it has no integer form", remedy)
        if self.leaky and not self.neuron.strict:
            raise UnsupportedNode(
                self.name, kind, "a Program", "it fires at its threshold", "Use strict=True: Loihi's test is `>`."
            )
        if not self.leaky and self.neuron.strict:
            raise UnsupportedNode(
                self.name, kind, "a Program", "its threshold is strict", "Use strict=False and the threshold plus one."
            )
        self._check_numbers()
        # A threshold of 64.0 would turn the whole network into floats.
        object.__setattr__(self, "neuron", replace(self.neuron, threshold=int(self.neuron.threshold)))
        require_positive_scale(f"layer {self.name!r}: scale", self.scale)

    def _check_numbers(self) -> None:
        threshold = self.neuron.threshold
        try:
            if not self.leaky:
                split_threshold(threshold)
            elif threshold != int(threshold) or int(threshold) not in LEAKY_THRESHOLDS:
                raise OutOfRange(explain("threshold", threshold, "an integer in 1..131071", "rescale the layer"))
            self.neuron.require_integers()
        except OutOfRange as error:
            raise OutOfRange(f"layer {self.name!r}: {error}") from None

    @property
    def threshold(self) -> int:
        """In units of the current."""
        return int(self.neuron.threshold)

    @property
    def leaky(self) -> bool:
        return self.neuron.leaky

    @property
    def fraction(self) -> int:
        """Bits that the states have below one unit of the current."""
        return self.neuron.fraction

    @property
    def shows_residue(self) -> bool:
        """Whether Lava shows the membrane after its reset alone, as Loihi's own neuron does with a hard reset."""
        return not isinstance(self.neuron.reset, Subtract) and self.neuron.current_based() is not None

    @cached_property
    def fine(self) -> Neuron:
        """The neuron with its threshold in units of its membrane."""
        return replace(self.neuron, threshold=self.threshold << self.fraction)

    def start(self, zero: Any) -> Any:
        """The state before the first step."""
        return self.neuron.start(zero)

    def step(self, state: Any, a: Any) -> tuple[Any, Any, Any]:
        """`(membrane before the reset, spikes, state after it)` of one step with the current `a`, in integers."""
        return self.fine.step(state, a << self.fraction, heaviside)

    def port(self, sources: Sequence[Port]) -> Port:
        size = one_source(self, sources, Signal.HELD, Signal.SERIES).size
        require_recurrent(self, None if self.recurrent is None else self.recurrent.weight, size)
        return Port(size, Signal.SERIES)


def decays(neuron: Neuron) -> tuple[int, int]:
    """Numerators of `(alpha, beta)`, of 4096, of a current-based neuron; of an IF `(0, 4096)`: no memory, no leak."""
    found = neuron.current_based()
    assert found is not None, "asked before"
    alpha, beta = (each.numerator if isinstance(each, Decay12) else 4096 * each for each in found)
    return alpha, beta
