"""bench compile: the rows hold what was asked, growth is an exponent, and a tiny form runs."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from neurokit.bench.compile import BAR, STAGES, WIDTH, network, run
from neurokit.errors import NeurokitError, OutOfRange
from neurokit.graph import Spiking


def test_the_command_measures_two_small_sizes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "neurokit", "bench", "compile", "--sizes", f"{WIDTH},{4 * WIDTH}", "--json", "-"],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    small, large = record["rows"]
    assert small["synapses"] == WIDTH * WIDTH + WIDTH
    assert large["synapses"] == 4 * WIDTH * WIDTH + WIDTH
    for row in (small, large):
        assert row["neurons"] == row["synapses"] // WIDTH, "one a row of weights"
        assert row["total_s"] == pytest.approx(sum(row[f"{stage}_s"] for stage in STAGES))
        assert row["bound"] <= row["cores"]
    growth = math.log(large["total_s"] / small["total_s"]) / math.log(large["synapses"] / small["synapses"])
    assert record["ratios"]["growth of total_s"] == pytest.approx(growth)
    bar = record["bars"]["growth of total_s"]
    assert (bar["bar"], bar["met"]) == (BAR, growth <= BAR)


def test_networks_have_at_least_the_neurons_asked_for() -> None:
    graph = network(2 * WIDTH + 1)
    assert sum(isinstance(node, Spiking) for node in graph.nodes) == 3


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(OutOfRange, match="two or more"):
        run(sizes=[1000])
    with pytest.raises(OutOfRange, match=">= 64"):
        run(sizes=[1, 1000])
    with pytest.raises(NeurokitError, match=r"took longer than 0\.01 s"):
        run(sizes=[64, 128], limit_s=0.01)
