"""The estimate's prices of Loihi 2 are fitted to public measurements, contain them, and predict most of them unseen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurokit.compilers.chip.estimation.estimate import Range
from neurokit.compilers.chip.estimation.fit import SCATTER, STAGES, fit, interval, left_out, with_price
from neurokit.compilers.chip.estimation.silicon import Row, at_measured_time, contains, predict
from neurokit.compilers.chip.estimation.silicon_rows import NOT_STATED, ROWS, SNN
from neurokit.compilers.chip.estimation.workload import Workload
from neurokit.compilers.chip.shapes import dense_shape
from neurokit.errors import OutOfRange
from neurokit.experiments.bench import silicon as bench
from neurokit.hw_configs import Chip, load_chip

LOIHI2 = load_chip("loihi2")
HELD = [(row, quantity) for row in ROWS for quantity in row.held]
#: Of one neuron that listens to a thousand lines, ten of which send: 10 synaptic operations a step, on one core.
ONE = Workload((dense_shape("one", 1000, 1),), 0.01, 100)


def one(**measured: tuple[float, float]) -> Row:
    return Row("one", "made up", ONE, ONE, measured, "nothing", "barrier")


def price(chip: Chip, name: str) -> tuple[float, float]:
    table, _, operation = name.partition(".")
    held = getattr(chip, table)
    held = getattr(held, operation) if operation else held
    assert held.kind == "measured"
    assert len(held.source) > 40
    return held.low, held.high


def test_there_are_six_rows_and_more_and_each_says_what_it_assumes() -> None:
    assert len(ROWS) >= 6
    assert sum(not row.second_hand for row in ROWS) >= 5
    assert len({row.name for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert len(row.source) > 20
        assert len(row.assumed) > 20
        assert row.least.rate <= row.most.rate
        assert row.least.neurons <= row.most.neurons
    assert all(all(each) for each in NOT_STATED)


@pytest.mark.parametrize(("row", "quantity"), HELD, ids=lambda each: each.name if isinstance(each, Row) else each)
def test_the_estimates_range_contains_what_was_measured(row: Row, quantity: str) -> None:
    assert contains(predict(row, LOIHI2)[quantity], row.measured[quantity])


def test_a_frame_from_the_host_is_not_explained_by_wider_prices() -> None:
    (row,) = (row for row in ROWS if row.unexplained)
    found = predict(row, LOIHI2)["time_s"]
    assert found.high is not None
    assert found.high < row.measured["time_s"][0] / 100
    assert "time_s" not in row.held


def test_the_chips_file_holds_the_fit() -> None:
    _, found = fit(ROWS, LOIHI2)
    assert [each.price for each in found] == [stage[0] for stage in STAGES]
    for each in found:
        # Rounded to two or three digits in the file.
        assert price(LOIHI2, each.price) == pytest.approx((each.low, each.high), rel=0.02)


def test_a_fit_does_not_rest_on_the_one_before() -> None:
    distorted = with_price(with_price(LOIHI2, "time_ns.synop", 5.0, 9.0), "energy_pj.barrier", 1.0, 2.0)
    assert fit(ROWS, distorted)[1] == fit(ROWS, LOIHI2)[1]


def test_ranges_of_prices_are_narrow() -> None:
    """As far as the rows allow: chips differ 2.9 times in static power, and the rest is PilotNet's unknown activity."""
    ratios = {each.price: each.ratio for each in fit(ROWS, LOIHI2)[1]}
    assert ratios["time_ns.barrier"] < 1.8
    assert ratios["time_ns.synop"] < 2.2
    assert max(ratios.values()) < 4.2


def test_most_measurements_lie_in_a_range_that_was_fitted_without_them() -> None:
    """Not so the largest and the smallest static power, which no range of the others reaches."""
    found = left_out(ROWS, LOIHI2)
    missed = {(name, quantity) for name, of in found.items() for quantity, (_, inside) in of.items() if not inside}
    assert missed == {
        ("PilotNet SDNN, frames from the host", "static_w"),
        ("SHD, recurrent with delays", "static_w"),
    }
    assert sum(len(of) for of in found.values()) == len(HELD) == 19


def test_a_price_is_found_again_from_what_it_predicts() -> None:
    """`t = 100 (neuron + 10 synop + barrier)` at the high end and `100 max(..., barrier)` at the low one."""
    chip = with_price(with_price(LOIHI2, "time_ns.barrier", 700.0, 700.0), "time_ns.synop", 0.5, 0.5)
    found = predict(one(time_s=(1.0, 1.0)), chip)
    assert found["time_s"].low == pytest.approx(100 * 700e-9)
    assert found["time_s"].high == pytest.approx(100 * (700 + 10 * 0.5 + 4.2) * 1e-9)
    assert found["time_s"].high is not None
    measured = one(time_s=(found["time_s"].high,) * 2)
    low, high = interval(measured, "time_s", "time_ns.barrier", chip)
    assert low == pytest.approx(700.0)
    assert high == pytest.approx(700 + 10 * 0.5 + 4.2)


