"""All assumptions: what Lava and a chip must do so that a Program runs on them exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from neurokit.ir.fixed_point import Decay12
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import (
    Dense,
    Input,
    Output,
    Product,
    Program,
    ProgramNode,
    Readout,
    Recurrent,
    Sparse,
    Spiking,
    Sum,
)
from neurokit.ir.sparse import Csr
from neurokit.neurons.models import IF, LIF, CubaLIF, Subtract, ToZero
from neurokit.neurons.models import Neuron as Node
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.targets.verification.selftest import equations as eq
from neurokit.targets.verification.selftest.assumption import INPUT, STEPS, Assumption
from neurokit.targets.verification.selftest.equations import Line, Matrix, Series

#: Samples of one line and of two: both signs, silence after noise, the ends of the range.
ONE: tuple[Line, ...] = ([9], [0], [-9], [4])
TWO: tuple[Line, ...] = ([9, -9], [0, 0], [-9, 9], [3, 5])
#: A threshold as high as one synapse can subtract.
HIGH = eq.Neuron(255 << 7)
#: The last layer of most assumptions, and so many lines its source has.
TAIL: Matrix = ((3, -2), (-1, 5))


@cache
def assumptions() -> tuple[Assumption, ...]:
    """Every assumption, from the input to the last product."""
    return (
        _exact_weights(),
        _weight_exponents(),
        _biases(),
        _accumulation(),
        _threshold(),
        _population("soft-reset", "a spike takes the threshold away, and the rest stays", _soft(199)),
        _population("soft-reset-exponent", "a threshold k * 2**e is subtracted exactly", _soft(255 << 2), gain=9),
        _population("hard-reset", "a spike leaves a membrane of zero", eq.Neuron(150, hard=True)),
        _population("leak", "a membrane decays by 12 bits, toward zero", eq.Neuron(150, hard=True, beta=3686)),
        _population("leak-soft-reset", "a threshold is subtracted from what leaks", eq.Neuron(64, beta=3584)),
        _population(
            "synaptic-current", "current and membrane decay apart", eq.Neuron(300, hard=True, alpha=2048, beta=3686)
        ),
        _population("recurrence", "spikes come back one step later", _soft(199), recurrent=((-60, 45), (110, -25))),
        _between_samples(),
        _delays(),
        _sparse(),
        _rate(),
        _memmean(),
        _product(),
        _sum(),
    )


def _chain(program: Sequence[ProgramNode], samples: Sequence[Line]) -> Program:
    """Nodes behind an Input that reaches as far as the samples."""
    columns = list(zip(*samples, strict=True))
    low, high = (np.array([extreme(0, *column) for column in columns]) for extreme in (min, max))
    made = Program((Input(INPUT, low, high, 1.0), *program), STEPS)
    return replace(made, certificate=prove(made))


def _held(x: Line) -> Series:
    """An input over the window."""
    return [x] * STEPS


def _soft(threshold: int) -> eq.Neuron:
    return eq.Neuron(threshold)


def _node(neuron: eq.Neuron) -> Node:
    """The same neuron as a Program has it."""
    reset = ToZero() if neuron.hard else Subtract()
    if neuron.beta is None:
        return IF(neuron.threshold, reset)
    if neuron.alpha:
        return CubaLIF(neuron.threshold, reset, True, Decay12(neuron.alpha), Decay12(neuron.beta))
    return LIF(neuron.threshold, reset, True, Decay12(neuron.beta))


def _synapses(
    name: str,
    claim: str,
    layers: Sequence[tuple[Matrix, Line, int]],
    samples: Sequence[Line],
) -> Assumption:
    """Layers of synapses side by side, each `(weight, bias, exponent)`, that membranes add up."""
    nodes: list[ProgramNode] = []
    spikes: dict[str, list[Series]] = {}
    states: dict[str, list[Series]] = {}
    for i, (weight, bias, exponent) in enumerate(layers):
        nodes += [
            Dense(f"d{i}", INPUT, np.array(weight), np.array(bias), exponent),
            Spiking(f"s{i}", f"d{i}", _node(HIGH)),
            Dense(f"o{i}", f"s{i}", np.ones((1, len(weight)), dtype=np.int8), np.zeros(1, dtype=np.int64)),
            Readout(f"r{i}", f"o{i}", Rate()),
            Output(f"y{i}", f"r{i}"),
        ]
        fired = [eq.fire(HIGH, _held(eq.weigh(weight, x, bias, exponent))) for x in samples]
        spikes[f"s{i}"], states[f"s{i}"] = [train for train, _ in fired], [membrane for _, membrane in fired]
    return Assumption(name, claim, _chain(nodes, samples), samples, spikes, states)


def _exact_weights() -> Assumption:
    weight = ((127, -128), (3, -3), (1, 0))
    claim = "8-bit weights of both signs, odd ones too, act as they are"
    return _synapses("exact-weights", claim, [(weight, [0] * 3, 0)], TWO)


def _weight_exponents() -> Assumption:
    layers: list[tuple[Matrix, Line, int]] = [(((5, -3),), [0], -3), (((-7, 1),), [0], -7), (((9, 100),), [0], 2)]
    return _synapses("weight-exponents", "a negative exponent is a floor, also below zero", layers, TWO)


def _biases() -> Assumption:
    layers: list[tuple[Matrix, Line, int]] = [(((1, 1),) * 4, [5, -300, 20_000, -18_000], 0)]
    return _synapses("biases", "a bias of up to three digits is there at every step", layers, TWO)


def _accumulation() -> Assumption:
    """Membranes go to within one step of 18 bits, below zero, and stay below a high threshold above it."""
    weight, bias, neuron = ((100,), (-100,)), [-17_500, 3_000], HIGH
    return _fired("accumulation", "a membrane integrates without loss up to 17 bits", weight, bias, neuron, ONE)


def _threshold() -> Assumption:
    weight, samples = ((1,), (-1,)), ([128], [127], [-128], [129])
    return _fired(
        "threshold", "a membrane at the threshold fires, one below does not", weight, [0, 0], _soft(128), samples
    )


def _population(name: str, claim: str, neuron: eq.Neuron, gain: int = 1, recurrent: Matrix | None = None) -> Assumption:
    weight = ((12 * gain, -5 * gain), (7 * gain, 13 * gain))
    return _fired(name, claim, weight, [31 * gain, -18 * gain], neuron, TWO, recurrent)


def _between_samples() -> Assumption:
    """Noise that would go on for ever, and silence after it."""
    weight, samples = ((127,), (-60,)), ([9], [0], [9], [-9])
    claim = "nothing of a sample is left in the next one"
    return _fired("between-samples", claim, weight, [0, 0], _soft(199), samples, ((90, 0), (25, 60)))


def _fired(
    name: str,
    claim: str,
    weight: Matrix,
    bias: Line,
    neuron: eq.Neuron,
    samples: Sequence[Line],
    recurrent: Matrix | None = None,
) -> Assumption:
    """Synapses, a population, synapses, and a sum over time."""
    nodes = (
        Dense("d", INPUT, np.array(weight), np.array(bias)),
        Spiking("s", "d", _node(neuron), recurrent=None if recurrent is None else Recurrent(np.array(recurrent))),
        Dense("o", "s", np.array(TAIL), np.array([1, 0])),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    )
    fired = [eq.fire(neuron, _held(eq.weigh(weight, x, bias)), recurrent) for x in samples]
    return Assumption(
        name,
        claim,
        _chain(nodes, samples),
        samples,
        spikes={"s": [spikes for spikes, _ in fired]},
        states={"s": [states for _, states in fired]},
        outputs={"y": [eq.rate(eq.weigh_series(TAIL, spikes, [1, 0])) for spikes, _ in fired]},
    )


def _delays() -> Assumption:
    """A population that fires to the last step; delayed spikes would reach the next window if nothing stopped them."""
    weight, neuron, samples = ((50, 7), (-9, 60)), _soft(64), TWO
    delays = (1, 3, STEPS + 2)
    nodes: list[ProgramNode] = [
        Dense("d", INPUT, np.array(weight), np.zeros(2, dtype=np.int64)),
        Spiking("s", "d", _node(neuron)),
    ]
    for delay in delays:
        nodes += [
            Dense(f"o{delay}", "s", np.array(TAIL), np.zeros(2, dtype=np.int64), delay=delay),
            Readout(f"r{delay}", f"o{delay}", MemMean()),
            Output(f"y{delay}", f"r{delay}"),
        ]
    spikes = [eq.fire(neuron, _held(eq.weigh(weight, x)))[0] for x in samples]
    return Assumption(
        "delays",
        "a spike comes late by its delay, and not at all after its window",
        _chain(nodes, samples),
        samples,
        spikes={"s": spikes},
        outputs={f"y{n}": [eq.memmean(eq.weigh_series(TAIL, train, delay=n)) for train in spikes] for n in delays},
    )


def _sparse() -> Assumption:
    weight, neuron, samples = ((30, -7), (-9, 40)), _soft(64), TWO
    few: Matrix = ((0, 127), (-128, 0), (0, 0), (1, -1))
    nodes = (
        Dense("d", INPUT, np.array(weight), np.zeros(2, dtype=np.int64)),
        Spiking("s", "d", _node(neuron)),
        Sparse("o", "s", Csr.of(np.array(few)), np.array([0, 3, -3, 0]), -1),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    )
    trains = [eq.fire(neuron, _held(eq.weigh(weight, x)))[0] for x in samples]
    outputs = [eq.rate(eq.weigh_series(few, train, [0, 3, -3, 0], -1)) for train in trains]
    claim = "a matrix of mostly zeros weighs as a full one"
    return Assumption("sparse", claim, _chain(nodes, samples), samples, {"s": trains}, outputs={"y": outputs})


def _rate() -> Assumption:
    offsets = (700, -700)

    def read(a: Series) -> Line:
        return [
            eq.rate([[line] for line in lines], offset, 3)[0]
            for lines, offset in zip(zip(*a, strict=True), offsets, strict=True)
        ]

    claim = "a sum over the window, with an offset, is floored and sent once, with its sign"
    return _read("readout-rate", claim, Readout("r", "o", Rate(), 3, offset=np.array(offsets)), read)


def _memmean() -> Assumption:
    claim = "a sum over the window of a sum over the window is exact"
    return _read("readout-memmean", claim, Readout("r", "o", MemMean(), 2), lambda a: eq.memmean(a, 2))


#: A population that fires irregularly, and loud synapses of both signs behind it.
LIVELY: Matrix = ((50, 7), (-9, 60))
LOUD: Matrix = ((100, -3), (-77, -128))


def _read(name: str, claim: str, readout: Readout, read: Callable[[Series], Line]) -> Assumption:
    """Spikes, loud synapses and a readout."""
    bias = [-11, 6]
    nodes = (
        Dense("d", INPUT, np.array(LIVELY), np.zeros(2, dtype=np.int64)),
        Spiking("s", "d", IF(64)),
        Dense("o", "s", np.array(LOUD), np.array(bias)),
        readout,
        Output("y", "r"),
    )
    trains = [eq.fire(_soft(64), _held(eq.weigh(LIVELY, x)))[0] for x in TWO]
    outputs = [read(eq.weigh_series(LOUD, train, bias)) for train in trains]
    return Assumption(name, claim, _chain(nodes, TWO), TWO, {"s": trains}, outputs={"y": outputs})


def _product() -> Assumption:
    ones: Matrix = ((1, 1),)
    zero = np.zeros(2, dtype=np.int64)
    nodes = (
        Dense("d", INPUT, np.array(LIVELY), zero),
        Spiking("s", "d", IF(64)),
        Dense("a", "s", np.array(LOUD), zero),
        Dense("b", "s", np.array(TAIL), np.array([2, -3])),
        Readout("ra", "a", Rate()),
        Readout("rb", "b", MemMean()),
        Product("p", "ra", "rb", 5),
        Dense("c", "p", np.array(ones), np.array([-7])),
        Output("y", "c"),
    )

    def answer(train: Series) -> Line:
        left, right = eq.rate(eq.weigh_series(LOUD, train)), eq.memmean(eq.weigh_series(TAIL, train, [2, -3]))
        return eq.weigh(ones, eq.product(left, right, 5), [-7])

    trains = [eq.fire(_soft(64), _held(eq.weigh(LIVELY, x)))[0] for x in TWO]
    claim = "two totals that come at different steps are multiplied, floored and added up"
    outputs = {"y": [answer(train) for train in trains]}
    return Assumption("product", claim, _chain(nodes, TWO), TWO, {"s": trains}, outputs=outputs)


def _sum() -> Assumption:
    first: Matrix = ((20, -3), (-7, 30))
    second: Matrix = ((1, 2), (-3, 1))
    zero = np.zeros(2, dtype=np.int64)
    neuron = _soft(199)
    nodes = (
        Dense("a", INPUT, np.array(first), zero),
        Dense("b", "a", np.array(second), zero),
        Sum("m", ("a", "b")),
        Spiking("s", "m", _node(neuron)),
        Dense("o", "s", np.array(TAIL), zero),
        Readout("r", "o", MemMean()),
        Output("y", "r"),
    )

    def currents(x: Line) -> Series:
        a = eq.weigh(first, x)
        return _held([p + q for p, q in zip(a, eq.weigh(second, a), strict=True)])

    fired = [eq.fire(neuron, currents(x)) for x in TWO]
    return Assumption(
        "sum",
        "currents that take ways of different length meet at the same step of their window",
        _chain(nodes, TWO),
        TWO,
        spikes={"s": [spikes for spikes, _ in fired]},
        states={"s": [states for _, states in fired]},
        outputs={"y": [eq.memmean(eq.weigh_series(TAIL, spikes)) for spikes, _ in fired]},
    )
