"""Decays and soft resets in integers: Loihi's rounding, and when one synapse is a reset."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from neurokit.errors import OutOfRange
from neurokit.ir.fixed_point import Decay12, Widths, soft_reset_synapse
from neurokit.neurons.models import LIF, Subtract

DECAYS = st.integers(0, 4096).map(Decay12)


@given(st.integers(1 - 2**31, 2**31 - 1), DECAYS)
def test_a_decay_rounds_toward_zero_in_every_kind_of_integer(u: int, decay: Decay12) -> None:
    expected = (1 if u > 0 else -1) * (abs(u) * decay.numerator // 4096)
    assert u * decay == expected
    for dtype in (np.int32, np.int64):
        left = np.array([u, -u], dtype=dtype) * decay
        assert left.dtype == dtype
        assert left.tolist() == [expected, -expected]


@given(st.integers(-(2**40), 2**40), st.integers(0, 2**40), DECAYS)
def test_a_decay_rises_with_what_decays(u: int, more: int, decay: Decay12) -> None:
    """The interval analysis maps bounds to bounds because of this."""
    assert u * decay <= (u + more) * decay


@pytest.mark.parametrize("numerator", [-1, 4097, 0.5])
def test_a_decay_beyond_its_bits_is_refused(numerator: float) -> None:
    with pytest.raises(OutOfRange, match=r"Decay12.numerator is .*; legal is an integer in 0..4096"):
        Decay12(numerator)  # type: ignore[arg-type]


def test_the_nearest_decay() -> None:
    assert Decay12.nearest(0.9) == Decay12(3686)
    assert float(Decay12(1024)) == 0.25
    with pytest.raises(OutOfRange, match=r"legal is 0\.\.1"):
        Decay12.nearest(1.5)


@given(st.integers(1, 64), st.integers(1, 255), st.integers(0, 2**23))
def test_a_synapse_is_the_soft_reset_of_every_membrane_that_fires(part: int, multiple: int, above: int) -> None:
    """One step late and after one decay; membranes are in 64ths of the current, as a leaky neuron's are."""
    decay, threshold = Decay12(64 * part), 64 * multiple
    assume(part * multiple <= 255)
    k, e = soft_reset_synapse(threshold, decay)
    assert k << e == part * multiple
    fine = threshold << 6
    assert above * decay == (fine + above) * decay - (k << e << 6)


def test_where_it_is_refused_the_nearest_legal_values_are_named_and_legal() -> None:
    with pytest.raises(
        OutOfRange, match=r"is \(65, 3584/4096\).*use the decay 4096/4096 or the threshold 64, the near"
    ):
        soft_reset_synapse(65, Decay12(3584))
    with pytest.raises(OutOfRange, match=r"use the decay 3584/4096, the nearest legal"):
        soft_reset_synapse(64, Decay12(3585))
    soft_reset_synapse(65, Decay12(4096))
    soft_reset_synapse(64, Decay12(3584))


def test_the_reset_that_is_refused_would_be_wrong() -> None:
    """With 65 and 7/8 a synapse of 56 or 57 loses an eighth or more in the step after a spike."""
    neuron = LIF(65 << 6, Subtract(), strict=True, beta=Decay12(3584))
    m = 70 << 6
    kept = (m - neuron.threshold) * neuron.beta
    assert kept not in (m * neuron.beta - (56 << 6), m * neuron.beta - (57 << 6))


def test_a_leaky_membrane_has_its_fraction_beside_its_bits() -> None:
    assert Widths().membrane_limit(0) == Widths().limit("membrane") == 2**17 - 1
    assert Widths().membrane_limit(6) == 2**23 - 1
    assert Widths(membrane=32).membrane_limit(6) == 2**31 - 1
