"""A command ends soon after it is asked to, whatever it computes, and leaves nothing that it had under way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from neurokit.data.samples import write
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate

psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

#: A command that has a file and a folder under way and a child of its own, and computes in C for minutes without
#: letting Python's lock go: no signal handler and no thread of Python's runs meanwhile.
STUCK = """
import subprocess, sys, tempfile
from itertools import repeat
from pathlib import Path
from neurokit.system.atomic import replacing, temporary_folder
from neurokit.system.termination import guarded, patience
here = Path(sys.argv[1])
tempfile.tempdir = str(here)
with guarded(), temporary_folder("work-") as folder, replacing(here / "out.json") as temporary:
    temporary.write_text("half")
    patience("patient" in sys.argv)
    sleep = [sys.executable, "-c", "import time; time.sleep(600)", str(here)]
    child = subprocess.Popen(sleep, stderr=subprocess.DEVNULL)
    (here / "ready").touch()
    if "prompt" in sys.argv:
        child.wait()
    sum(repeat(1, 10**12))
"""
LIMIT_S = 60  # generous: a busy machine starts interpreters slowly; without a guard the sum takes an hour


@pytest.fixture
def command(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", STUCK, str(tmp_path), *getattr(request, "param", ())]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    over = time.monotonic() + LIMIT_S
    while not (tmp_path / "ready").exists():
        assert time.monotonic() < over
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    yield process
    for each in [process, *of(tmp_path)]:
        each.kill()
    process.communicate()


def of(folder: Path) -> list[psutil.Process]:
    """Processes that have the folder's name in their command line."""
    return [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]


def require_nothing_left(folder: Path) -> None:
    """Whoever removes it may need a moment after the process itself has ended."""
    over = time.monotonic() + LIMIT_S
    while (left := sorted(path.name for path in folder.iterdir())) != ["ready"] or of(folder):
        assert time.monotonic() < over, (left, of(folder))
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_in_the_middle_of_c_code_is_killed_with_its_children_and_its_files(
    number: signal.Signals, command: subprocess.Popen[str], tmp_path: Path
) -> None:
    command.send_signal(number)
    _, words = command.communicate(timeout=LIMIT_S)
    assert command.returncode == -signal.SIGKILL
    assert "killed in the middle of a computation" in words
    require_nothing_left(tmp_path)


@pytest.mark.parametrize("command", [("prompt",)], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_python_can_end_ends_by_itself(
    number: signal.Signals, command: subprocess.Popen[str], tmp_path: Path
) -> None:
    for child in psutil.Process(command.pid).children():
        if str(tmp_path) in " ".join(child.cmdline()):
            waiting = child
    command.send_signal(number)
    _, words = command.communicate(timeout=LIMIT_S)
    assert "KeyboardInterrupt" in words
    assert command.returncode != -signal.SIGKILL
    waiting.kill()
    require_nothing_left(tmp_path)


@pytest.mark.parametrize("command", [("patient",)], indirect=True)
def test_a_second_interrupt_ends_what_waited_for_the_first(command: subprocess.Popen[str], tmp_path: Path) -> None:
    command.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):  # it goes on, as long as one cares to look
        command.wait(7)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=LIMIT_S)
    assert command.returncode == -signal.SIGKILL
    require_nothing_left(tmp_path)


def test_files_under_way_are_removed_when_the_command_is_killed_by_others(
    command: subprocess.Popen[str], tmp_path: Path
) -> None:
    command.kill()
    command.wait(LIMIT_S)
    over = time.monotonic() + LIMIT_S
    while sorted(path.name for path in tmp_path.iterdir()) != ["ready"]:
        assert time.monotonic() < over
        time.sleep(0.01)


def test_nothing_is_changed_in_a_program_that_has_handlers_of_its_own() -> None:
    code = """
import os, signal
from neurokit.system import termination
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with termination.guarded():
    assert termination._guard is None
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
signal.signal(signal.SIGTERM, signal.SIG_DFL)
with termination.guarded():
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    child = os.fork()
    if not child:
        signal.raise_signal(signal.SIGTERM)  # is the child's own, and ends nobody else
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM
    with termination.guarded():
        pass
    assert termination._guard is not None
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
assert signal.set_wakeup_fd(-1) == -1
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT_S, env=os.environ)
    assert done.returncode == 0, done.stderr


@pytest.mark.torch
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_training_ends_while_it_is_looking_whether_a_wide_network_fits_a_chip(
    number: signal.Signals, tmp_path: Path
) -> None:
    """The check alone takes minutes."""
    pytest.importorskip("torch")
    command = [sys.executable, "-m", "neurokit", "train", "--out", "run", "--hidden", "9000", "--for", "loihi2"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=tmp_path)
    try:
        wait_for(process, lambda: (tmp_path / "run" / "config.toml").exists())
        process.send_signal(number)
        assert process.wait(LIMIT_S) in (-signal.SIGKILL, 130)
        assert not list((tmp_path / "run").glob(".*"))
    finally:
        process.kill()
        process.wait()


@pytest.mark.lava
def test_a_run_on_lava_takes_its_worker_along(tmp_path: Path) -> None:
    pytest.importorskip("lava")
    nodes = (
        Input("x", [-9], [9], 1.0),
        Dense("d", "x", [[5]], [300]),
        Spiking("s", "d", IF(199)),
        Dense("o", "s", [[3]], [0]),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    )
    Program(nodes, 6).save(tmp_path / "p.h5")
    write({"x": np.zeros((100_000, 1))}, tmp_path / "x.npz")
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    command = [sys.executable, "-m", "neurokit", "run", "p.h5", "--inputs", "x.npz", "--target", "lava-softif"]
    environment = os.environ | {"TMPDIR": str(scratch)}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=tmp_path, env=environment)
    try:
        wait_for(process, lambda: len(of(scratch)) > 4)  # the worker, and some of Lava's processes
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) in (-signal.SIGKILL, 130)
        over = time.monotonic() + LIMIT_S
        while (left := list(scratch.iterdir())) or of(scratch):
            assert time.monotonic() < over, (left, of(scratch))
            time.sleep(0.05)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["p.h5", "tmp", "x.npz"]
    finally:
        process.kill()
        process.wait()


def wait_for(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    """Wait until `condition()` holds, while the process runs."""
    over = time.monotonic() + 2 * LIMIT_S
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < over
        time.sleep(0.02)
