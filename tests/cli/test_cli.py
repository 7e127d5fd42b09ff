"""The command line: exit codes, JSON, and errors that a newcomer can act on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean


def neurokit(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "neurokit", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=240,
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    program = Program(
        (
            Input("x", np.full(3, -20), np.full(3, 20), 0.1),
            Dense("hidden", "x", rng.integers(-9, 10, (5, 3)), rng.integers(-9, 10, 5)),
            Spiking("spikes", "hidden", IF(64)),
            Dense("out", "spikes", rng.integers(-9, 10, (2, 5)), np.zeros(2)),
            Readout("y", "out", MemMean()),
            Output("answer", "y", 0.5),
        ),
        steps=7,
    )
    return program.save(tmp_path / "program.h5")


def test_help_names_every_command(tmp_path: Path) -> None:
    done = neurokit("--help", folder=tmp_path)
    assert done.returncode == 0
    for command in ("train", "compile", "run", "compare", "doctor", "demo", "bench"):
        assert command in done.stdout


def test_compare_prints_one_json_object_and_exits_zero_when_all_is_equal(saved: Path, tmp_path: Path) -> None:
    done = neurokit("compare", saved, "--targets", "reference,twin", "--samples", 5, "--json", "-", folder=tmp_path)
    record = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert record["mismatches"] == 0
    assert record["spikes_compared"] == record["states_compared"] == 5 * 7 * 5
    assert record["targets"] == ["reference", "twin"]
    assert record["first_mismatch"] is None


def test_run_writes_the_outputs_of_every_sample(saved: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((4, 3)))
    done = neurokit("run", saved, "--inputs", "x.npz", "--out", "y.npz", "--json", "r.json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "y.npz") as outputs:
        assert outputs["answer"].shape == (4, 2)
    assert json.loads((tmp_path / "r.json").read_text())["samples"] == 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "nowhere.h5"], "nowhere.h5"),
        (["compare", "program.h5", "--targets", "reference,quantum"], "'quantum'; legal is reference, twin, lava"),
        (["compare", "program.h5", "--targets", "reference"], "at least two"),
        (["run", "program.h5", "--inputs", "wide.npz"], "legal is -2..2, the range this Program was compiled for"),
        (["run", "program.h5", "--inputs", "flat.npz"], "legal is (..., 3)"),
        (["run", "program.h5", "--inputs", "names.npz"], "the network's inputs are ['x']"),
        (["run", "program.h5", "--inputs", "nan.npz"], "legal is a finite number"),
        (["run", "program.h5", "--inputs", "program.h5"], "not a readable .npz file"),
    ],
)
def test_bad_input_is_explained_with_exit_code_two(
    arguments: list[str], says: str, saved: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "wide.npz", x=np.full((1, 3), 2.5))
    np.savez(tmp_path / "flat.npz", x=np.zeros((4, 2)))
    np.savez(tmp_path / "names.npz", z=np.zeros((4, 3)))
    np.savez(tmp_path / "nan.npz", x=np.full((1, 3), np.nan))
    before = sorted(path.name for path in tmp_path.iterdir())
    done = neurokit(*arguments, folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before, "nothing was written"


@pytest.mark.torch
def test_a_program_is_no_model(saved: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    done = neurokit("compile", saved, "other.h5", folder=tmp_path)
    assert done.returncode == 2
    assert "a model saved by neurokit" in " ".join(done.stderr.split())


def test_without_torch_a_command_that_needs_it_says_so(saved: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; sys.argv[1:] = ['compile', 'program.h5']; import neurokit.__main__"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 2
    assert "pip install 'neurokit-loihi[train]'" in " ".join(done.stderr.split())


def test_an_unknown_option_is_refused(saved: Path, tmp_path: Path) -> None:
    done = neurokit("compare", saved, "--sample", 3, folder=tmp_path)
    assert done.returncode == 2
    assert "--sample" in done.stderr


@pytest.mark.torch
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "tr.npz"], "--data is 'tr.npz' without --problem npz"),
        (["--test-data", "te.npz"], "--test-data is 'te.npz' without --problem npz"),
        (["--config", "own.toml", "--problem", "burgers", "--data", "tr.npz"], "--data is 'tr.npz' without --problem"),
        (["--config", "own.toml", "--data", "tr.npz"], "tr.npz is not a readable .npz file"),
    ],
)
def test_files_to_train_on_go_with_their_problem(arguments: list[str], says: str, tmp_path: Path) -> None:
    """On the command line or in the file, whose own problem is enough."""
    pytest.importorskip("torch")
    (tmp_path / "own.toml").write_text('[problem]\nname = "npz"\n')
    done = neurokit("train", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split()), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["own.toml"], "nothing was written"


@pytest.mark.torch
def test_aligned_samples_are_trained_on_as_they_are_recognised(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", X_branch=rng.random((9, 4)), X_trunk=rng.random((9, 2)), y=rng.random((9, 1)))
    files = ["--problem", "npz", "--data", "a.npz", "--test-data", "a.npz", "--out", "run"]
    done = neurokit("train", *files, "--batch-size", 5, "--iterations", 3, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    effective = (tmp_path / "run" / "config.toml").read_text()
    assert 'layout = "triple"' in effective
    assert 'by = "gradient"' in effective
