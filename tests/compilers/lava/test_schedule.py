"""The timetable of a Program on Lava, and what Lava refuses: pure arithmetic, needs no Lava."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from neurokit.compilers.lava.bias_digits import count_digits, digits, lines
from neurokit.compilers.lava.forms import SoftIFForm
from neurokit.compilers.lava.schedule import LAG, MAX_DELAY, ORIGIN, schedule, split
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import OutOfRange, UnsupportedNode
from neurokit.ir.fixed_point import BIAS_LIMIT, Decay12, Widths
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Recurrent, Spiking, Sum
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate


@given(st.integers(1, 99), st.integers(1, 40), st.integers(1, 20), st.integers(1, 500))
def test_a_cycle_covers_its_windows_and_nothing_else(start: int, steps: int, guard: int, chip_step: int) -> None:
    cycle = Cycle(start, steps, steps + guard)
    listed = {start + k * cycle.period + t for k in range(501) for t in range(steps)}
    assert cycle.covers(chip_step) == (chip_step in listed)
    if cycle.covers(chip_step):
        window, t = cycle.local(chip_step)
        assert start + window * cycle.period + t == chip_step


@pytest.mark.parametrize(("start", "steps", "period"), [(0, 3, 4), (1, 0, 4), (1, 3, 3)])
def test_a_cycle_without_a_guard_step_is_refused(start: int, steps: int, period: int) -> None:
    with pytest.raises(OutOfRange, match="guard step"):
        Cycle(start, steps, period)


@given(st.lists(st.integers(1 - BIAS_LIMIT, BIAS_LIMIT - 1), min_size=1, max_size=6))
def test_digits_of_a_bias_add_up_and_fit_eight_bits(bias: list[int]) -> None:
    b = np.array(bias, dtype=np.int32)
    d = digits(b)
    assert d.dtype == np.int8
    assert d.shape == (len(bias), count_digits(b))
    assert count_digits(b) <= 3
    assert (d.astype(np.int64) @ lines(count_digits(b)) == b).all()
    assert (count_digits(b) == 0) == (not any(bias))


def dense(name: str, source: str, fan_in: int, fan_out: int = 2, bias: int = 0, exponent: int = 0) -> Dense:
    return Dense(name, source, np.ones((fan_out, fan_in)), np.full(fan_out, bias), exponent)


def two_branches(deep: int = 2) -> Program:
    nodes = [Input("x", [-1, -1], [1, 1], 1.0), Input("z", [-1], [1], 1.0)]
    source, fan_in = "x", 2
    for i in range(deep):
        nodes += [dense(f"d{i}", source, fan_in), Spiking(f"s{i}", f"d{i}", IF(1))]
        source, fan_in = f"s{i}", 2
    nodes += [dense("d", source, 2), Readout("r", "d", Rate()), dense("e", "z", 1), Spiking("t", "e", IF(1))]
    nodes += [dense("f", "t", 2), Readout("q", "f", MemMean()), Product("p", "r", "q"), Output("y", "p")]
    return Program(tuple(nodes), 5)


def test_every_dense_takes_one_step_and_the_factors_of_a_product_meet() -> None:
    plan = schedule(two_branches())
    assert plan.start["x"] == plan.start["z"] == ORIGIN
    assert [plan.start[n] - ORIGIN for n in ("d0", "s0", "d1", "s1", "d", "e", "t", "f")] == [1, 1, 2, 2, 3, 1, 1, 2]
    assert plan.start["r"] == ORIGIN + 3 + 4 + LAG[Rate]
    assert plan.start["q"] == ORIGIN + 2 + 4 + LAG[MemMean]
    assert plan.start["p"] == max(plan.start["r"], plan.start["q"]) + 1
    assert plan.period == 6
    # The last total of N samples leaves within the chip steps that are run, and one window fewer would be too few.
    for samples in (1, 7):
        last = plan.start["y"] + (samples - 1) * plan.period
        assert plan.chip_steps(samples) - plan.period < last <= plan.chip_steps(samples)


@pytest.mark.parametrize("period", [5, 2**16])
def test_a_period_without_a_guard_step_or_beyond_the_clock_is_refused(period: int) -> None:
    with pytest.raises(OutOfRange, match="period is"):
        schedule(two_branches(), period)


def test_a_longer_period_moves_nothing_but_the_samples_apart() -> None:
    assert schedule(two_branches(), 11).start == schedule(two_branches()).start


def test_branches_too_far_apart_are_refused() -> None:
    schedule(two_branches(MAX_DELAY + 2))
    with pytest.raises(UnsupportedNode, match=r"'p' \(Product\) is not supported by Lava: .* similar depth"):
        schedule(two_branches(MAX_DELAY + 3))


def one_layer(
    neuron: Neuron, *, exponent: int = 0, bias: int = 0, reach: int = 1, widths: Widths | None = None
) -> Program:
    nodes = (
        Input("x", [-reach], [reach], 1.0),
        dense("d", "x", 1, bias=3),
        Spiking("s", "d", neuron),
        dense("o", "s", 2, bias=bias, exponent=exponent),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    )
    return Program(nodes, 5, widths or Widths())


def test_a_leaky_soft_reset_is_stock_only_where_one_synapse_can_subtract_what_has_decayed() -> None:
    def leaky(threshold: int, numerator: int) -> Program:
        return one_layer(LIF(threshold, Subtract(), strict=True, beta=Decay12(numerator)))

    schedule(leaky(64, 3584))  # 64 * 3584 / 4096 = 56
    schedule(leaky(65, 3584), form=SoftIFForm())
    with pytest.raises(UnsupportedNode, match=r"'s'.*use the decay 4096/4096 or the threshold 64, the nearest legal"):
        schedule(leaky(65, 3584))
    with pytest.raises(UnsupportedNode, match=r"CubaLIF with reset Subtract\(\) needs microcode"):
        schedule(one_layer(CubaLIF(64, strict=True, alpha=Decay12(9), beta=Decay12(9))))
    schedule(one_layer(CubaLIF(64, ToZero(), strict=True, alpha=Decay12(9), beta=Decay12(9))))


def test_a_population_that_owes_itself_something_is_hushed_as_much_as_it_needs() -> None:
    """Halved in every step and driven by a, a membrane stays below 2 a; a spike lowers it by 8, the guard halves it."""
    neuron = LIF(8, Subtract(), strict=True, beta=Decay12(2048))

    def plan(reach: int, recurrent: Recurrent | None = None) -> int:
        nodes = (
            Input("x", [0], [reach], 1.0),
            Spiking("s", "x", neuron, recurrent=recurrent),
            Readout("r", "s", Rate()),
            Output("y", "r"),
        )
        return schedule(Program(nodes, 5)).guard_inhibition["s"]

    assert plan(12) == 0  # (24 - 8) / 2 does not exceed the threshold
    assert 64 < plan(100) <= 88  # (200 - 8) / 2 exceeds it by 88, which five steps do not quite reach
    assert plan(12, Recurrent([[100]])) >= 100

    lasting = LIF(8, Subtract(), strict=True, beta=Decay12(4096))
    wide = (
        Input("x", [-90_000], [90_000], 1.0),
        Spiking("s", "x", lasting),
        Readout("r", "s", Rate()),
        Output("y", "r"),
    )
    with pytest.raises(UnsupportedNode, match=r"an inhibition of 90240 .* could reach -11535360, beyond -8388607"):
        schedule(Program(wide, 1))


def test_delays_are_of_spikes_and_sums_wait_for_their_latest_source() -> None:
    def program(delayed: str) -> Program:
        nodes = (
            Input("x", [0], [1], 1.0),
            dense("d", "x", 1, 1),
            Spiking("s", "d", IF(1)),
            dense("o", "s", 1, 1),
            replace(dense("late", delayed, 1, 1), delay=62),
            Sum("sum", ("x", "late")),
            Readout("r", "sum", Rate()),
            Output("y", "r"),
        )
        return Program(nodes, 5)

    plan = schedule(program("s"))
    assert plan.start["late"] == plan.start["o"]  # a delay is in the layer's own time
    assert plan.start["sum"] == plan.start["late"] > plan.start["x"] + 1
    with pytest.raises(UnsupportedNode, match=r"'late' \(Dense\).* it delays 'o', which sends graded spikes"):
        schedule(program("o"))


def test_a_rule_without_an_accumulator_is_refused_by_name() -> None:
    class Last(Rate):
        pass

    program = one_layer(IF(9))
    nodes = tuple(Readout("r", "o", Last()) if n.name == "r" else n for n in program.nodes)
    with pytest.raises(UnsupportedNode, match=r"'r' \(Readout\)"):
        schedule(Program(nodes, program.steps))


def test_a_membrane_that_would_wrap_on_lava_is_refused_even_where_the_program_declares_it_wider() -> None:
    wide = one_layer(IF(9), reach=2**16, widths=Widths(membrane=24))
    with pytest.raises(OutOfRange, match=r"'s': membrane\[0\] can reach"):
        schedule(wide)


def test_a_rounded_sum_with_a_bias_of_its_own_waits_for_a_relay() -> None:
    plain, rounded = one_layer(IF(9), bias=7), one_layer(IF(9), bias=7, exponent=-2)
    assert not split(plain, plain["o"])
    assert split(rounded, rounded["o"])
    assert schedule(rounded).start["r"] == schedule(plain).start["r"] + 1
    # Beside an Input the bias rides with the sample, and nothing waits.
    assert not split(rounded, rounded["d"])


def test_a_rounded_total_too_large_for_a_graded_spike_is_refused() -> None:
    nodes = (
        Input("x", [0], [1], 1.0),
        dense("d", "x", 1),
        Spiking("s", "d", IF(1)),
        Dense("o", "s", np.full((2, 2), 127), np.zeros(2), 6),
        Readout("r", "o", MemMean()),
        Dense("q", "r", np.full((1, 2), 127), [1], -7),
        Output("y", "q"),
    )
    with pytest.raises(UnsupportedNode, match=r"'q' \(Dense\).* must pass through a graded spike of 24 bits"):
        schedule(Program(nodes, 20))


@pytest.mark.checkout
def test_the_processes_folder_is_not_a_package_of_that_name() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import processes"], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert "ImportError: import this package as `neurokit.processes`" in done.stderr


def test_the_parent_side_imports_neither_lava_nor_torch() -> None:
    pytest.importorskip("psutil", reason="comes with the extra `lava`")
    script = (
        "import sys, neurokit.targets.lava.target, neurokit.targets.lava.supervisor, neurokit.targets.lava.job\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('lava', 'torch')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
