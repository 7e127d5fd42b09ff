"""Runs in folders: whatever ends one, the folder stays readable, and the run that resumes is one that never ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurokit.data.data import Split  # noqa: E402
from neurokit.errors import RunError, TrainingDiverged  # noqa: E402
from neurokit.networks import load_model  # noqa: E402
from neurokit.training.loop import Tell, evaluate, mean_of_columns  # noqa: E402
from neurokit.training.runs.config import RunConfig  # noqa: E402
from neurokit.training.runs.folder import RunFolder  # noqa: E402
from neurokit.training.runs.training import train_run  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.slow]

#: Long enough to be caught in the middle, and with intervals that share no factor.
ITERATIONS, CHECKPOINT_EVERY, LOG_EVERY, EVALUATE_EVERY = 1200, 37, 5, 101
SMALL: dict[str, Any] = {
    "problem": {"sensors": 7, "locations": 9, "train": 40, "test": 10},
    "network": {"hidden": [6], "features": 5, "steps": 8},
    "estimator": {"directions": 4},
    "optimiser": {"iterations": ITERATIONS, "batch_size": 16},
    "run": {"log_every": LOG_EVERY, "evaluate_every": EVALUATE_EVERY, "checkpoint_every": CHECKPOINT_EVERY},
}


def config(**changes: dict[str, Any]) -> RunConfig:
    return RunConfig.parse({name: SMALL.get(name, {}) | changes.get(name, {}) for name in {**SMALL, **changes}}, "test")


def started(path: Path, configuration: RunConfig) -> RunFolder:
    folder = RunFolder(path)
    folder.create(configuration)
    return folder


def resume(folder: RunFolder, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "neurokit", "train", "--out", str(folder.path), "--resume"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | variables
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def in_the_middle(process: subprocess.Popen[str], folder: RunFolder) -> None:
    """Wait until a checkpoint is written and more has been logged after it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if folder.checkpoint.exists() and folder.metrics.stat().st_size > 3000:
            return
        time.sleep(0.002)
    raise AssertionError(f"never in the middle: {process.communicate(timeout=5)}")


def logged(folder: RunFolder) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in folder.read_metrics()]


def weights(folder: RunFolder) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in load_model(folder.model).network.parameters()])


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = started(tmp_path_factory.mktemp("runs") / "whole", config())
    process = resume(folder)  # without a checkpoint: from the beginning
    _, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors
    return folder


def assert_same_run(folder: RunFolder, whole: RunFolder) -> None:
    assert torch.equal(weights(folder), weights(whole))
    expected = sorted(
        {*range(LOG_EVERY, ITERATIONS + 1, LOG_EVERY), *range(EVALUATE_EVERY, ITERATIONS, EVALUATE_EVERY)}
    )
    assert [line["iteration"] for line in logged(folder)] == sorted(expected), "neither gap nor duplicate"
    assert logged(folder) == logged(whole)
    assert not list(folder.path.glob(".*")), "no temporary file is left"


def test_a_run_that_was_killed_twice_ends_in_the_same_weights(uninterrupted: RunFolder, tmp_path: Path) -> None:
    folder = started(tmp_path / "killed", config())
    for _ in range(2):
        process = resume(folder)
        before = folder.checkpoint.stat().st_mtime_ns if folder.checkpoint.exists() else 0
        while not folder.checkpoint.exists() or folder.checkpoint.stat().st_mtime_ns == before:
            assert process.poll() is None, process.communicate(timeout=5)
            time.sleep(0.002)
        process.kill()
        process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL
        assert not folder.model.exists(), "it was killed in the middle"
        state = folder.load_state()
        assert state is not None
        assert 0 < state["done"] < ITERATIONS
        assert folder.read_metrics()[-1]["iteration"] >= state["done"] - LOG_EVERY, "metrics go before the checkpoint"
    for leftover in folder.path.glob(".*"):  # a kill in the middle of a checkpoint leaves its temporary file
        leftover.unlink()
    process = resume(folder)
    _, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors
    assert_same_run(folder, uninterrupted)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_a_checkpoint_and_says_how_to_resume(
    number: signal.Signals, uninterrupted: RunFolder, tmp_path: Path
) -> None:
    folder = started(tmp_path / "stopped", config(run=SMALL["run"] | {"checkpoint_every": 200}))
    process = resume(folder, NEUROKIT_GRACE_S="60")  # as a batch system gives it
    in_the_middle(process, folder)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"--out{folder.path}--resume" in "".join(errors.split())
    state = folder.load_state()
    assert state is not None
    assert state["done"] >= folder.read_metrics()[-1]["iteration"], "it was saved after the last line"
    assert folder.curve.exists() == (number == signal.SIGINT), "SIGTERM leaves no time for pictures"
    process = resume(folder)
    _, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors
    assert_same_run(folder, uninterrupted)


