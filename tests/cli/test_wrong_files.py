"""A file of another kind is called what it is, by every command that reads one, with what to do about it."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

from neurokit.cli.app import app  # noqa: E402
from neurokit.compilers.frontend.trace import trace  # noqa: E402
from neurokit.compilers.quantization.quantize import quantize  # noqa: E402
from neurokit.data.user_data import read_split  # noqa: E402
from neurokit.errors import GraphError, NeurokitError  # noqa: E402
from neurokit.networks import MLP, save_model  # noqa: E402
from neurokit.system.file_kinds import recognise  # noqa: E402
from neurokit.system.toml_files import read_toml  # noqa: E402
from neurokit.training.runs.config import read_config  # noqa: E402

pytestmark = pytest.mark.torch

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0\nsize 12345\n"
MAT5 = (
    b"MATLAB 5.0 MAT-file, Platform: posix, Created on: Mon Jan  1 00:00:00 2024".ljust(124)
    + b"\x00\x01IM\x0f\x00\x00\x00"
)
MAT73 = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n" + bytes(64)
NETWORK = MLP(inputs=2, hidden=(3,), outputs=1, steps=4)
DOMAIN = {"x": (-1.0, 1.0)}


def arrays(path: Path) -> bytes:
    np.savez(path / "arrays.npz", x=np.zeros((3, 2)), y=np.ones((3, 1)))
    return (path / "arrays.npz").read_bytes()


def hdf5(path: Path) -> bytes:
    with h5py.File(path / "any.h5", "w") as file:
        file["y"] = np.ones(3)
    return (path / "any.h5").read_bytes()


def program(path: Path) -> bytes:
    return quantize(trace(NETWORK, DOMAIN)).save(path / "any-program.h5").read_bytes()


def model(path: Path) -> bytes:
    return save_model(NETWORK, path / "any.pt", DOMAIN).read_bytes()


#: What a file holds, what it is called, and what its owner is told in any case.
KINDS: dict[str, tuple[Callable[[Path], bytes], str, str]] = {
    "MATLAB 5": (lambda path: MAT5, "a MATLAB file (.mat, version 5 to 7)", ""),
    "MATLAB 7.3": (lambda path: MAT73, "a MATLAB file (.mat, version 7.3", ""),
    "CSV": (lambda path: b"t,a,b\n0.0,1,-2.5\n0.1,3,4e-3\n", "text in columns (CSV)", ""),
    "semicolons": (lambda path: b"\xef\xbb\xbf1;2\n3;4\n", "text in columns (CSV)", ""),
    "LFS": (lambda path: LFS, "a Git LFS pointer", "git lfs pull"),
    "annex": (lambda path: b"/annex/objects/SHA256E-s5--abc.npz\n", "a git-annex pointer", "git annex get"),
    "empty": (lambda path: b"", "empty: it has 0 bytes", "copy or download it again"),
    "page": (lambda path: b"\n<!DOCTYPE html>\n<html>404</html>", "a web page (HTML)", "download the file itself"),
    "cut": (lambda path: arrays(path)[:-30], "a ZIP archive whose end is missing", "copy or download it again"),
    "gzip": (lambda path: gzip.compress(b"x" * 100), "compressed by gzip", "unpack it first"),
    "pickle": (lambda path: pickle.dumps({"y": 1}), "a Python pickle", ""),
    "npy": (lambda path: b"\x93NUMPY\x01\x00" + bytes(120), "one bare array (.npy)", ""),
    "npz": (arrays, "an archive of arrays (.npz)", ""),
    "HDF5": (hdf5, "an HDF5 file", ""),
    "program": (program, "a Program of neurokit (HDF5)", ""),
    "model": (model, "a network or a checkpoint of PyTorch (.pt)", ""),
    "UTF-16": (lambda path: "[problem]\n".encode("utf-16"), "text in UTF-16", ""),
    "text": (lambda path: b"nothing of the kind\n", "text", ""),
    "picture": (lambda path: b"\x89PNG\r\n\x1a\n" + bytes(50), "a picture (PNG)", ""),
}

#: Commands by what they read: arguments around the file, and the kinds that they read or know by a word of their own.
COMMANDS: dict[str, tuple[list[str], set[str]]] = {
    "train --data": (["train", "--problem", "npz", "--data", "FILE", "--test-data", "FILE"], {"npz"}),
    "train --config": (["train", "--config", "FILE", "--set", "optimiser.iterations=0"], {"empty"}),
    "compile": (["compile", "FILE", "OUT.h5"], {"model"}),
    "compile --calibration": (["compile", "MODEL", "OUT.h5", "--calibration", "FILE"], {"npz"}),
    "compile --chip": (["compile", "MODEL", "OUT.h5", "--chip", "FILE"], {"empty"}),
    "run": (["run", "FILE", "--inputs", "ARRAYS", "--out", "OUT.npz"], {"program", "model", "HDF5"}),
    "run --inputs": (["run", "PROGRAM", "--inputs", "FILE", "--out", "OUT.npz"], {"npz"}),
    "compare": (["compare", "FILE", "--targets", "reference,twin"], {"program", "model", "HDF5"}),
    "compare --inputs": (["compare", "PROGRAM", "--targets", "reference,twin", "--inputs", "FILE"], {"npz"}),
    "compare --model": (["compare", "PROGRAM", "--targets", "twin", "--ladder", "--model", "FILE"], {"model"}),
    "check": (["check", "FILE"], {"program", "model", "HDF5"}),
    "check --chip": (["check", "PROGRAM", "--chip", "FILE"], {"empty"}),
    "place": (["place", "FILE"], {"program", "model", "HDF5"}),
    "estimate": (["estimate", "FILE"], {"program", "model", "HDF5"}),
    "estimate --inputs": (["estimate", "PROGRAM", "--chip", "loihi1", "--inputs", "FILE"], {"npz"}),
    "export netx": (["export", "FILE", "OUT.net"], {"program", "model", "HDF5"}),
    "export nir": (["export", "FILE", "OUT.nir", "--dt", "1"], {"model"}),
    "import netx": (["import", "FILE", "OUT.h5", "--format", "netx", "--steps", "4"], set()),
    "import nir": (["import", "FILE", "OUT.h5", "--format", "nir", "--steps", "4", "--dt", "1"], set()),
    "bundle": (["bundle", "FILE", "--out", "OUT.nkb"], {"program", "model", "HDF5"}),
    "bundle --inputs": (["bundle", "PROGRAM", "--out", "OUT.nkb", "--inputs", "FILE"], {"npz"}),
    "verify": (["verify", "FILE"], {"cut"}),
    "learn --config": (["learn", "from-scratch", "--config", "FILE", "--set", "steps=0"], {"empty"}),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name, (make, _, _) in KINDS.items():
        (folder / name).write_bytes(make(folder))
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_the_wrong_file_is(command: str, files: Path) -> None:
    if command == "import nir":
        pytest.importorskip("nir")
    arguments, known = COMMANDS[command]
    good = {"MODEL": files / "any.pt", "PROGRAM": files / "any-program.h5", "ARRAYS": files / "arrays.npz"}
    for kind, (_, what, remedy) in KINDS.items():
        if kind in known:
            continue
        filled = [str(good.get(word, files / kind if word == "FILE" else word)) for word in arguments]
        filled = [str(files / word) if word.startswith("OUT.") else word for word in filled]
        done = CliRunner().invoke(app, filled)
        assert isinstance(done.exception, NeurokitError), f"{kind}: {done.output} {done.exception!r}"
        said = str(done.exception)
        if what == "text" and ("--config" in command or "--chip" in command):
            continue  # the place of the mistake says more
        assert what in said, f"{kind}: {said}"
        assert remedy in said, f"{kind}: {said}"
        assert "pickled data" not in said


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("MATLAB 5", "scipy.io.loadmat"),
        ("MATLAB 7.3", "-v7"),
        ("CSV", "np.loadtxt"),
        ("npy", "np.savez"),
        ("HDF5", "h5py"),
        ("pickle", "load it where you trust it"),
    ],
)
def test_arrays_in_another_format_come_with_how_to_bring_them(kind: str, advice: str, files: Path) -> None:
    with pytest.raises(GraphError) as raised:
        read_split(files / kind)
    assert advice in str(raised.value)


def test_folders_and_names_of_nothing_are_said_to_be_that(tmp_path: Path) -> None:
    assert "folder" in str(recognise(tmp_path))
    assert "no file has this name" in str(recognise(tmp_path / "none"))
    (tmp_path / "noise").write_bytes(bytes(range(1, 200)))
    assert recognise(tmp_path / "noise") is None


def test_a_byte_order_mark_is_no_part_of_a_toml_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(b'\xef\xbb\xbf[problem]\r\nname = "burgers"\r\n')
    assert read_toml(path) == {"problem": {"name": "burgers"}}
    assert read_config(path, {}).word("problem") == "burgers"
