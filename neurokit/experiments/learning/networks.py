"""The networks that experiments learn on: drawn as integers, or trained in floating point and quantised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from neurokit.compilers.quantization.quantize import quantize
from neurokit.data.data import Data, OperatorData, PointData, Split
from neurokit.data.metrics import relative_l2
from neurokit.errors import OutOfRange
from neurokit.ir.fixed_point import Widths
from neurokit.ir.graph import Graph
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense, Input, Output, Program, ProgramNode, Readout, Spiking
from neurokit.ir.weight_grid import WeightGrid
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean
from neurokit.simulator.plastic_weights import Weights

#: Membranes are proved for a bit less than the target has, so that weights can grow.
_ROOM_TO_LEARN = Widths(membrane=17)
#: Integers of the inputs, and the weight that a fresh layer's strongest synapse may have.
_INPUT, _FRESH = 127, 45


def error_of(test: PerturbedBatchEvaluator) -> Callable[[Weights], float]:
    """The mean relative L2 error on the samples of `test`; where samples are points, they are one sample together."""
    truth = np.asarray(test.task.truth)
    whole = truth if truth.ndim > 2 else truth[None]

    def error(weights: Weights) -> float:
        answers = test.answers(weights)
        return relative_l2(whole, answers if truth.ndim > 2 else answers[None]).mean

    return error


def integer_mlp(inputs: int, hidden: tuple[int, ...], unit: float, seed: int, steps: int = 32) -> Program:
    """A network of integers that has learned nothing: no floating point precedes it.

    Weights are uniform within `45 sqrt(2 / fan_in)`. A first layer receives inputs of -127..127 for [-1, 1] with the
    exponent -4 and the threshold 504, others spikes with the threshold 127: a weight of 127 is worth twice the
    threshold there and once here. `unit` is the answer of a readout weight of 127 to a neuron that always fires.
    """
    rng = np.random.default_rng([seed, 7])

    def layer(name: str, source: str, rows: int, columns: int, exponent: int, gain: int) -> Dense:
        reach = round(_FRESH * np.sqrt(2 / columns))
        weight = rng.integers(-reach, reach + 1, (rows, columns))
        return Dense(name, source, weight, gain * rng.integers(-reach, reach + 1, rows), exponent)

    scale = 1 / _INPUT
    nodes: list[ProgramNode] = [Input("x", np.full(inputs, -_INPUT), np.full(inputs, _INPUT), scale)]
    source, size = "x", inputs
    for i, width in enumerate(hidden):
        first = i == 0
        dense = layer(f"{i}", source, width, size, -4 if first else 0, _INPUT if first else 1)
        nodes += [dense, Spiking(f"{i}.spikes", f"{i}", IF(504 if first else 127))]
        source, size = f"{i}.spikes", width
    readout = layer("readout", source, 1, size, 0, 0)
    rule = MemMean()
    nodes += [readout, Readout("readout.total", "readout", rule, offset=np.zeros(1, np.int32))]
    nodes.append(Output("y", "readout.total", unit / (127 * rule.normaliser(steps))))
    made = Program(tuple(nodes), steps)
    return replace(made, certificate=prove(made))


@lru_cache(maxsize=2)
def trained(problem: Any, network: Any, iterations: int, batch: int, seed: int) -> tuple[Graph, Split[Any], float]:
    """A network trained by backpropagation in floating point, its data, and its test error. Imports torch."""
    from neurokit.compilers.frontend.trace import trace
    from neurokit.gradients.backprop import Backprop
    from neurokit.training.loop import evaluate, fit

    split = problem.generate(seed)
    model = network.build(split.train, seed)
    fit(model, split.train, Backprop(), iterations=iterations, batch_size=batch, learning_rate=1e-2, seed=seed)
    return trace(model, split.train.domain), split, evaluate(model, split.test).mean


def deployed(graph: Graph, bits: int, calibration: dict[str, np.ndarray] | None = None) -> Program:
    """The Program of a Graph with weights of `bits` bits, rounded to nearest or for calibration samples.

    Membranes are proved to need a bit less than there is.
    """
    tight = quantize(graph, grid=WeightGrid(bits), calibration=calibration, widths=_ROOM_TO_LEARN)
    return replace(tight, widths=Widths())


def provable(program: Program) -> bool:
    """Whether no legal input can overflow the Program."""
    try:
        prove(program)
    except OutOfRange:
        return False
    return True


def some(data: Data, count: int) -> Data:
    """The first samples of a data set, for a quicker look."""
    assert isinstance(data, OperatorData | PointData), "experiments ship with these"
    return data.take(np.arange(min(count, len(data))))
