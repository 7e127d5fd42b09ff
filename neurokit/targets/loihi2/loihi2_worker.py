"""The worker of a Loihi 2: as `neurokit.targets.lava.worker`, but its network is on the chip.

python -m neurokit.targets.loihi2.loihi2_worker SETTINGS DIRECTORY SHM_PREFIX      SETTINGS as of `Loihi2.settings`, in
JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from neurokit.compilers.lava.loihi2_border import Border
from neurokit.targets.lava.job import Answer, Job, Timing
from neurokit.targets.lava.worker import main


def solver(settings: dict[str, Any]) -> Callable[[Job], Answer]:
    """What answers a Job with a run on the chip that `settings` name."""

    def solve(job: Job) -> Answer:
        from neurokit.targets.loihi2 import loihi2_session as session

        started = time.perf_counter()
        session.connect(settings["partition"], settings["board"], settings["generation"])
        given = settings["border"]
        border = session.measure_border() if given is None else Border(**given)
        network = session.ChipNetwork(job.program, border, record=bool(job.record), profile=settings["profile"])
        with network:
            built = time.perf_counter()
            raw, trace = network.run(job.inputs, deadline_s=float("inf"))
            over = time.perf_counter()
        steps = ", ".join(f"{name} {steps}" for name, steps in asdict(border).items())
        how = "measured" if given is None else "given"
        notes = {**session.device(), "border": steps, "border_known": how, **network.measured}
        return Answer(
            raw, trace, Timing(built - started, over - built, network.chip_steps, built), version("lava-nc"), notes
        )

    return solve


if __name__ == "__main__":
    main(Path(sys.argv[2]), sys.argv[3], solver(json.loads(sys.argv[1])))
