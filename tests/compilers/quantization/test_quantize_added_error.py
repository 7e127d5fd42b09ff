"""What the integers add to the error: its arithmetic, its statement by `compile`, and the warning when it is much."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurokit.compilers.quantization.added_error import WARNED_SHARE, added_error, compare_answers
from neurokit.compilers.quantization.quantize import explain_quantization, quantize
from neurokit.data.samples import read_answered
from neurokit.errors import AccuracyWarning, GraphError
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.weight_grid import WeightGrid
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean


def network(outputs: int = 1, width: int = 12) -> g.Graph:
    rng = np.random.default_rng(3)
    nodes = (
        g.Input("x", 2, -1, 1),
        g.Dense("hidden", "x", rng.normal(size=(width, 2)), rng.uniform(0, 1, width)),
        g.Spiking("fire", "hidden", IF()),
        g.Dense("last", "fire", rng.normal(size=(outputs, width)), np.zeros(outputs)),
        g.Readout("sum", "last", MemMean()),
        g.Output("y", "sum"),
    )
    return g.Graph(nodes, 16)


def test_the_measures_of_answers_worked_out_by_hand() -> None:
    real = np.array([[1.0, 100.0], [3.0, 100.0], [5.0, 100.0], [7.0, 100.0]])
    apart = np.array([[0.0, 1.0], [0.0, -1.0], [0.0, 1.0], [2.0, -1.0]])
    (found,) = compare_answers({"y": real}, {"y": real + apart}, data="calibration")
    # Line 0: ||apart|| = 2, ||F|| = sqrt(84), spread sqrt(20); line 1: 2, 200, no spread, so that its size counts.
    assert found.deviation == pytest.approx(2 / np.sqrt(84))
    assert found.of_spread == pytest.approx(2 / np.sqrt(20))
    assert (found.added, found.samples, found.floating) == (found.deviation, 4, None)
    (found,) = compare_answers({"y": real[:, :1]}, {"y": real[:, :1] + 1}, real[:, :1] + 1, data="test")
    assert found.floating is not None
    assert found.floating.overall == pytest.approx(2 / np.sqrt(4 + 16 + 36 + 64))
    assert found.program is not None
    assert found.program[:2] == (0, 0)
    assert found.added == pytest.approx(-found.floating.overall)


def test_an_answer_of_zero_that_moves_has_moved_without_bound() -> None:
    (found,) = compare_answers({"y": np.zeros((3, 1))}, {"y": np.ones((3, 1))}, data="calibration")
    assert found.of_spread == np.inf
    (found,) = compare_answers({"y": np.zeros((3, 1))}, {"y": np.zeros((3, 1))}, data="calibration")
    assert found.of_spread == found.deviation == 0


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 10))
def test_no_error_grows_by_more_than_the_answers_move(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    real, truth = rng.normal(size=(2, 6, 5, 1))
    said = real + size * rng.normal(size=real.shape)
    (found,) = compare_answers({"y": real}, {"y": said}, truth, data="test")
    assert found.floating is not None
    assert found.program is not None
    grown = found.program.overall - found.floating.overall
    assert grown <= found.deviation * np.linalg.norm(real) / np.linalg.norm(truth) * (1 + 1e-12)
    assert found.added >= grown


def test_true_answers_must_fit_the_network() -> None:
    x = {"x": np.random.default_rng(0).uniform(-1, 1, (9, 2))}
    graph = network()
    program = quantize(graph)
    with pytest.raises(GraphError, match=r"true answers of output 'y': shape"):
        added_error(graph, program, x, np.zeros((8, 1)))
    with pytest.raises(GraphError, match="given for 2 outputs"):
        compare_answers({}, {"a": np.zeros((1, 1)), "b": np.zeros((1, 1))}, np.zeros((1, 1)), data="test")


@pytest.mark.parametrize("calibrated", [True, False])
def test_quantize_warns_of_answers_that_moved_and_only_of_those(calibrated: bool) -> None:
    x = {"x": np.random.default_rng(0).uniform(-1, 1, (64, 2))} if calibrated else None
    with pytest.warns(AccuracyWarning, match=r"output 'y': the Program's answers to the (calibration|drawn) samples"):
        made = explain_quantization(network(), grid=WeightGrid(2), calibration=x)
    assert made.added[0].of_spread > WARNED_SHARE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = explain_quantization(network(), calibration=x)
        assert 0 < made.added[0].of_spread < WARNED_SHARE
        assert not explain_quantization(network(), grid=WeightGrid(2), plan=made.plan).added, "its maker judges it"


def test_answers_are_read_by_their_shapes(tmp_path: Path) -> None:
    def read(**arrays: np.ndarray) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
        np.savez(tmp_path / "a.npz", **arrays)
        inputs, y = read_answered(["branch", "trunk"], tmp_path / "a.npz")
        return {name: array.shape for name, array in inputs.items()}, y.shape

    b, t = np.zeros((4, 3)), np.zeros((5, 2))
    assert read(branch=b, trunk=t, y=np.zeros((4, 5))) == ({"branch": (4, 1, 3), "trunk": (1, 5, 2)}, (4, 5, 1))
    assert read(branch=b, trunk=t[:4], y=np.zeros((4, 4))) == ({"branch": (4, 1, 3), "trunk": (1, 4, 2)}, (4, 4, 1))
    assert read(X_branch=b, X_trunk=t[:4], y=np.zeros((4, 1))) == ({"branch": (4, 3), "trunk": (4, 2)}, (4, 1))
    both = {"X_branch_train": b, "X_trunk_train": t, "y_train": np.zeros((4, 5))}
    held_out = {"X_branch_test": b[:1], "X_trunk_test": t, "y_test": np.zeros((1, 5))}
    assert read(**both, **held_out)[1] == (1, 5, 1)
    with pytest.raises(GraphError, match="shape of 'y'"):
        read(branch=b, trunk=t, y=np.zeros((5, 4)))
    with pytest.raises(GraphError, match="as 'y' beside the inputs"):
        read(branch=b, trunk=t)


class TestCompile:
    """`neurokit compile` on a small network, with what `train` leaves beside a model."""

    @pytest.fixture
    def model(self, tmp_path: Path) -> Path:
        pytest.importorskip("torch")
        from neurokit.compilers.frontend.trace import trace
        from neurokit.networks import MLP, save_model

        network, domain = MLP(inputs=2, hidden=(8,), outputs=1, steps=16), {"x": (-1.0, 1.0)}
        x = np.random.default_rng(0).uniform(-1, 1, (80, 2))
        truth = reference.run(trace(network, domain), {"x": x[:50]}).output  # so that every change is for the worse
        np.savez(tmp_path / "model.calibration.npz", x=x)
        np.savez(tmp_path / "model.test.npz", x=x[:50], y=truth)
        return save_model(network, tmp_path / "model.pt", domain)

    @pytest.fixture
    def run(self, model: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
        from typer.testing import CliRunner

        from neurokit.cli.app import app

        def run(*options: str) -> tuple[int, str, dict[str, object]]:
            record = tmp_path / "record.json"
            command = ["compile", str(model), str(tmp_path / "p.h5"), *options, "--json", str(record)]
            done = CliRunner().invoke(app, command)
            return done.exit_code, done.output, json.loads(record.read_text()) if record.exists() else {}

        return run

    def test_it_states_the_added_error_on_calibration_and_on_test_data(self, run) -> None:  # type: ignore[no-untyped-def]
        code, _, record = run()
        assert code == 0
        seen, tested = record["added_error"]
        assert (seen["data"], seen["samples"], seen["floating"]) == ("calibration", 80, None)
        assert (tested["data"], tested["samples"]) == ("test", 50)
        grown = [tested["program"][key] - tested["floating"][key] for key in ("mean", "global")]
        assert tested["added"] == max(grown)
        assert record["warnings"] == []

    def test_without_samples_it_states_it_on_inputs_that_it_draws(self, run) -> None:  # type: ignore[no-untyped-def]
        code, _, record = run("--nearest", "--no-search")
        assert code == 0
        assert [each["data"] for each in record["added_error"]] == ["drawn", "test"]

    def test_much_added_error_is_warned_of_and_a_limit_refuses_it(self, run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        code, said, record = run("--bits", "2")
        assert code == 0
        assert "warning:" in said
        assert "answers to the calibration samples" in " ".join(said.split())
        assert len(record["warnings"]) == 2, "calibration and test"
        (tmp_path / "p.h5").write_bytes(b"before")
        worst = record["added_error"][1]["added"]
        code, said, record = run("--bits", "2", "--max-added-error", str(worst / 2))
        assert code == 1
        assert "no Program was written" in " ".join(said.split())
        assert record["program"] is None
        assert (tmp_path / "p.h5").read_bytes() == b"before"
        code, _, _ = run("--bits", "2", "--max-added-error", str(worst * 1.01))
        assert code == 0
        assert p.Program.load(tmp_path / "p.h5")

    def test_samples_of_ones_own_are_taken(self, run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
        np.savez(tmp_path / "mine.npz", x=np.zeros((7, 2)), y=np.ones((7, 1)))
        _, _, record = run("--test-data", str(tmp_path / "mine.npz"))
        assert record["added_error"][1]["samples"] == 7


@pytest.mark.torch
def test_train_leaves_test_samples_on_which_the_error_is_that_of_the_run(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from neurokit.data.heat import Heat
    from neurokit.networks import load_model
    from neurokit.training.runs.config import RunConfig
    from neurokit.training.runs.folder import RunFolder
    from neurokit.training.runs.training import train_run

    small = {"name": "heat", "sensors": 6, "points": 5, "instants": 4, "train": 12, "test": 6}
    config = RunConfig.parse(
        {"problem": small, "optimiser": {"iterations": 3, "batch_size": 6}, "network": {"hidden": [6]}}, "here"
    )
    assert isinstance(config.problem, Heat)
    folder = RunFolder(tmp_path / "run")
    folder.create(config)
    outcome = train_run(config, folder)
    from neurokit.compilers.frontend.trace import trace

    trained = load_model(folder.model)
    graph = trace(trained.network, trained.domain)
    inputs, truth = read_answered(["branch", "trunk"], folder.model.with_suffix(".test.npz"))
    assert truth.shape == (6, 20, 1)
    (found,) = added_error(graph, quantize(graph, calibration=inputs), inputs, truth, data="test")
    assert found.floating is not None
    np.testing.assert_allclose(found.floating[:2], outcome.error[:2], rtol=1e-5)  # the run computes in float32
