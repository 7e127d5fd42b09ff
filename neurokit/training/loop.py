"""fit and evaluate: one training loop for every network and every gradient estimator."""

from __future__ import annotations

import copy
import hashlib
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from neurokit.compilers.frontend.trace import trace
from neurokit.data.data import Data, OperatorData
from neurokit.data.metrics import RelativeL2, relative_l2
from neurokit.errors import MisleadingError, OutOfRange, RunError, TrainingDiverged, explain
from neurokit.gradients.estimator import Batch, Estimator
from neurokit.ir.graph import Graph
from neurokit.networks.answer_units import answering
from neurokit.networks.mlp import MLP
from neurokit.networks.units import Units, choose, dtype_of_inputs, give

#: Decay of Adam's running means of the gradient and of its square.
BETAS = (0.9, 0.999)
#: Share of the iterations over which the learning rate rises, and what is left of it at the end.
WARM_UP, FLOOR = 0.02, 0.01


@dataclass(frozen=True, eq=False)
class History:
    """What a training run was: the loss of the batch of every iteration, and the wall-clock seconds they took."""

    loss: Float64[np.ndarray, " iterations"]
    seconds: float


class Samples:
    """A data set as tensors on a model's device and in its dtype, inputs and answers centred and scaled by `units`."""

    def __init__(self, data: Data, model: nn.Module, units: Units = Units()) -> None:  # noqa: B008 (frozen)
        like = next(model.parameters())

        def tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(array, dtype=like.dtype, device=like.device)

        inputs = units.inputs.normalised(data).inputs
        self.inputs = tuple((tensor(array), name in data.sampled) for name, array in inputs.items())
        self.target = tensor(units.answers.normalised(data.answers))

    def digest(self) -> str:
        """A fingerprint of every bit of the data."""
        hashed = hashlib.sha256()
        for x in (*(x for x, _ in self.inputs), self.target):
            hashed.update(x.cpu().contiguous().numpy().tobytes())
        return hashed.hexdigest()

    def all(self) -> Batch:
        """Every sample."""
        return Batch(tuple(x for x, _ in self.inputs), self.target)

    def take(self, rows: Tensor) -> Batch:
        """The samples at `rows`; inputs that all samples share stay whole."""
        return Batch(tuple(x[rows] if sampled else x for x, sampled in self.inputs), self.target[rows])


