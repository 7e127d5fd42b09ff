"""A package of one's own adds a problem, an estimator, a target and a chip, and no file of neurokit changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neurokit.system.registry import PluginError, Registry

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

PACKAGE = '''
from dataclasses import dataclass, replace
from importlib import resources
from typing import ClassVar

import numpy as np

from neurokit.data.data import PointData, Split
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.estimator import Estimate, Estimator
from neurokit.ir.target import Reference
from neurokit.targets.registry import Refusal, TargetKind


@dataclass(frozen=True)
class Wave:
    """A standing wave on [-1, 1].

    train, test  numbers of points
    frequency    of the wave
    """

    train: int = 40
    test: int = 10
    frequency: float = 1.0

    suits: ClassVar[str] = "mlp"

    def generate(self, seed: int = 0) -> Split:
        rng = np.random.default_rng(seed)

        def points(count: int) -> PointData:
            x = rng.uniform(-1, 1, (count, 1))
            return PointData(x, np.sin(np.pi * self.frequency * x), {"x": (-1.0, 1.0)}, {"problem": "wave"})

        return Split(points(self.train), points(self.test))


@dataclass(frozen=True)
class Damped:
    """Gradients by backpropagation, shrunk.

    share  of the gradient that is taken
    """

    local: bool = False
    compiled: bool = True
    share: float = 0.5

    def build(self) -> Estimator:
        return Shrunk(self.share)


@dataclass(frozen=True)
class Shrunk(Estimator):
    share: float

    def estimate(self, model, batch, generator, trained):
        loss, gradient = Backprop(False).estimate(model, batch, generator, trained)
        return Estimate(loss, {name: self.share * slope for name, slope in gradient.items()})


class Echo(Reference):
    name = "echo"


ECHO = TargetKind(
    "Echo()", "the reference by another name", lambda deadline: Echo(),
    refuses={"Product": Refusal("it multiplies nothing", "Use the twin.")},
)
CHIP = resources.files(__package__) / "tiny.toml"
'''

ENTRIES = """
[neurokit.problems]
wave = their_package:Wave
broken = their_package:Nothing

[neurokit.estimators]
damped = their_package:Damped

[neurokit.targets]
echo = their_package:ECHO

[neurokit.chips]
tiny = their_package:CHIP
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as an installer would have left it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "their_package").mkdir()
    (folder / "their_package" / "__init__.py").write_text(PACKAGE)
    from neurokit import hw_configs

    chip = (Path(hw_configs.__file__).parent / "loihi1.toml").read_text(encoding="utf-8")
    (folder / "their_package" / "tiny.toml").write_text(chip.replace('name = "Loihi 1"', 'name = "Tiny"'))
    about = folder / "their_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    return folder


def neurokit(installed: Path, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "neurokit", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=250,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")]),
             "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


def test_help_and_keys_list_what_is_installed(installed: Path) -> None:
    said = neurokit(installed, "train", "--help").stdout
    assert "wave" in said
    assert "damped" in said
    assert "echo" in neurokit(installed, "run", "--help").stdout
    keys = neurokit(installed, "train", "--keys").stderr
    assert "frequency" in keys
    assert "of the gradient that is taken" in keys


def test_a_problem_and_an_estimator_of_ones_own_train_a_network_that_compiles_and_runs(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "run.toml").write_text(
        '[problem]\nname = "wave"\nfrequency = 0.5\n[network]\nhidden = [8]\nsteps = 8\n'
    )
    neurokit(
        installed, "train", "--config", tmp_path / "run.toml", "--method", "damped", "--iterations", 3,
        "--batch-size", 10, "--out", tmp_path / "run",
    )  # fmt: skip
    assert 'method = "damped"' in (tmp_path / "run" / "config.toml").read_text()
    neurokit(installed, "compile", tmp_path / "run" / "model.pt", tmp_path / "p.h5")
    answer: dict[str, Any] = json.loads(
        neurokit(installed, "compare", tmp_path / "p.h5", "--targets", "twin,echo", "--json", "-").stdout
    )
    assert answer["mismatches"] == 0
    broken = neurokit(installed, "train", "--problem", "broken", "--out", tmp_path / "no", code=2)
    assert "their_package:Nothing of their-package" in " ".join(broken.stderr.split())


def test_targets_and_chips_are_judged_by_what_they_can_do(installed: Path) -> None:
    said = json.loads(neurokit(installed, "targets", "--json", "-").stdout)
    assert said["targets"] == ["reference", "twin", "lava", "lava-softif", "echo", "Loihi 1", "Loihi 2", "Tiny"]
    rows = {feature["name"]: feature["targets"] for feature in said["features"]}
    assert rows["Product"]["echo"]["reason"] == "it multiplies nothing"
    assert "which Tiny has not" in rows["Product"]["Tiny"]["reason"]
    assert rows["Dense"]["echo"]["supported"]
    assert [way["name"] for way in said["execution"]][-1] == "echo"


def test_a_word_that_is_taken_is_refused() -> None:
    registry = Registry("neurokit.nothing", {"own": "json:dumps"})
    registry.register("theirs", 1)
    assert list(registry) == ["own", "theirs"]
    assert registry["own"] is json.dumps
    assert registry.words == "own or theirs"
    for word in registry:
        with pytest.raises(PluginError, match=f"word is '{word}'; legal is one that is free"):
            registry.register(word, 2)
