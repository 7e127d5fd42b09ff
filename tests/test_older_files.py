"""Files of the first public form, a run that was cut, its model and a bundle, are still read and say what they said."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from places import FIXTURES

from neurokit.ir.target import Reference
from neurokit.simulator import Twin
from neurokit.targets.bundle.bundle import load
from neurokit.targets.bundle.verify import verify

OLDER = FIXTURES / "older"


@pytest.mark.torch
def test_a_run_that_was_cut_goes_on_to_the_model_that_was_made_of_it(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from neurokit.networks.model_file import load_model
    from neurokit.training.runs.folder import RunFolder
    from neurokit.training.runs.training import train_run

    shutil.copytree(OLDER / "run", tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    outcome = train_run(folder.require_run(), folder)
    assert len(outcome.history.loss) == 12
    found, expected = (load_model(path).network.state_dict() for path in (folder.model, OLDER / "model.pt"))
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        # Twelve iterations in float32, on other machines with other sums; weights are of about one.
        np.testing.assert_allclose(tensor.numpy(), expected[name].numpy(), rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("target", [Reference(), Twin()], ids=lambda target: target.name)
def test_a_bundle_is_read_and_its_golden_runs_are_repeated(target: Reference | Twin) -> None:
    bundle = load(OLDER / "bundle.nkb")
    assert verify(bundle, target).holds
