"""bench gradients: what the referee calls cosine, bias and noise, and that it referees one and the same network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from neurokit.errors import OutOfRange  # noqa: E402
from neurokit.events.grid import GridEventProp  # noqa: E402
from neurokit.experiments.bench import gradients  # noqa: E402
from neurokit.experiments.bench.gradients import judged  # noqa: E402
from neurokit.experiments.bench.gradients_baselines import simultaneous  # noqa: E402
from neurokit.experiments.bench.gradients_case import Subject  # noqa: E402
from neurokit.neurons.surrogates import Gaussian  # noqa: E402

pytestmark = pytest.mark.torch


def test_bias_and_noise_of_draws_with_known_ones() -> None:
    """An estimate with the noise 3 |e| and the bias |e| / 2 is found to have both, to the error of the draws."""
    rng = np.random.default_rng(0)
    exact = rng.normal(size=50)
    norm = np.linalg.norm(exact)
    off = rng.normal(size=50)
    off *= 0.5 * norm / np.linalg.norm(off)
    noise = rng.normal(size=(4000, 50)) * 3 * norm / np.sqrt(50)
    found = judged(exact + off + noise, exact)
    # The mean of 4000 draws is known to 3 / sqrt(4000) = 0.05, most of which is subtracted.
    assert found["bias"] == pytest.approx(0.5, abs=0.03)
    assert found["noise"] == pytest.approx(3.0, rel=0.01)
    unbiased = judged(exact + noise, exact)
    assert unbiased["bias"] < 0.02
    assert unbiased["cosine"] < 0.5 < 0.99 < unbiased["cosine_of_mean"]
    assert judged(exact[None] * 7, exact) == {"cosine": pytest.approx(1), "cosine_of_mean": pytest.approx(1),
                                              "bias": pytest.approx(6), "noise": 0.0}  # fmt: skip
    assert judged(0 * exact[None], exact)["cosine"] == 0.0


def test_simultaneous_perturbation_is_unbiased_for_a_quadratic() -> None:
    """Of `|w|^2` the symmetric difference is exact at every size: the mean over many signs is the gradient, 2 w."""
    start = np.array([1.0, -2.0, 0.5])
    found = simultaneous(lambda w: float(w @ w), start, 0.3, 4000, torch.Generator().manual_seed(0))
    # Each coordinate's noise is at most 2 |w| = 4.6 a draw, 0.07 in the mean.
    assert np.abs(found - 2 * start).max() < 0.25


def test_the_discrete_network_is_the_continuous_one_on_its_grid() -> None:
    subject = Subject(bits=2, width=8, steps=30)
    model = subject.discrete(Gaussian(0.3))
    trains = model.spikes(subject.inputs())
    outcome = GridEventProp(subject.dt).outcome(subject.network(), subject.events())
    for number, (train, activity) in enumerate(zip(trains, outcome.layers, strict=True)):
        assert float(train.sum()) > 10
        step = (activity.spikes.time / subject.dt).round() - number - 1
        sample, place = (activity.spikes.real & (step < subject.steps)).nonzero(as_tuple=True)
        raster = torch.zeros_like(train)
        raster[sample, step[sample, place].long(), activity.spikes.line[sample, place]] = 1
        assert bool((raster == train).all())


@pytest.mark.slow
def test_a_tiny_referee(tmp_path: Path) -> None:
    record = gradients.run(1, 2, Subject(bits=1, width=8, steps=25))
    assert all(bar["met"] for bar in record["bars"].values()), record["bars"]
    rows = {row["method"]: row for row in record["rows"]}
    assert rows["EventProp"]["cosine"] == pytest.approx(1)
    assert all(row["noise"] == 0 for name, row in rows.items() if "K=" not in name)
    assert all(row["seconds"] > 0 and row["live_bytes"] > 0 for row in rows.values())
    assert json.loads(json.dumps(record))["name"] == "gradients"
    gradients.draw(record, tmp_path / "referee.png")
    assert (tmp_path / "referee.png").stat().st_size > 10_000
    for repetitions, draws in ((0, 2), (1, 1)):
        with pytest.raises(OutOfRange, match="bench gradients"):
            gradients.run(repetitions, draws)
    with pytest.raises(OutOfRange, match=r"Subject\.width"):
        Subject(width=0)
