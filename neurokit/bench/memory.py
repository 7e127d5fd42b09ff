"""How far the memory of a process grows when it estimates one gradient; measured in processes of their own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import torch

from neurokit.bench.contenders import Network, training_step
from neurokit.errors import RunError, explain
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.estimator import Estimator
from neurokit.gradients.forward import ForwardGradient

#: Ways to a gradient, by their names in rows.
METHODS: dict[str, Estimator] = {
    "backpropagation, plain": Backprop(compiled=False),
    "backpropagation, compiled": Backprop(),
    "RFG K=1, plain": ForwardGradient(compiled=False),
    "RFG K=1, compiled": ForwardGradient(),
}


def growth(method: str, network: Network) -> int:
    """Bytes by which the largest resident set of a fresh process grows in one training step of `network`.

    The process has made such a step before, on a batch of 8. Raises RunError when the process fails.
    """
    order = json.dumps({"method": method, "network": network})
    command = [sys.executable, "-m", "neurokit.bench.memory", order]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RunError(explain(f"memory of {method}", last[0], "a measurement", "free some memory, or lower --samples"))
    return int(done.stdout)


def _largest() -> int:
    """The largest resident set of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # `getrusage` also counts what the process that started this one held
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _measure(order: str) -> int:
    torch.set_num_threads(1)
    asked = json.loads(order)
    widths, batch, steps = asked["network"]
    estimator = METHODS[asked["method"]]
    training_step(estimator, Network(tuple(widths), 8, steps))()
    step = training_step(estimator, Network(tuple(widths), batch, steps))
    before = _largest()
    step()
    return _largest() - before


if __name__ == "__main__":
    print(_measure(sys.argv[1]))