def test_dynamic_energy_is_operations_times_prices() -> None:
    chip = with_price(with_price(LOIHI2, "energy_pj.barrier", 1000.0, 2000.0), "energy_pj.synop", 20.0, 30.0)
    found = predict(one(), chip)
    assert (found["dynamic_j"].low, found["dynamic_j"].high) == pytest.approx((100 * 1200e-12, 100 * 2300e-12))
    power = LOIHI2.static_power_mw
    assert power is not None
    assert found["energy_j"].low == pytest.approx(100 * 1200e-12 + power.low * 1e-3 * (found["time_s"].low or 0.0))


def test_rows_that_agree_narrow_a_range_and_rows_that_do_not_widen_it() -> None:
    agree = [one(static_w=(0.2, 0.2))]
    apart = [*agree, one(static_w=(0.3, 0.3))]
    rest = [row for row in ROWS if "static_w" not in row.measured] + [
        replace(ROWS[0], measured={"dynamic_j": (1e-3, 1e-3)})
    ]
    for rows, ends in ((agree, (200, 200)), (apart, (200, 300))):
        (static, *_) = fit([*rest, *rows], LOIHI2, scatter=1.0)[1]
        assert (static.low, static.high) == pytest.approx(ends)
        (wider, *_) = fit([*rest, *rows], LOIHI2)[1]
        assert wider.ratio == pytest.approx(static.ratio * SCATTER**2)


def test_activity_that_contradicts_the_measured_time_is_left_out() -> None:
    row, chip = ROWS[0], with_price(LOIHI2, "time_ns.synop", 0.6, 0.7)
    narrowed = at_measured_time(row, chip)
    assert row.least.rate < narrowed.least.rate < narrowed.most.rate < row.most.rate
    assert contains(predict(narrowed, chip)["time_s"], row.measured["time_s"])
    # The busiest core's synapses at the slowest take about as long as was measured.
    assert 2048 * 576 * narrowed.most.rate * 0.6e-9 == pytest.approx(row.measured["time_s"][0] / 16, rel=0.02)
    unmeasured = replace(row, measured={"static_w": (0.2, 0.2)})
    assert at_measured_time(unmeasured, chip) is unmeasured


def test_a_workload_counts_neurons_and_synapses_on_every_core() -> None:
    work = Workload(SNN, 0.1, 16)
    counts = work.counts()
    assert len(counts["neurons"]) == 74
    assert counts["neurons"].sum() == work.neurons == 66 * 200 * 3 + 118_909
    assert counts["synop"].sum() == pytest.approx(0.1 * work.synapses)
    # The busiest core holds 2,048 neurons with 64 channels of 9 taps each.
    assert counts["synop"].max() == pytest.approx(0.1 * 2048 * 576)
    spread = Workload((dense_shape("one", 30, 20),), 0.5, cores=4).counts()
    assert np.array_equal(spread["neurons"], [5.0] * 4)
    assert np.array_equal(spread["synop"], [75.0] * 4)


def test_what_is_no_row_is_refused() -> None:
    with pytest.raises(OutOfRange, match=r"rate is 1\.5; legal is 0\.\.1"):
        Workload(SNN, 1.5)
    with pytest.raises(OutOfRange, match="steps is 0"):
        Workload(SNN, 0.5, 0)
    with pytest.raises(OutOfRange, match="cores is 0"):
        Workload(SNN, 0.5, cores=0)
    with pytest.raises(OutOfRange, match="quantity is 'watts'"):
        one(watts=(1.0, 1.0))
    with pytest.raises(OutOfRange, match="0 < low <= high"):
        one(time_s=(2.0, 1.0))
    with pytest.raises(OutOfRange, match="rows that say static_power_mw is 0"):
        fit([], LOIHI2)
    with pytest.raises(OutOfRange, match="scatter is 0"):
        fit(ROWS, LOIHI2, scatter=0.5)


def test_the_record_and_the_picture_hold_every_measurement(tmp_path: Path) -> None:
    record = bench.run()
    rows = [row for row in record["rows"] if "quantity" in row]
    assert {(row["row"], row["quantity"]) for row in rows} == {(row.name, q) for row in ROWS for q in row.measured}
    assert all(row["contained"] for row in rows if row["unexplained"] is None)
    assert all(row["prices_alone"] <= row["ratio"] * (1 + 1e-9) for row in rows), "activity only adds to it"
    assert record["bars"]["measurements within the estimate's range"]["value"] == f"{len(HELD)} of {len(HELD)}"
    bench.draw(record, tmp_path / "validated.png")
    assert (tmp_path / "validated.png").stat().st_size > 10_000


def test_nothing_known_contains_nothing() -> None:
    assert not contains(Range(None, None), (1.0, 1.0))
    assert not contains(Range(1.0, 2.0), (1.5, 2.5))
    assert contains(Range(1.0, 2.0), (1.0, 2.0))
