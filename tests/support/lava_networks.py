"""Programs that hold between them every kind of population, of synapse and of sum that Lava runs."""

from __future__ import annotations

import numpy as np

from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.program import (
    Conv2d,
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
from neurokit.neurons.models import ALIF, IF, LIF, CubaLIF, Neuron, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate


def populations(seed: int) -> Program:
    """Every neuron and reset, half of them recurrent, side by side; loud enough that most owe something at the end."""
    rng = np.random.default_rng(seed)
    choices: list[tuple[Neuron, bool]] = [
        (IF(128, ToZero()), False),
        (IF(128), True),
        (LIF(300, ToZero(), strict=True, beta=Decay12(3686)), True),
        (LIF(256, Subtract(), strict=True, beta=Decay12(3584)), False),
        (LIF(256, Subtract(), strict=True, beta=Decay12(3584)), True),
        (CubaLIF(700, ToZero(), strict=True, alpha=Decay12(2000), beta=Decay12(3700)), False),
        (CubaLIF(700, ToZero(), strict=True, alpha=Decay12(2000), beta=Decay12(3700)), True),
    ]
    nodes: list[ProgramNode] = [Input("x", [-40] * 5, [40] * 5, 1.0)]
    for i, (neuron, recurrent) in enumerate(choices):
        nodes.append(Dense(f"d{i}", "x", rng.integers(-9, 12, (6, 5)), rng.integers(-60, 160, 6)))
        echo = Recurrent(rng.integers(-60, 70, (6, 6)), 1) if recurrent else None
        nodes.append(Spiking(f"s{i}", f"d{i}", neuron, recurrent=echo))
    nodes += [Sum("all", tuple(f"s{i}" for i in range(len(choices)))), Readout("r", "all", Rate()), Output("y", "r")]
    return Program(tuple(nodes), 8)


def current_based(seed: int) -> Program:
    """What the process form alone has: current-based neurons with a soft reset, a leak that no synapse can undo, and
    thresholds that adapt.
    """
    rng = np.random.default_rng(seed)
    neurons = (
        CubaLIF(300, Subtract(), strict=True, alpha=Decay12(2000), beta=Decay12(3700)),
        LIF(301, Subtract(), strict=True, beta=Decay12(3701)),
        ALIF(200, Subtract(), strict=True, beta=Decay12(3700), rho=Decay12(3900), rise=4000),
        ALIF(200, ToZero(), strict=True, beta=Decay12(3700), rho=Decay12(3900), rise=4000),
    )
    nodes: list[ProgramNode] = [Input("x", [-40] * 5, [40] * 5, 1.0)]
    for i, neuron in enumerate(neurons):
        nodes.append(Dense(f"d{i}", "x", rng.integers(-9, 12, (6, 5)), rng.integers(-60, 160, 6)))
        nodes.append(Spiking(f"s{i}", f"d{i}", neuron, recurrent=Recurrent(rng.integers(-60, 70, (6, 6)))))
    nodes += [Sum("all", tuple(f"s{i}" for i in range(len(neurons)))), Readout("r", "all", Rate()), Output("y", "r")]
    return Program(tuple(nodes), 8)


def synapses(seed: int) -> Program:
    """Delays short and longer than the window, sparse and shared weights of inputs and spikes, sums of all signals."""
    rng = np.random.default_rng(seed)

    def some(low: int, high: int, *shape: int) -> np.ndarray:
        return rng.integers(low, high, shape)

    nodes = (
        Input("x", [-40] * 4, [40] * 4, 1.0),
        Dense("d", "x", some(-9, 12, 6, 4), some(-60, 160, 6)),
        Spiking("s", "d", LIF(100, ToZero(), strict=True, beta=Decay12(3686))),
        Sparse("some", "s", Csr.of(np.maximum(some(-60, 60, 4, 6), 0)), some(-9, 90, 4), -1, delay=3),
        Conv2d("shared", "s", some(-40, 60, 2, 1, 2, 2), some(-9, 9, 2), Convolution((1, 2, 3)), 1, delay=1),
        Dense("then", "some", some(-3, 5, 4, 4), some(-3, 4, 4), -1),
        Conv2d("held", "x", some(-5, 5, 2, 2, 1, 1), some(-9, 9, 2), Convolution((2, 1, 2)), -1),
        Sum("merged", ("some", "shared", "then", "held")),
        Spiking("c", "merged", LIF(64, Subtract(), strict=True, beta=Decay12(3584))),
        Dense("never", "c", some(-20, 20, 4, 4), some(-5, 5, 4), delay=62),
        Dense("late", "c", some(-20, 20, 4, 4), some(-5, 5, 4), delay=5),
        Sum("signals", ("late", "never", "c", "x")),
        Dense("rounded", "signals", some(-4, 4, 3, 4), [1, 2, 3], -1),
        Readout("late.total", "late", MemMean()),
        Readout("total", "rounded", Rate(), 1),
        Sparse("narrowed", "late.total", Csr.of(np.eye(3, 4, dtype=int)), [0, 1, -2], -1),
        Sum("totals", ("total", "narrowed")),
        Product("product", "totals", "total", 3),
        Output("y", "product"),
    )
    return Program(nodes, 7)


def repeated(seed: int) -> Program:
    """Sums that read one node twice, straight and through another Sum; a square; two Outputs of one node."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(-9, 12, (4, 3))
    nodes = (
        Input("x", [-40] * 3, [40] * 3, 1.0),
        Dense("d", "x", weight, rng.integers(-60, 160, 4)),
        Sum("twice", ("d", "d", "x4")),
        Spiking("s", "twice", LIF(100, ToZero(), strict=True, beta=Decay12(3686))),
        Dense("biased", "s", rng.integers(-30, 60, (4, 4)), rng.integers(100, 300, 4)),
        Dense("rounded", "s", rng.integers(-30, 60, (4, 4)), rng.integers(100, 300, 4), -1),
        Sparse("late", "s", Csr.of(rng.integers(0, 60, (4, 4))), rng.integers(-9, 90, 4), -1, delay=3),
        Sum("inner", ("biased", "rounded", "late", "s", "s")),
        Sum("outer", ("inner", "biased", "inner", "late", "rounded")),
        Spiking("t", "outer", IF(64)),
        Dense("out", "t", rng.integers(-20, 20, (3, 4)), [1, 2, 3]),
        Sum("both", ("out", "out")),
        Readout("total", "both", MemMean(), 1),
        Product("square", "total", "total", 6),
        Sum("totals", ("total", "square", "total")),
        Output("y", "totals"),
        Output("z", "totals", 0.5),
    )
    first, *rest = nodes
    return Program((first, Dense("x4", "x", rng.integers(-5, 5, (4, 3)), [0] * 4), *rest), 7)
