"""fit and evaluate: one training loop for every network and every gradient estimator."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from neurokit.errors import OutOfRange, TrainingDiverged, explain
from neurokit.gradients.estimator import Batch, Estimator
from neurokit.metrics import RelativeL2, relative_l2
from neurokit.problems.data import Data

#: Called after every iteration with its number, from 1, and its loss.
Progress = Callable[[int, float], None]

#: Share of the iterations over which the learning rate rises, and what is left of it at the end.
WARM_UP, FLOOR = 0.02, 0.01


@dataclass(frozen=True, eq=False)
class History:
    """What a training run was: the loss of the batch of every iteration, and the wall-clock seconds it took."""

    loss: Float64[np.ndarray, " iterations"]
    seconds: float


class Samples:
    """A data set as tensors on a model's device and in its dtype."""

    def __init__(self, data: Data, model: nn.Module) -> None:
        like = next(model.parameters())

        def tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(array, dtype=like.dtype, device=like.device)

        self.inputs = tuple((tensor(array), name in data.sampled) for name, array in data.inputs.items())
        self.target = tensor(data.answers)

    def all(self) -> Batch:
        """Every sample."""
        return Batch(tuple(x for x, _ in self.inputs), self.target)

    def take(self, rows: Tensor) -> Batch:
        """The samples at `rows`; inputs that all samples share stay whole."""
        return Batch(tuple(x[rows] if sampled else x for x, sampled in self.inputs), self.target[rows])


def fit(
    model: nn.Module,
    data: Data,
    estimator: Estimator,
    *,
    iterations: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> History:
    """Train `model` in place to the least mean square error on `data`.

    Adam (0.9, 0.999) on the estimator's gradients; the learning rate rises linearly over the first 2 % of the
    iterations and then falls to 1 % of itself as half a cosine. `weight_decay` shrinks weights, not biases, by
    `learning_rate * weight_decay` an iteration (decoupled, as in AdamW). Batches are drawn without replacement, each
    anew. `threads` is the number of torch's threads meanwhile: networks of some thousand parameters are fastest on one.
    The same `seed` on the same machine gives the same weights, bit for bit.

    Raises OutOfRange for settings that cannot train, TrainingDiverged naming step and parameter at the first loss or
    gradient that is not finite.
    """
    for name, value in (("iterations", iterations), ("batch_size", batch_size), ("threads", threads)):
        if value < 1:
            raise OutOfRange(explain(f"fit: {name}", value, "at least 1", "raise it"))
    if batch_size > len(data):
        raise OutOfRange(explain("fit: batch_size", batch_size, f"1..{len(data)}, the number of samples", "lower it"))
    if not (math.isfinite(learning_rate) and learning_rate > 0 and math.isfinite(weight_decay) and weight_decay >= 0):
        raise OutOfRange(
            explain(
                "fit: (learning_rate, weight_decay)", (learning_rate, weight_decay), "> 0 and >= 0, finite", "mend them"
            )
        )
    samples = Samples(data, model)
    generator = torch.Generator().manual_seed(seed)
    names = estimator.trained(model)
    parameters = {name: p for name, p in model.named_parameters() if name in names}
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in parameters.values() if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in parameters.values() if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=learning_rate,
        betas=(0.9, 0.999),
    )
    losses = np.empty(iterations)
    started = time.perf_counter()
    with _threads(threads):
        for step in range(iterations):
            rows = torch.randperm(len(data), generator=generator)[:batch_size]
            loss, gradient = estimator.estimate(model, samples.take(rows), generator, names)
            _require_finite(step + 1, loss, gradient)
            for name, parameter in parameters.items():
                parameter.grad = gradient[name]
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * schedule(step, iterations)
            optimiser.step()
            losses[step] = loss
            if progress is not None:
                progress(step + 1, loss)
        for parameter in parameters.values():
            parameter.grad = None
        estimator.conclude(model, samples.all())
    return History(losses, time.perf_counter() - started)


def schedule(step: int, iterations: int) -> float:
    """Factor of the learning rate at `step`, counted from 0: a linear rise, then half a cosine down to 1 %."""
    rise = max(1, round(WARM_UP * iterations))
    if step < rise:
        return (step + 1) / rise
    done = (step - rise) / max(1, iterations - rise - 1)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done))


def predict(model: nn.Module, data: Data) -> np.ndarray:
    """Answers of `model` for all inputs of `data`, in the shape of its answers, float64."""
    with torch.no_grad():
        answer: np.ndarray = model(*Samples(data, model).all().inputs).double().cpu().numpy()
    return answer


def evaluate(model: nn.Module, data: Data) -> RelativeL2:
    """Both relative L2 errors of `model` on `data`. For PointData all points together are one sample."""
    truth, answer = data.answers, predict(model, data)
    if data.sampled == ("x",):
        truth, answer = truth[None], answer[None]
    return relative_l2(truth, answer)


def _require_finite(step: int, loss: float, gradient: Any) -> None:
    remedy = "lower the learning rate, or start from smaller weights"
    if not math.isfinite(loss):
        raise TrainingDiverged(explain(f"iteration {step}: the loss", loss, "a finite number", remedy))
    for name, g in gradient.items():
        if not bool(torch.isfinite(g).all()):
            raise TrainingDiverged(
                explain(f"iteration {step}: the gradient of {name!r}", "not finite", "finite numbers", remedy)
            )


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
