"""Rows of quantisation: what few bits cost on the Mexican hat and on Poisson, after training and while training."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from neurokit.compilers.frontend.trace import trace
from neurokit.compilers.quantization.quantize import quantize
from neurokit.data.data import Data, carve
from neurokit.data.mexican_hat import MexicanHat
from neurokit.data.poisson import Poisson
from neurokit.errors import TrainingDiverged
from neurokit.experiments.papers.networks import DeepONetShape, MLPShape
from neurokit.experiments.papers.row import Row
from neurokit.experiments.papers.trial import Trial, errors_of
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.directions import Hadamard
from neurokit.gradients.estimator import Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.scopes import Layerwise
from neurokit.ir.weight_grid import WeightGrid
from neurokit.neurons.surrogates import Gaussian
from neurokit.plotting import figures
from neurokit.training.loop import Settings, fit, predict
from neurokit.training.qat import FineTuning, finetune, predict_program
from neurokit.training.recipes import describe

BITS = (8, 6, 4)
#: Rows of a picture: the middle of their names, what they are, their colour.
KINDS = (
    ("ptq", "post-training", "C1"),
    ("qat", "fine-tuned by backpropagation", "C0"),
    ("qat-rfg", "fine-tuned by forward gradients", "C2"),
)


@dataclass(frozen=True)
class AddedTo:
    """A bar: the mean of another row, plus so much."""

    row: str
    added: float

    def limit(self, means: Mapping[str, float]) -> float | None:
        return means[self.row] + self.added if self.row in means else None


@dataclass(frozen=True)
class QuantizedRow(Row):
    """A network trained by `estimator` and `settings` on all training samples but `held_out`, then quantised.

    bits        of every weight; None is the network in floating point, which the others are held against
    finetuning  quantisation-aware training, which the samples held out judge; None is post-training quantisation
    tuner       the estimator of fine-tuning; None is that of the training
    """

    bits: int | None = None
    finetuning: FineTuning | None = None
    tuner: Estimator | None = None

    def shortened(self, budget: float) -> QuantizedRow:
        tuning = self.finetuning
        if tuning is not None:
            iterations = max(tuning.checkpoints, round(budget * tuning.iterations))
            tuning = replace(tuning, iterations=iterations)
        iterations = max(1, round(budget * self.settings.iterations))
        return replace(self, settings=replace(self.settings, iterations=iterations), finetuning=tuning)

    @property
    def recipe(self) -> str:
        if self.bits is None:
            return super().recipe
        if self.finetuning is None:
            return f"{self.bits} bits, rounded and scaled for the training inputs"
        rates = " or ".join(f"{rate:g}" for rate in self.finetuning.learning_rates)
        more = f"{self.finetuning.iterations:,} more iterations on the grid"
        means = "" if self.tuner is None else f" by {describe(self.tuner)}"
        return f"{self.bits} bits, {more}{means}, learning rate {rates}"

    @property
    def digest(self) -> str:
        decisive = super().digest, self.bits, self.finetuning, self.tuner
        return hashlib.sha256(repr(decisive).encode()).hexdigest()[:12]

    def trial(self, seed: int, scratch: Path | None = None, progress: Callable[[float], None] | None = None) -> Trial:
        """`seconds` are those of quantisation and fine-tuning alone, or of the training in floating point."""
        answer, failure, seconds = None, "", 0.0
        try:
            base = _base(_Training(self.problem, self.network, self.estimator, self.settings, self.held_out), seed)
            seconds, answer = _answers(self, base, seed)
        except TrainingDiverged as error:
            failure = str(error)
        errors = None if answer is None else errors_of(answer, base.test)
        return Trial(self.name, seed, self.digest, errors, failure, seconds, (), 1.0)


class _Base(NamedTuple):
    model: nn.Module
    train: Data
    validation: Data
    test: Data
    seconds: float


@dataclass(frozen=True)
class _Training:
    """All that decides the network in floating point but its seed."""

    problem: Any
    network: Any
    estimator: Estimator
    settings: Settings
    held_out: int


@lru_cache(maxsize=2)
def _base(training: _Training, seed: int) -> _Base:
    """The network in floating point, which all rows of a problem share."""
    split = training.problem.generate(seed)
    part, validation = carve(split.train, training.held_out, seed)
    model = training.network.build(part, seed)
    started = time.process_time()
    fit(model, part, training.estimator, **vars(replace(training.settings, seed=seed)))
    return _Base(model, part, validation, split.test, time.process_time() - started)


def _answers(row: QuantizedRow, base: _Base, seed: int) -> tuple[float, np.ndarray]:
    if row.bits is None:
        return base.seconds, predict(base.model, base.test)
    started, grid = time.process_time(), WeightGrid(row.bits)
    if row.finetuning is None:
        graph = trace(base.model, base.train.domain)
        program = quantize(graph, grid=grid, calibration=base.train.inputs)
    else:
        settings = replace(row.finetuning, seed=seed, batch_size=row.settings.batch_size)
        estimator = row.tuner or row.estimator
        program = finetune(
            base.model, base.train, base.validation, grid=grid, estimator=estimator, settings=settings
        ).program
    return time.process_time() - started, predict_program(program, base.test)


def draw(records: Sequence[Mapping[str, Any]], path: Path, budget: float) -> None:
    """A panel a problem: error against bits, after training and with fine-tuning, a dot for every seed."""
    problems = list(dict.fromkeys(record["row"].partition("/")[0] for record in records))
    figure = figures.new(4.6 * len(problems), 3.8)
    for place, problem in enumerate(problems):
        axes = figure.add_subplot(1, len(problems), place + 1)
        found = {
            record["row"].partition("/")[2]: record for record in records if record["row"].startswith(f"{problem}/")
        }
        for kind, label, color in KINDS:
            bits = [b for b in BITS if f"{kind}-{b}" in found and found[f"{kind}-{b}"]["mean"] is not None]
            axes.semilogy(bits, [found[f"{kind}-{b}"]["mean"] for b in bits], "o-", color=color, label=label)
            for b in bits:
                errors = [trial["errors"]["mean"] for trial in found[f"{kind}-{b}"]["per_seed"]]
                axes.plot([b] * len(errors), errors, ".", color=color, alpha=0.4)
        if "float" in found and found["float"]["mean"] is not None:
            axes.axhline(found["float"]["mean"], color="#333333", lw=1, ls="--", label="floating point")
        shortened = "" if budget == 1 else f" (runs shortened to {budget:g})"
        axes.set(title=f"{problem}{shortened}", xlabel="bits of a weight", ylabel="test error, mean relative L2")
        axes.set_xticks(list(BITS))
        axes.legend(frameon=False, fontsize=8)
        axes.grid(alpha=0.25, which="both", lw=0.4)
    figures.save(figure, path)


def _rows(base: QuantizedRow, forward: ForwardGradient) -> tuple[QuantizedRow, ...]:
    """Floating point, then every number of bits: without fine-tuning, and by the estimator of the training and RFG."""
    problem = base.name.partition("/")[0]
    rows = [base]
    for bits, after_training, aware in ((8, 0.004, 0.0015), (6, None, 0.01), (4, None, None)):
        for kind, added, tuner in (("ptq", after_training, None), ("qat", aware, None), ("qat-rfg", aware, forward)):
            bar = None if added is None else AddedTo(base.name, added)
            finetuning = None if kind == "ptq" else FineTuning()
            name = f"{problem}/{kind}-{bits}"
            rows.append(replace(base, name=name, bar=bar, bits=bits, finetuning=finetuning, tuner=tuner))
    return tuple(rows)


ROWS = (
    *_rows(
        QuantizedRow(
            "mexican-hat/float", MexicanHat(), MLPShape(hidden=(16, 16), surrogate=Gaussian(0.5)), Backprop(),
            Settings(3000, 250, 1e-2), held_out=2000,
        ),
        ForwardGradient(Layerwise(), 16),
    ),
    *_rows(
        QuantizedRow(
            "poisson/float", Poisson(), DeepONetShape(surrogate=Gaussian(0.3)), Backprop(),
            Settings(10_000, 100, 1e-2), held_out=160,
        ),
        ForwardGradient(Layerwise(), 64, Hadamard()),
    ),
)  # fmt: skip
