"""`neurokit compile`: bits by layer, the search, and the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from neurokit.cli.app import app  # noqa: E402
from neurokit.errors import OutOfRange  # noqa: E402
from neurokit.ir import program as p  # noqa: E402
from neurokit.ir.weight_grid import weight_bits  # noqa: E402
from neurokit.networks import MLP, save_model  # noqa: E402

pytestmark = pytest.mark.torch


def test_compile_with_bits_by_layer_and_a_report(tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    save_model(MLP(inputs=2, hidden=(6, 5), outputs=1, steps=8), model, {"x": (-1.0, 1.0)})
    np.savez(tmp_path / "seen.npz", x=np.random.default_rng(0).uniform(-1, 1, (80, 2)))
    command = [
        "compile",
        str(model),
        str(tmp_path / "p.h5"),
        "--calibration",
        str(tmp_path / "seen.npz"),
        "--bits",
        "6",
        "--state-bits",
        "14",
    ]
    made = CliRunner().invoke(app, [*command, "--layer-bits", "1=3", "--report", "--json", str(tmp_path / "r.json")])
    assert made.exit_code == 0, made.output
    program = p.Program.load(tmp_path / "p.h5")
    bits = {node.name: weight_bits(node.weight) for node in program.nodes if isinstance(node, p.Dense)}
    assert program.widths.membrane == 14
    assert bits["1"] <= 3
    assert 4 <= bits["0"] <= 6
    record = json.loads((tmp_path / "r.json").read_text())
    report = record["report"]
    assert [layer["layer"] for layer in report["layers"]] == ["0", "1", "readout"]
    assert all("err" in layer["why"] for layer in report["layers"]), "the search says what it tried"
    assert report["total"] > 0
    plain = CliRunner().invoke(app, [*command, "--no-search", "--report", "--json", str(tmp_path / "q.json")])
    assert plain.exit_code == 0, plain.output
    report = json.loads((tmp_path / "q.json").read_text())["report"]
    assert not any("err" in layer["why"] for layer in report["layers"])


@pytest.mark.parametrize("assignment", ["9=3", "1", "1=x"])
def test_bits_of_no_layer_are_refused_by_name(tmp_path: Path, assignment: str) -> None:
    model = tmp_path / "model.pt"
    save_model(MLP(inputs=2, hidden=(6,), outputs=1, steps=8), model, {"x": (-1.0, 1.0)})
    made = CliRunner().invoke(app, ["compile", str(model), str(tmp_path / "p.h5"), "--layer-bits", assignment])
    assert isinstance(made.exception, OutOfRange)
    assert "LAYER=BITS with a LAYER of 0, readout" in str(made.exception)
