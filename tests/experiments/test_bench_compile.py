"""bench compile: the rows hold what was asked, growth is an exponent, and a tiny form runs."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from neurokit.errors import NeurokitError, OutOfRange
from neurokit.experiments.bench.compile import BAR, FAMILIES, SMALLEST, STAGES, WIDTH, network, run
from neurokit.ir.graph import Spiking


@pytest.mark.slow
def test_the_command_measures_two_small_sizes_of_every_family() -> None:
    sizes = SMALLEST, 2 * SMALLEST
    done = subprocess.run(
        [sys.executable, "-m", "neurokit", "bench", "compile", "--sizes", ",".join(map(str, sizes)), "--json", "-"],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    rows = {family: [row for row in record["rows"] if row["family"] == family] for family in FAMILIES}
    for family, (small, large) in rows.items():
        for row, size in zip((small, large), sizes, strict=True):
            assert size < row["neurons"] <= 1.3 * size, "the readout's neuron beside those asked for, and whole images"
            assert row["total_s"] == pytest.approx(sum(row[f"{stage}_s"] for stage in STAGES))
            assert row["bound"] <= row["cores"]
            if family != "convolution":
                assert row["synapses"] == size * WIDTH + WIDTH
        growth = math.log(large["total_s"] / small["total_s"]) / math.log(large["synapses"] / small["synapses"])
        assert record["ratios"][f"{family}: growth of total_s"] == pytest.approx(growth)
        bar = record["bars"][f"{family}: growth of total_s"]
        assert (bar["bar"], bar["met"]) == (BAR, growth <= BAR)


@pytest.mark.parametrize("family", FAMILIES)
def test_networks_have_at_least_the_neurons_asked_for(family: str) -> None:
    graph = network(family, SMALLEST + 1)
    neurons = sum(graph.ports[node.name].size for node in graph.nodes if isinstance(node, Spiking))
    assert SMALLEST < neurons <= 2 * SMALLEST


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(OutOfRange, match="two or more"):
        run(sizes=[1000])
    with pytest.raises(OutOfRange, match=">= 512"):
        run(sizes=[1, 1000])
    with pytest.raises(NeurokitError, match=r"took longer than 0\.01 s"):
        run(sizes=[512, 1024], limit_s=0.01)
