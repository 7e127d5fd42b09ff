"""Quantisation-aware training: weights trained where the integers are, by any estimator.

The network that is differentiated has the weights of a Program: those that training moves, rounded to the grids that
`quantize` chose, by its own functions. The gradient there moves the unrounded weights (straight through the rounding):

    W_hat = grid(W),   W <- W - Adam(dL/dW at W_hat)

Source: Bengio, Leonard, Courville 2013 (arXiv 1308.3432); weights kept unrounded: Courbariaux, Bengio, David 2015
(arXiv 1511.00363).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from neurokit.compilers.frontend.trace import trace
from neurokit.compilers.quantization.quantize import Quantization, explain_quantization
from neurokit.compilers.quantization.search import Search
from neurokit.compilers.quantization.synapses import QuantizedLayer
from neurokit.data.data import Data, OperatorData
from neurokit.data.metrics import RelativeL2, relative_l2
from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.ir import graph as g
from neurokit.ir.program import Program
from neurokit.ir.weight_grid import Grids, WeightGrid
from neurokit.networks.answer_units import answering
from neurokit.networks.parts import stacks
from neurokit.networks.units import give
from neurokit.simulator import Twin
from neurokit.training.loop import Observer, Settings, Training, errors_on, fit
from neurokit.training.recipes import describe


def linears(model: nn.Module) -> dict[str, nn.Linear]:
    """The linear layers of an MLP or an operator network by the names that `trace` gives them in a Graph."""
    found: dict[str, nn.Linear] = {}
    for prefix, stack in stacks(model).items():
        for name, layer in [*((str(i), layer) for i, layer in enumerate(stack.hidden)), ("readout", stack.readout)]:
            assert isinstance(layer, nn.Linear), "networks are built of Linear layers"
            found[f"{prefix}{name}"] = layer
    return found


@dataclass(frozen=True, eq=False)
class OnGrid(Estimator):
    """The gradient that `estimator` finds at the weights of the grids, for the unrounded weights.

    `layers` are those of a Quantization, by their names in the Graph. Unrounded weights stay within half a step of the
    ends of their grid, so that none is out of reach of its gradient. Thresholds and decays are not trained: the
    integers depend on them. Raises GraphError when the estimator trains only some of the weights, for the others would
    leave their grid.
    """

    estimator: Estimator
    layers: Mapping[str, QuantizedLayer]

    def trained(self, model: nn.Module) -> tuple[str, ...]:
        names = set(self.estimator.trained(model))
        gridded = {id(p) for layer in linears(model).values() for p in layer.parameters()}
        left_out = [name for name, p in model.named_parameters() if id(p) in gridded and name not in names]
        if left_out:
            raise GraphError(
                explain(
                    f"parameters trained by {describe(self.estimator)}",
                    f"all but {', '.join(left_out)}",
                    "every weight and bias, as quantisation-aware training rounds them all",
                    "use Backprop, ForwardGradient or NodePerturbation",
                )
            )
        return tuple(name for name, _ in model.named_parameters() if name in names and ".neurons." not in f".{name}")

    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        with _rounded(model, self.layers):
            return self.estimator.estimate(model, batch, generator, trained)

    def conclude(self, model: nn.Module, everything: Batch) -> None:
        """Leave the weights on their grids."""
        self.estimator.conclude(model, everything)
        snap(model, self.layers)


@torch.no_grad()
def snap(model: nn.Module, layers: Mapping[str, QuantizedLayer]) -> None:
    """Round the weights and biases of `model` to their grids, in place."""
    for name, linear in linears(model).items():
        layer = _of(layers[name], linear)
        for parameter, value in (
            (linear.weight, layer.weight(_array(linear.weight))),
            (linear.bias, layer.bias(_array(linear.bias))),
        ):
            parameter.copy_(torch.from_numpy(value))


@contextmanager
def _rounded(model: nn.Module, layers: Mapping[str, QuantizedLayer]) -> Iterator[None]:
    """`model` on its grids; afterwards where it was, but no further beyond their ends than half a step."""
    before = {}
    with torch.no_grad():
        for name, linear in linears(model).items():
            layer = _of(layers[name], linear)
            low, high = (
                (level + half) * layer.grid.step for level, half in ((layer.grid.low, -0.5), (layer.grid.high, 0.5))
            )
            linear.weight.copy_(torch.from_numpy(np.clip(_array(linear.weight), low * layer.unit, high * layer.unit)))
            before[name] = linear.weight.clone(), linear.bias.clone()
    snap(model, layers)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, linear in linears(model).items():
                linear.weight.copy_(before[name][0])
                linear.bias.copy_(before[name][1])


def _of(layer: QuantizedLayer, linear: nn.Linear) -> QuantizedLayer:
    """The layer in the shape of `linear`: a Graph gives a part of a SepONet all coordinates, of which it reads one."""
    if layer.unit.shape[1] == linear.in_features:
        return layer
    own = _own_column(layer.name)
    return QuantizedLayer(layer.name, layer.grid, layer.unit[:, own], layer.bias_unit, layer.saturated, layer.free)


def _own_column(name: str) -> slice:
    """Which coordinate the first layer of that name in a SepONet's Graph reads, `trunks.i.0`."""
    index = int(name.split(".")[1])
    return slice(index, index + 1)


