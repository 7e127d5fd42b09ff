"""How the times of a step's operations add up: what a chip does at once, and what one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float64


class StepWork(NamedTuple):
    """Seconds of work in every step.

    neurons   of each core: its neurons' updates, their spikes, and the messages that leave it
    messages  of each core: messages that enter it, and their synapses
    path      of the message that travels longest
    barrier   of one step
    link      of the busiest link
    """

    neurons: Float64[np.ndarray, "*steps cores"]
    messages: Float64[np.ndarray, "*steps cores"]
    path: Float64[np.ndarray, "*steps"]
    barrier: float
    link: Float64[np.ndarray, "*steps"] | float = 0.0


class Timing(Protocol):
    """A rule for the length of a step."""

    def __call__(self, work: StepWork) -> Float64[np.ndarray, "*steps"]: ...


@dataclass(frozen=True)
class Overlapped:
    """Everything at once: the busiest unit of the busiest core sets the pace, or the busiest link, or the barrier.

    The form of the bound of Timcheck et al. 2026, arXiv 2601.10035, without its memory reads, whose rate is not
    published; that of links is what a hop takes.
    """

    def __call__(self, work: StepWork) -> Float64[np.ndarray, "*steps"]:
        return np.maximum(np.maximum(_busiest(work), work.link), work.barrier)


@dataclass(frozen=True)
class TwoUnits:
    """Neurons and messages at once, then the barrier: the simple timing model of SANA-FE."""

    def __call__(self, work: StepWork) -> Float64[np.ndarray, "*steps"]:
        return _busiest(work) + work.barrier


@dataclass(frozen=True)
class InTurn:
    """Nothing at once within a core: neurons, then messages, then the busiest link, the longest way, the barrier."""

    def __call__(self, work: StepWork) -> Float64[np.ndarray, "*steps"]:
        total: np.ndarray = (work.neurons + work.messages).max(axis=-1) + work.link + work.path + work.barrier
        return total


def _busiest(work: StepWork) -> Float64[np.ndarray, "*steps"]:
    """The longest that either unit of any core works."""
    both: np.ndarray = np.maximum(work.neurons.max(axis=-1), work.messages.max(axis=-1))
    return both
