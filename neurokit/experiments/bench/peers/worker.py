"""Times training steps of one library when told to; started by its interpreter with the name of the step's module.

It reads one JSON object a line from standard input and answers each with one on standard output:

    {"build": {"widths": [2, 16, 16, 1], "batch": 500, "steps": 32}}  ->  {"version": "..."}
    {"run": 3}  ->  {"wall": [s, s, s], "cpu": [s, s, s], "loss": 0.1}

and ends with its input. What goes wrong is answered as {"error": "..."}.
"""

import importlib
import json
import os
import sys
import time
import traceback
from importlib.util import find_spec
from typing import Any


def main(name: str) -> None:
    """Serve until standard input ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to standard error
    step: Any = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if "build" in order:
                if find_spec("torch") is not None:
                    import torch

                    torch.set_num_threads(1)
                    torch.manual_seed(0)
                module = importlib.import_module(name)
                step = module.build(**order["build"])
                answer = {"version": module.VERSION}
            else:
                answer = timed(step, order["run"])
        except Exception as error:  # the other side decides what to make of it
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(answer) + "\n")
        out.flush()


def timed(step: Any, count: int) -> dict[str, Any]:
    """Wall-clock and processor seconds of `count` training steps, and the loss of the last."""
    wall, cpu, loss = [], [], 0.0
    for _ in range(count):
        started, used = time.perf_counter(), time.process_time()
        loss = step()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    return {"wall": wall, "cpu": cpu, "loss": loss}


if __name__ == "__main__":
    main(sys.argv[1])
