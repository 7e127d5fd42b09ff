"""Disturbs runs on Lava at random times, and looks at how they end and what they leave.

python fault_campaign.py RESULTS.jsonl FIRST LAST            trials FIRST..LAST-1 that RESULTS does not have yet
python fault_campaign.py RESULTS.jsonl FIRST LAST FAULT...   of these faults alone
python fault_campaign.py RESULTS.jsonl                       the table of what it has

Trial i is fixed by the seed i: its fault, its form, its moment. It is good when the run ends within its deadline and
`MARGIN_S`, with the right numbers or the error that belongs to the fault, and leaves no process, no shared memory, no
temporary file and no part of an output file.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

VICTIM = Path(__file__).parent / "victim.py"
MARK = "NEUROKIT_FAULT_TRIAL"
#: Seconds that an interpreter may need to start, and a run to clean up after its deadline, on a busy machine.
MARGIN_S = 30.0
#: A deadline no healthy run reaches, and one that a stopped run is to reach.
LONG_S, SHORT_S = 900.0, 40.0
#: A healthy run takes about so many seconds of the processor; faults come after a random share of them. On a busy
#: machine the clock on the wall says nothing about how far a run has come.
WORK_S = 5.0
#: Samples, so that a run of either form is long enough to be met in the middle.
SAMPLES = {"softif": 150, "stock": 40}
#: Sizes in bytes of the largest file, of a disk and of shared memory, from one that holds nothing to one that may do.
FILES, DISKS = (100, 1_000, 4_500, 5_000), (4_096, 8_192, 12_288, 16_384, 20_480)
SHARED = (4_096, 32_768, 131_072)

ENDS = {
    "nothing": (),
    "exception": ("LavaFailure",),
    "SIGKILL of a child": ("LavaFailure",),
    "SIGSTOP of a child": ("LavaTimeout",),
    "files limited": ("OSError", "OutputFailed", "LavaFailure", "ProgramError"),
    "disk full": ("OSError", "OutputFailed", "LavaFailure", "ProgramError"),
    "disk of the outputs full": ("OSError", "OutputFailed"),
    "shared memory full": ("LavaFailure",),
    "Ctrl-C": ("KeyboardInterrupt",),
    "Ctrl-C to the group": ("KeyboardInterrupt",),
    "parent killed": (),
    "parent and worker killed": (),
    "everything killed": (),
    "SIGKILL of a child in the build": ("LavaFailure",),
    "SIGCHLD ignored": (),
    "SIGCHLD ignored, SIGKILL of a child": ("LavaFailure",),
}
#: Processes beside the first that there are when a child is killed in the build, worker and Lava's manager included.
BUILT = range(2, 9)
#: After these the folder may stay until the next run begins; here it begins with nothing but its cleaning.
AT_ONCE = ("parent and worker killed", "everything killed")


@dataclass(frozen=True)
class Trial:
    """What happened in one trial, struck after `moment_s` of the processor; `wrong` says what should not have."""

    seed: int
    fault: str
    form: str
    moment_s: float
    seconds: float
    deadline_s: float
    ended: str
    wrong: tuple[str, ...]
    message: str = ""


def namespaces() -> bool:
    """Whether this machine lets a process have a small /dev/shm and a small disk of its own."""
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "x", "/dev/shm"],
        capture_output=True,
    )
    return done.returncode == 0


def disturb(seed: int, faults: tuple[str, ...] = tuple(ENDS), form: str | None = None) -> Trial:
    """One trial, of a random form unless one is given."""
    rng = random.Random(seed)
    fault, drawn = faults[seed % len(faults)], rng.choice(sorted(SAMPLES))
    form = drawn if form is None else form
    moment = rng.uniform(0.0, WORK_S)
    raises = rng.choice(["before", "after", "init"]) if fault == "exception" else "-"
    deadline = SHORT_S if fault == "SIGSTOP of a child" else LONG_S
    mark = f"{os.getpid()}-{seed}-{time.monotonic_ns()}"
    with tempfile.TemporaryDirectory(prefix="fc") as name:
        home = Path(name)
        (home / "out").mkdir()
        (home / "tmp").mkdir()
        limit = rng.choice(FILES) if fault == "files limited" else 0
        arguments = [home, form, SAMPLES[form], deadline, raises, rng.randint(1, 150), limit]
        command = [sys.executable, str(VICTIM), "run", *map(str, arguments)]
        if fault == "disk full":
            command = _walled(command, home, home, rng.choice(DISKS))
        elif fault == "disk of the outputs full":
            command = _walled(command, home, home / "out", DISKS[0])
        elif fault == "shared memory full":
            command = _walled(command, home, Path("/dev/shm"), rng.choice(SHARED))
        started = time.monotonic()
        victim = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(home / "tmp"), MARK: mark, "OMP_NUM_THREADS": "1"},
            preexec_fn=_ignore_children if fault.startswith("SIGCHLD") else None,
        )
        prefixes: set[str] = set()
        wrong = []
        if fault.endswith("in the build"):
            _watch_build(victim, mark, rng.choice(BUILT))
        else:
            _watch(victim, LONG_S, prefixes, moment)
        _strike(fault, victim, mark, rng)
        try:
            while victim.poll() is None and time.monotonic() < started + deadline + MARGIN_S:
                _watch(victim, 0.05, prefixes)
            if victim.poll() is None:
                wrong.append("did not end")
                victim.kill()
            told, complaint = victim.communicate(timeout=MARGIN_S)
            seconds = time.monotonic() - started
            ended, message = _end(fault, told, complaint, victim.returncode, wrong)
            if fault in AT_ONCE:
                _require_no_process(mark, wrong)
                begin = "from neurokit.targets.lava.job_folder import sweep; sweep()"
                environment = {**os.environ, "TMPDIR": str(home / "tmp")}
                subprocess.run([sys.executable, "-c", begin], check=True, env=environment)
            _require_nothing_left(mark, prefixes, home, wrong)
        finally:
            for process in _marked(mark):
                process.kill()
    return Trial(seed, fault, form, round(moment, 3), round(seconds, 2), deadline, ended, tuple(wrong), message)


def _walled(command: list[str], home: Path, where: Path, size: int) -> list[str]:
    """A command in a mount namespace of its own, where one folder is small; it says itself what is left there.

    The folder of the outputs is small and filled.
    """
    filled = f'head -c {size} /dev/zero > "{where}/filling"' if where.name == "out" else "true"
    script = (
        f'mount -t tmpfs -o size={size} x "{where}" && mkdir -p "{home}/out" "{home}/tmp" && {filled} && "$@"; '
        f'code=$?; find "{home}/tmp" "{home}/out" -mindepth 1 -not -name filling | sed "s/^/left: /" >&2; '
        # Here /dev/shm is this run's alone only where it is the small folder.
        f'[ "{where}" != /dev/shm ] || find /dev/shm -mindepth 1 | sed "s/^/left: /" >&2; exit $code'
    )
    return ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script, "-", *command]


def _watch(victim: subprocess.Popen[str], seconds: float, prefixes: set[str], work_s: float = 1e9) -> None:
    """Let time pass, or until the run has had `work_s` of the processor; note where its shared memory is."""
    over = time.monotonic() + seconds
    while victim.poll() is None and time.monotonic() < over:
        done = 0.0
        try:
            parent = psutil.Process(victim.pid)
            for process in [parent, *parent.children(recursive=True)]:
                spent, line = process.cpu_times(), process.cmdline()
                done += spent.user + spent.system + spent.children_user + spent.children_system
                if line and line[-1].startswith("/nk"):
                    prefixes.add(line[-1].lstrip("/"))
        except psutil.NoSuchProcess:
            pass
        if done >= work_s:
            return
        time.sleep(0.02)


def _ignore_children() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def _watch_build(victim: subprocess.Popen[str], mark: str, processes: int) -> None:
    """Let time pass until a run has so many processes beside its first."""
    while victim.poll() is None and len(_marked(mark)) <= processes:
        time.sleep(0.005)


def _strike(fault: str, victim: subprocess.Popen[str], mark: str, rng: random.Random) -> None:
    """Do what the fault is, if it comes from outside."""
    try:
        if fault == "Ctrl-C":
            victim.send_signal(signal.SIGINT)
        elif fault == "Ctrl-C to the group":
            os.killpg(victim.pid, signal.SIGINT)
        elif fault == "parent killed":
            victim.kill()
        elif fault in AT_ONCE:
            victim.send_signal(signal.SIGSTOP)  # neither is to see the other's end
            marked = [process for process in _marked(mark) if process.pid != victim.pid]
            for process in marked:
                if fault == "everything killed" or process.ppid() == victim.pid:
                    process.kill()
            victim.kill()
        elif "of a child" in fault:
            children = [process for process in _marked(mark) if process.pid != victim.pid]
            if children:
                rng.choice(children).send_signal(signal.SIGKILL if "KILL" in fault else signal.SIGSTOP)
    except (ProcessLookupError, psutil.NoSuchProcess):
        pass  # it was over already


def _marked(mark: str) -> list[psutil.Process]:
    """Every process of a trial that still runs, whatever its parent."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return sorted(found, key=lambda process: process.pid)


