"""A bundle says everything, verifies anywhere, and is refused when it is not what it says."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundle_fuzz import parts_of, sealed, small_bundle
from file_edits import small
from places import SUPPORT
from typer.testing import CliRunner

from neurokit.cli.app import app
from neurokit.errors import BundleError, GraphError, OutOfRange
from neurokit.ir import interpreter as reference
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult
from neurokit.ir.target import Reference
from neurokit.simulator import Twin
from neurokit.targets.bundle import container, manifest
from neurokit.targets.bundle.bundle import ANSWERS, GOLDEN, MANIFEST, PROGRAM, Bundle, load, make, save
from neurokit.targets.bundle.verify import verify


@pytest.fixture(scope="module")
def made() -> Bundle:
    return make(small(), samples=3, seed=4)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with one assumption."""
    return small_bundle(tmp_path_factory.mktemp("bundle") / "small.nkb")


def test_a_bundle_comes_back_as_it_went_and_is_the_same_bytes_again(made: Bundle, tmp_path: Path) -> None:
    again = load(save(made, tmp_path / "a.nkb"))
    assert (tmp_path / "a.nkb").read_bytes() == save(again, tmp_path / "b.nkb").read_bytes()
    assert again.golden.expected.trace is not None
    for name, x in made.golden.inputs.items():
        np.testing.assert_array_equal(again.golden.inputs[name], x)
    assert [a.name for a in again.assumptions] == [a.name for a in made.assumptions]
    assert {"made", "seed", "samples", "resources", "estimate", "agreed"} <= set(again.about)
    assert again.about["seed"] == 4
    assert again.about["resources"]["cores"] == 1
    found = verify(again, Twin(compiled=False))
    assert found.holds
    assert {layer.name for layer in found.layers} >= {"fire", "y"}
    assert found.self_test is not None
    assert len(found.self_test.findings) == len(made.assumptions)
    assert zipfile.ZipFile(tmp_path / "a.nkb").testzip() is None  # any unzip reads it


@dataclass(frozen=True)
class Noisy:
    """The reference, but for one spike."""

    name: str = "noisy"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        result = reference.run(program, inputs, record=record)
        assert result.trace is not None
        spikes = {name: train.copy() for name, train in result.trace.spikes.items()}
        spikes["fire"][1, 2, 0] ^= 1
        return replace(result, target=self.name, trace=replace(result.trace, spikes=spikes))


def test_one_wrong_spike_fails_its_layer_and_no_other(made: Bundle) -> None:
    found = verify(made, Noisy(), self_test=False)
    assert not found.holds
    assert [layer.name for layer in found.layers if layer.different] == ["fire"]
    assert "spike of layer 'fire', neuron 0, step 2, sample 1" in next(x.first for x in found.layers if x.different)


def test_samples_of_ones_own(tmp_path: Path) -> None:
    program = small()
    (node,) = program.inputs
    rows = np.stack([node.low, node.high]) * node.scale
    assert make(program, inputs={node.name: rows}).about["seed"] is None
    with pytest.raises(OutOfRange):
        make(program, inputs={node.name: rows * 1000})
    with pytest.raises(GraphError, match="shapes of the samples"):
        make(program, inputs={node.name: rows[:, None]})


def test_the_commands_make_and_verify(tmp_path: Path) -> None:
    program, told = small().save(tmp_path / "p.h5"), tmp_path / "told.json"
    runner = CliRunner()
    done = runner.invoke(app, ["bundle", str(program), "--samples", "2", "--json", str(told)])
    assert done.exit_code == 0, done.output
    assert json.loads(told.read_text())["bundle"] == str(tmp_path / "p.nkb")
    command = ["verify", str(tmp_path / "p.nkb"), "--json", str(told)]
    assert runner.invoke(app, [*command, "--target", "reference", "--no-selftest"]).exit_code == 0
    record = json.loads(told.read_text())
    assert record["ok"]
    assert record["selftest"] is None
    assert all(layer["ok"] for layer in record["layers"])


def test_a_wrong_answer_that_is_sealed_again_fails_verification(path: Path, tmp_path: Path) -> None:
    """A seal is no signature: who edits a bundle can seal it. What it says is still held against the target."""
    parts = parts_of(path)
    answers = json.loads(parts[ANSWERS])
    answers[0]["states"]["s0"][0][0][0] += 1
    edited = json.dumps(answers, sort_keys=True, separators=(",", ":")).encode()
    found = verify(load(sealed(tmp_path / "x.nkb", parts | {ANSWERS: edited})), Reference())
    assert found.self_test is not None
    assert [f.assumption for f in found.self_test.findings if not f.holds] == ["exact-weights"]


class Trap:
    """Unpickled, it leaves a file."""

    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        return os.mkdir, ("sprung",)