def _array(parameter: Tensor) -> np.ndarray:
    array: np.ndarray = parameter.detach().double().cpu().numpy()
    return array


@torch.no_grad()
def load_weights(model: nn.Module, graph: g.Graph) -> None:
    """Give the linear layers of `model` the weights of a Graph that was traced from it, or from one of its kind."""
    for name, linear in linears(model).items():
        node = graph[name]
        assert isinstance(node, g.Dense), "traced as a Dense"
        weight = node.weight
        if weight.shape[1] != linear.in_features:  # the part of a SepONet that reads one coordinate of several
            weight = weight[:, _own_column(name)]
        linear.weight.copy_(torch.from_numpy(np.array(weight)))
        linear.bias.copy_(torch.from_numpy(np.array(node.bias)))


@dataclass(frozen=True)
class FineTuning:
    """How long to fine-tune, and what to choose from.

    iterations      of every run
    batch_size      samples of an iteration
    learning_rates  one run each; low ones, for a Program is a good start and a step of the grid is large
    checkpoints     Programs of a run that are compared on the validation data, evenly spread, the last one included
    level           how likely a run of no use may be taken for one of use, in 0..0.5; see `finetune`
    seed            of batches and directions
    """

    iterations: int = 1500
    batch_size: int = 100
    learning_rates: tuple[float, ...] = (3e-5, 1e-4)
    checkpoints: int = 4
    level: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.learning_rates:
            raise OutOfRange(explain("FineTuning.learning_rates", "()", "one or more", "use (3e-5, 1e-4)"))
        for rate in self.learning_rates:
            Settings(self.iterations, self.batch_size, rate, seed=self.seed)  # raises for what cannot train
        if not 0 < self.level <= 0.5:
            raise OutOfRange(explain("FineTuning.level", self.level, "0 < level <= 0.5", "use 0.05"))
        if not 1 <= self.checkpoints <= self.iterations:
            raise OutOfRange(
                explain("FineTuning.checkpoints", self.checkpoints, f"1..{self.iterations}, its iterations", "lower it")
            )


@dataclass(frozen=True)
class Checkpoint:
    """A Program on the way: error on the validation data, or why there is none (its states do not fit their widths)."""

    learning_rate: float
    iteration: int
    error: RelativeL2 | None


@dataclass(frozen=True, eq=False)
class FineTuned:
    """What `finetune` found.

    quantization   the Program that was kept, with its choices; after training or before it
    model          a network that has the weights of that Program
    post_training  validation error of the Program of the network as it came
    best           of the Program that was kept; its `mean` is never above that of `post_training`
    checkpoints    every Program that was compared
    """

    quantization: Quantization
    model: nn.Module
    post_training: RelativeL2
    best: RelativeL2
    checkpoints: tuple[Checkpoint, ...]

    @property
    def program(self) -> Program:
        return self.quantization.program


class _Watch(Observer):
    """Makes a Program of a run every so often and remembers the best."""

    def __init__(
        self,
        start: Quantization,
        grid: Grids,
        rounding: tuple[Mapping[str, np.ndarray], Search | None],
        validation: Data,
        settings: FineTuning,
        learning_rate: float,
        made: str,
    ) -> None:
        self.start, self.grid, self.validation, self.learning_rate = start, grid, validation, learning_rate
        self.samples, self.search = rounding
        self.provenance = {"quantize.training": made}
        every = settings.iterations / settings.checkpoints
        self.at = {round(every * (k + 1)) for k in range(settings.checkpoints)}
        self.checkpoints: list[Checkpoint] = []
        self.best: tuple[RelativeL2, Quantization, nn.Module] | None = None

    def iterated(self, training: Training) -> None:
        if training.done not in self.at:
            return
        model = copy.deepcopy(training.model)
        give(model, training.units)
        snap(model, self.start.layers)
        try:
            graph = trace(model, self.validation.domain)
            # Weights on their grid stay; readouts make up for the rounded inputs and the floors, which training lacks.
            made = explain_quantization(
                graph,
                grid=self.grid,
                calibration=self.samples,
                search=self.search,
                plan=self.start.plan.yielding(),
                provenance=self.provenance,
            )
        except OutOfRange:
            self.checkpoints.append(Checkpoint(self.learning_rate, training.done, None))
            return
        error = evaluate_program(made.program, self.validation)
        self.checkpoints.append(Checkpoint(self.learning_rate, training.done, error))
        if self.best is None or error.mean < self.best[0].mean:
            load_weights(model, made.realized())
            self.best = error, made, model


