"""A few trials of the fault campaign (`fault_campaign.py`); all of it takes some twenty minutes."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

pytest.importorskip("lava")
pytest.importorskip("psutil")


from fault_campaign import ENDS, Trial, disturb, main, table

from neurokit.cli.app import main as command_line

pytestmark = pytest.mark.lava

#: What a single computer without namespaces can do; the seeds put each at another time of a run.
TRIALS = [("SIGKILL of a child", 5), ("Ctrl-C", 22), ("files limited", 3), ("everything killed", 10)]
TRIALS += [("SIGKILL of a child in the build", 1), ("SIGCHLD ignored, SIGKILL of a child", 2)]


@pytest.mark.parametrize(("fault", "seed"), TRIALS)
def test_a_disturbed_run_ends_as_it_must_and_leaves_nothing(fault: str, seed: int) -> None:
    trial = disturb(seed, (fault,), form="softif")
    assert trial.wrong == (), trial
    assert trial.ended in (*ENDS[fault], "right", "killed", "over before")


def test_a_campaign_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.jsonl"
    good = Trial(0, "nothing", "softif", 0.1, 1.0, 60.0, "right", (), "")
    bad = Trial(1, "Ctrl-C", "stock", 0.2, 2.0, 60.0, "LavaFailure", ("process 7",), "")
    results.write_text("".join(json.dumps(asdict(trial)) + "\n" for trial in (good, bad)))
    assert main(results, range(2)) == 1  # both are there already, and one went wrong
    assert "| Ctrl-C | 1 | 0 |" in capsys.readouterr().out
    assert table([good]).splitlines()[-1] == "| nothing | 1 | 1 | 1 right | 1.0 (60) |"


@pytest.mark.parametrize(("number", "remedy"), [(errno.ENOSPC, "Make room"), (errno.EFBIG, "ulimit -f")])
def test_a_full_disk_is_a_message_and_not_a_traceback(
    number: int, remedy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full() -> None:
        raise OSError(number, os.strerror(number), "outputs.npz")

    monkeypatch.setattr("neurokit.cli.app.app", full)
    with pytest.raises(SystemExit) as ended:
        command_line()
    assert ended.value.code == 2
    assert remedy in capsys.readouterr().err
