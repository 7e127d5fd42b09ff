"""LavaCPU is a Target: same shapes, same numbers, honest refusals."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurokit.compilers.lava.forms import FORMS, SoftIFForm, StockForm
from neurokit.compilers.lava.schedule import schedule
from neurokit.errors import GraphError, LavaTimeout, OutOfRange, TargetUnavailable, UnsupportedNode
from neurokit.ir import interpreter as reference
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Spiking
from neurokit.neurons.models import IF, CubaLIF, Neuron
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.targets.lava import target
from neurokit.targets.lava.job import Job
from neurokit.targets.lava.target import LavaCPU


def deeponet(neuron: Neuron | None = None) -> Program:
    rng = np.random.default_rng(5)

    def dense(name: str, source: str, fan_in: int, fan_out: int, bias: int, exponent: int = 0) -> Dense:
        weight = rng.integers(-50, 51, (fan_out, fan_in))
        return Dense(name, source, weight, rng.integers(-bias, bias + 1, fan_out), exponent)

    return Program(
        (
            Input("branch", np.full(4, -50), np.full(4, 50), 0.02),
            Input("trunk", [-50, 0], [50, 50], 0.02),
            dense("b0", "branch", 4, 6, 1000, -2),
            Spiking("bs", "b0", neuron or IF(199 * 8)),
            dense("b1", "bs", 6, 3, 90),
            Readout("br", "b1", Rate()),
            dense("t0", "trunk", 2, 5, 300),
            Spiking("ts", "t0", IF(255 * 4)),
            dense("t1", "ts", 5, 5, 200, -1),
            Spiking("us", "t1", IF(101)),
            dense("t2", "us", 5, 3, 0),
            Readout("tr", "t2", MemMean(), 2),
            Product("product", "br", "tr", 4),
            Dense("sum", "product", np.ones((1, 3)), [-7]),
            Output("y", "sum", 0.25, -1.0),
            Output("z", "br", 1.0),
        ),
        steps=6,
    )


def samples(*batch: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, batch)


def assert_same(expected: Any, got: Any) -> None:
    for name, y in expected.raw.items():
        np.testing.assert_array_equal(got.raw[name], y)
        np.testing.assert_array_equal(got.outputs[name], expected.outputs[name])
    for kind, arrays in vars(expected.trace).items():
        assert arrays.keys() == getattr(got.trace, kind).keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(getattr(got.trace, kind)[name], array, err_msg=f"{kind} of {name}")


@pytest.mark.lava
@pytest.mark.parametrize("form", [StockForm(), SoftIFForm()])
def test_every_pair_of_a_broadcast_batch_is_the_reference(form: Any) -> None:
    pytest.importorskip("lava")
    program = deeponet()
    inputs = {"branch": samples(3, 1, 4), "trunk": samples(1, 2, 2, seed=1)}
    expected = reference.run(program, inputs, record=True)
    assert all(s.any() and not s.all() for s in expected.trace.spikes.values())  # type: ignore[union-attr]
    got = LavaCPU(form=form, deadline_s=120).run(program, inputs, record=True)
    assert_same(expected, got)
    assert got.target == ("lava" if form == StockForm() else "lava-softif")
    assert got.samples == 6
    assert got.steps == schedule(program).chip_steps(6)
    assert got.seconds > 0
    assert got.provenance["lava"] == "0.10.0"
    assert got.provenance["form"] == form.name
    assert float(got.provenance["build_seconds"]) > 0


@pytest.mark.lava
def test_one_sample_without_batch_axes_beside_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lava")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = deeponet()
    inputs = {"branch": samples(4), "trunk": samples(2, 2, seed=1)}
    got = LavaCPU(form=SoftIFForm(), deadline_s=120).run(program, inputs)
    np.testing.assert_array_equal(got.raw["y"], reference.run(program, inputs).raw["y"])
    assert got.trace is None
    assert got.raw["z"].shape == (3,)
    assert not list(tmp_path.iterdir())


@pytest.mark.lava
def test_the_deadline_holds() -> None:
    pytest.importorskip("lava")
    inputs = {"branch": samples(5000, 4), "trunk": samples(5000, 2)}
    with pytest.raises(LavaTimeout, match="within 3 s"):
        LavaCPU(deadline_s=3).run(deeponet(), inputs)


def test_bad_samples_and_unsupported_nodes_are_refused_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    good = {"branch": samples(4), "trunk": samples(2)}
    with pytest.raises(OutOfRange, match="range this Program was compiled for"):
        LavaCPU().run(deeponet(), good | {"branch": 9 + samples(4)})
    with pytest.raises(GraphError, match="missing"):
        LavaCPU().run(deeponet(), {"branch": samples(4)})
    decay = Decay12(4000)
    with pytest.raises(UnsupportedNode, match=r"CubaLIF with reset Subtract\(\) needs microcode"):
        LavaCPU().run(deeponet(CubaLIF(199 * 8, strict=True, alpha=decay, beta=decay)), good)


@pytest.mark.parametrize("deadline_s", [0, -1, float("nan")])
def test_a_deadline_that_is_none_is_refused(deadline_s: float) -> None:
    with pytest.raises(OutOfRange, match="deadline_s"):
        LavaCPU(deadline_s=deadline_s)


def test_the_name_of_a_form_is_no_form() -> None:
    with pytest.raises(OutOfRange, match=r"LavaCPU\.form is 'fused'; legal is StockForm"):
        LavaCPU(form="fused")  # type: ignore[arg-type]


def test_without_lava_the_target_says_why_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"branch": samples(4), "trunk": samples(2)}
    monkeypatch.setattr(sys, "version_info", (3, 11, 9, "final", 0))
    with pytest.raises(TargetUnavailable, match=r"needs Python 3\.10.*pip install 'neurokit-loihi\[lava\]'"):
        LavaCPU().run(deeponet(), good)
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    monkeypatch.setattr(target, "_there", lambda module: False)
    with pytest.raises(TargetUnavailable, match=r"lava\.magma and psutil, which cannot be found"):
        LavaCPU().run(deeponet(), good)
    monkeypatch.setattr(target, "_there", lambda module: True)
    monkeypatch.setattr(target, "version", lambda name: "0.9.0")
    with pytest.raises(TargetUnavailable, match=r"built on lava-nc 0\.10\.0, here is 0\.9\.0"):
        LavaCPU().run(deeponet(), good)


def test_a_job_crosses_files_unchanged(tmp_path: Path) -> None:
    program = deeponet()
    job = Job(program, program.encode({"branch": samples(3, 4), "trunk": samples(3, 2)}), FORMS["softif"], True)
    job.save(tmp_path)
    again = Job.load(tmp_path)
    assert (again.form, again.record) == (job.form, job.record)
    assert again.program.steps == program.steps
    for name, x in job.inputs.items():
        np.testing.assert_array_equal(again.inputs[name], x)
    assert not any(name.endswith(".pkl") for name in os.listdir(tmp_path))
