"""gradients: ways to a gradient of one spiking network and one loss, held against the exact one.

The network: binary inputs, present at every step of a window, two hidden layers of current-based neurons, MemMean
readout, mean square error over all inputs. In discrete time it is an MLP, whose loss does not move at all when weights
move a little: what the estimators of `neurokit.fit` give is the gradient of a loss that surrogates smooth. In
continuous time (steps that shrink) the same loss is a function of spike times and has a gradient: EventProp's. All are
compared on the hidden layers' weights, in units of the continuous network's; the readout is the same to all.

Every estimate g of the exact gradient e, the random ones drawn many times:

    cosine    of g and e, mean over draws; and of the mean g
    bias      |mean g - e| / |e|, less what is expected of the mean's own noise
    noise     sqrt(mean |g - mean g|^2) / |e|, the noise of one draw
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from neurokit.errors import OutOfRange, explain
from neurokit.events.events import Events
from neurokit.events.network import SpikeTimeNetwork
from neurokit.experiments.bench.gradients_baselines import baselines
from neurokit.experiments.bench.gradients_case import Subject, flat, set_weights
from neurokit.experiments.bench.live import live_bytes
from neurokit.experiments.bench.timing import interleaved, machine
from neurokit.plotting import figures

#: Agreement asked of the three exact ways with each other, and with differences of 4th order.
MODES_BAR, DIFFERENCES_BAR = 1e-11, 1e-6


def run(repetitions: int = 7, draws: int = 60, subject: Subject | None = None) -> dict[str, Any]:
    """Measure. A row has, beside the module's quantities, the median `seconds` of an estimate, all taking turns, and
    `live_bytes`, the most that its tensors hold at once.

    Raises OutOfRange for less than one repetition or two draws, or a network of which a layer is silent.
    """
    for name, value, least in (("repetitions", repetitions, 1), ("draws", draws, 2)):
        if value < least:
            raise OutOfRange(explain(f"bench gradients: {name}", value, f"at least {least}", "raise it"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measured(repetitions, draws, subject or Subject())
    finally:
        torch.set_num_threads(threads)


def _measured(repetitions: int, draws: int, subject: Subject) -> dict[str, Any]:
    network, events = subject.network(), subject.events()
    spikes = _spikes(network, events, subject)
    compared = baselines(subject)
    exact = compared[0].way(torch.Generator())
    generators = {each.name: torch.Generator().manual_seed(subject.seed) for each in compared}
    calls = {each.name: partial(each.way, generators[each.name]) for each in compared}
    seconds = interleaved(calls, repetitions)
    rows: list[dict[str, Any]] = []
    for each in compared:
        generator = torch.Generator().manual_seed(subject.seed)
        found = np.stack([each.way(generator) for _ in range(draws if each.random else 1)])
        rows.append(
            {
                "method": each.name,
                **judged(found, exact),
                "seconds": seconds[each.name],
                "live_bytes": live_bytes(calls[each.name]),
            }
        )
    by_name = {row["method"]: row for row in rows}
    apart = max(by_name[name]["bias"] for name in ("ForwardPropagation", "SpikeTimeBackprop"))
    slope, difference = differences(network, events, subject, exact)
    reference = seconds["EventProp"]
    return {
        "name": "gradients",
        "machine": {**machine(), "torch": torch.__version__, "threads": "1"},
        "repetitions": repetitions,
        "draws": draws,
        "subject": vars(subject),
        "spikes": spikes,
        "rows": rows,
        "ratios": {f"{name} / EventProp": taken / reference for name, taken in seconds.items()},
        "bars": {
            "exact ways among each other": {"value": apart, "bar": MODES_BAR, "met": apart <= MODES_BAR},
            "EventProp against differences of 4th order, relative": {
                "value": difference, "bar": DIFFERENCES_BAR, "met": slope != 0 and difference <= DIFFERENCES_BAR,
            },
        },
    }  # fmt: skip


def judged(found: Float[np.ndarray, "draws parameters"], exact: Float[np.ndarray, " parameters"]) -> dict[str, float]:
    """Cosines, bias and noise of estimates, as the module defines them; without a second draw there is no noise.

    A zero estimate has the cosine 0.
    """
    norm, draws, mean = float(np.linalg.norm(exact)), len(found), found.mean(axis=0)
    lengths = np.linalg.norm(found, axis=1)
    cosines = np.divide(found @ exact, lengths * norm, out=np.zeros(draws), where=lengths > 0)
    variance = float(((found - mean) ** 2).sum() / (draws - 1)) if draws > 1 else 0.0
    off = float(((mean - exact) ** 2).sum())
    length = float(np.linalg.norm(mean))
    return {
        "cosine": float(cosines.mean()),
        "cosine_of_mean": float(mean @ exact / (length * norm)) if length else 0.0,
        "bias": math.sqrt(max(0.0, off - variance / draws)) / norm,
        "noise": math.sqrt(variance) / norm,
    }


def differences(
    network: SpikeTimeNetwork, events: Events, subject: Subject, exact: Float[np.ndarray, " parameters"]
) -> tuple[float, float]:
    """The loss's 4th-order difference along the exact gradient, and how far off it is, relative to that."""
    norm, step, values = float(np.linalg.norm(exact)), 1e-6, {}
    start = flat([layer.weight for layer in network.stack()])
    for k in (-2, -1, 1, 2):
        set_weights(network, start + k * step * exact / norm)
        with torch.no_grad():
            values[k] = float(subject.loss(network(events)))
    set_weights(network, start)
    slope = (values[-2] - values[2] + 8 * (values[1] - values[-1])) / (12 * step)
    return slope, abs(slope - norm) / norm


def draw(record: Mapping[str, Any], path: Path) -> None:
    """Left: cosines to the exact gradient, of one estimate and of the mean. Right: bias and noise."""
    rows = record["rows"]
    figure = figures.new(11, 0.42 * len(rows) + 1.4)
    left, right = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(rows))
    left.barh(place - 0.2, [row["cosine"] for row in rows], 0.38, color="C0", label="one estimate, mean")
    left.barh(place + 0.2, [row["cosine_of_mean"] for row in rows], 0.38, color="C2", label="mean estimate")
    left.set(xlabel="cosine to the exact gradient", xlim=(min(0.0, *(row["cosine"] for row in rows)), 1.02))
    left.set_yticks(place, [row["method"] for row in rows], fontsize=8)
    left.invert_yaxis()
    left.legend(frameon=False, fontsize=8, loc="lower right")
    for key, color, off in (("bias", "C3", -0.2), ("noise", "C1", 0.2)):
        right.barh(place + off, [max(row[key], 1e-16) for row in rows], 0.38, color=color, label=key)
    right.set(xscale="log", xlabel="relative to the length of the exact gradient", xlim=(1e-2, None))
    right.legend(frameon=False, fontsize=8, loc="upper right")
    for axes in (left, right):
        axes.grid(alpha=0.25, axis="x", lw=0.4)
    figures.save(figure, path)


def _spikes(network: SpikeTimeNetwork, events: Events, subject: Subject) -> list[float]:
    """Spikes a neuron and sample of each layer; refuses a network that says nothing."""
    with torch.no_grad():
        layers = network(events).layers
    found = [float(layer.spikes.real.sum()) / (2**subject.bits * subject.width) for layer in layers]
    if min(found) == 0:
        raise OutOfRange(explain("bench gradients: spikes by layer", found, "some in each", "take another seed"))
    return found
