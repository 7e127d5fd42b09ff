"""Contenders of `bench train`: training steps that a clock can be held to, here or in another interpreter."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch

from neurokit.errors import RunError, explain
from neurokit.experiments.bench.peers import worker
from neurokit.gradients.estimator import Batch, Estimator
from neurokit.networks import MLP


class Network(NamedTuple):
    """A network of integrate-and-fire neurons and the batch that it is trained on."""

    widths: tuple[int, ...]
    batch: int
    steps: int = 32

    @property
    def name(self) -> str:
        """As in `2-16-16-1, batch 500`."""
        return f"{'-'.join(map(str, self.widths))}, batch {self.batch}"


class Laps(NamedTuple):
    """Wall-clock and processor seconds of training steps that followed one another."""

    wall: list[float]
    cpu: list[float]


class Ours:
    """A step in this process, such as `training_step` or `matrix_products`."""

    version = "this checkout"

    def __init__(self, step: Callable[[], float]) -> None:
        self.step = step

    def run(self, count: int) -> Laps:
        """Make `count` steps."""
        answer = worker.timed(self.step, count)
        return Laps(answer["wall"], answer["cpu"])


def training_step(estimator: Estimator, network: Network) -> Callable[[], float]:
    """A function that makes one training step of `network` on random data and returns its loss."""
    _, *hidden, _ = network.widths
    generator = torch.Generator().manual_seed(0)
    model = MLP(inputs=network.widths[0], hidden=hidden, outputs=network.widths[-1], steps=network.steps)
    x = torch.randn(network.batch, network.widths[0], generator=generator)
    batch = Batch((x,), torch.randn(network.batch, network.widths[-1], generator=generator))
    parameters = dict(model.named_parameters())
    optimiser = torch.optim.Adam(parameters.values(), lr=1e-3)

    def step() -> float:
        loss, gradient = estimator.estimate(model, batch, generator, tuple(parameters))
        for name, parameter in parameters.items():
            parameter.grad = gradient[name]
        optimiser.step()
        return loss

    return step


def matrix_products(network: Network) -> Callable[[], float]:
    """A function that makes the dense products of one step of backpropagation through time, and nothing else.

    Between two hidden layers there are three over all samples and time steps: currents, errors, and the gradient of the
    weights. The rest of a step could be free and it would still take this long.
    """
    _, *hidden, _ = network.widths
    rows = network.batch * network.steps
    operands = [(torch.ones(rows, n), torch.ones(m, n), torch.ones(rows, m)) for n, m in pairwise(hidden)]

    def step() -> float:
        for spikes, weights, errors in operands:
            spikes @ weights.T
            errors @ weights
            errors.T @ spikes
        return 0.0

    return step


@dataclass(frozen=True)
class Library:
    """Another library that trains spiking networks: its name, what pip installs, and the neuron that comes nearest."""

    name: str
    packages: tuple[str, ...]
    neuron: str

    @property
    def key(self) -> str:
        """Its folder among environments, and the beginning of its module here."""
        return self.name.lower().replace("-", "_")

    def interpreter(self, environments: Path | None) -> Path:
        """Its Python below `environments`, else ours where it is installed. Raises RunError where there is neither."""
        if environments is not None and (python := environments / self.key / "bin" / "python").exists():
            return python
        if find_spec(self.key.partition("_")[0]) is not None and self.key != "lava_dl":
            return Path(sys.executable)
        if self.key == "lava_dl" and find_spec("lava") is not None and find_spec("lava.lib") is not None:
            return Path(sys.executable)
        place = "no folder of environments given" if environments is None else f"not in {environments}"
        legal = f"FOLDER/{self.key}/bin/python"
        raise RunError(explain(f"an environment of {self.name}", place, legal, f"make it by {self.recipe}"))

    @property
    def recipe(self) -> str:
        """The commands that make its environment, and how to name the folder."""
        if self in LIBRARIES:
            return "neurokit bench train --install-peers FOLDER"
        packages, folder = " ".join(shlex.quote(package) for package in self.packages), f"FOLDER/{self.key}"
        return f"python -m venv {folder}, then {folder}/bin/pip install {packages}, and give --peers FOLDER"

    def install(self, environments: Path) -> None:
        """Make its environment below `environments`. Raises RunError with pip's last lines when that fails."""
        folder = environments / self.key
        commands = (
            [sys.executable, "-m", "venv", str(folder)],
            [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", *self.packages],
        )
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr or done.stdout).strip().splitlines()[-3:]
                raise RunError(explain(" ".join(command), last, "exit code 0", "see what pip says"))


#: In versions that PyPI offers for Python 3.10.
LIBRARIES = (
    Library("snnTorch", ("snntorch", "torch==2.3.1", "numpy<2"), "Leaky, beta 1, subtract"),
    Library("norse", ("norse", "torch==2.3.1", "numpy<2"), "IAF, reset to zero"),
    Library("SpikingJelly", ("spikingjelly==0.0.0.0.14", "torch==2.3.1", "numpy<2"), "IFNode, soft reset, multi-step"),
    Library("lava-dl", ("lava-dl==0.6.0",), "slayer CUBA without leak, reset to zero"),
)


class Peer:
    """A library's training step in a process of its own, which waits for orders between its laps.

    A context manager; raises RunError when the library is not there or cannot do what it is asked.
    """

    def __init__(self, library: Library, environments: Path | None, network: Network) -> None:
        script = Path(worker.__file__)
        command = [str(library.interpreter(environments)), str(script), f"{library.key}_step"]
        self.library = library
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        shape = {"widths": network.widths, "batch": network.batch, "steps": network.steps}
        try:
            self.version: str = self._ask({"build": shape})["version"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, count: int) -> Laps:
        """Make `count` steps."""
        answer = self._ask({"run": count})
        return Laps(answer["wall"], answer["cpu"])

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None, "a pipe"
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None, "a pipe"
        assert self.process.stdout is not None, "a pipe"
        try:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer: dict[str, Any] = json.loads(line) if line else {"error": "its process ended"}
        if "error" in answer:
            remedy = f"make an environment that works by {self.library.recipe}"
            raise RunError(explain(self.library.name, answer["error"], "a training step", remedy))
        return answer
