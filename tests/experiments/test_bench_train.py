"""bench train: its report is complete, peers are driven and refused properly, RFG's memory does not follow time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from neurokit.errors import OutOfRange, RunError  # noqa: E402
from neurokit.experiments.bench import baselines, exact, train  # noqa: E402
from neurokit.experiments.bench.baselines import Library, Network, Peer  # noqa: E402
from neurokit.experiments.bench.memory import growth  # noqa: E402

pytestmark = pytest.mark.torch
TINY = Network((2, 4, 4, 1), 6, 3)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library whose step is a line of Python, in an environment that is our own interpreter."""
    python = tmp_path / "abacus" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "abacus_step.py").write_text(
        "VERSION = '7'\n"
        "def build(widths, batch, steps):\n"
        "    print('libraries talk')\n"
        "    if batch > 100: raise ValueError('too large')\n"
        "    return lambda: float(batch)\n"
    )
    return Library("Abacus", ("abacus",), "a neuron")


def test_a_peer_answers_from_its_own_process(library: Library, tmp_path: Path) -> None:
    with Peer(library, tmp_path, TINY) as peer:
        assert peer.version == "7"
        laps = peer.run(3)
        assert len(laps.wall) == len(laps.cpu) == 3
        assert min(laps.wall) > 0
    assert peer.process.returncode == 0
    with pytest.raises(RunError, match=r"Abacus.*too large"):
        Peer(library, tmp_path, TINY._replace(batch=1000))


def test_a_missing_peer_says_where_it_was_looked_for_and_how_to_get_it(tmp_path: Path) -> None:
    nowhere = Library("Nowhere", ("nowhere",), "a neuron")
    with pytest.raises(RunError, match=r"Nowhere.*nowhere/bin/python.*venv FOLDER/nowhere.*pip install nowhere"):
        nowhere.interpreter(tmp_path)
    # The installer of bench train makes the environments of its own libraries, and no others.
    assert all("--install-peers" in library.recipe for library in baselines.LIBRARIES)
    assert "--install-peers" not in exact.JAXSNN.recipe
    assert "FOLDER/jaxsnn/bin/pip install jaxsnn, and give --peers FOLDER" in exact.JAXSNN.recipe
    with pytest.raises(RunError, match="no folder of environments given"):
        nowhere.interpreter(None)


def test_report_has_the_contracts_keys_and_counts_the_missing(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = {("backpropagation, plain", 3): 90, ("backpropagation, compiled", 3): 40}
    monkeypatch.setattr(train, "growth", lambda method, network: grown.get((method, network.steps), 3))
    monkeypatch.setattr(train, "LIBRARIES", (library, Library("Nowhere", ("nowhere",), "a neuron")))
    threads = torch.get_num_threads()
    report: dict[str, Any] = train.run(1, peers=tmp_path, samples=10, networks=(TINY,))
    assert torch.get_num_threads() == threads
    assert {"name", "machine", "rows", "ratios", "bars"} <= set(json.loads(json.dumps(report)))
    methods = {row["method"]: row for row in report["rows"] if "network" in row}
    assert set(methods) == {*train.OUR_METHODS, train.FLOOR, "Abacus: a neuron", "Nowhere"}
    assert "unavailable" in methods["Nowhere"]
    assert all(row["cpu_seconds"] >= 0 for name, row in methods.items() if name != "Nowhere")
    bars = report["bars"]
    assert bars["memory: backpropagation / RFG"] == {"value": 30.0, "bar": 20.0, "met": True}
    assert bars["memory of RFG: T=24 / T=3, at most"] == {"value": 1.0, "bar": 1.1, "met": True}
    assert bars["2-4-4-1, batch 6: backpropagation against the fastest peer"]["value"] is not None
    assert report["ratios"]["RFG / backpropagation, as the paper has it"] == pytest.approx(0.34)


def test_without_peers_no_claim_is_made_about_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "growth", lambda method, network: 1)
    monkeypatch.setattr(train, "LIBRARIES", ())
    bar = train.run(1, samples=1, networks=(TINY,))["bars"][
        "2-4-4-1, batch 6: backpropagation against the fastest peer"
    ]
    assert (bar["value"], bar["met"]) == (None, False)
    with pytest.raises(OutOfRange, match="repetitions"):
        train.run(0)


@pytest.mark.slow
def test_memory_of_rfg_does_not_follow_time_and_that_of_backpropagation_does() -> None:
    """8,000 samples in two layers of 16: one number a neuron and step is 1 MB, so 80 steps keep 80 at least."""
    network = Network((2, 16, 16, 1), 8000, 80)
    assert growth("backpropagation, plain", network) > 80e6
    # A part of a batch keeps 1 MB for every train of spikes, currents and tangents, whatever the number of steps.
    assert growth("RFG K=1, compiled", network) < 30e6
    with pytest.raises(RunError, match=r"memory of nothing"):
        growth("nothing", network)


def test_every_library_has_a_step_and_a_place() -> None:
    folder = Path(baselines.worker.__file__).parent
    steps = {f"{library.key}_step.py" for library in baselines.LIBRARIES}
    assert steps | {"jaxsnn_step.py"} == {p.name for p in folder.glob("*_step.py")}  # jaxsnn's is of bench exact
