"""workload: what a network asks of every core in one step, where its shapes are known and its spikes are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64

from neurokit.compilers.chip.partition import partition
from neurokit.compilers.chip.shapes import LayerShape
from neurokit.errors import OutOfRange, explain
from neurokit.hw_configs import load_chip


@dataclass(frozen=True)
class Workload:
    """A network's shapes and how active it is.

    Parameters
    ----------
    layers : tuple of LayerShape
    rate : float
        Share of every layer's lines that send a message in a step, 0..1; alike in all layers.
    steps : int
        Of one sample.
    cores : int, optional
        On so many, evenly, where it was said; by default on those of `partition`.

    Raises
    ------
    OutOfRange
        For a rate that is no share, or less than one step or core.
    """

    layers: tuple[LayerShape, ...]
    rate: float
    steps: int = 1
    cores: int | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise OutOfRange(
                explain("workload: rate", self.rate, "0..1", "give the share of lines that send in a step")
            )
        for what, value in (("steps", self.steps), ("cores", 1 if self.cores is None else self.cores)):
            if value < 1:
                raise OutOfRange(explain(f"workload: {what}", value, "at least 1", "give a whole number"))

    @property
    def neurons(self) -> int:
        """Of all layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def synapses(self) -> int:
        """Of all layers: lines that a neuron listens to, times neurons."""
        return sum(layer.size * fan_in(layer) for layer in self.layers)

    def counts(self) -> Mapping[str, Float64[np.ndarray, " cores"]]:
        """Neurons and synaptic operations of every core in a step, on Loihi 2.

        `synops = neurons * fan_in * rate`. Messages are not counted: no time or energy of one is known.
        """
        neurons, synapses = _on_cores(self.layers, self.cores)
        return {"neurons": neurons, "synop": synapses * self.rate}


def fan_in(layer: LayerShape) -> int:
    """Lines that a neuron of a layer listens to."""
    return sum(rows for _, rows in layer.rows)


@lru_cache(maxsize=64)
def _on_cores(
    layers: tuple[LayerShape, ...], cores: int | None
) -> tuple[Float64[np.ndarray, " cores"], Float64[np.ndarray, " cores"]]:
    """Neurons and synapses of every core."""
    if cores is not None:
        neurons = sum(layer.size for layer in layers)
        synapses = sum(layer.size * fan_in(layer) for layer in layers)
        return np.full(cores, neurons / cores), np.full(cores, synapses / cores)
    parts = partition(layers, load_chip("loihi2")).parts
    held = [np.array(part.neurons, dtype=np.float64) for part in parts]
    met = [count * fan_in(layer) for count, layer in zip(held, layers, strict=True)]
    return np.concatenate(held), np.concatenate(met)
