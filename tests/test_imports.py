"""The core stands alone: without torch, Lava and numba it imports and runs; no module needs torch and Lava at once."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path
    for folder in ("neurokit", "processes", "compilers", "hw_configs")
    for path in (ROOT / folder).rglob("*.py")
    if not any(parent.is_symlink() for parent in path.parents)
)

ALONE = """
import sys
sys.modules.update(torch=None, lava=None, numba=None)
import numpy as np
from neurokit import graph, program, program_file, reference
from neurokit.twin import target as twin
from neurokit.compilers import bounds, quantize
from neurokit.neurons import IF
from neurokit.readouts import MemMean

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


def imported(path: Path) -> set[str]:
    """Top-level packages that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


#: What `bench train` runs in the environment of lava-dl, which is torch beside Lava; no module of ours imports it.
LAVA_DL = ROOT / "neurokit" / "bench" / "peers" / "lava_dl_step.py"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path != LAVA_DL], ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_module_imports_torch_and_lava(path: Path) -> None:
    assert not {"torch", "lava"} <= imported(path)


CORE = ["errors", "wiring", "neurons", "readouts", "integers", "sparse", "convolution", "graph/network", "graph/nodes",
        "graph/synapses", "program/network", "program/nodes", "program/spiking", "program/synapses", "program_content",
        "program_file", "program_schema", "reference", "result", "targets", "twin/target", "twin/arrays", "twin/layout",
        "twin/plan", "twin/run"]  # fmt: skip


@pytest.mark.checkout
@pytest.mark.parametrize("name", [*(f"neurokit/{core}" for core in CORE), "compilers/bounds", "compilers/quantize"])
def test_the_core_names_no_framework(name: str) -> None:
    assert not {"torch", "lava", "numba"} & imported(ROOT / f"{name}.py")
