"""bench twin: what its record holds, with and without Lava. Speeds are measured, never tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from neurokit.compilers.lava.forms import Form, StockForm
from neurokit.errors import OutOfRange, TargetUnavailable
from neurokit.experiments.bench import twin as bench
from neurokit.ir import interpreter as reference
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult
from neurokit.simulator import Twin


@dataclass(frozen=True)
class NoLava:
    """LavaCPU on a machine without Lava."""

    form: Form = field(default_factory=StockForm)

    @property
    def name(self) -> str:
        return "lava" if self.form == StockForm() else f"lava-{self.form.name}"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        raise TargetUnavailable("Lava is not installed; install neurokit-loihi[lava].")


@dataclass(frozen=True)
class SlowLava(NoLava):
    """LavaCPU without its processes: the reference under its name."""

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        return reference.run(program, inputs, record=record)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "BATCHES", (1, 5))
    monkeypatch.setattr(bench, "REFERENCE_BATCH", 2)
    monkeypatch.setattr(bench, "WIDTHS", (8, 24))
    monkeypatch.setattr(bench, "PRODUCT_WORK", 2**16)


@pytest.mark.usefixtures("small")
def test_without_lava_its_rows_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "LavaCPU", NoLava)
    record = bench.run(lava_samples=3, repetitions=1)
    assert {"name", "machine", "rows", "ratios", "bars"} <= set(record)
    lava = [row for row in record["rows"] if row["target"].startswith("lava")]
    assert [row["unavailable"] for row in lava] == ["Lava is not installed; install neurokit-loihi[lava]."] * 2
    against, equal = record["bars"].values()
    assert against == {"value": None, "bar": 1000.0, "met": False}
    assert equal == {"value": 0, "bar": 0, "met": True}
    twins = [row for row in record["rows"] if row["target"] == "twin"]
    assert [row["batch"] for row in twins] == [1, 5]
    # Four layers of 32 neurons over 32 steps are compared in the same run.
    assert [row["spikes_compared"] for row in twins] == [4096, 5 * 4096]
    assert [row["width"] for row in record["rows"] if "width" in row] == [8, 24]
    assert set(record["ratios"]) == {
        "twin, batch 5 / reference, batch 2",
        "twin / sgemm, width 8",
        "twin / sgemm, width 24",
    }


@pytest.mark.usefixtures("small")
def test_with_lava_the_ratio_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "LavaCPU", SlowLava)
    record = bench.run(bench.network(3), lava_samples=3, repetitions=2)
    row = next(row for row in record["rows"] if row["target"] == "lava")
    assert row["samples_per_second"] == pytest.approx(3 / row["seconds"])
    assert row["spikes_compared"] == 3 * 4096
    fastest = next(row for row in record["rows"] if row["target"] == "twin" and row["batch"] == 5)
    ratio = record["bars"]["twin, batch 5, against Lava's stock processes"]["value"]
    assert ratio == pytest.approx(fastest["samples_per_second"] / row["samples_per_second"])


@pytest.mark.parametrize("seed", range(3))
def test_the_networks_are_proven_and_alive(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for program in (bench.network(seed), bench.stack(32, rng)):
        assert program.certificate
        trace = Twin().run(program, bench.samples(program, rng, 50), record=True).trace
        assert trace is not None
        for name, train in trace.spikes.items():
            assert 0.02 < train.mean() < 0.8, name


def test_empty_measurements_are_refused() -> None:
    with pytest.raises(OutOfRange, match="lava_samples is 0; legal is at least 1"):
        bench.run(lava_samples=0)
    with pytest.raises(OutOfRange, match="repetitions is 0"):
        bench.run(repetitions=0)
