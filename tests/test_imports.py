"""The core stands alone: without torch, Lava and numba it imports and runs, and training without Lava.

Who may import whom is a contract in pyproject.toml, which `make lint` checks.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from places import ROOT

ALONE = """
import sys
sys.modules.update(torch=None, lava=None, numba=None)
import numpy as np
from neurokit.ir import graph, interpreter as reference, program
from neurokit.simulator import target as twin
from neurokit.compilers.quantization import quantize
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean

net = graph.Graph(
    (
        graph.Input("x", 2, -1.0, 1.0),
        graph.Dense("d", "x", np.array([[1.0, -0.5], [0.25, 0.75]]), np.array([0.1, 0.2])),
        graph.Spiking("s", "d", IF(1.0)),
        graph.Dense("out", "s", np.array([[1.0, -0.5]]), np.array([0.1])),
        graph.Readout("r", "out", MemMean()),
        graph.Output("y", "r"),
    ),
    steps=8,
)
made = program.Program.load(quantize.quantize(net).save(sys.argv[1]))
x = {"x": np.linspace(-1, 1, 6).reshape(3, 2)}
slow, fast = reference.run(made, x), twin.Twin().run(made, x)
assert (slow.output == fast.output).all()
assert abs(slow.output - reference.run(net, x).output).max() < 0.2
assert fast.provenance["kernels"].startswith("numpy"), fast.provenance
try:
    twin.Twin(compiled=True).run(made, x)
except twin.TargetUnavailable as error:
    assert "neurokit-loihi[fast]" in str(error)
else:
    raise AssertionError("numba is not there")
"""

COMMAND_LINE = """
import sys
sys.modules.update(torch=None, lava=None, numba=None, matplotlib=None)  # the last takes half a second to load
from neurokit.cli import main
sys.argv = ["neurokit", "--help"]
main()
"""


def alone(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, cwd=ROOT, check=False
    )


def test_the_core_runs_without_torch_lava_and_numba(tmp_path: Path) -> None:
    done = alone(ALONE, str(tmp_path / "net.h5"))
    assert done.returncode == 0, done.stderr


def test_the_command_line_opens_without_what_is_slow_or_not_there() -> None:
    done = alone(COMMAND_LINE)
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout


def test_training_loads_nothing_of_lava_or_of_the_chip() -> None:
    done = alone(
        "import sys, neurokit.training, neurokit.training.qat, neurokit.training.runs.training\n"
        "inside = [f'neurokit.{room}' for room in ('targets', 'processes', 'compilers.lava', 'compilers.chip')]\n"
        "print([name for name in sys.modules if name.startswith(('lava', *inside))])"
    )
    assert done.stdout.strip() == "[]", done.stderr
