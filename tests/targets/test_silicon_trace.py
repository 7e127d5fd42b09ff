"""A Loihi 2's own membrane: the only public trace of one, on the reference, the twin and Lava.

NIR (github.com/neuromorphs/NIR, 7232ada), paper/01_lif/lif_lava_loihi_fixed.csv: a LIF with reset to zero, run for
1,000 steps on the chip with probes of its state. What it shows stands here as facts; the file is not needed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from places import SUPPORT

from neurokit.ir.fixed_point import Decay12
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Recurrent, Spiking
from neurokit.ir.target import Reference, Target
from neurokit.neurons.models import IF, LIF, ToZero
from neurokit.neurons.readouts import Rate
from neurokit.simulator import Twin

RUNS = SUPPORT / "trace_runs.py"
#: Steps, from 0, in which the neuron's one synapse is sent a spike.
SENT = [10 * tenth for tenth in (6, 22, 27, 31, 32, 35, 37, 40, 41, *range(43, 54), *range(67, 79), 84, 85)]
#: Steps in which the chip's neuron spiked.
FIRED = [461, 511, 711, 761]
STEPS, LARGEST = 1000, 1589
#: What the chip keeps of a membrane in a step, in 4096ths, and what a spike adds to it a step later.
KEPT, WEIGHT = 4096 - 163, 640
#: Membranes that the probe read, by step; at the neuron's spikes it read 128, the counter of its refractory time.
READ = {
    61: 640, 62: 614, 100: 120, 150: 5, 155: 0, 221: 640, 271: 712, 321: 1149, 411: 1266, 441: 1431, 451: 1589,
    460: 1099, 462: 0, 471: 640, 510: 1059, 521: 640, 531: 1062, 671: 640, 710: 1059, 841: 722, 851: 1117, 990: 0,
}  # fmt: skip
#: Steps that an IF integrates before the first spike is sent: more than follow, and a legal threshold.
SLOW = 960
#: A step's membrane is shifted by as many bits against weights and thresholds.
FRACTION = 6


def membranes(threshold: int) -> tuple[list[int], list[int]]:
    """Membranes before a reset, and steps of spikes, of `v <- floor(v * KEPT / 4096) + WEIGHT * sent[t - 1]`."""
    v, found, fired = 0, [], []
    for t in range(STEPS):
        v = v * KEPT // 4096 + WEIGHT * (t - 1 in SENT)
        found.append(v)
        if v > threshold:
            v = 0
            fired.append(t)
    return found, fired


def thresholds() -> list[int]:
    """Multiples of 64, as the chip has them, for which the largest membrane that did not fire and FIRED come out."""
    return [vth for vth in range(1, 100) if membranes(vth << FRACTION)[1] == FIRED]


def program(threshold: int) -> tuple[Program, int]:
    """The neuron, driven in SENT; and the step of the Program in which step 60 of the trace is sent.

    Inputs are held, so the spikes come from a chain of neurons, each of which makes the next one fire a step later. An
    IF that integrates 1 a step makes the first one fire, and would do so again only after the end.
    """
    first, last = min(SENT), max(SENT)
    begin = SLOW - 1
    chain = last - first + 1
    shift = np.eye(chain, k=-1, dtype=np.int8)
    received = np.zeros((1, chain), dtype=np.int8)
    received[0, np.array(SENT) - first] = WEIGHT >> FRACTION
    kick = np.zeros((chain, 1), dtype=np.int8)
    kick[0, 0] = 1
    nodes: tuple[Any, ...] = (
        Input("x", np.ones(1), np.ones(1), 1.0),
        Dense("count", "x", np.ones((1, 1), dtype=np.int8), np.zeros(1)),
        Spiking("once", "count", IF(SLOW, ToZero())),
        Dense("start", "once", kick, np.zeros(chain)),
        Spiking("chain", "start", IF(1, ToZero()), recurrent=Recurrent(shift)),
        Dense("synapse", "chain", received, np.zeros(1)),
        Spiking("lif", "synapse", LIF(threshold, ToZero(), strict=True, beta=Decay12(KEPT))),
        Dense("out", "lif", np.ones((1, 1), dtype=np.int8), np.zeros(1)),
        Readout("total", "out", Rate()),
        Output("y", "total"),
    )
    assert STEPS - 1 - first <= SLOW
    return Program(nodes, begin + STEPS - 1 - first), begin


def test_one_threshold_explains_the_trace() -> None:
    """25 << 6 is the only one; and it gives what the probe read."""
    assert thresholds() == [25]
    found, _ = membranes(25 << FRACTION)
    assert max(v for t, v in enumerate(found) if t not in FIRED) == LARGEST
    assert {t: found[t] for t in READ} == READ


@pytest.mark.parametrize("target", [Reference(), Twin()], ids=lambda target: target.name)
def test_the_neuron_does_what_the_chip_did(target: Target) -> None:
    made, begin = program(thresholds()[0])
    result = target.run(made, {"x": np.ones((1, 1))}, record=True)
    assert result.trace is not None
    first = min(SENT) + 1  # the Program's layers are in step with each other, the chip's a step apart
    spikes, states = (x["lif"][0, begin:, 0] for x in (result.trace.spikes, result.trace.states))
    assert (np.flatnonzero(spikes) + first).tolist() == FIRED
    assert states.tolist() == membranes(thresholds()[0] << FRACTION)[0][first:]
    assert {t: states[t - first] for t in READ} == READ


@pytest.mark.lava
@pytest.mark.parametrize("model", ["fixed", "stock"])
def test_lavas_neuron_does_what_the_chip_did(model: str) -> None:
    """The processes of both forms, driven directly: `v` is the membrane after the reset, as the chip's probe reads it.

    In the steps of its own spikes the chip's probe reads 128, Lava 0: they are masked on hardware.
    """
    pytest.importorskip("lava")
    currents = [(WEIGHT >> FRACTION) * (t - 1 in SENT) for t in range(STEPS)]
    vth = thresholds()[0]
    done = subprocess.run(
        [sys.executable, str(RUNS), model, str(vth), str(KEPT), json.dumps(currents)],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    assert np.flatnonzero(got["s"]).tolist() == FIRED
    before, _ = membranes(vth << FRACTION)
    assert got["v"] == [0 if t in FIRED else v for t, v in enumerate(before)]
    assert {t: got["v"][t] for t in READ} == READ
