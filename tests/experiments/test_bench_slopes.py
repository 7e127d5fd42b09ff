"""The comparison of tangents with SPSA: its rows say what they claim, on few directions."""

from __future__ import annotations

import pytest

from neurokit.experiments.bench.slopes import AMPLITUDES, compare, learn

pytest.importorskip("numba")


@pytest.mark.slow
def test_the_slopes_of_fixed_point_tangents_are_those_of_the_float_ones() -> None:
    rows = {row["method"]: row for row in compare((0,), directions=400, batch=10)}
    assert len(rows) == 2 + len(AMPLITUDES)
    exact, fixed = rows["tangents, floating point"], rows["tangents, fixed point"]
    # Slopes of a linear map leave no rest, but for sums in float32; a direction's variance is near that of theory.
    assert exact["cosine"] == pytest.approx(1)
    assert exact["rest"] < 1e-6
    assert fixed["cosine"] > 0.999
    assert fixed["rest"] < 0.01


def test_learning_takes_as_many_steps_as_its_passes_allow() -> None:
    rows = {row["method"]: row for row in learn((0,), 36, count=2, batch=5)}
    assert rows["tangents, fixed point"]["steps"] == 36 // 3  # one pass and two tangents
    assert rows["SPSA, amplitude 2"]["steps"] == 36 // 4
