"""Rows of quantisation: one network for all rows of a problem, held against itself in floating point."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from neurokit.data.mexican_hat import MexicanHat  # noqa: E402
from neurokit.experiments.papers import quantization  # noqa: E402
from neurokit.experiments.papers.networks import MLPShape  # noqa: E402
from neurokit.experiments.papers.quantization import AddedTo, QuantizedRow, draw  # noqa: E402
from neurokit.experiments.papers.runner import Cache, run  # noqa: E402
from neurokit.experiments.papers.summary import summarise  # noqa: E402
from neurokit.experiments.papers.trial import Trial  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.training.loop import Settings  # noqa: E402
from neurokit.training.qat import FineTuning  # noqa: E402

pytestmark = pytest.mark.torch

FLOAT = QuantizedRow(
    "hat/float",
    MexicanHat(side=8, train=120),
    MLPShape(hidden=(6,), steps=8),
    Backprop(),
    Settings(60, 40, 1e-2),
    held_out=40,
)
POST = replace(FLOAT, name="hat/ptq-4", bits=4, bar=AddedTo("hat/float", 9.0))
AWARE = replace(FLOAT, name="hat/qat-4", bits=4, finetuning=FineTuning(8, learning_rates=(1e-4,), checkpoints=2))

FORWARD = replace(AWARE, name="hat/qat-rfg-4", tuner=ForwardGradient())


def test_rows_run_and_are_held_against_floating_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    fit = quantization.fit
    monkeypatch.setattr(quantization, "fit", lambda *args, **kwargs: trained.append(args) or fit(*args, **kwargs))
    trials = run([FLOAT, POST, AWARE, FORWARD], seeds=1, jobs=1, cache=Cache(tmp_path, Trial))
    assert len(trained) == 1, "one network for all rows"
    records = {record["row"]: record for record in summarise([FLOAT, POST, AWARE, FORWARD], trials, 1.0)}
    assert records["hat/ptq-4"]["bar"] == pytest.approx(records["hat/float"]["mean"] + 9)
    assert records["hat/ptq-4"]["met"] is True
    assert records["hat/float"]["mean"] != records["hat/ptq-4"]["mean"]
    assert "by backpropagation" not in records["hat/qat-rfg-4"]["recipe"]
    assert "randomised forward gradient" in records["hat/qat-rfg-4"]["recipe"]
    draw(list(records.values()), tmp_path / "bits.png", 1.0)
    assert (tmp_path / "bits.png").stat().st_size > 1000


def test_what_decides_a_run_decides_its_fingerprint() -> None:
    assert len({row.digest for row in (FLOAT, POST, AWARE, replace(POST, bits=6), AWARE.shortened(0.5), FORWARD)}) == 6
    assert replace(POST, name="other").digest == POST.digest
    short = AWARE.shortened(0.01)
    assert short.settings.iterations == 1
    assert short.finetuning is not None
    assert short.finetuning.iterations == short.finetuning.checkpoints == 2


def test_the_bars_of_the_table() -> None:
    found = {row.name: row.bar for row in quantization.ROWS}
    for problem in ("mexican-hat", "poisson"):
        base = f"{problem}/float"
        assert found[f"{problem}/ptq-8"] == AddedTo(base, 0.004)
        for kind in ("qat", "qat-rfg"):
            assert found[f"{problem}/{kind}-8"] == AddedTo(base, 0.0015)
            assert found[f"{problem}/{kind}-6"] == AddedTo(base, 0.01)
            assert found[f"{problem}/{kind}-4"] is found[base] is None
    assert AddedTo("missing", 1.0).limit({}) is None
