"""bench lava: what it counts adds up, and what it cannot measure it refuses."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("psutil")  # comes with the extra `lava`

from neurokit import reference
from neurokit.bench.lava import METER, chain, run
from neurokit.bench.twin import samples
from neurokit.errors import OutOfRange


def test_a_chain_is_a_proven_network_of_the_size_asked_for_in_which_every_layer_fires_now_and_then() -> None:
    program = chain(3, 16, np.random.default_rng(0))
    assert [program.wires[node.name].size for node in program.spiking] == [16, 16, 16]
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

    from neurokit.lava.forms import FusedForm
    from neurokit.lava.job import Job
    from neurokit.lava.supervisor import supervise

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