def _end(fault: str, told: str, complaint: str, code: int, wrong: list[str]) -> tuple[str, str]:
    """How the run ended, in a word, and its message."""
    wrong += [line for line in complaint.splitlines() if line.startswith("left: ") and not line.endswith("/out.npz")]
    if fault == "parent killed" or fault in AT_ONCE:
        return ("over before" if told else "killed"), ""
    if not told:
        # Before the first line of the victim itself runs there is no one to tell; Ctrl-C then ends the interpreter.
        if fault.startswith("Ctrl-C") and "KeyboardInterrupt" in complaint:
            return "KeyboardInterrupt", ""
        if fault.startswith("Ctrl-C") and code == -signal.SIGINT:
            return "KeyboardInterrupt", ""
        wrong.append(f"ended with code {code} and no word: {complaint[-600:]}")
        return "no word", complaint[-600:]
    record = json.loads(told)
    if record["error"] is None:
        if not record["right"]:
            wrong.append("wrong numbers")
        return "right", ""
    if record["error"] not in ENDS[fault]:
        wrong.append(f"ended with {record['error']}: {record['message'][-600:]}")
    return record["error"], record["message"][-300:]


def _require_no_process(mark: str, wrong: list[str]) -> None:
    """Note what still runs after a moment of grace."""
    over = time.monotonic() + MARGIN_S
    while (left := _marked(mark)) and time.monotonic() < over:
        time.sleep(0.1)
    wrong += [f"process {process.pid} before the next run" for process in left]


