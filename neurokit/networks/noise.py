"""noise_from: the random derivatives of a network's surrogates come from one generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from neurokit.networks.mlp import MLP


@contextmanager
def noise_from(generator: torch.Generator, model: nn.Module) -> Iterator[None]:
    """Within the block, every MLP in `model` draws the noise of a random surrogate from the CPU `generator`.

    Every Estimator does this with its own generator, so that a run is a function of its seed.
    """
    parts = [part for part in model.modules() if isinstance(part, MLP)]
    before = [part.noise for part in parts]
    for part in parts:
        part.noise = generator
    try:
        yield
    finally:
        for part, noise in zip(parts, before, strict=True):
            part.noise = noise
