"""Forms, batches, live networks and pools: the same numbers whichever way they are asked for, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import SUPPORT

pytest.importorskip("lava")
psutil = pytest.importorskip("psutil")

# ruff: noqa: E402 (without Lava these imports fail)
from neurokit.compilers.lava.forms import FORMS, FusedForm, SoftIFForm, StockForm
from neurokit.errors import LavaFailure, LavaTimeout, OutOfRange
from neurokit.ir import interpreter as reference
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate
from neurokit.targets.lava.job import Job
from neurokit.targets.lava.live import LiveNetwork
from neurokit.targets.lava.pool import shares, supervise_all
from neurokit.targets.lava.target import LavaCPU

pytestmark = pytest.mark.lava

CASES = SUPPORT / "live_cases.py"


def run_apart(case: str, *arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a case once per set of arguments, all in one fresh interpreter: Lava forks, and wants no torch beside it."""
    command = [sys.executable, str(CASES), case, json.dumps(arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as apart:
        try:
            said, complaint = apart.communicate(timeout=280)
        except subprocess.TimeoutExpired:
            os.killpg(apart.pid, signal.SIGKILL)  # with the processes of its network
            raise
    assert apart.returncode == 0, complaint
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def small() -> Program:
    nodes = (
        Input("x", [-9, -9], [9, 9], 1.0),
        Dense("d", "x", [[5, 3], [-4, 7]], [300, -5]),
        Spiking("s", "d", IF(199)),
        Dense("o", "s", [[3, -2]], [0]),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    )
    return Program(nodes, 6)


def samples(count: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(1).integers(-9, 10, (count, 2))}


def test_every_kind_of_node_agrees_with_the_reference_in_batches_that_samples_do_not_fill() -> None:
    kinds = ("every node", "populations", "current based", "synapses", "repeated sources")
    asked = [
        {"kind": kind, "seed": seed, "form": "fused", "batch": 3, "samples": 7, "extra_period": seed % 2}
        for kind in kinds
        for seed in range(3 if kind == "every node" else 1)
    ]
    asked += [
        {"kind": "synapses", "seed": 1, "form": "softif", "batch": 2, "samples": 3},
        {"kind": "every node", "seed": 4, "form": "stock", "batch": 2, "samples": 3},
    ]
    answers = run_apart("programs", *asked)
    assert [a["wrong"] for a in answers] == [{}] * len(asked)
    assert sum(a["fired"] for a in answers) > 100


@pytest.mark.parametrize(
    ("kind", "forms"),
    [
        ("DeepONet", ("stock", "fused")),
        ("SepONet, d = 2", ("softif", "fused")),
        ("SepONet, d = 3", ("stock", "fused")),
        ("ones", ("stock", "softif")),
    ],
)
def test_operator_networks_run_whole_products_and_contraction_included(kind: str, forms: tuple[str, ...]) -> None:
    """Pairs stream through one network; factors of different depth wait for each other; products of 1 are not lost."""
    asked = [{"kind": kind, "seed": 0, "form": form, "batch": 1, "samples": 3} for form in forms]
    for answer in run_apart("programs", *asked):
        assert answer["wrong"] == {}
        assert answer["fired"]


def test_a_product_that_could_wrap_is_refused_before_anything_runs() -> None:
    """Lava's ProdNeuron has 32 bits and says nothing when they do not do."""

    def squared(bias: int) -> Program:
        nodes = (
            Input("x", [0], [1], 1.0),
            Spiking("n", "x", IF(1)),
            Dense("w", "n", [[127]], [bias], 6),
            Readout("r", "w", Rate()),
            Product("p", "r", "r", 10),
            Output("y", "p"),
        )
        return Program(nodes, 2)

    assert LavaCPU(deadline_s=120).run(squared(100), {"x": [[1.0]]}).raw["y"] == (2 * (127 + 100) * 64) ** 2 >> 10
    with pytest.raises(OutOfRange, match=r"'p'.*product"):
        LavaCPU().run(squared(2000), {"x": [[1.0]]})


def test_leaf_models_are_their_equations_in_integers_and_in_floating_point() -> None:
    (answer,) = run_apart("leaves", {"seed": 0})
    assert answer["wrong"] == {}


def test_a_network_process_says_the_same_in_the_same_steps_fused_and_expanded_to_stock_processes() -> None:
    """Also for inputs that change within a window, and for a batch of two, which the stock form runs as two copies."""
    asked = [
        {"kind": "small", "seed": 0, "batch": 2, "moving": True},
        {"kind": "every node", "seed": 5, "batch": 1, "moving": False},
    ]
    for answer in run_apart("process", *asked):
        assert (answer["bad"], answer["outside"]) == (0, 0)
        assert answer["said"] > 10


def test_a_live_network_answers_by_sample_and_by_step_takes_new_weights_and_refuses_nonsense() -> None:
    asked = [{"form": name, "batch": 1} for name in FORMS] + [{"form": "fused", "batch": 2}]
    for answer in run_apart("live", *asked):
        assert answer["wrong"] == {}
        refused = {"early", "early train", "early output", "unknown", "input", "no step", "range", "batch"}
        assert set(answer["refused"]) == refused | {"neuron", "steps", "overflow", "stopped"}
        assert answer["fired"]


def test_inputs_that_change_in_every_step_are_heard_alike_by_two_forms() -> None:
    (answer,) = run_apart("moving", {"forms": [["stock", 1], ["fused", 3]]})
    assert answer["same"]
    assert answer["fired"] > 2


def test_a_network_takes_no_more_room_the_longer_it_runs() -> None:
    """Its buffers hold 16 windows here; every run goes around them twice and more."""
    (answer,) = run_apart("long", {"form": "fused", "batch": 1, "runs": 4, "samples": 40, "windows": 16})
    assert answer["wrong"] == 0
    _, early, *_, late = answer["measured"]
    assert (late["processes"], late["files"], late["disk"]) == (early["processes"], early["files"], early["disk"])
    assert late["mib"] < early["mib"] + 2  # allocators breathe


def test_a_live_network_beside_torch_survives_what_happens_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program, values = small(), samples(3)
    before = len(os.listdir("/proc/self/fd")), [p.pid for p in psutil.Process().children(recursive=True)]
    expected = reference.run(program, values).output
    with LiveNetwork(program, FusedForm(1), record=frozenset({"s"}), deadline_s=120) as network:
        for x, y in zip(values["x"], expected, strict=True):
            np.testing.assert_array_equal(network.sample({"x": x})["y"], y)
        assert network.train("s").shape == (1, 6, 2)
    for fault, error in {"sleeps": LavaTimeout, "killed": LavaFailure, "raises": LavaFailure}.items():
        command = (sys.executable, str(CASES), "faulty", fault)
        network = LiveNetwork(program, FusedForm(1), deadline_s=120, command=command)
        with network:
            network.deadline_s = 1 if fault == "sleeps" else 120
            with pytest.raises(error) as raised:
                network.advance()
            if fault == "raises":
                assert "faulty on purpose" in raised.value.child_traceback  # type: ignore[attr-defined]
            with pytest.raises(LavaFailure, match="is not running"):
                network.advance()
    assert (len(os.listdir("/proc/self/fd")), [p.pid for p in psutil.Process().children(recursive=True)]) == before
    assert not list(tmp_path.iterdir())


def resume_and_pause(network: LiveNetwork, times: int) -> None:
    for _ in range(times):
        network.resume()
        network.pause()


def test_a_live_network_goes_on_by_itself_until_it_is_paused_and_is_then_as_if_it_had_been_stepped() -> None:
    program, values = small(), samples(2)
    expected = reference.run(program, values).output
    with LiveNetwork(program, FusedForm(1), record=frozenset({"s"}), deadline_s=120) as network:
        with pytest.raises(LavaFailure, match="stands still already"):
            network.pause()
        network.feed({"x": values["x"][0]})
        network.advance(5)
        network.resume()
        for call in (network.advance, network.resume, lambda: network.spikes("s"), lambda: network.output("y")):
            with pytest.raises(LavaFailure, match="runs by itself"):
                call()
        network.feed({"x": values["x"][1]})  # received while it runs
        fed = network.pause()
        whole = 3 * network.schedule.period
        while network.chip_steps < fed + whole:
            network.resume()
            assert network.pause() > fed
        assert network.chip_steps % network.schedule.period == 5  # windows of steps, from where it was resumed
        np.testing.assert_array_equal(network.output("y")[0], expected[1])
        before = network.chip_steps
        network.advance(2)
        assert network.chip_steps == before + 2
        np.testing.assert_array_equal(network.sample({"x": values["x"][0]})["y"], expected[0])
    command = (sys.executable, str(CASES), "faulty", "killed")
    with LiveNetwork(program, FusedForm(1), deadline_s=120, command=command) as network:
        with pytest.raises(LavaFailure, match="was killed by SIGKILL"):
            resume_and_pause(network, 1000)  # a pause may come before the first window has begun
        with pytest.raises(LavaFailure, match="is not running"):
            network.resume()


def test_three_workers_give_what_one_does_in_order() -> None:
    program, values = small(), samples(11)
    one, three = (LavaCPU(FusedForm(2), 120, workers=workers).run(program, values, record=True) for workers in (1, 3))
    expected = reference.run(program, values, record=True)
    for result in (one, three):
        np.testing.assert_array_equal(result.output, expected.output)
        assert result.trace is not None
        assert expected.trace is not None
        for kind, arrays in vars(expected.trace).items():
            for name, array in arrays.items():
                np.testing.assert_array_equal(getattr(result.trace, kind)[name], array)
    assert three.provenance["workers"] == "3"


def test_when_one_worker_fails_all_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    children = [p.pid for p in psutil.Process().children(recursive=True)]
    values = np.array([[9, 9], [8, 8], [-1, 0]])  # the last share fails, the others sleep for ever
    jobs = shares(Job(small(), {"x": values}, StockForm(), False), 3)
    with pytest.raises(LavaFailure, match="torn on purpose"):
        supervise_all(jobs, 200, (sys.executable, str(CASES), "worker"))
    assert [p.pid for p in psutil.Process().children(recursive=True)] == children
    assert not list(tmp_path.iterdir())


def test_shares_are_whole_windows_in_order_and_no_more_than_there_are_windows() -> None:
    job = Job(small(), samples(11), FusedForm(2), False)
    parts = shares(job, 4)
    assert [len(part.inputs["x"]) for part in parts] == [4, 2, 2, 3]
    np.testing.assert_array_equal(np.concatenate([part.inputs["x"] for part in parts]), job.inputs["x"])
    assert len(shares(job, 40)) == 6


@pytest.mark.parametrize("number", [0, -1, 1.5])
def test_batches_and_workers_are_whole_numbers_from_one(number: Any) -> None:
    for make in (StockForm, SoftIFForm, FusedForm, lambda n: LavaCPU(workers=n)):
        with pytest.raises(OutOfRange, match=r"is .*; legal is an integer >= 1"):
            make(number)
