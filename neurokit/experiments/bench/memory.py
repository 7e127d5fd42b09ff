"""How far the memory of a process grows when it estimates one gradient; measured in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import torch

from neurokit.errors import RunError, explain
from neurokit.experiments.bench.baselines import Network, training_step
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
    """Bytes by which the anonymous memory of a fresh process grows at most during one training step of `network`.

    The process has made such a step before, on a batch of 8. Raises RunError when the process fails, or
    the system is not Linux.
    """
    order = json.dumps({"method": method, "network": network})
    command = [sys.executable, "-m", "neurokit.experiments.bench.memory", order]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RunError(explain(f"memory of {method}", last[0], "a measurement", "free some memory, or lower --samples"))
    return int(done.stdout)


class _Watch(threading.Thread):
    """Looks every millisecond how much memory of its own this process has in use, until told to stop."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = in_use()
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.001):
            self.most = max(self.most, in_use())


def in_use() -> int:
    """Bytes of this process's anonymous pages; pages of libraries come and go with what else the machine does."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise RunError(explain("/proc/self/status", "without RssAnon", "Linux 4.5 or later", "measure memory there"))


def _measure(order: str) -> int:
    torch.set_num_threads(1)
    asked = json.loads(order)
    widths, batch, steps = asked["network"]
    estimator = METHODS[asked["method"]]
    training_step(estimator, Network(tuple(widths), 8, steps))()
    step = training_step(estimator, Network(tuple(widths), batch, steps))
    before, watch = in_use(), _Watch()
    watch.start()
    step()
    watch.stopped.set()
    watch.join()
    return watch.most - before


if __name__ == "__main__":
    print(_measure(sys.argv[1]))