def test_a_run_that_is_done_can_be_resumed_without_harm(uninterrupted: RunFolder) -> None:
    before, lines = weights(uninterrupted), uninterrupted.metrics.read_text()
    process = resume(uninterrupted)
    _, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors
    assert torch.equal(weights(uninterrupted), before)
    assert uninterrupted.metrics.read_text() == lines


def test_the_folder_holds_the_whole_run(tmp_path: Path) -> None:
    configuration = config(
        optimiser={"iterations": 30, "batch_size": 16}, seeds={"data": 3, "model": 4, "estimator": 5}
    )
    folder = started(tmp_path / "run", configuration)
    outcome = train_run(configuration, folder)
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "checkpoint.pt",
        "config.toml",
        "curve.png",
        "metrics.jsonl",
        "model.calibration.npz",
        "model.pt",
        "model.test.npz",
    ]
    assert folder.require_run() == configuration
    lines = folder.read_metrics()
    assert lines[-1]["iteration"] == 30
    assert lines[-1]["test_error"] == outcome.error.mean, "the last line judges the model that is saved"
    assert [line["loss"] for line in lines] == list(outcome.history.loss[LOG_EVERY - 1 :: LOG_EVERY])
    trained = load_model(folder.model)
    seeds = {name: trained.provenance[f"{name}_seed"] for name in ("data", "model", "estimator")}
    assert seeds == {"data": "3", "model": "4", "estimator": "5"}
    data = configuration.generate()
    assert evaluate(trained.network, data.test, mean_of_columns(data.train)) == outcome.error
    with np.load(folder.path / "model.calibration.npz") as samples:
        assert samples["branch"].shape == (40, 7)


def test_divergence_leaves_a_readable_folder(tmp_path: Path) -> None:
    configuration = config(
        optimiser={"iterations": 60, "batch_size": 16, "learning_rate": 1e37, "weight_decay": 0},
        readout={"by": "gradient"},
        run={"log_every": 1, "checkpoint_every": 1},
    )  # fmt: skip
    folder = started(tmp_path / "run", configuration)
    with pytest.raises(TrainingDiverged, match=r"iteration \d+: the (loss|parameter|gradient)"):
        train_run(configuration, folder)
    state = folder.load_state()
    done = 0 if state is None else state["done"]
    assert [line["iteration"] for line in folder.read_metrics()] == list(range(1, done + 1))
    assert folder.curve.exists()
    assert not folder.model.exists()


def test_a_line_that_a_crash_cut_short_is_written_again(tmp_path: Path) -> None:
    configuration = config(optimiser={"iterations": 20, "batch_size": 16}, run={"log_every": 2, "checkpoint_every": 7})
    folder = started(tmp_path / "run", configuration)

    class Crash(Exception):
        pass

    def crash(done: int, loss: float) -> None:
        if done == 12:
            raise Crash

    with pytest.raises(Crash):
        train_run(configuration, folder, observers=[Tell(crash)])
    with folder.metrics.open("a") as stream:
        stream.write('{"iteration": 14, "lo')
    train_run(configuration, folder)
    assert [line["iteration"] for line in folder.read_metrics()] == list(range(2, 21, 2))


def test_a_folder_is_never_overwritten_and_never_guessed(tmp_path: Path) -> None:
    folder = started(tmp_path / "run", config())
    with pytest.raises(RunError, match=r"which holds a run.*--resume"):
        folder.create(config())
    with pytest.raises(RunError, match=r"no config\.toml"):
        RunFolder(tmp_path / "nowhere").require_run()
    folder.checkpoint.write_bytes(b"something else")
    with pytest.raises(RunError, match="unreadable"):
        folder.load_state()


