"""AnswerUnits: the centre and the spread of the training answers, in which a network is trained.

A network whose answers are far from 0 and 1 trains badly: weights start for numbers of about one, ridge penalties and
learning rates are chosen for them, and float32 resolves 1e4 in steps of 1e-3. So the layers compute centred and scaled
answers, and what they compute is brought back to the user's units behind them: here, and in a Graph's or a Program's
Output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor, nn

from neurokit.data.data import Data
from neurokit.data.metrics import ROUNDING
from neurokit.errors import OutOfRange, UnsupportedNode, explain


@dataclass(frozen=True)
class AnswerUnits:
    """`y = scale z + offset`, column by column: z is what a network's layers compute, y its answer.

    scale   one number > 0 for every column of the answers, or one for all
    offset  likewise, in the units of the answers
    """

    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        smallest = np.finfo(np.float64).tiny
        for scale in self.scale:
            if not (np.isfinite(scale) and scale >= smallest):
                raise OutOfRange(explain("scale of the answers", scale, f"finite, at least {smallest}", "rescale them"))

    @classmethod
    def of(cls, answers: Float64[np.ndarray, "*samples columns"]) -> AnswerUnits:
        """Mean and standard deviation of every column; a column that is the same everywhere keeps its scale.

        Raises OutOfRange for answers whose spread is no normal number of float64.
        """
        mean, deviation, power = moments(answers.reshape(-1, answers.shape[-1]))
        constant = deviation <= ROUNDING * np.abs(mean)  # the mean of equal numbers may be rounded
        scale = np.where(constant, 1.0, np.ldexp(deviation, power))
        return cls(tuple(scale.tolist()), tuple(np.ldexp(mean, power).tolist()))

    @property
    def are_one(self) -> bool:
        """Whether answers are what the layers compute."""
        return set(self.scale) == {1.0} and set(self.offset) == {0.0}

    @property
    def common_scale(self) -> bool:
        """Whether one number scales all columns."""
        return len(set(self.scale)) == 1

    def normalised(self, answers: Float64[np.ndarray, "*samples columns"]) -> Float64[np.ndarray, "*samples columns"]:
        """`z = (y - offset) / scale`."""
        return answers if self.are_one else (answers - np.array(self.offset)) / np.array(self.scale)

    def answers(self, z: Float[Tensor, "*batch columns"]) -> Float[Tensor, "*batch columns"]:
        """`scale z + offset`; in float64 unless that is z, because float32 may not resolve z beside the offset."""
        if self.are_one:
            return z
        scale, offset = (torch.tensor(x, dtype=torch.float64, device=z.device) for x in (self.scale, self.offset))
        return z.double() * scale + offset


def moments(
    x: Float64[np.ndarray, "rows columns"],
) -> tuple[Float64[np.ndarray, " columns"], Float64[np.ndarray, " columns"], Int[np.ndarray, " columns"]]:
    """Mean and standard deviation of every column, and the power of two by which both are to be multiplied.

    So neither the squares of large numbers overflow nor those of small ones vanish.
    """
    _, power = np.frexp(np.abs(x).max(axis=0))
    near = np.ldexp(x, -power)
    return near.mean(axis=0), near.std(axis=0), power


class InUnits(nn.Module):
    """A network whose answers have units.

    units   None before the first `fit`, which chooses them, and while a fit lasts: answers are then what the layers
            compute
    """

    units: AnswerUnits | None = None

    def in_units(self, z: Float[Tensor, "*batch columns"]) -> Float[Tensor, "*batch columns"]:
        """What the layers computed, as an answer."""
        return z if self.units is None else self.units.answers(z)


def choose_units(model: nn.Module, data: Data, normalize: bool | None) -> AnswerUnits:
    """The units that `model` is to be trained in: those that it has, else by `normalize` as in
    `neurokit.training.loop.fit`.

    Raises UnsupportedNode where answers are to be normalised for a network that cannot keep their units.
    """
    network = answering(model)
    if network is None:
        if normalize:
            raise UnsupportedNode(
                "model", type(model).__name__, "normalize", "it has no place for the units of its answers",
                "Train it with normalize=False on answers of about one, or use a network of neurokit.",
            )  # fmt: skip
        return AnswerUnits()
    if network.units is not None:
        return network.units
    return AnswerUnits.of(data.answers) if normalizes(data, normalize) else AnswerUnits()


def normalizes(data: Data, normalize: bool | None) -> bool:
    """Whether a network that has no units yet gets those of `data`: as is said, else unless neurokit made the data."""
    return "problem" not in data.provenance if normalize is None else normalize


def set_units(model: nn.Module, units: AnswerUnits | None) -> None:
    """Let `model` answer in `units`, with None in what its layers compute, as must all networks that share its layers.

    A network that cannot keep units is left alone.
    """
    for part in model.modules():
        if isinstance(part, InUnits):
            part.units = None
    network = answering(model)
    if network is not None:
        network.units = units


def answering(model: nn.Module) -> InUnits | None:
    """The network that answers: the model itself, or the one that it trains."""
    network = model if isinstance(model, InUnits) else getattr(model, "network", None)
    return network if isinstance(network, InUnits) else None
