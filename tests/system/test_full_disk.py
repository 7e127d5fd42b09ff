"""Where there is no room, a command says which file it could not write, and leaves what it says that it leaves."""

from __future__ import annotations

import errno
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neurokit.data.samples import write
from neurokit.errors import OutputFailed
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate
from neurokit.system.atomic import replacing, temporary_folder, write_arrays, write_text

#: Runs the command line with a limit to the size of the files that it may write: as of a disk, for each file alone.
LIMITED = """
import resource, sys
limit = int(sys.argv[1])
sys.argv[1:] = sys.argv[2:]
from neurokit.cli.app import main
{before}
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
main()
"""


def neurokit(
    folder: Path, limit: int, *arguments: str, before: str = "", stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LIMITED.format(before=before), str(limit), *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "1000"}
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=250, cwd=folder, env=environment
    )


def program() -> Program:
    nodes = (
        Input("x", [-9] * 200, [9] * 200, 1.0),
        Dense("d", "x", np.ones((2, 200), dtype=np.int64), [300, -5]),
        Spiking("s", "d", IF(199)),
        Dense("o", "s", [[3, -2]], [0]),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    )
    return Program(nodes, 6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program().save(tmp_path / "p.h5")
    write({"x": np.zeros((300, 200))}, tmp_path / "x.npz")
    return tmp_path


def test_the_file_the_room_and_the_remedy_are_named_and_an_old_file_stays(folder: Path) -> None:
    (folder / "outputs.npz").write_text("old")
    before = sorted(folder.iterdir())
    done = neurokit(folder, 2000, "run", "p.h5", "--inputs", "x.npz", "--target", "reference")
    assert done.returncode == 2, done.stderr
    assert "'outputs.npz' could not be written: File too large." in done.stderr
    assert "bytes of it could be written, and it is larger" in done.stderr
    assert "bytes are free in '.'" in done.stderr
    assert "ulimit -f" in done.stderr
    assert "This run leaves no file." in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "outputs.npz").read_text() == "old"
    assert sorted(folder.iterdir()) == before


