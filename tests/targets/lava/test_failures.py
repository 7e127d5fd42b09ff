"""Whatever goes wrong in a Lava process, an exception says so, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from jobs import make_job
from places import SUPPORT

pytest.importorskip("lava")
psutil = pytest.importorskip("psutil")

# ruff: noqa: E402 (without Lava these imports fail)
from neurokit.compilers.lava.forms import FORMS
from neurokit.errors import LavaFailure, LavaTimeout
from neurokit.ir import interpreter as reference
from neurokit.targets.lava.job_folder import JobFolder, sweep
from neurokit.targets.lava.live import LiveNetwork
from neurokit.targets.lava.supervisor import supervise

pytestmark = pytest.mark.lava

CASES = SUPPORT / "lava_cases.py"
FAULTS = ["before", "after", "init", "killed", "sleeps", "init killed", "init exit", "init unpicklable"]
#: What is said of a process that died without a word, and in the last case without one that a queue could carry.
DEATHS = {
    "killed": ("Misfit", "exit -9, SIGKILL", "chip steps"),
    "init killed": ("Misfit", "exit -9, SIGKILL", "while the network was built"),
    "init exit": ("Misfit", "exit 3", "while the network was built"),
    "init unpicklable": ("Misfit", "while the network was built", "misfit on purpose: init unpicklable"),
}
#: Faults that leave a traceback; a killed or sleeping process has none.
TALKING = {"before", "after", "init"}


def traces(folder: Path) -> dict[str, Any]:
    """What this process has running, open and lying about."""
    return {
        "children": [p.pid for p in psutil.Process().children(recursive=True)],
        "files": len(os.listdir("/proc/self/fd")),
        "folders": list(folder.iterdir()),
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own for all that a worker writes."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def prefix(monkeypatch: pytest.MonkeyPatch) -> str:
    """A known prefix of shared memory, so that the test can look for what is left."""
    prefix = f"/nk{os.getpid() % 10**5:05d}_"
    monkeypatch.setattr("neurokit.targets.lava.job_folder.new_prefix", lambda: prefix)
    return prefix.lstrip("/")


@pytest.mark.parametrize("form", ["softif", "stock"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_worker_that_fails_ends_in_an_exception_and_leaves_nothing(
    fault: str, form: str, folder: Path, prefix: str
) -> None:
    before = traces(folder)
    command = (sys.executable, str(CASES), "worker", fault)
    # The deadline must let the network be built; only a sleeping process runs into it.
    with pytest.raises(LavaTimeout if fault == "sleeps" else LavaFailure) as raised:
        supervise(make_job(form), 8 if fault == "sleeps" else 120, command)
    assert isinstance(raised.value, LavaTimeout) == (fault == "sleeps")
    if fault in TALKING:
        assert f"misfit on purpose: {fault}" in raised.value.child_traceback
        assert "Traceback" in str(raised.value)
    for word in DEATHS.get(fault, ()):
        assert word in str(raised.value)
    assert traces(folder) == before
    assert not list(Path("/dev/shm").glob(prefix + "*"))


@pytest.mark.parametrize("form", ["softif", "stock"])
def test_a_parent_that_ignores_the_ends_of_its_children_gets_its_answer_and_its_failures(
    form: str, folder: Path, prefix: str
) -> None:
    """Servers do, and shells after `trap '' CHLD`; what they start, inherits it."""
    job = make_job(form)
    expected = reference.interpret(job.program, job.inputs)[0]["r"]
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert (supervise(job, 120).raw["y"] == expected).all()
        with pytest.raises(LavaFailure, match="exit -9, SIGKILL"):
            supervise(job, 120, (sys.executable, str(CASES), "worker", "killed"))
        with pytest.raises(LavaFailure, match=r"how is not known(?s:.*)famous last words"):
            supervise(job, 120, (sys.executable, str(CASES), "worker", "exit"))
        with LiveNetwork(job.program, FORMS[form], deadline_s=120) as network:
            raw, _ = network.run(job.inputs)
            assert (raw["y"] == expected).all()
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert not list(folder.iterdir())
    assert not list(Path("/dev/shm").glob(prefix + "*"))


def test_a_worker_that_just_exits_is_quoted(folder: Path) -> None:
    with pytest.raises(LavaFailure, match=r"exit code 3(?s:.*)famous last words"):
        supervise(make_job(), 60, (sys.executable, str(CASES), "worker", "exit"))
    assert not list(folder.iterdir())


@pytest.mark.parametrize("form", ["softif", "stock"])
@pytest.mark.parametrize("fault", [*FAULTS, "interrupt", "interrupt group", "interrupt build", "SIGCHLD ignored"])
def test_a_network_in_process_survives_failures_and_interrupts(fault: str, form: str) -> None:
    # The folder's name is short, for a socket's path in it may not exceed some 100 characters.
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(CASES), "failure", json.dumps([{"fault": fault, "form": form}])],
            capture_output=True,
            text=True,
            timeout=120,  # the interpreter must come to its end by itself
            start_new_session=True,
            env={**os.environ, "TMPDIR": folder},
        )
        assert not os.listdir(folder)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    expected = {"sleeps": "LavaTimeout", "interrupt": "KeyboardInterrupt", "interrupt group": "KeyboardInterrupt"}
    expected["interrupt build"] = "KeyboardInterrupt"
    assert answer["error"] == expected.get(fault, "LavaFailure")
    if fault in TALKING:
        assert f"misfit on purpose: {fault}" in answer["traceback"]
    assert answer["after"] == answer["before"]
    for word in DEATHS.get("killed" if fault == "SIGCHLD ignored" else fault, ())[:2]:
        assert word in answer["message"]
    assert answer["again"] == "LavaFailure"  # a stopped network says so
    assert answer["healthy"]  # and a new one works


PARENT = SUPPORT / "sleeping_parent.py"


@pytest.mark.parametrize("how", ["SIGINT to the group", "SIGINT", "SIGTERM", "SIGKILL"])
def test_nothing_outlives_a_parent_that_is_interrupted_or_killed(how: str, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, str(PARENT)],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        wait_for(lambda: list(tmp_path.glob("*/built")))
        (worker,) = psutil.Process(parent.pid).children()
        family, prefix = [worker, *worker.children(recursive=True)], worker.cmdline()[-1].lstrip("/")
        assert list(Path("/dev/shm").glob(prefix + "*"))
        number = signal.Signals[how.split()[0]]
        if how.endswith("group"):
            os.killpg(parent.pid, number)
        else:
            parent.send_signal(number)
        _, complaint = parent.communicate(timeout=60)
    finally:
        parent.kill()
    assert parent.returncode != 0
    if number is signal.SIGINT:
        assert "KeyboardInterrupt" in complaint
    wait_for(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family))
    wait_for(lambda: not list(tmp_path.iterdir()) and not list(Path("/dev/shm").glob(prefix + "*")))


def test_what_a_parent_and_its_worker_leave_that_are_killed_together_is_removed_by_the_next_run(folder: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, str(PARENT)],
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    try:
        wait_for(lambda: list(folder.glob("*/built")))
        (worker,) = psutil.Process(parent.pid).children()
        family, prefix = worker.children(recursive=True), worker.cmdline()[-1].lstrip("/")
        (left,) = folder.iterdir()
        assert sweep() == []  # its owner lives
        parent.send_signal(signal.SIGSTOP)  # it is not to notice
        worker.kill()
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family))
    assert left.exists()
    segment = Path("/dev/shm") / f"{prefix}left"  # Python's own tracker may have removed all others by now
    segment.touch()
    new = JobFolder()
    assert list(folder.iterdir()) == [new.path]
    assert not list(Path("/dev/shm").glob(prefix + "*"))
    new.remove()
    assert not list(folder.iterdir())


def test_a_folder_of_a_job_is_removed_once_and_only_when_its_owner_is_dead(folder: Path) -> None:
    mine = JobFolder()
    assert sweep() == []
    born, unfinished = folder / "neurokit-lava-job-new", folder / "neurokit-lava-job-old"
    for path in (born, unfinished):
        path.mkdir()
    os.utime(unfinished, (0, 0))  # no owner since 1970
    assert sweep() == [unfinished]
    fake = folder / "neurokit-lava-job-fake"
    fake.mkdir()
    (fake / "owner").write_text("/")  # would be all of /dev/shm
    kept = Path("/dev/shm") / f"neurokit-test-{os.getpid()}"
    kept.touch()
    try:
        assert sweep() == [fake]
        assert kept.exists()
    finally:
        kept.unlink()
    orphaned = folder / "neurokit-lava-job-orphaned"
    orphaned.mkdir()
    (orphaned / "owner").write_text("/nk0ddba1_")
    segment = Path("/dev/shm/nk0ddba1_segment")
    segment.touch()
    # Called as a worker is, with both names at the end.
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", str(orphaned), "/nk0ddba1_"])
    assert sweep() == [orphaned]
    assert child.wait(60) == -signal.SIGKILL
    assert not segment.exists()
    mine.remove()
    mine.remove()
    assert list(folder.iterdir()) == [born]


def wait_for(condition: Any, limit_s: float = 60) -> None:
    """Wait until `condition()` holds; fail if it never does."""
    over = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < over
        time.sleep(0.05)
