"""Training networks of spike times, the tasks of the papers, and the page that shows them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

torch = pytest.importorskip("torch")

from neurokit.data.yin_yang import DOT, RADIUS, YinYang  # noqa: E402
from neurokit.errors import OutOfRange, RunError, TrainingDiverged  # noqa: E402
from neurokit.events.events import Events  # noqa: E402
from neurokit.events.lif import CurrentLIF  # noqa: E402
from neurokit.events.losses import FirstSpikeCrossEntropy  # noqa: E402
from neurokit.events.network import Outcome, Population, SpikeTimeNetwork  # noqa: E402
from neurokit.events.training import LabelledEvents, WeightBump, accuracy, first_spikes, fit_events  # noqa: E402
from neurokit.experiments.papers import exact, tables  # noqa: E402
from neurokit.experiments.papers.runner import Cache, kept, run  # noqa: E402

pytestmark = pytest.mark.torch

EXACT = tables.table("exact")
PAGE = ROOT / "docs" / "exact.md"


def order_task() -> tuple[SpikeTimeNetwork, LabelledEvents]:
    """Which of two lines spikes first."""
    generator = torch.Generator().manual_seed(0)
    time = torch.rand(40, 2, generator=generator, dtype=torch.float64)
    label = (time[:, 1] < time[:, 0]).long()
    neuron = CurrentLIF(1.0, 0.5, slope_floor=0.2)
    net = SpikeTimeNetwork(2, [Population(neuron, 8), Population(neuron, 2)], 3.0, gain=4.0, seed=1)
    with torch.no_grad():
        for layer in net.stack():
            layer.weight.add_(4.0)
    return net, LabelledEvents(Events.latencies(time), label)


def test_training_learns_and_can_be_told_to_stop() -> None:
    net, data = order_task()
    loss = FirstSpikeCrossEntropy(0.2, virtual=1.0)
    losses: list[float] = []

    def stop_at_six(epoch: int, mean: float) -> bool:
        losses.append(mean)
        return epoch == 6

    fit_events(net, data, loss, epochs=50, batch_size=10, learning_rate=0.1, after_epoch=stop_at_six)
    assert len(losses) == 7
    assert losses[-1] < 0.75 * losses[0]
    assert accuracy(net, data) > 0.7


def test_a_sample_without_an_output_spike_is_wrong() -> None:
    net, data = order_task()
    with torch.no_grad():
        for layer in net.stack():
            layer.weight.zero_()
    assert bool(torch.isinf(first_spikes(net, data.events)).all())
    assert accuracy(net, data) == 0.0


def test_the_weight_bump_wakes_silent_neurons_and_no_others() -> None:
    net, data = order_task()
    with torch.no_grad():
        net.stack()[0].weight[:, 3] = 0.0
        before = net.stack()[0].weight.clone()
        WeightBump(0.25).apply(net(data.events))
        moved = net.stack()[0].weight - before
    assert moved[:, 3].tolist() == [0.25, 0.25]
    assert not bool(moved[:, :3].any())
    with pytest.raises(OutOfRange, match="WeightBump"):
        WeightBump(0.0)


def test_training_that_cannot_go_on_says_so() -> None:
    net, data = order_task()

    def nonsense(outcome: Outcome, label: torch.Tensor) -> torch.Tensor:
        return outcome.last.spikes.first(2, outcome.horizon).sum() * float("nan")

    with pytest.raises(TrainingDiverged, match="epoch 0"):
        fit_events(net, data, nonsense, epochs=1, batch_size=10, learning_rate=0.1)
    with pytest.raises(OutOfRange, match="learning_rate"):
        fit_events(net, data, nonsense, epochs=1, batch_size=10, learning_rate=0.0)
    nobody = data.take(torch.arange(0))
    with pytest.raises(OutOfRange, match="samples is 0"):
        fit_events(net, nobody, nonsense, epochs=1, batch_size=10, learning_rate=0.1)


def test_yin_yang_is_a_disk_of_three_classes_in_equal_shares() -> None:
    data = YinYang(3000, first=0.0, last=1.0).generate(4)
    again = YinYang(3000, first=0.0, last=1.0).generate(4)
    assert torch.equal(data.events.time, again.events.time)
    by_line = data.events.time.gather(1, data.events.line.argsort(1))
    x, y = by_line[:, 0], by_line[:, 1]
    assert torch.allclose(by_line[:, 2:4], 1 - by_line[:, :2])
    assert float(torch.hypot(x - RADIUS, y - RADIUS).max()) <= RADIUS
    dots = torch.minimum(torch.hypot(x - 0.25, y - 0.5), torch.hypot(x - 0.75, y - 0.5)) <= DOT
    assert torch.equal(dots, data.label == 2)
    # Turned by half a turn, yin is yang.
    yin, yang = data.label == 0, data.label == 1
    assert float(y[yin].mean() + y[yang].mean()) == pytest.approx(1.0, abs=0.03)
    # Four standard deviations of a share of 1/3 among 3000.
    assert np.abs(np.bincount(data.label.numpy()) / 3000 - 1 / 3).max() < 4 * (2 / 9 / 3000) ** 0.5


def test_rows_run_and_are_reported(tmp_path: Path) -> None:
    rows = [row.shortened(0.01) for row in EXACT.matching("[ix]*")]
    cache = Cache(tmp_path, exact.ExactTrial)
    found = run(rows, seeds=1, jobs=1, cache=cache)
    assert kept(rows, seeds=1, cache=cache) == found
    records = exact.summarise(rows, found, 0.01)
    assert [record["met"] for record in records] == [None, None]
    assert "not results" in exact.markdown(records, 0.01)
    assert [line[0] for line in exact.shown(records)[1]] == [row.name for row in rows]
    exact.draw(records, tmp_path / "curves.png", 0.01)
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    next(tmp_path.glob("xor*.json")).write_text(json.dumps({"row": "xor"}))
    with pytest.raises(RunError, match="of another kind"):
        kept(rows, seeds=1, cache=cache)


def test_initialisations_of_xor_converge_and_iris_learns_to_tell_flowers() -> None:
    # Of 1000 initialisations the slowest took 33 steps; a tenth of the epochs tells most flowers.
    xor, iris = (EXACT.matching(name)[0] for name in ("xor*", "iris*"))
    assert replace(xor.task, block=5, most=100).trial(0)[2]["failed"] == 0  # type: ignore[call-arg, union-attr]
    assert iris.shortened(0.1).trial(0).value > 0.6


def test_bars_are_met_only_when_every_initialisation_converges() -> None:
    xor, iris = (EXACT.matching(name)[0] for name in ("xor*", "iris*"))
    assert xor.meets(17.0, 0) is True
    assert xor.meets(17.0, 1) is False
    assert xor.meets(19.0, 0) is False
    assert iris.meets(0.96, 0) is True
    assert replace(iris, bar=None).meets(0.1, 0) is None
    assert xor.digest != iris.digest
    few = [exact.ExactTrial(iris.name, seed, iris.digest, 0.97, 1.0, {}) for seed in range(iris.seeds - 1)]
    (record,) = exact.summarise([iris], {iris.name: few}, 1)
    assert record["met"] is None
    assert "19 of 20" in exact.markdown([record], 1)
    every = [*few, replace(few[0], seed=iris.seeds - 1)]
    assert exact.summarise([iris], {iris.name: every}, 1)[0]["met"] is True


def test_the_example_of_the_page_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) >= 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    found = names["found"]
    assert np.isfinite(found.loss)  # type: ignore[attr-defined]
    assert names["share"] > 0.6  # type: ignore[operator]