def _require_nothing_left(mark: str, prefixes: set[str], home: Path, wrong: list[str]) -> None:
    """Note what is still there after a moment of grace."""
    over = time.monotonic() + MARGIN_S
    while True:
        left = [f"process {process.pid}" for process in _marked(mark)]
        left += [f"shared memory {path.name}" for p in prefixes for path in Path("/dev/shm").glob(p + "*")]
        left += [f"temporary {path.name}" for path in (home / "tmp").iterdir()]
        left += [f"output {path.name}" for path in (home / "out").iterdir() if path.name != "out.npz"]
        if not left or time.monotonic() > over:
            break
        time.sleep(0.1)
    whole = home / "out" / "out.npz"
    if whole.exists():
        try:
            with np.load(whole, allow_pickle=False) as outputs:
                _ = outputs["y"]
        except Exception as error:
            left.append(f"a part of an output: {error!r}")
    wrong += left


def table(trials: list[Trial]) -> str:
    """One row a fault, in Markdown."""
    rows: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        rows[trial.fault].append(trial)
    lines = ["| fault | runs | ended as they must | how they ended | slowest, s (deadline) |", "|---|---|---|---|---|"]
    for fault, some in rows.items():
        ends = ", ".join(f"{count} {end}" for end, count in Counter(trial.ended for trial in some).most_common())
        good = sum(not trial.wrong for trial in some)
        slowest = max(some, key=lambda trial: trial.seconds)
        lines.append(f"| {fault} | {len(some)} | {good} | {ends} | {slowest.seconds:.1f} ({slowest.deadline_s:g}) |")
    return "\n".join(lines)


def read(results: Path) -> list[Trial]:
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return [Trial(**json.loads(line)) for line in lines]


def main(results: Path, seeds: range, chosen: tuple[str, ...] = ()) -> int:
    done = {trial.seed for trial in read(results)}
    possible = tuple(ENDS) if namespaces() else tuple(fault for fault in ENDS if not fault.endswith("full"))
    faults = chosen or possible
    for seed in seeds:
        if seed not in done:
            trial = disturb(seed, faults)
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trial)) + "\n")
            print(trial, flush=True)
    trials = read(results)
    print(table(trials))
    return int(any(trial.wrong for trial in trials))


if __name__ == "__main__":
    wanted = range(*map(int, sys.argv[2:4])) if len(sys.argv) > 2 else range(0)
    sys.exit(main(Path(sys.argv[1]), wanted, tuple(sys.argv[4:])))
