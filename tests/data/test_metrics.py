"""Both relative errors, against numbers done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurokit.data.metrics import relative_l2, relative_l2_global, relative_l2_mean
from neurokit.errors import OutOfRange


def test_mean_and_global_differ_as_they_should() -> None:
    truth = np.array([[3.0, 4.0], [0.0, 1.0]])
    answer = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert relative_l2_mean(truth, answer) == pytest.approx((0 + 1) / 2)
    assert relative_l2_global(truth, answer) == pytest.approx(1 / np.sqrt(26))
    errors = {"mean": 0.5, "global": 1 / np.sqrt(26), "centred": 1 / np.sqrt(10)}
    assert relative_l2(truth, answer).as_dict() == pytest.approx(errors)


@given(arrays(np.float64, (3, 4), elements=st.floats(0.5, 10)), st.floats(0.1, 2))
def test_both_are_the_factor_when_the_answer_is_scaled(truth: np.ndarray, factor: float) -> None:
    mean, overall, _ = relative_l2(truth, truth * (1 + factor))
    assert (mean, overall) == pytest.approx((factor, factor), rel=1e-9)


def test_the_centred_error_is_one_for_the_mean_and_none_where_nothing_varies() -> None:
    truth = np.array([[1e4 + 1, 1e4 - 1], [1e4 + 2, 1e4 - 2]])
    error = relative_l2(truth, np.full_like(truth, 1e4))
    assert error.centred == pytest.approx(1.0)
    assert error.overall < 2e-4
    assert error.warning is not None
    assert relative_l2(truth, truth + 1, centre=0.0).centred == pytest.approx(2 / np.linalg.norm(truth))
    assert relative_l2(np.full((2, 3), 0.1), np.full((2, 3), 0.2)).centred is None


@pytest.mark.parametrize("factor", [1e-300, 1e-200, 1e200, 1e300])
def test_errors_do_not_depend_on_the_unit_even_where_squares_leave_float64(factor: float) -> None:
    rng = np.random.default_rng(0)
    truth, answer = rng.normal(size=(2, 5, 3))
    assert relative_l2(factor * truth, factor * answer) == pytest.approx(relative_l2(truth, answer), rel=1e-12)


def test_axes_after_the_first_are_one_sample() -> None:
    rng = np.random.default_rng(0)
    truth, answer = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 3))
    assert relative_l2(truth, answer) == relative_l2(truth.reshape(2, -1), answer.reshape(2, -1))


def test_nonsense_is_refused() -> None:
    with pytest.raises(OutOfRange, match="shape"):
        relative_l2_mean(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(OutOfRange, match="true sample 1"):
        relative_l2_mean(np.array([[1.0], [0.0]]), np.ones((2, 1)))
