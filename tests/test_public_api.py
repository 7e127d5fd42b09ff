"""The top level: every public name is there, and `import neurokit` pulls in neither torch nor Lava."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

import neurokit

README = ROOT / "README.md"


def test_homes_and_names_agree() -> None:
    assert set(neurokit._HOMES) == set(neurokit.__all__)
    assert sorted(neurokit.__all__) == sorted(set(neurokit.__all__))
    with pytest.raises(AttributeError, match="no attribute 'Quantum'; it has"):
        _ = neurokit.Quantum


def test_importing_neurokit_is_light() -> None:
    code = "import sys, neurokit, neurokit.cli; print([m for m in ('torch', 'lava') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.torch
@pytest.mark.parametrize("name", neurokit.__all__)
def test_every_public_name_can_be_had(name: str) -> None:
    pytest.importorskip("torch")
    assert getattr(neurokit, name) is not None


#: Before the README's example: as few iterations as show that it runs.
SHORTENED = """
import neurokit.training.recipes as recipes
recipes.OperatorRecipe.__init__.__defaults__ = tuple(
    200 if value == 4000 else value for value in recipes.OperatorRecipe.__init__.__defaults__
)
"""


@pytest.mark.lava
def test_the_example_in_the_readme_runs(tmp_path: Path) -> None:
    """The README's example, word for word, trained for 200 iterations in place of 4,000."""
    pytest.importorskip("lava")
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    code = SHORTENED + example
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=280)
    assert done.returncode == 0, done.stderr
    error, equality = done.stdout.strip().splitlines()
    mean = re.search(r"mean=([\d.e-]+)", error)
    assert mean is not None
    assert 0.0 < float(mean.group(1)) < 0.5, "it has learnt something: 1 is the answer 0 everywhere"
    assert equality.startswith("0 mismatches in ")
