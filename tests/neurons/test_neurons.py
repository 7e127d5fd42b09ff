"""What a spiking neuron does, in numbers that one can check by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurokit.errors import OutOfRange
from neurokit.neurons.models import IF, Reset, Subtract, ToZero, heaviside


def train(neuron: IF, currents: list[int]) -> tuple[list[int], list[int], list[int]]:
    """`(membranes before the reset, spikes, membranes after it)` of one neuron."""
    u, rows = np.zeros(1, dtype=np.int64), []
    for a in currents:
        before, s, u = neuron.step(u, np.array([a]), heaviside)
        rows.append((int(before[0]), int(s[0]), int(u[0])))
    before_, spikes, after = zip(*rows, strict=True)
    return list(before_), list(spikes), list(after)


@pytest.mark.parametrize(
    ("reset", "after"), [(Subtract(), [4, 1, 5, 2, -1, 0, 17, 11]), (ToZero(), [4, 0, 4, 0, -3, -2, 0, 1])]
)
def test_a_train_by_hand(reset: Reset, after: list[int]) -> None:
    currents = [4, 4, 4, 4, -3, 1, 24, 1]
    before, spikes, left = train(IF(7, reset), currents)
    assert left == after
    assert before == [u + a for u, a in zip([0, *after], currents, strict=False)]
    assert spikes == [int(u >= 7) for u in before]


def test_a_membrane_at_threshold_fires() -> None:
    assert train(IF(5), [5])[1] == [1]
    assert train(IF(5), [4])[1] == [0]


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=50), st.integers(1, 500))
def test_the_soft_reset_conserves_charge(currents: list[int], threshold: int) -> None:
    """What came in is on the membrane or left with the spikes: sum a = u_T + threshold * number of spikes."""
    _, spikes, after = train(IF(threshold), currents)
    assert sum(currents) == after[-1] + threshold * sum(spikes)


@given(st.integers(0, 64), st.integers(1, 64))
def test_a_held_current_is_coded_as_a_rate(current: int, steps: int) -> None:
    """0 <= a <= threshold gives floor(T a / threshold) spikes: the soft reset loses nothing."""
    assert sum(train(IF(64), [current] * steps)[1]) == steps * current // 64


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float64])
def test_a_step_keeps_its_dtype(dtype: type) -> None:
    u = np.zeros(3, dtype=dtype)
    for reset in (Subtract(), ToZero()):
        assert {x.dtype for x in IF(2, reset).step(u, np.ones(3, dtype=dtype), heaviside)} == {np.dtype(dtype)}


@pytest.mark.parametrize("threshold", [0, -1.0, float("nan"), float("inf")])
def test_an_illegal_threshold_is_refused(threshold: float) -> None:
    with pytest.raises(OutOfRange, match=r"IF\.threshold is .*; legal is a finite number > 0"):
        IF(threshold)


def test_choices_are_values() -> None:
    assert IF(2, ToZero()) == IF(2, ToZero())
    assert len({IF(2), IF(2, Subtract()), IF(2, ToZero())}) == 2
