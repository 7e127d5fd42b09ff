"""One run of a Program on Lava that somebody else will disturb, and what became of it.

python victim.py run FOLDER FORM SAMPLES DEADLINE FAULT STEP LIMIT     prints JSON and writes FOLDER/out/out.npz
python victim.py worker FAULT STEP DIRECTORY SHM_PREFIX

FAULT is an exception of a Lava process at chip step STEP, or "-"; LIMIT is the largest file in bytes, or 0 for any.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import numpy as np

from neurokit.compilers.lava.forms import FORMS
from neurokit.data import samples
from neurokit.ir import interpreter as reference
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean
from neurokit.targets.lava.job import Answer, Job, Timing
from neurokit.targets.lava.target import LavaCPU


def network() -> Program:
    nodes = (
        Input("x", [-9, -9], [9, 9], 1.0),
        Dense("d", "x", [[5, 3], [-4, 7]], [300, -5]),
        Spiking("s", "d", IF(199)),
        Dense("o", "s", [[3, -2]], [1]),
        Readout("r", "o", MemMean()),
        Output("y", "r"),
    )
    return Program(nodes, 6)


def disturbed(folder: Path, form: str, count: int, deadline_s: float, fault: str, step: int) -> dict[str, object]:
    """Run, write the outputs as `neurokit run` does, and say what was raised, if anything."""
    program = network()
    inputs = {"x": np.random.default_rng(0).integers(-9, 10, (count, 2)).astype(float)}
    try:
        if fault == "-":
            outputs = LavaCPU(FORMS[form], deadline_s).run(program, inputs).outputs
        else:
            from neurokit.targets.lava.supervisor import supervise

            command = (sys.executable, __file__, "worker", fault, str(step))
            answer = supervise(Job(program, program.encode(inputs), FORMS[form], False), deadline_s, command)
            outputs = {"y": program.outputs[0].decode(answer.raw["y"])}
        samples.write(outputs, folder / "out" / "out.npz")
    except KeyboardInterrupt:
        return {"error": "KeyboardInterrupt", "message": ""}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)[-2000:]}
    expected = reference.run(program, inputs).outputs["y"]
    return {"error": None, "message": "", "right": bool((outputs["y"] == expected).all())}


def work(fault: str, step: int, directory: Path, prefix: str) -> None:
    """A worker one of whose Lava processes raises."""
    from lava_cases import BrokenNetwork

    from neurokit.targets.lava import worker

    def solve(job: Job) -> Answer:
        kind = type("Broken", (BrokenNetwork,), {"fault": fault, "step": step})
        with kind(job.program, job.form, record=job.record) as broken:
            raw, trace = broken.run(job.inputs, deadline_s=float("inf"))
        return Answer(raw, trace, Timing(0.0, 0.0, broken.chip_steps, 0.0), "broken")

    worker.main(directory, prefix, solve)


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        work(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5])
        sys.exit()
    where, form_name, count, deadline, fault_name, at, limit = sys.argv[2:]
    if int(limit):  # Python ignores SIGXFSZ, so a file that grows beyond it is an OSError
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    told = json.dumps(disturbed(Path(where), form_name, int(count), float(deadline), fault_name, int(at)))
    # A few bytes, and to a pipe: no full disk or limit keeps them back.
    print(told, flush=True)
