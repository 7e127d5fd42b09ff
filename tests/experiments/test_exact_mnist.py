"""MNIST by latencies: how digits become spikes, and that training learns and goes on where it stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from digit_files import file_of, pair

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from neurokit.data.mnist import CLASSES, PIXELS, SIDE, load_mnist  # noqa: E402
from neurokit.errors import OutOfRange  # noqa: E402
from neurokit.experiments.papers import exact, tables  # noqa: E402
from neurokit.experiments.papers.exact_mnist import MnistTask, joined, shifted  # noqa: E402
from neurokit.experiments.papers.runner import Cache, run  # noqa: E402

pytestmark = pytest.mark.torch


def bars(n: int, seed: int) -> bytes:
    """Label k is a bar of ink at a height of its own, on paper that is not quite clean."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, CLASSES, n)
    image = rng.integers(0, 20, (n, SIDE, SIDE))
    for k in range(n):
        image[k, 4 + 2 * label[k] : 6 + 2 * label[k], 4:24] = rng.integers(180, 256, (2, 20))
    return pair(image.reshape(n, PIXELS).astype(np.float32), label)


@pytest.fixture
def small(tmp_path: Path) -> MnistTask:
    path = file_of(tmp_path / "digits.gz", bars(300, 0), bars(100, 1), bars(100, 2))
    start = ((0.06, 0.1), (0.13, 0.1))
    return MnistTask(40, epochs=3, batch_size=20, learning_rate=0.02, shift=0, levels=6, start=start, data=path)


def test_ink_spikes_the_earlier_the_darker_and_paper_never() -> None:
    pixels = np.zeros((2, PIXELS), np.uint8)
    pixels[0, [3, 5, 7, 9]] = [255, 128, 255, 15]
    pixels[1, 2] = 16
    found = MnistTask(levels=8, window=2.0).events(pixels)
    assert found.line[0, :3].tolist() == [3, 7, 5]
    assert found.time[0].tolist() == [0.0, 0.0, 1.0]  # 15 is less than half a level
    assert found.line[1, 0] == 2
    assert found.time[1].tolist() == [1.75, np.inf, np.inf]
    every = MnistTask(levels=255, window=1.0).events(np.arange(256, dtype=np.uint8)[None].repeat(4, 1)[:, :PIXELS])
    assert len(set(every.time[0].tolist())) == PIXELS // 4 - 1


def test_shifts_move_the_image_and_bring_in_paper() -> None:
    image = np.zeros((500, SIDE, SIDE), np.uint8)
    image[:, 0, 10] = 7
    moved = shifted(image.reshape(500, PIXELS), 1, np.random.default_rng(0)).reshape(500, SIDE, SIDE)
    places = {(int(y), int(x)) for _, y, x in zip(*np.nonzero(moved), strict=True)}
    assert places == {(y, x) for y in (0, 1) for x in (9, 10, 11)}
    gone = (moved.reshape(500, -1).max(1) == 0).mean()
    assert abs(gone - 1 / 3) < 4 * (2 / 9 / 500) ** 0.5  # four standard deviations
    assert np.array_equal(shifted(image.reshape(500, PIXELS), 0, np.random.default_rng(0)).ravel(), image.ravel())
    with pytest.raises(OutOfRange, match="shift"):
        shifted(image.reshape(500, PIXELS), SIDE, np.random.default_rng(0))


def test_the_task_is_learned(small: MnistTask) -> None:
    value, seconds, notes = small.trial(0)
    assert value > 0.5  # chance is 0.1
    assert seconds > 0
    assert notes["curve"][-1]["loss"] < 0.1 * notes["curve"][0]["loss"]
    assert sum(notes["spikes_of_a_neuron"]) == 100 * small.hidden
    assert len(notes["spikes_of_a_neuron"]) > 2  # some neuron spiked twice


def test_training_goes_on_where_it_stopped_and_ends_at_the_same_weights(small: MnistTask, tmp_path: Path) -> None:
    digits = load_mnist(small.data)
    whole, _, curve = small._trained(digits.training, 0, None)
    half = tmp_path / "half.partial"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("neurokit.experiments.papers.exact_mnist.shifted", Stops(2))
        with pytest.raises(KeyboardInterrupt):
            small._trained(digits.training, 0, half)
    again, _, same = small._trained(digits.training, 0, half)
    assert [point["loss"] for point in same] == [point["loss"] for point in curve]
    for x, y in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(x, y)


class Stops:
    """`shifted`, interrupted after so many epochs of 15 batches and three batches more."""

    def __init__(self, epochs: int) -> None:
        self.left = 15 * epochs + 3

    def __call__(self, pixels: np.ndarray, most: int, random: np.random.Generator) -> np.ndarray:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return shifted(pixels, most, random)


def test_the_row_trains_with_all_digits_and_is_judged_by_others(small: MnistTask, tmp_path: Path) -> None:
    row = tables.table("exact").matching("mnist*")[0]
    assert isinstance(row.task, MnistTask)
    assert (row.task.hidden, row.bar, row.task.validate, row.task.data) == (400, 0.983, False, None)
    assert row.shortened(0.05).task.epochs == round(0.05 * row.task.epochs)
    digits = load_mnist(small.data)
    assert len(joined(digits.training, digits.validation)) == 400
    one = replace(row, task=replace(small, epochs=1))
    found = run([one], seeds=1, jobs=1, cache=Cache(tmp_path, exact.ExactTrial))
    assert [path.suffix for path in tmp_path.glob("mnist-*")] == [".json"], "the checkpoint is gone"
    assert "%" in exact.markdown(exact.summarise([one], found, 1.0), 1.0)
