"""What moved is found at its old place, with a warning that names the new one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neurokit.system.moved import MOVED

SCRIPT = """
import sys, warnings
from importlib import import_module
old, new = sys.argv[1:]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    found = import_module(old)
assert found is import_module(new)
assert found.__spec__.name == new
assert f"{old} is now {new}" in [str(warning.message).partition(";")[0] for warning in caught], caught
"""


@pytest.mark.torch
def test_every_old_place_leads_to_the_new_one() -> None:
    pytest.importorskip("torch")
    for old, new in MOVED.items():
        if "lava" in new and sys.version_info[:2] != (3, 10):
            continue
        done = subprocess.run([sys.executable, "-c", SCRIPT, old, new], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr


def test_names_of_modules_that_became_packages_are_there() -> None:
    pytest.importorskip("torch")
    from neurokit.targets import Reference
    from neurokit.training import fit

    assert Reference.__module__ == "neurokit.ir.target"
    assert fit.__module__ == "neurokit.training.loop"
