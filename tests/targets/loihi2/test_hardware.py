"""hardware_status says what is there of a Loihi 2, soon, and never raises."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from neurokit.compilers.lava.loihi2_border import (
    CLOCK,
    HOST,
    PERIOD,
    RISE,
    STEPS,
    TICK,
    WORD,
    Border,
    border_of,
    signed,
)
from neurokit.errors import DoesNotFit, LavaFailure, OutOfRange, TargetError, TargetUnavailable
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate
from neurokit.targets.lava.job import Answer, Timing
from neurokit.targets.loihi2 import hardware
from neurokit.targets.loihi2.hardware import PATIENCE_S, hardware_status
from neurokit.targets.loihi2.loihi2 import Loihi2, period_of


def scripts(folder: Path, **texts: str) -> dict[str, str]:
    """An environment whose PATH has these shell scripts before everything else."""
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.defpath}"}


def tiny(steps: int = 7, width: int = 2) -> Program:
    return Program(
        (
            Input("x", [-9, -9], [9, 9], 1.0),
            Dense("d", "x", np.ones((width, 2), dtype=np.int8), np.zeros(width, dtype=np.int64)),
            Spiking("s", "d", IF(32)),
            Dense("o", "s", np.ones((1, width), dtype=np.int8), np.zeros(1, dtype=np.int64)),
            Readout("r", "o", Rate()),
            Output("y", "r"),
        ),
        steps,
    )


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "installed", lambda: True)


def test_without_the_extension_it_says_who_has_it() -> None:
    status = hardware_status({"PARTITION": "oheogulch"})
    assert not hardware.installed()
    assert (status.installed, status.configured, status.reachable) == (False, True, False)
    assert "Neuromorphic Research Community" in status.why


@pytest.mark.usefixtures("extension")
def test_an_extension_without_a_system_says_what_to_set() -> None:
    status = hardware_status({"PATH": "/nowhere"})
    assert (status.configured, status.reachable) == (False, False)
    assert "NXSDKHOST" in status.why


NODES = "oheogulch* ncl-og-01 idle\nkp ncl-kp-02 down*\nkp ncl-kp-03 drained\nbig ncl-big-01 mixed"


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize(
    ("settings", "reachable", "word"),
    [
        ({}, True, "2 nodes up"),
        ({"PARTITION": "oheogulch"}, True, "ncl-og-01"),
        ({"PARTITION": "kp"}, False, "none of them is up"),
        ({"BOARD": "ncl-big-01"}, True, "partition big"),
        ({"BOARD": "ncl-none"}, False, "knows 0 nodes"),
    ],
)
def test_the_scheduler_is_asked(settings: dict[str, str], reachable: bool, word: str, tmp_path: Path) -> None:
    (tmp_path / "nodes").write_text(NODES)
    status = hardware_status({**scripts(tmp_path, sinfo=f'cat "{tmp_path}/nodes"'), **settings})
    assert status.configured
    assert status.reachable == reachable
    assert word in status.why


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize("script", ["exit 1", "kill -9 $$", "printf '\\377\\n a\\n'"])
def test_a_scheduler_that_fails_or_raves_is_no_chip(script: str, tmp_path: Path) -> None:
    status = hardware_status(scripts(tmp_path, sinfo=script))
    assert (status.configured, status.reachable) == (True, False)


@pytest.mark.usefixtures("extension")
def test_a_scheduler_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PATIENCE_S < 10
    monkeypatch.setattr(hardware, "PATIENCE_S", 0.2)
    started = time.monotonic()
    status = hardware_status(scripts(tmp_path, sinfo="exec sleep 600"))
    assert not status.reachable
    assert "no answer" in status.why
    assert time.monotonic() - started < 300  # it came back at all, long before the scheduler


@pytest.mark.usefixtures("extension")
def test_a_host_is_pinged(tmp_path: Path) -> None:
    for code, reachable in ((0, True), (1, False)):
        status = hardware_status({**scripts(tmp_path, ping=f"exit {code}"), "NXSDKHOST": "10.0.0.9"})
        assert status.reachable == reachable
        assert "10.0.0.9" in status.why


def test_without_a_chip_the_target_has_one_clear_error_and_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    monkeypatch.setattr("neurokit.targets.loihi2.loihi2.require_lava", lambda: None)
    inputs = {"x": np.zeros((1, 2))}
    with pytest.raises(TargetUnavailable, match=r"'loihi2' is not in reach: .*not installed.*docs/hardware.md"):
        Loihi2().run(tiny(), inputs)
    with pytest.raises(OutOfRange, match="range this Program was compiled for"):  # before anything else
        Loihi2().run(tiny(), {"x": np.full((1, 2), 99.0)})


def test_a_program_that_breaks_a_design_rule_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurokit.targets.loihi2.loihi2.check", lambda *_, **__: ["layer 's' is too wide"])
    with pytest.raises(DoesNotFit, match="too wide"):
        Loihi2().run(tiny(), {"x": np.zeros((1, 2))})


@pytest.mark.parametrize(
    "wrong", [{"deadline_s": 0}, {"generation": "N2A2"}, {"partition": "kp", "board": "ncl-kp-02"}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(OutOfRange, match="Loihi2"):
        Loihi2(**wrong)  # type: ignore[arg-type]
    with pytest.raises(OutOfRange, match=r"Border\.states"):
        Border(states=-1)


def test_a_partition_of_ones_own_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NXSDKHOST", "10.0.0.9")
    monkeypatch.setenv("BOARD", "ncl-og-01")
    found = Loihi2(partition="kp").environment()
    assert found["PARTITION"] == "kp"
    assert not {"NXSDKHOST", "BOARD"} & set(found)
    assert Loihi2().environment()["NXSDKHOST"] == "10.0.0.9"


@pytest.mark.parametrize(("steps", "period"), [(1, 2), (7, 8), (8, 16), (31, 32), (32, 64)])
def test_windows_are_powers_of_two_with_a_guard_step(steps: int, period: int) -> None:
    assert period_of(tiny(steps)) == period


def told(border: Border) -> tuple[np.ndarray, np.ndarray]:
    """What the host would receive and see across a border."""
    received, seen = np.zeros(STEPS, dtype=np.int32), np.zeros(STEPS, dtype=np.int32)
    received[CLOCK + 1 + border.outputs - 1] = TICK
    received[HOST + 1 + border.inputs + border.outputs - 1] = WORD
    steps = np.arange(1, STEPS + 1)
    seen[border.states :] = RISE * (PERIOD - CLOCK + steps)[: STEPS - border.states]
    return received, seen


@pytest.mark.parametrize("border", [Border(), Border(1, 2, 1), Border(0, 5, 3), Border(7, 0, 0)])
def test_the_border_is_what_explains_the_delays(border: Border) -> None:
    assert border_of(*told(border)) == border


def test_a_border_that_explains_nothing_is_refused() -> None:
    received, seen = told(Border(1, 1, 1))
    for other, also in (
        (received * 0, seen),
        (received, seen * 0),
        (np.roll(received, -5), seen),
        (received + np.roll(received, 3), seen),
    ):
        with pytest.raises(LavaFailure, match="could not be measured"):
            border_of(other, also)


def test_payloads_get_their_sign_back() -> None:
    values = np.array([0, 1, -1, 2**23 - 1, -(2**23), 12345, -54321], dtype=np.int32)
    np.testing.assert_array_equal(signed(values & 0xFFFFFF), values)
    np.testing.assert_array_equal(signed(values), values)


def test_a_result_is_unverified_until_this_very_device_has_passed(tmp_path: Path) -> None:
    notes = {"device": "PARTITION=kp", "extension": "0.7.0", "border": "inputs 1, outputs 1, states 1"}
    verdict = tmp_path / "verdict.json"

    def standing(text: str) -> str:
        verdict.write_text(text)
        return Loihi2(self_test=verdict).standing(notes)

    def passed(ok: bool = True, target: str = "loihi2", **other: str) -> str:
        return json.dumps({"ok": ok, "target": target, "versions": notes | other})

    assert Loihi2().standing(notes).startswith("unverified: no self-test")
    assert standing(passed()).startswith("verified: ")
    assert standing(passed(ok=False)).startswith("unverified")
    assert standing(passed(target="twin")).startswith("unverified")
    assert "another device" in standing(passed(device="PARTITION=other"))
    for text in ("", "[]", '{"ok": true}'):
        with pytest.raises(TargetError, match=r"Loihi2\.self_test"):
            standing(text)
    answer = Answer({}, None, Timing(0.0, 0.0, 8, 0.0), "0.10.0", notes)
    assert Loihi2().provenance(answer)["hardware"].startswith("unverified")