COMMANDS = {
    "run": (("run", "p.h5", "--inputs", "x.npz", "--target", "reference"), 2000, "outputs.npz"),
    "run --json": (("run", "p.h5", "--inputs", "x.npz", "--target", "reference", "--json", "a/r.json"), 100, "outputs"),
    "compare": (("compare", "p.h5", "--targets", "reference,twin", "--json", "a/b/c.json"), 10, "a/b/c.json"),
    "check": (("check", "p.h5", "--json", "c.json"), 10, "c.json"),
    "place": (("place", "p.h5", "--picture", "p.png"), 2000, "p.png"),
    "place pdf": (("place", "p.h5", "--picture", "p.pdf"), 2000, "p.pdf"),
    "place svg": (("place", "p.h5", "--picture", "p.svg"), 2000, "p.svg"),
    "bundle": (("bundle", "p.h5", "--out", "b.zip"), 40_000, "b.zip"),
    "export": (("export", "p.h5", "n.net", "--format", "netx", "--readout"), 1000, "n.net"),
    "doctor": (("doctor", "--json", "d.json"), 10, "d.json"),
    "learn": (("learn", "quantisation", "--seeds", "1", "--budget", "0.001", "--out", "q"), 10, "q/config.toml"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_names_the_file_and_leaves_nothing(name: str, folder: Path) -> None:
    arguments, limit, file = COMMANDS[name]
    before = sorted(folder.iterdir())
    done = neurokit(folder, limit, *arguments)
    assert done.returncode == 2, done.stderr
    assert re.search(rf"'[^']*{re.escape(file)}[^']*' could not be written: File too large", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert ("This run leaves no file." in done.stderr) == (name != "doctor")  # which has nothing else to leave
    assert sorted(folder.iterdir()) == before


def test_standard_output_can_be_full_too(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        done = neurokit(folder, 10**9, "check", "p.h5", "--json", "-", stdout=full.fileno())
    assert done.returncode == 2, done.stderr
    assert "'standard output' could not be written: No space left on device" in done.stderr
    done = neurokit(folder, 10**9, "check", "p.h5", "--json", "/dev/full")
    assert done.returncode == 2, done.stderr
    assert "'/dev/full' could not be written: No space left on device" in done.stderr
    assert Path("/dev/full").is_char_device()


TRAIN = ("train", "--out", "runs/one", "--iterations", "40", "--set", "problem.train=20", "--set", "problem.test=5")
SMALL = ("--hidden", "4", "--features", "3", "--steps", "4", "--set", "optimiser.batch_size=8")


@pytest.mark.torch
@pytest.mark.parametrize(
    ("limit", "file", "left"),
    [
        (100, "config.toml", None),
        (2_500, "checkpoint.pt", ["config.toml", "metrics.jsonl"]),
    ],
)
def test_training_leaves_what_it_says(limit: int, file: str, left: list[str] | None, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    done = neurokit(tmp_path, limit, *TRAIN, *SMALL)
    assert done.returncode == 2, done.stderr
    assert f"'runs/one/{file}' could not be written: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    if left is None:
        assert found == []
        assert "This run leaves no file." in done.stderr
    else:
        assert found == ["runs", "runs/one", *(f"runs/one/{name}" for name in left)]
        assert f"This run leaves {', '.join(f'runs/one/{name}' for name in left)}." in done.stderr


@pytest.mark.torch
def test_a_run_that_was_trained_and_could_not_be_saved_is_resumed(tmp_path: Path) -> None:
    """The checkpoint is there, the disk is full, and with room the same command line ends it."""
    pytest.importorskip("torch")
    full = """
import errno, os
import neurokit.training.runs.training as training
def save(*anything):
    from neurokit.system.atomic import replacing
    with replacing(anything[1]):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
training.save_model = save
"""
    done = neurokit(tmp_path, 10**9, *TRAIN, *SMALL, before=full)
    assert done.returncode == 2, done.stderr
    assert "'runs/one/model.pt' could not be written: No space left on device" in done.stderr
    assert "it can be continued with: neurokit train --out runs/one --resume" in done.stderr
    assert "runs/one/checkpoint.pt" in done.stderr.split("This run leaves")[1]
    assert not (tmp_path / "runs/one/model.pt").exists()
    done = neurokit(tmp_path, 10**9, "train", "--out", "runs/one", "--resume")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/one/model.pt").exists()


def test_whatever_a_library_calls_it_a_want_of_room_is_found_by_trying(tmp_path: Path) -> None:
    """PyTorch raises RuntimeError, NumPy OSError without a number; without a limit both stay what they are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    target = tmp_path / "new" / "out.bin"
    for error in (RuntimeError("unexpected pos"), OSError("100 requested and 3 written")):
        with pytest.raises(type(error)) as raised, replacing(target):
            raise error
        assert raised.value is error
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            with pytest.raises(OutputFailed, match=r"out\.bin' could not be written") as named, replacing(target):
                raise error
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert named.value.errno == errno.EFBIG
        assert not target.parent.exists(), "made for a file that is not there"


def test_arrays_are_written_as_numpy_writes_them(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(6).reshape(2, 3),
        "b": np.float64(2.0),
        "c": np.zeros((0, 4)),
        "d": np.asfortranarray([[1, 2]]),
    }
    write_arrays(tmp_path / "ours.npz", arrays)
    np.savez(tmp_path / "numpy.npz", **arrays)
    assert (tmp_path / "ours.npz").read_bytes() == (tmp_path / "numpy.npz").read_bytes()


def test_an_error_of_another_file_stays_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised, replacing(tmp_path / "out"):
        (tmp_path / "input").read_bytes()
    assert not isinstance(raised.value, OutputFailed)


def test_no_room_for_temporary_files_is_not_blamed_on_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(OutputFailed, match="gone"), temporary_folder("x-"):
        pass


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    before = os.stat("/dev/null")
    write_text(Path("/dev/null"), "gone")
    assert os.stat("/dev/null").st_rdev == before.st_rdev != 0
