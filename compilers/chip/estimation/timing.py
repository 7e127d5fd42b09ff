"""How the times of a step's operations add up: what a chip does at once, and what one after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float64

#: Operations that take the time of the core that sends, and of the core that receives.
SENDER = ("neuron_idle", "neuron_active", "spike", "message_out")
RECEIVER = ("message_in", "synop")


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


def step_work(
    counts: Mapping[str, Float64[np.ndarray, "*steps cores"]],
    price: Mapping[str, float],
    path: Float64[np.ndarray, "*steps"] | None = None,
    link: Float64[np.ndarray, "*steps"] | float = 0.0,
) -> StepWork:
    """Seconds of work in every step; what has no price takes none.

    Parameters
    ----------
    counts : mapping of str to ndarray
        By operation of SENDER and RECEIVER: how many of it every core has in every step; absent is none.
    price : mapping of str to float
        Seconds that an operation takes.
    path, link : ndarray, optional
        As of StepWork.

    Returns
    -------
    StepWork
    """
    shape = next(iter(counts.values())).shape
    neurons, messages = (
        sum((counts[name] * price.get(name, 0.0) for name in unit if name in counts), np.zeros(shape))
        for unit in (SENDER, RECEIVER)
    )
    path = np.zeros(shape[:-1]) if path is None else path
    return StepWork(neurons, messages, path, price.get("barrier", 0.0), link)


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
