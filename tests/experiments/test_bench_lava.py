"""bench lava: what it counts adds up, and what it cannot measure it refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("psutil")  # comes with the extra `lava`

from neurokit.errors import OutOfRange
from neurokit.experiments.bench.lava import METER, chain, run
from neurokit.experiments.bench.twin import samples
from neurokit.ir import interpreter as reference
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult
from neurokit.ir.target import Reference
from neurokit.targets.lava.job import Answer, Job, Timing
from neurokit.targets.lava.target import LavaCPU


def test_a_chain_is_a_proven_network_of_the_size_asked_for_in_which_every_layer_fires_now_and_then() -> None:
    program = chain(3, 16, np.random.default_rng(0))
    assert [program.ports[node.name].size for node in program.spiking] == [16, 16, 16]
    trace = reference.run(program, samples(program, np.random.default_rng(0), 16), record=True).trace
    assert trace is not None
    assert all(0 < train.mean() < 1 for train in trace.spikes.values())
    assert program.certificate


@pytest.mark.parametrize("asked", [{"stock_samples": 0}, {"windows": 0}, {"repetitions": 0}, {"depths": (2, 0)}])
def test_a_measurement_of_nothing_is_refused(asked: dict[str, int]) -> None:
    with pytest.raises(OutOfRange, match="bench lava: "):
        run(**asked)  # type: ignore[arg-type]


@pytest.mark.lava
def test_a_metered_run_answers_like_any_other_and_its_parts_of_the_time_are_parts() -> None:
    pytest.importorskip("lava")
    import sys

    from neurokit.compilers.lava.forms import FusedForm
    from neurokit.targets.lava.supervisor import supervise

    program = chain(1, 8, np.random.default_rng(0))
    inputs = samples(program, np.random.default_rng(1), 8)
    job = Job(program, program.encode(inputs), FusedForm(4), False)
    found = supervise(job, 120, (sys.executable, "-m", *METER))
    np.testing.assert_array_equal(found.raw["y"], reference.run(program, inputs).raw["y"])
    notes = {name: float(value) for name, value in found.notes.items()}
    assert notes["processes"] == 3  # the network, a Player and a Recorder
    assert notes["chip_steps"] == found.timing.chip_steps
    assert notes["model"] > 0
    assert notes["ports"] > 0


class _StandIn(LavaCPU):
    """A LavaCPU in name; the reference runs in its place, so that a whole benchmark takes a moment."""

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        return replace(Reference().run(program, inputs, record=record), seconds=2.0 / self.form.batch)


def _metered(job: Job, deadline_s: float, command: Sequence[str]) -> Answer:
    """What a metered worker might say: seconds of the processor in all, in models and in ports."""
    steps, processes = 10, 3 * len(job.program.nodes)
    notes = {"chip_steps": steps, "all": 4.0, "model": 1.0, "ports": 0.5, "processes": processes, "stop": 0.1}
    raw = {"y": reference.run(job.program, {"x": job.inputs["x"]}).raw["y"]}
    return Answer(raw, None, Timing(1.0, 2.0, steps, 0.0), "none", {key: str(value) for key, value in notes.items()})


def test_a_benchmark_in_little_has_every_way_every_form_its_parts_and_its_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("neurokit.experiments.bench.lava.LavaCPU", _StandIn)
    monkeypatch.setattr("neurokit.experiments.bench.lava.supervise", _metered)
    monkeypatch.setattr("neurokit.experiments.bench.lava.require_lava", lambda: None)
    picture = tmp_path / "growth.png"
    record = run(stock_samples=1, windows=1, repetitions=2, depths=(1, 2), widths=(4, 8), grid=(2, 1), picture=picture)
    ways = [row for row in record["rows"] if "way" in row]
    costs = [row for row in record["rows"] if "depth" in row]
    assert ways[0]["way"] == "stock"
    assert all(row["mismatches"] == 0 and row["samples_per_second"] == row["samples"] / row["seconds"] for row in ways)
    assert record["ratios"].keys() == {f"{row['way']} / stock" for row in ways[1:]}
    # A stand-in at a batch of 64 says 64 samples in 2/64 of a second, and one sample in 2.
    (fast, wrong) = record["bars"].values()
    assert fast == {"value": 64 * 64.0, "bar": 100.0, "met": True}
    assert wrong == {"value": 0, "bar": 0, "met": True}
    assert {(row["depth"], row["width"]) for row in costs} == {(1, 4), (2, 4), (2, 8)}
    for row in costs:
        parts = row["models"] + row["channels"] + row["bookkeeping"]
        assert row["cpu_ms_per_step"] == pytest.approx(parts) == pytest.approx(400.0)  # floats add up nearly
        assert 0 < row["arithmetic"] < row["models"]
    grids = [row["target"] for row in record["rows"] if "grid" in row]
    assert grids == ["lava", "lava-factored", "lava-fused", "lava-fused-factored"]
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize("shape", [(1, 32), (8, 32), (2, 128), (2, 512)])
def test_chains_of_the_default_depths_and_widths_are_proved(shape: tuple[int, int]) -> None:
    program = chain(*shape, np.random.default_rng(0))
    assert program.certificate
    assert len(program.spiking) == shape[0]
