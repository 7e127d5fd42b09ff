"""`neurokit export` and `neurokit import`: files of other tools, by commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import FIXTURES
from typer.testing import CliRunner, Result

from neurokit.cli.app import app
from neurokit.compilers.exchange.nir import Euler, to_nir, write_nir
from neurokit.errors import NeurokitError, UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF, ToZero
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.simulator import Twin


def run(*arguments: object) -> dict[str, Any]:
    done = _invoke(*arguments, "--json", "-")
    assert done.exit_code == 0, done.output
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def _invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def refused(*arguments: object) -> NeurokitError:
    error = _invoke(*arguments).exception
    assert isinstance(error, NeurokitError)
    return error


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    nodes = (
        Input("x", [-20, -20], [20, 20], 0.1),
        Dense("hidden", "x", [[3, -2], [1, 5], [-4, 7]], [1, 0, -1]),
        Spiking("spikes", "hidden", IF(64)),
        Dense("out", "spikes", [[1, 2, 3]], [2], 1),
        Readout("y", "out", MemMean()),
        Output("answer", "y", 0.5),
    )
    return Program(nodes, steps=7).save(tmp_path / "program.h5")


def test_a_program_leaves_as_netx(saved: Path, tmp_path: Path) -> None:
    record = run("export", saved, tmp_path / "out.net", "--readout")
    assert [(row["layer"], row["type"], row["size"]) for row in record["layers"]] == [
        ("spikes", "dense_rec", "3 of 4 lines"),
        ("y", "dense", "1 of 1 lines"),
    ]
    assert record["first_current"] == "in the file"
    assert (tmp_path / "out.net").exists()


def test_slayer_s_network_comes_in_and_runs(tmp_path: Path) -> None:
    recorded = np.load(FIXTURES / "netx" / "leaky.npz")
    run("import", FIXTURES / "netx" / "leaky.net", tmp_path / "p.h5", "--steps", 40)
    result = Twin().run(Program.load(tmp_path / "p.h5"), {"x": recorded["inputs"]})
    np.testing.assert_allclose(result.output, recorded["spikes"].mean(axis=1), rtol=1e-12)


def test_norse_s_network_comes_in_quantised(tmp_path: Path) -> None:
    pytest.importorskip("nir")
    recorded = np.load(FIXTURES / "nir" / "norse-iaf.npz")
    arguments = ("--dialect", "norse", "--steps", 40, "--low", -1, "--high", 2)
    record = run("import", FIXTURES / "nir" / "norse-iaf.nir", tmp_path / "p.h5", *arguments)
    assert record["steps"] == 40
    result = Twin().run(Program.load(tmp_path / "p.h5"), {"input": recorded["inputs"]})
    # Eight-bit weights: rates may move by a few spikes of the 40 steps.
    assert np.abs(result.output - recorded["spikes"].mean(axis=1)).max() <= 0.1


def test_a_graph_of_its_own_comes_in_whatever_quantize_takes_of_it(tmp_path: Path) -> None:
    """A readout of spikes, which `from_nir` gives back as it was written."""
    pytest.importorskip("nir")
    nodes = (
        g.Input("x", 2, -1.0, 1.0),
        g.Dense("a", "x", np.array([[1.0, 0.5], [-0.5, 1.0]]), np.zeros(2)),
        g.Spiking("s", "a", IF(1.0, ToZero())),
        g.Readout("r", "s", Rate()),
        g.Output("y", "r"),
    )
    graph = g.Graph(nodes, 20)
    write_nir(to_nir(graph, Euler(1.0)), tmp_path / "own.nir")
    run("import", tmp_path / "own.nir", tmp_path / "p.h5")
    x = {"x": np.array([[0.9, 0.3], [-0.4, 0.8]])}
    answers = Twin().run(Program.load(tmp_path / "p.h5"), x).output
    # Rates of 20 steps: rounded weights move at most a spike in 20.
    assert np.abs(answers - reference.run(graph, x).output).max() <= 0.05 + 1e-9
    assert answers.max() > 0.3


@pytest.mark.torch
def test_a_trained_model_leaves_as_nir_only_when_its_reset_may_be_a_note(tmp_path: Path) -> None:
    pytest.importorskip("nir")
    pytest.importorskip("torch")
    from neurokit.networks.mlp import MLP
    from neurokit.networks.model_file import save_model

    save_model(MLP(inputs=2, hidden=(3,), outputs=1, steps=5), tmp_path / "m.pt", {"x": (-1.0, 1.0)})
    arguments = ("export", tmp_path / "m.pt", tmp_path / "m.nir", "--dt", 1e-4)
    error = refused(*arguments)
    assert isinstance(error, UnsupportedNode)
    assert all(words in str(error) for words in ("subtracts its threshold", "neuron.reset=zero", "--annotate-resets"))
    record = run(*arguments, "--annotate-resets")
    assert [row["type"] for row in record["layers"]] == ["Input", "Affine", "IF", "Affine", "Output"]
    assert run("import", tmp_path / "m.nir", tmp_path / "p.h5")["steps"] == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("export", "p.h5", "out.txt"), "says no format"),
        (("import", "net.net"), "needs --steps"),
        (("import", "net.net", "--steps", 4, "--low", "nan"), "integers for --low"),
        (("import", FIXTURES / "nir" / "norse-iaf.nir", "--steps", 4), "give --dt"),
        # What one message proposes no other refuses: --dt, or --dialect in its place.
        (("import", FIXTURES / "nir" / "norse-iaf.nir", "--steps", 4), "--dialect in its place"),
        (
            ("import", "x.nir", "--steps", 4, "--dialect", "snntorch", "--dt", 1e-4),
            "no use for --dt: its steps are known, euler with dt = 0.0001",
        ),
        (("import", "x.nir", "--steps", 4, "--dt", 1, "--reset", "zero"), "NIR of --dialect plain has no use for"),
        (("import", "x.nir", "--steps", 4, "--dialect", "norse", "--reset", "zero"), "no use for --reset"),
        (("import", "x.nir", "--steps", 4, "--dialect", "sinabs", "--dt", 1), "no use for --dt"),
        (("import", "x.nir", "--dialect", "norse"), "no use for --dialect"),
        (("import", "x.net", "--steps", 4, "--readout", "rate"), "no use for --readout"),
        (("export", "p.h5", "x.net", "--dt", 1, "--annotate-resets"), "no use for --dt, --annotate-resets"),
        (("export", "m.pt", "x.nir", "--readout"), "no use for --readout"),
        (("import", "x.nir", "--steps", 4, "--readout", "loudest"), "is no readout"),
    ],
)
def test_a_missing_or_idle_option_is_named(
    arguments: tuple[object, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("p.h5", "m.pt", "net.net", "x.net", "x.nir"):
        Path(name).touch()
    done = _invoke(*arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "nope.nir", "q.h5", "--steps", 4),
        ("import", "nope.net", "q.h5", "--steps", 4),
        ("export", "nope.pt", "q.nir"),
    ],
)
def test_a_missing_file_is_said_before_anything_about_options(arguments: tuple[object, ...]) -> None:
    done = _invoke(*arguments)
    assert done.exit_code == 2
    assert f"file '{arguments[1]}' does not exist" in " ".join(done.stderr.lower().replace("│", " ").split())
