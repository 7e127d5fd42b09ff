"""What an editable install cannot show: that the lists in pyproject.toml and the pairs on disk are complete."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from places import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.checkout


def test_every_package_is_listed() -> None:
    """A package that is forgotten works when installed editable and vanishes from the wheel."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    homes = {"neurokit": ROOT / "neurokit"} | {
        name: ROOT / folder for name, folder in setuptools["package-dir"].items()
    }
    found = set()
    for name, folder in homes.items():
        for module in folder.rglob("*.py"):
            inside = module.parent.relative_to(folder).parts
            if not (folder.name == "neurokit" and inside and (ROOT / inside[0]).is_dir()):
                found.add(".".join((name, *inside)))
    assert sorted(found) == sorted(setuptools["packages"])


def test_the_symlinks_for_tools_are_relative_and_lead_home() -> None:
    for name in ("processes", "compilers", "hw_configs"):
        link = ROOT / "neurokit" / name
        assert link.is_symlink()
        assert link.readlink() == Path("..") / name


def test_notebooks_and_their_scripts_are_the_same() -> None:
    jupytext = pytest.importorskip("jupytext", reason="paired notebooks are compared where jupytext is installed")
    scripts = sorted((ROOT / "notebooks").glob("*.py"))
    assert scripts
    for script in scripts:
        notebook = jupytext.read(script.with_suffix(".ipynb"))
        written = jupytext.read(script)
        assert [(c.cell_type, c.source) for c in notebook.cells] == [(c.cell_type, c.source) for c in written.cells]
        assert not any(cell.get("outputs") for cell in notebook.cells), "committed without outputs"