def test_data_that_differ_in_a_bit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they do when the linear algebra that makes them runs on another number of threads."""
    folder = started(tmp_path / "run", config(optimiser={"iterations": 2, "batch_size": 16}))
    train_run(folder.require_run(), folder)
    split = folder.require_run().generate()
    targets = split.train.targets.copy()
    targets[3, 4] *= 1 + 2**-23  # one unit in the last place of float32
    monkeypatch.setattr(RunConfig, "generate", lambda self: Split(replace(split.train, targets=targets), split.test))
    with pytest.raises(RunError, match="OMP_NUM_THREADS"):
        train_run(folder.require_run(), folder)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    quick = {"iterations": 2, "batch_size": 16}
    one = started(tmp_path / "one", config(optimiser=quick))
    train_run(one.require_run(), one)
    two = started(tmp_path / "two", config(optimiser=quick, network=SMALL["network"] | {"hidden": [9]}))
    two.checkpoint.write_bytes(one.checkpoint.read_bytes())
    with pytest.raises(RunError, match="of another run"):
        train_run(two.require_run(), two)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA, so that asking for it is no mistake")
def test_without_cuda_it_says_so_before_anything_is_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = config(run={"device": "cuda"})
    monkeypatch.setattr(RunConfig, "generate", lambda self: pytest.fail("data were generated"))
    with pytest.raises(RunError, match=r"run.device is 'cuda'; legal is 'cpu': PyTorch .* (without CUDA|no CUDA)"):
        train_run(configuration, started(tmp_path / "run", configuration))


def test_tensorboard_that_is_absent_is_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    configuration = config(run={"tensorboard": True})
    with pytest.raises(RunError, match=r"pip install 'neurokit-loihi\[tensorboard\]'"):
        train_run(configuration, started(tmp_path / "run", configuration))


def test_tensorboard_reads_every_logged_number_once_whatever_crashed(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed; `dev` has it")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = {"tensorboard": True, "log_every": 2, "evaluate_every": 4, "checkpoint_every": 5}
    configuration = config(optimiser={"iterations": 12, "batch_size": 16}, run=run)
    folder = started(tmp_path / "run", configuration)

    class Crash(Exception):
        pass

    def crash(done: int, loss: float) -> None:
        if done == 9:  # two lines after the checkpoint of iteration 5 are written again
            raise Crash

    with pytest.raises(Crash):
        train_run(configuration, folder, observers=[Tell(crash)])
    train_run(configuration, folder)
    events = EventAccumulator(str(folder.path / "tensorboard"))
    events.Reload()
    told = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    lines = folder.read_metrics()
    assert told.keys() == {"loss", "learning_rate", "seconds", "test_error", "test_error_centred"}
    for tag, values in told.items():
        expected = [(line["iteration"], line[tag]) for line in lines if tag in line]
        assert [step for step, _ in values] == [step for step, _ in expected]
        np.testing.assert_allclose([v for _, v in values], [v for _, v in expected], rtol=1e-6)  # events are float32


def test_the_command_line_makes_a_folder_and_refuses_to_change_a_run(tmp_path: Path) -> None:
    def neurokit(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "neurokit", "train", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=200)

    (tmp_path / "run.toml").write_text(
        "[problem]\nsensors = 7\nlocations = 9\ntrain = 40\ntest = 10\n[optimiser]\niterations = 9\nbatch_size = 16\n"
    )
    done = neurokit("--config", "run.toml", "--hidden", "5,4", "--steps", "6", "--seed", "2", "--json", "-")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    folder = RunFolder(tmp_path / "runs" / "poisson-rfg-layerwise-seed2")
    assert tmp_path / record["folder"] == folder.path
    assert record["seeds"] == {"data": 2, "model": 2, "estimator": 2}
    assert (record["iterations"], record["relative_l2"]["mean"]) == (9, folder.read_metrics()[-1]["test_error"])
    assert folder.require_run().network.hidden == (5, 4)
    for _ in range(2):  # what is refused before it begins leaves nothing behind
        refused = neurokit("--config", "run.toml", "--neuron", "lif", "--for", "loihi1", "--out", "refused")
        assert (refused.returncode, (tmp_path / "refused").exists()) == (2, False)
        assert "Loihi 1" in refused.stderr
    refused = neurokit("--out", str(folder.path), "--resume", "--steps", "3")
    assert refused.returncode == 2
    assert "network.steps" in refused.stderr
    assert "Traceback" not in refused.stderr
