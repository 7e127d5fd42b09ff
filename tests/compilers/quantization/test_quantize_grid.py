"""Weight grids: Loihi's integers, and how many bits they take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurokit.compilers.quantization.quantize import quantize
from neurokit.compilers.quantization.scales import THRESHOLDS, from_spikes, threshold_below
from neurokit.errors import GraphError, OutOfRange
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.fixed_point import split_threshold
from neurokit.ir.weight_grid import (
    ByLayer,
    Excitatory,
    Inhibitory,
    LayerGrid,
    Levels,
    Mixed,
    WeightGrid,
    grid_of,
    weight_bits,
)
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean

BITS = range(2, 9)


@pytest.mark.parametrize("bits", BITS)
def test_steps_of_loihi(bits: int) -> None:
    """Twice a Program's weights are Loihi's: multiples of 2**(9 - bits) in -256..254, of 2**(8 - bits) in 0..255."""
    mixed = Levels(*Mixed().levels(bits, np.array([-1.0, 1.0])))
    assert 2 * mixed.coarsest == 2 ** (9 - bits)
    assert 2 * mixed.coarsest * mixed.low == -256
    assert 2 * mixed.coarsest * mixed.high == 256 - 2 ** (9 - bits)
    excitatory = Levels(*Excitatory().levels(bits, np.array([1.0])))
    if bits < 8:
        assert 2 * excitatory.coarsest * excitatory.high == 256 - 2 ** (8 - bits)
    else:
        assert excitatory == (0, 127), "the 255 of a chip has no int8"


@pytest.mark.parametrize("mode", [Mixed(), Excitatory(), Inhibitory()])
@pytest.mark.parametrize("bits", BITS)
def test_every_level_is_an_int8_of_its_bits(mode: Mixed | Excitatory | Inhibitory, bits: int) -> None:
    levels = mode.levels(bits, np.zeros(1))
    every = np.arange(levels.low, levels.high + 1) * levels.coarsest
    assert np.array_equal(every, every.astype(np.int8))
    assert weight_bits(every) == min(bits, 7 if isinstance(mode, Excitatory | Inhibitory) else 8)


def test_a_layer_of_one_sign_gets_twice_the_levels() -> None:
    grid = WeightGrid(4, ByLayer())
    assert grid.levels("a", np.array([[0.0, 2.0]])) == (0, 15)
    assert grid.levels("a", np.array([[0.0, -2.0]])) == (-15, 0)
    assert grid.levels("a", np.array([[1.0, -2.0]])) == (-8, 7)


def test_a_weight_of_the_wrong_sign_is_refused_by_name() -> None:
    with pytest.raises(OutOfRange, match=r"layer 'a': weight\[0, 1\] is -2\.0; legal is >= 0 .* Mixed\(\)"):
        WeightGrid(8, Excitatory()).levels("a", np.array([[1.0, -2.0]]))
    with pytest.raises(OutOfRange, match=r"layer 'a': weight\[0, 0\] is 1\.0; legal is <= 0"):
        WeightGrid(8, Inhibitory()).levels("a", np.array([[1.0, -2.0]]))


@given(st.lists(st.floats(-400, 400), min_size=1, max_size=6), st.sampled_from([1, 2, 16]), st.integers(1, 7))
def test_nearest_is_nearest_by_brute_force(numbers: list[float], step: int, high: int) -> None:
    grid = LayerGrid(-high - 1, high, step)
    every = np.arange(-high - 1, high + 1) * step
    weight = np.array(numbers)
    assert np.allclose(np.abs(grid.nearest(weight) - weight), np.abs(weight[:, None] - every).min(axis=1), atol=1e-9)
    assert grid.beyond(weight) == sum(x / step > high + 0.5 or x / step < -high - 1.5 for x in numbers)


@given(st.floats(1, 40_000))
def test_thresholds_are_those_that_a_program_may_have(value: float) -> None:
    threshold = threshold_below(value)
    assert split_threshold(threshold)
    assert threshold <= value * (1 + 1e-9)
    assert not any(threshold < other <= value for other in THRESHOLDS)


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_few_bits_leave_thresholds_fine(bits: int) -> None:
    """The largest weight is 112..127 of the threshold's units at any number of bits, and so is the bias's unit."""
    weight = np.random.default_rng(0).normal(size=(20, 20))
    scale = from_spikes(weight, WeightGrid(bits).levels("a", weight), THRESHOLDS[-1])
    largest = np.abs(weight).max() * scale.threshold
    assert 128 - scale.step <= largest * (1 + 2 / scale.threshold)
    assert largest <= 128


def mixed_and_positive() -> g.Graph:
    rng = np.random.default_rng(5)
    nodes = (
        g.Input("x", 3, -1, 1),
        g.Dense("hidden", "x", rng.normal(size=(6, 3)), rng.uniform(0, 1, 6)),
        g.Spiking("spikes", "hidden", IF(1.0)),
        g.Dense("out", "spikes", rng.uniform(0, 1, (2, 6)), rng.normal(size=2)),
        g.Readout("y", "out", MemMean()),
        g.Output("answer", "y"),
    )
    return g.Graph(nodes, 16)


def test_bits_by_layer() -> None:
    program = quantize(mixed_and_positive(), grid={"out": WeightGrid(3)})
    bits = {n.name: weight_bits(n.weight) for n in program.nodes if isinstance(n, p.Dense)}
    assert bits == {"hidden": 8, "out": 3}
    assert program.provenance["quantize.bits"] == "hidden: 8, out: 3"
    assert isinstance(program["out"], p.Dense)
    assert program["out"].weight.min() >= 0
    with pytest.raises(GraphError, match=r"grid: layer is 'trunk'; legal is one of \['hidden', 'out'\]"):
        quantize(mixed_and_positive(), grid={"trunk": WeightGrid(3)})
    assert grid_of({"out": WeightGrid(3)}, "hidden") == WeightGrid(8)


def test_more_bits_are_closer() -> None:
    """The mean square error of weights falls by 4 for every bit; that of answers, through spikes, roughly follows."""
    graph = mixed_and_positive()
    x = {"x": np.random.default_rng(1).uniform(-1, 1, (300, 3))}
    wanted = reference.run(graph, x).output
    errors = [np.std(reference.run(quantize(graph, grid=WeightGrid(b)), x).output - wanted) for b in (2, 4, 6, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 8 * errors[3]