@dataclass(frozen=True)
class Settings:
    """Numbers that say how long and how fast to train, in the terms of `fit`.

    Raises OutOfRange for numbers that cannot train.
    """

    iterations: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("iterations", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise OutOfRange(explain(f"fit: {name}", value, "an integer >= 1", "give such a number"))
        if not isinstance(self.seed, Integral) or not 0 <= self.seed < 2**63:
            raise OutOfRange(explain("fit: seed", self.seed, "an integer in 0..2**63 - 1", "choose such a number"))
        for name, legal in (("learning_rate", "finite and > 0"), ("weight_decay", "finite and >= 0")):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (value == 0 and name == "learning_rate"):
                raise OutOfRange(explain(f"fit: {name}", value, legal, "choose such a number"))
        if self.learning_rate * self.weight_decay > 1:
            most = f"0..{1 / self.learning_rate:g}, so that an iteration shrinks weights and does not turn them round"
            raise OutOfRange(explain("fit: weight_decay", self.weight_decay, most, "lower it"))


class Training:
    """A training run between two of its iterations: all that the next one depends on.

    done        iterations that are finished
    loss        the loss of the batch of each of them
    seconds     wall-clock time that they took, in this process and in those that it continues
    units       of inputs and answers, chosen by `normalize` as in `fit`; while the run lasts the model reads and
                answers without them, and so are samples and loss; `conclude` gives them to the model

    `state` and `restore` carry it from one process to another; a run that was carried over goes on bit for bit as one
    that never stopped.
    """

    def __init__(
        self, model: nn.Module, data: Data, estimator: Estimator, settings: Settings, normalize: bool | None = None
    ) -> None:
        if settings.batch_size > len(data):
            raise OutOfRange(
                explain("fit: batch_size", settings.batch_size, f"1..{len(data)}, the number of samples", "lower it")
            )
        self.model, self.estimator, self.settings = model, estimator, settings
        self.units = choose(model, data, normalize)
        self.samples = Samples(data, model, self.units)
        self.count = len(data)
        self.generator = torch.Generator().manual_seed(settings.seed)
        names = estimator.trained(model)
        self.parameters = {name: p for name, p in model.named_parameters() if name in names}
        decay = settings.weight_decay
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [p for p in self.parameters.values() if p.ndim > 1], "weight_decay": decay},
                {"params": [p for p in self.parameters.values() if p.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=BETAS,
        )
        self._require_representable(settings.learning_rate)
        self._learns = any(".neurons." in f".{name}" for name in self.parameters)
        give(model, None)
        self.done = 0
        self.seconds = 0.0
        self.loss: Float64[np.ndarray, " iterations"] = np.full(settings.iterations, np.nan)

    @property
    def finished(self) -> bool:
        return self.done == self.settings.iterations

    @property
    def learning_rate(self) -> float:
        """The learning rate of the latest iteration, or of the first before there is one."""
        return self.settings.learning_rate * schedule(max(0, self.done - 1), self.settings.iterations)

    def iterate(self) -> None:
        """One iteration: a batch, a gradient, a step of the optimiser. Raises TrainingDiverged."""
        started = time.perf_counter()
        number = self.done + 1
        rows = torch.randperm(self.count, generator=self.generator)[: self.settings.batch_size]
        try:
            loss, gradient = self.estimator.estimate(
                self.model, self.samples.take(rows), self.generator, tuple(self.parameters)
            )
        except torch.linalg.LinAlgError as error:
            raise _diverged(number, f"a matrix of the estimator ({error})", "not to be solved for") from error
        self._require_finite(number, loss, gradient)
        for name, parameter in self.parameters.items():
            parameter.grad = gradient[name]
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * schedule(self.done, self.settings.iterations)
        self.optimiser.step()
        for name in _not_finite(self.parameters):
            raise _diverged(number, f"the parameter {name!r} after the step", "not finite")
        if self._learns:
            self._require_legal_values(number)
        self.loss[self.done] = loss
        self.done = number
        self.seconds += time.perf_counter() - started

    def conclude(self, model: nn.Module) -> None:
        """Finish `model`, this run's or a copy, as the estimator would if the run ended here, and give it its units."""
        for parameter in model.parameters():
            parameter.grad = None
        self.estimator.conclude(model, self.samples.all())
        give(model, self.units)

    def state(self) -> dict[str, Any]:
        """Tensors and plain values that `restore` takes."""
        return {
            "done": self.done,
            "data": self.samples.digest(),
            "seconds": self.seconds,
            "loss": torch.from_numpy(self.loss[: self.done].copy()),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become the run that `state` was taken of; model, data, estimator and settings must be the same.

        Raises RunError when the data are not the same to the last bit.
        """
        if state["data"] != self.samples.digest():
            raise RunError(
                explain(
                    "the data of the run that is to go on",
                    "not that of its beginning, bit for bit",
                    "the same data, from the same libraries on as many threads",
                    "set OMP_NUM_THREADS as it was then (torchrun sets it to 1), on the machine that began",
                )
            )
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        self.done, self.seconds = int(state["done"]), float(state["seconds"])
        self.loss[: self.done] = state["loss"].numpy()
        self.loss[self.done :] = np.nan

    def _require_representable(self, learning_rate: float) -> None:
        """Adam's first step is `learning_rate / (1 - beta_1)` long, a number of the parameters' type."""
        most = min((torch.finfo(p.dtype).max for p in self.parameters.values()), default=math.inf) * (1 - BETAS[0])
        if learning_rate > most:
            legal = f"at most {most:.2g}, where steps leave the range of the parameters' type"
            raise OutOfRange(explain("fit: learning_rate", learning_rate, legal, "lower it; 1e-3 is usual"))

    def _require_legal_values(self, number: int) -> None:
        """Trained values of neurons must lie in their spans; finite parameters alone do not see to it."""
        for part, mlp in self.model.named_modules():
            if not isinstance(mlp, MLP):
                continue
            learned = ((i, field, value) for i in range(len(mlp.hidden)) for field, value in mlp.learned(i).items())
            for i, field, value in learned:
                try:
                    mlp.neuron.spans[field].require(field, float(value.detach()))
                except OutOfRange:
                    name = f"{part}.neurons.{i}.{field}".lstrip(".")
                    raise _diverged(number, f"the value of {name!r}", f"{float(value.detach())}") from None

    def _require_finite(self, number: int, loss: float, gradient: Mapping[str, Tensor]) -> None:
        if not math.isfinite(loss):
            ill = list(_not_finite(dict(self.model.named_parameters())))
            raise _diverged(number, "the loss", f"{loss} (parameters that are not finite: {ill or 'none'})")
        for name in _not_finite(gradient):
            raise _diverged(number, f"the gradient of {name!r}", "not finite")


class Observer:
    """Something that attends a training run: logs it, checkpoints it, draws it. Does nothing unless overridden.

    While the run lasts `training.model` reads and answers what its layers do; a copy that `training.conclude` has
    finished reads and answers in the units of the data.
    """

    def begin(self, training: Training) -> None:
        """Called once before the first iteration; may restore an earlier state of the run."""

    def iterated(self, training: Training) -> None:
        """Called after every iteration, in the order in which observers were given to `fit`."""


@dataclass(frozen=True)
class Tell(Observer):
    """Calls `progress` after every iteration with its number, from 1, and its loss."""

    progress: Callable[[int, float], None]

    def iterated(self, training: Training) -> None:
        self.progress(training.done, float(training.loss[training.done - 1]))


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
    admit: Callable[[Graph], object] | None = None,
    normalize: bool | None = None,
    observers: Sequence[Observer] = (),
) -> History:
    """Train `model` in place to the least mean square error on `data`, relative to the spread of its answers.

    Adam (0.9, 0.999) on the estimator's gradients; the learning rate rises linearly over the first 2 % of the
    iterations and then falls to 1 % of itself as half a cosine. `weight_decay` shrinks weights, not biases, by
    `learning_rate * weight_decay` an iteration (decoupled, as in AdamW). Batches are drawn without replacement, each
    anew. `threads` is the number of torch's threads meanwhile: networks of some thousand parameters are fastest on one.
    The same `seed` on the same machine gives the same weights, bit for bit. `observers` attend the run.

    `admit` is given the Graph of the network before anything is computed, and refuses it by raising: with
    `admit=runs_on(LavaCPU())`, or on any other target or chip, what could never run there is not trained for it, see
    `neurokit.targets.support`.

    `normalize` says whether inputs and answers are centred and scaled before anything is trained on them: answers by
    mean and standard deviation of the training answers, column by column, inputs as `InputUnits` says; `model` then
    reads and answers in the units of the data, and so does what is traced from it. None: yes, but for data that a
    problem of neurokit made (their `provenance` names it), which are of about one. A network keeps the units of its
    first fit in all later ones. The loss is that of what is trained on. Give inputs to the trained network in float64,
    which is scaled before it is rounded to the type of its parameters.

    Raises OutOfRange for settings that cannot train, TrainingDiverged naming iteration and parameter as soon as a
    loss, a gradient or a parameter is not finite, and what an observer raises.
    """
    if threads < 1:
        raise OutOfRange(explain("fit: threads", threads, "at least 1", "raise it"))
    settings = Settings(iterations, batch_size, learning_rate, weight_decay, seed)
    if admit is not None:
        admit(_as_trained(model, data, normalize))
    training = Training(model, data, estimator, settings, normalize)
    try:
        with _threads(threads):
            for observer in observers:
                observer.begin(training)
            while not training.finished:
                training.iterate()
                for observer in observers:
                    observer.iterated(training)
            training.conclude(model)
    finally:
        give(model, training.units)
    return History(training.loss, training.seconds)


def _as_trained(model: nn.Module, data: Data, normalize: bool | None) -> Graph:
    """The Graph of what is going to be trained: layers as they start, inputs as these are going to read them."""
    bare = copy.deepcopy(model)
    give(bare, None)
    return trace(bare, choose(model, data, normalize).inputs.ranges(data.domain))


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
        dtype, device = dtype_of_inputs(model), next(model.parameters()).device
        inputs = (torch.tensor(array, dtype=dtype, device=device) for array in data.inputs.values())
        answer: np.ndarray = model(*inputs).double().cpu().numpy()
    return answer


def evaluate(model: nn.Module, data: Data, centre: Float64[np.ndarray, " columns"] | None = None) -> RelativeL2:
    """The relative L2 errors of `model` on `data`, and the centred one.

    The centred error is relative to the answers less `centre`, by default their training mean where the model was
    normalised by it, else their own mean. Warns with a MisleadingError where the relative errors hide a lost signal.
    """
    network = answering(model)
    units = None if network is None else network.units
    if centre is None and units is not None and not units.are_one:
        centre = np.array(units.offset)
    error = errors_on(data, predict(model, data), centre)
    if error.warning is not None:
        warnings.warn(error.warning, MisleadingError, stacklevel=2)
    return error


def errors_on(
    data: Data, answer: Float64[np.ndarray, "..."], centre: Float64[np.ndarray, " columns"] | None = None
) -> RelativeL2:
    """The errors of answers to `data`; where samples are single points, all of them are one sample.

    `centre` is what the centred error takes off the columns of the answers, by default their own means.
    """
    truth = data.answers
    if centre is None:
        centre = mean_of_columns(data)
    if isinstance(data, OperatorData):
        return relative_l2(truth, answer, centre)
    return relative_l2(truth[None], answer[None], centre)


def mean_of_columns(data: Data) -> Float64[np.ndarray, " columns"]:
    """The mean answer, of every column of the answers."""
    return np.asarray(data.answers.reshape(-1, data.answers.shape[-1]).mean(axis=0))


def _not_finite(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Names of tensors with a number that is not finite. All are looked at in one pass, and singly only if it fails."""
    if tensors and not bool(torch.isfinite(torch.cat([x.detach().reshape(-1) for x in tensors.values()])).all()):
        yield from (name for name, x in tensors.items() if not bool(torch.isfinite(x).all()))


def _diverged(number: int, what: str, value: str) -> TrainingDiverged:
    remedy = "lower the learning rate, or start from smaller weights"
    return TrainingDiverged(explain(f"iteration {number}: {what}", value, "a finite number", remedy))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
