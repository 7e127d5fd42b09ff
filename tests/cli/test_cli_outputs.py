"""claim: no command destroys what it reads, nor begins work whose result it could not write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neurokit.cli.outputs import claim
from neurokit.compilers.quantization.quantize import quantize
from neurokit.data.samples import write
from neurokit.errors import RunError
from neurokit.ir.graph import Dense, Graph, Input, Output, Readout, Spiking
from neurokit.ir.program import Program
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate


def program() -> Program:
    nodes = (
        Input("x", 2, -1.0, 1.0),
        Dense("d", "x", np.array([[1.0, -1.0], [0.5, 2.0]]), np.zeros(2)),
        Spiking("s", "d", IF()),
        Dense("r", "s", np.array([[1.0, -1.0]]), np.zeros(1)),
        Readout("total", "r", Rate()),
        Output("y", "total"),
    )
    return quantize(Graph(nodes, 8))


def neurokit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neurokit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program().save(tmp_path / "p.h5")
    write({"x": np.zeros((3, 2))}, tmp_path / "x.npz")
    rng = np.random.default_rng(0)
    both = {"X_branch": (6, 4), "X_trunk": (5, 1), "y": (6, 5)}
    write({f"{n}_{s}": rng.random(z) for n, z in both.items() for s in ("train", "test")}, tmp_path / "s.npz")
    (tmp_path / "d").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "p.h5", "--inputs", "x.npz", "--out", "p.h5"), "output 'p.h5' is a file which this command reads"),
        (("run", "p.h5", "--inputs", "x.npz", "--out", "./d/../x.npz"), "which this command reads"),
        (("run", "p.h5", "--inputs", "x.npz", "--json", "x.npz"), "which this command reads"),
        (("run", "p.h5", "--inputs", "x.npz", "--out", "o.npz", "--json", "o.npz"), "which this command writes, too"),
        (("run", "p.h5", "--inputs", "x.npz", "--out", "d"), "output 'd' is a folder"),
        (("run", "p.h5", "--inputs", "x.npz", "--out", "x.npz/o.npz"), "which is a file"),
        (("place", "p.h5", "--picture", "p.h5"), "its ending is '.h5'; legal is one of .png"),
        (("bundle", "p.h5", "--out", "p.h5"), "which this command reads"),
        (("train", "--problem", "npz", "--data", "s.npz", "--json", "s.npz"), "which this command reads"),
        (("verify", "p.h5", "--json", "p.h5"), "which this command reads"),
        (("compare", "p.h5", "--targets", "reference,twin", "--json", "p.h5"), "which this command reads"),
        (("export", "p.h5", "./p.h5", "--format", "netx"), "which this command reads"),
        (("import", "p.h5", "p.h5", "--format", "netx", "--steps", "4"), "which this command reads"),
        (("learn", "mismatch", "--out", "p.h5"), "output 'p.h5' is a file; legal is a folder"),
        (("reproduce", "rfg", "--out", "p.h5"), "output 'p.h5' is a file; legal is a folder"),
    ],
)
def test_outputs_are_looked_at_before_there_is_any_work(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = neurokit(folder, *arguments)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_bare_array_in_the_place_of_an_archive_is_named(folder: Path) -> None:
    np.save(folder / "bare.npy", np.zeros((3, 2)))
    done = neurokit(folder, "run", "p.h5", "--inputs", "bare.npy")
    assert done.returncode == 2
    assert "bare.npy is not a readable .npz file: it is one bare array" in " ".join(done.stderr.split())


def test_what_may_be_written_is_claimed_and_not_made(tmp_path: Path) -> None:
    (tmp_path / "there.json").write_text("{}")
    claim(
        reads=[tmp_path / "gone", None],
        writes=[tmp_path / "new" / "deep.json", tmp_path / "there.json", None, "-", "-"],
        folder=tmp_path / "run",
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there.json"]
    (tmp_path / "link.json").symlink_to(tmp_path / "there.json")
    with pytest.raises(RunError, match="link"):
        claim(reads=[tmp_path / "there.json"], writes=[tmp_path / "link.json"])


def test_numbers_that_an_experiment_cannot_have_leave_its_folder_free(tmp_path: Path) -> None:
    shortened = ("learn", "quantisation", "--seeds", "1", "--budget", "0.001", "--out", "q")
    done = neurokit(tmp_path, *shortened, "--set", "bits=40")
    assert done.returncode == 2
    assert "bits" in done.stderr
    assert not (tmp_path / "q").exists()