def finetune(
    model: nn.Module,
    train: Data,
    validation: Data,
    *,
    grid: Grids = WeightGrid(),  # noqa: B008 (frozen)
    estimator: Estimator = Backprop(),  # noqa: B008 (frozen)
    settings: FineTuning = FineTuning(),
    search: Search | None = Search(),  # noqa: B008 (frozen)
    threads: int = 1,
) -> FineTuned:
    """Train a copy of `model` where its weights are integers of `grid`, and keep what is best on `validation`.

    First the network is quantised as it is, its weights rounded for `train`. From the weights of that Program, one run
    for every learning rate trains on `train` by `estimator`; its checkpoints become Programs by the same scales. The
    best of them on `validation` is kept if it is better there than the Program of no training by more than chance: by
    `above_chance` of what it gains on each function's relative error, or each point's squared one, at `level` divided
    by the number of checkpoints, for that is how many were tried (Bonferroni). Else the Program of no training is kept.
    `model` is not changed.

    Raises what `quantize` and `fit` raise, and GraphError when the estimator does not train every weight, or when
    columns of the answers have units of their own, which a Graph's readout holds in its weights.
    """
    network = answering(model)
    if network is not None and network.units is not None and not network.units.common_scale:
        legal = "one scale for all columns"
        remedy = "train it on columns of about one spread, with normalize=False"
        raise GraphError(explain("finetune: scales of the answers", network.units.scale, legal, remedy))
    graph = trace(model, train.domain)
    samples = dict(train.inputs)
    plain = explain_quantization(graph, grid=grid, calibration=samples, search=search)
    on_grid = OnGrid(estimator, plain.layers)
    on_grid.trained(model)  # refuses before a run
    before = copy.deepcopy(model)
    load_weights(before, plain.realized())
    post_training = evaluate_program(plain.program, validation)
    best: tuple[RelativeL2, Quantization, nn.Module] = (post_training, plain, before)
    checkpoints: list[Checkpoint] = []
    for learning_rate in settings.learning_rates:
        run = copy.deepcopy(model)
        load_weights(run, plain.realized())
        made = f"{describe(estimator)}, {settings.iterations} iterations at {learning_rate:g}, seed {settings.seed}"
        watch = _Watch(plain, grid, (samples, search), validation, settings, learning_rate, made)
        fit(
            run,
            train,
            on_grid,
            iterations=settings.iterations,
            batch_size=settings.batch_size,
            learning_rate=learning_rate,
            seed=settings.seed,
            threads=threads,
            normalize=False,  # the units that the weights have: those of the network's own fit, if there was one
            observers=(watch,),
        )
        checkpoints += watch.checkpoints
        if watch.best is not None and watch.best[0].mean < best[0].mean:
            best = watch.best
    trials = settings.checkpoints * len(settings.learning_rates)
    gain = errors_of(plain.program, validation) - errors_of(best[1].program, validation)
    if not above_chance(gain, settings.level / trials):
        best = (post_training, plain, before)
    error, quantization, tuned = best
    return FineTuned(quantization, tuned, post_training, error, tuple(checkpoints))


def above_chance(gain: Float64[np.ndarray, " n"], level: float) -> bool:
    """Whether gains, one for each function or point, are above zero on average, by a one-sided test at that level.

    `mean(gain) > z * sd(gain) / sqrt(n)` with the quantile `z = 1 - level` of the normal distribution; one gain alone
    says nothing.
    """
    deviation = gain.std(ddof=1) if len(gain) > 1 else np.inf
    return bool(gain.mean() > NormalDist().inv_cdf(1 - level) * deviation / np.sqrt(len(gain)))


def errors_of(program: Program, data: Data) -> Float64[np.ndarray, " n"]:
    """What the mean metric is made of: relative errors of functions, or squared errors of points."""
    truth, answer = data.answers, predict_program(program, data)
    if isinstance(data, OperatorData):
        return np.array([relative_l2(one[None], said[None]).mean for one, said in zip(truth, answer, strict=True)])
    return np.asarray(((answer - truth).reshape(len(truth), -1) ** 2).sum(axis=1))


def predict_program(program: Program, data: Data) -> np.ndarray:
    """Answers of a Program for all inputs of `data`, in the shape of its answers."""
    return np.asarray(Twin().run(program, data.inputs).output)


def evaluate_program(program: Program, data: Data) -> RelativeL2:
    """Both relative L2 errors of a Program on `data`, as `training.loop.evaluate` measures those of a network."""
    return errors_on(data, predict_program(program, data))