def hostile(path: Path, folder: Path) -> dict[str, bytes]:
    """Files that only look like bundles, by what is wrong with them."""
    parts, good = parts_of(path), path.read_bytes()

    def zipped(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
        with zipfile.ZipFile(folder / "h.zip", "w", method) as file:
            for name, data in entries:
                file.writestr(name, data)
            file.comment = comment
        return (folder / "h.zip").read_bytes()

    def resealed(**about: Any) -> bytes:
        return sealed(folder / "r.nkb", parts, **about).read_bytes()

    entries = list(parts.items())
    return {
        "empty": b"",
        "no zip": b"not a bundle" * 100,
        "a bomb": zipped([*entries, ("bomb.json", b"0" * 2**26)], zipfile.ZIP_DEFLATED),
        "compressed": zipped(entries, zipfile.ZIP_LZMA),
        "traversal": zipped([*entries, ("../../etc/evil.json", b"{}")]),
        "absolute": zipped([*entries, ("/etc/evil.json", b"{}")]),
        "a comment": zipped(entries, comment=b"hello"),
        "a stranger": zipped([*entries, ("stranger.json", b"{}")]),
        "a part missing": zipped([(n, d) for n, d in entries if n != GOLDEN]),
        "no manifest": zipped([(n, d) for n, d in entries if n != MANIFEST]),
        "bytes before it": b"#!/bin/sh\n" + good,
        "bytes after it": good + b"\n",
        "half of it": good[: len(good) // 2],
        "all but the last byte": good[:-1],
        "another hash": zipped([(n, d + b" " if n == ANSWERS else d) for n, d in entries]),
        "a broken seal": zipped([(n, d.replace(b'"seed":0', b'"seed":1') if n == MANIFEST else d) for n, d in entries]),
        "a newer version": resealed(version=2),
        "another format": resealed(format="neurokit-program"),
        "another number of samples": resealed(samples=99),
        "a manifest too deep": zipped([(n, b"[" * 10**5 if n == MANIFEST else d) for n, d in entries]),
        "a pickle": sealed(folder / "r.nkb", parts | {GOLDEN: pickle.dumps(Trap())}).read_bytes(),
        "no program": sealed(folder / "r.nkb", parts | {PROGRAM: parts[GOLDEN]}).read_bytes(),
        "golden of another": sealed(folder / "r.nkb", parts | {GOLDEN: parts[PROGRAM]}).read_bytes(),
        "answers of another shape": sealed(
            folder / "r.nkb", parts | {ANSWERS: parts[ANSWERS].replace(b'"samples":[[', b'"samples":[[1],[')}
        ).read_bytes(),
        "answers of another node": sealed(
            folder / "r.nkb", parts | {ANSWERS: parts[ANSWERS].replace(b'"s0":', b'"s9":')}
        ).read_bytes(),
        "answers that are none": sealed(folder / "r.nkb", parts | {ANSWERS: b'[{"name":"../x"}]'}).read_bytes(),
    }


def test_what_only_looks_like_a_bundle_is_refused_by_name(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr("tempfile.tempdir", str(work))
    for what, data in hostile(path, tmp_path).items():
        (tmp_path / "x.nkb").write_bytes(data)
        with pytest.raises(BundleError) as raised:
            load(tmp_path / "x.nkb")
        assert len(str(raised.value)) > 40, what
    assert not list(work.iterdir())  # nothing was executed, nothing unpacked, nothing left
    for missing in (tmp_path / "nowhere.nkb", tmp_path):
        with pytest.raises(BundleError):
            load(missing)


def test_parts_that_share_bytes_are_refused(path: Path, tmp_path: Path) -> None:
    """The overlapping kind of ZIP bomb: many entries of the directory for one part."""
    data = bytearray(path.read_bytes())
    entries = container.directory(path)
    names = list(entries)
    first, second = data.index(b"PK\x01\x02"), 0
    second = data.index(b"PK\x01\x02", first + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    (tmp_path / "x.nkb").write_bytes(data)
    with pytest.raises(BundleError, match=f"{names[1]}.*does not begin where"):
        container.directory(tmp_path / "x.nkb")


def test_names_that_would_not_be_read_are_not_written(tmp_path: Path) -> None:
    for name in ("../x.json", "a/b/c.h5", "x.py", "X.json", "x" * 90 + ".h5"):
        with pytest.raises(BundleError):
            container.write(tmp_path / "x", {name: b""})
    assert not list(tmp_path.iterdir())


def test_a_manifest_is_read_in_its_one_form_alone() -> None:
    told = dict.fromkeys(manifest.KEYS, "x") | {"format": manifest.FORMAT, "version": manifest.VERSION, "parts": {}}
    data = manifest.encode(told)
    assert manifest.decode(data)["seed"] == "x"
    for other in (data + b" ", data.replace(b'"seed":"x"', b'"seed": "x"'), data.replace(b'"x"', b"NaN", 1), b"\xff"):
        with pytest.raises(BundleError):
            manifest.decode(other)


def test_damaged_bundles_are_refused_in_bounded_memory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "bundle_fuzz.py"), str(tmp_path), "100", "11"],
        capture_output=True,
        text=True,
        timeout=250,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["refused"] > 80
