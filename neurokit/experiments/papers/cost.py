"""The cost of a gradient in forward passes: the unit in which methods compare on any machine."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from neurokit.data.data import Data
from neurokit.gradients.delta_rule import errors
from neurokit.gradients.estimator import Estimator
from neurokit.gradients.local_loss import LocalReadouts
from neurokit.gradients.tangent import features
from neurokit.networks.parts import parts
from neurokit.training.loop import Samples, Settings

#: Rounds of a measurement, in each of which both are timed once, after one round that is not counted.
ROUNDS = 9


def forward_equivalents(model: nn.Module, data: Data, estimator: Estimator, settings: Settings) -> float:
    """CPU time of one gradient by `estimator` over that of one forward pass, of a batch as large as in `settings`.

    The forward pass is the fastest that there is here, compiled where the network has kernels, and includes the loss.
    Each is the median of `ROUNDS` measurements on one thread, taken in turn.
    """
    model = copy.deepcopy(model)  # an estimator may set parameters
    batch = Samples(data, model).take(torch.arange(settings.batch_size))
    generator = torch.Generator().manual_seed(settings.seed)
    trained = estimator.trained(model)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        pairs = [
            (
                _seconds(lambda: forward(model, batch.inputs, batch.target)),
                _seconds(lambda: estimator.estimate(model, batch, generator, trained)),
            )
            for _ in range(1 + ROUNDS)
        ]
    finally:
        torch.set_num_threads(threads)
    once, gradient = np.median(np.array(pairs[1:]), axis=0)
    return float(gradient / once)


@torch.no_grad()
def forward(model: nn.Module, inputs: tuple[Tensor, ...], target: Tensor) -> float:
    """Loss of a batch in one forward pass, by compiled kernels where there are some."""
    if isinstance(model, LocalReadouts):
        model = model.network
    outputs = [part.mlp.readout(features(part.mlp, part.x)) for part in parts(model, inputs)]
    return errors(model, outputs, target).loss


def _seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started
