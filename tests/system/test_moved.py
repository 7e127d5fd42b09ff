"""What moved is found at its old place, with a warning that names the new one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from neurokit.system.moved import MOVED

SCRIPT = """
import json, sys, warnings
from importlib import import_module
for old, new in json.loads(sys.argv[1]).items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = import_module(old)
    assert found is import_module(new), old
    assert found.__spec__.name == new, old
    assert f"{old} is now {new}" in [str(warning.message).partition(";")[0] for warning in caught], (old, caught)
"""


@pytest.mark.torch
def test_every_old_place_leads_to_the_new_one() -> None:
    pytest.importorskip("torch")
    here = {old: new for old, new in MOVED.items() if "lava" not in new or sys.version_info[:2] == (3, 10)}
    done = subprocess.run([sys.executable, "-c", SCRIPT, json.dumps(here)], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr


def test_names_of_modules_that_became_packages_are_there() -> None:
    pytest.importorskip("torch")
    from neurokit.targets import Reference
    from neurokit.training import fit

    assert Reference.__module__ == "neurokit.ir.target"
    assert fit.__module__ == "neurokit.training.loop"
