"""A neuron that is registered from outside the package trains by kernels, becomes integers, runs and is saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from neurokit.compilers.frontend.trace import trace  # noqa: E402
from neurokit.compilers.quantization.quantize import quantize  # noqa: E402
from neurokit.errors import UnsupportedNode  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.estimator import Batch  # noqa: E402
from neurokit.gradients.scopes import Global  # noqa: E402
from neurokit.gradients.tangent import JVPConfig, tangent  # noqa: E402
from neurokit.ir import interpreter as reference  # noqa: E402
from neurokit.ir.program import Program, Spiking  # noqa: E402
from neurokit.networks import MLP, load_model, save_model  # noqa: E402
from neurokit.networks.compiled import has_kernels  # noqa: E402
from neurokit.neurons import models  # noqa: E402
from neurokit.neurons.models import Neuron, Subtract, ToZero  # noqa: E402
from neurokit.neurons.parameters import Fraction, Span, Trainable  # noqa: E402
from neurokit.simulator import Twin  # noqa: E402
from neurokit.training.runs.config import RunConfig  # noqa: E402

pytestmark = pytest.mark.torch


class TwoCurrents(NamedTuple):
    i: Any
    j: Any
    u: Any


@dataclass(frozen=True)
class SlowLIF(Neuron):
    """Leaky neurons behind two synaptic currents.

    `i <- alpha i + a; j <- gamma j + i; u <- beta u + j`, then as IF.
    """

    alpha: Any = 0.3
    gamma: Any = 0.5
    beta: Any = 0.7

    spans: ClassVar[Mapping[str, Span]] = {
        **Neuron.spans,
        "alpha": Fraction("the fast current", "tau_fast"),
        "gamma": Fraction("the slow current", "tau_slow"),
        "beta": Fraction("the membrane", "tau_mem"),
    }

    def start(self, zero: Any) -> TwoCurrents:
        return TwoCurrents(zero, zero, zero)

    def step(self, state: TwoCurrents, a: Any, fire: Any) -> tuple[Any, Any, TwoCurrents]:
        i = state.i * self.alpha + a
        j = state.j * self.gamma + i
        before = state.u * self.beta + j
        s, after = self._spike(before, fire)
        return before, s, TwoCurrents(i, j, after)

    def registers(self, before: Any, after: Any, a: Any) -> dict[str, Any]:
        return {"synaptic current": after.j, "fast current": after.i, "membrane": before}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    models.register("slow-lif", SlowLIF)
    yield
    del models.NEURONS["SlowLIF"], models.WORDS["slow-lif"]


def network(neuron: Neuron) -> MLP:
    return MLP(inputs=3, hidden=(6, 5), outputs=2, steps=9, neuron=neuron, dtype=torch.float64)


@pytest.mark.parametrize("reset", [Subtract(), ToZero(False)])
def test_it_trains_by_compiled_kernels(reset) -> None:  # type: ignore[no-untyped-def]
    values = {name: Trainable(0.4) for name in SlowLIF.spans}
    model = network(SlowLIF(reset=reset, **values))
    names = [name for name, _ in model.named_parameters()]
    batch = Batch((torch.randn(7, 3, dtype=torch.float64),), torch.randn(7, 2, dtype=torch.float64))
    assert has_kernels(model, batch.inputs[0])
    plain, fast = (Backprop(way).estimate(model, batch, torch.Generator(), names).gradient for way in (False, True))
    directions = {name: torch.randn(2, *p.shape, dtype=torch.float64) for name, p in model.named_parameters()}
    rows = [tangent(model, batch.inputs, directions, JVPConfig(Global(), way)).tangent for way in (False, True)]
    torch.testing.assert_close(*rows, rtol=1e-9, atol=1e-10)
    for name in names:
        torch.testing.assert_close(fast[name], plain[name], rtol=1e-9, atol=1e-10)
        assert plain[name].abs().max() > 1e-6, "a comparison of zeros would prove nothing"


@pytest.mark.parametrize("reset", [Subtract(), ToZero()])
def test_it_becomes_integers_that_are_proved_saved_and_run(reset, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    model = network(SlowLIF(reset=reset))
    loaded = load_model(save_model(model, tmp_path / "model.pt", {"x": (-1, 1)})).network
    assert isinstance(loaded, MLP)
    program = quantize(trace(loaded, {"x": (-1.0, 1.0)}))
    again = Program.load(program.save(tmp_path / "net.h5"))
    assert [node.neuron for node in again.spiking] == [node.neuron for node in program.spiking]
    x = {"x": np.random.default_rng(0).uniform(-1, 1, (40, 3))}
    expected = reference.run(again, x, record=True)
    assert expected.trace is not None
    assert 0.02 < np.mean(expected.trace.spikes["0.spikes"]) < 0.98
    for twin in (Twin(), Twin(compiled=False)):
        got = twin.run(again, x, record=True)
        assert got.trace is not None
        for name in expected.trace.spikes:
            np.testing.assert_array_equal(got.trace.spikes[name], expected.trace.spikes[name])
            np.testing.assert_array_equal(got.trace.states[name], expected.trace.states[name])


def test_it_has_a_table_in_toml() -> None:
    table = {"kind": "slow-lif", "tau_slow": 2, "dt": 1, "trainable": ["gamma"], "reset": "zero"}
    assert RunConfig.parse({"neuron": table}, "here").neuron.build() == SlowLIF(
        reset=ToZero(), gamma=Trainable(models.decay(2, 1))
    )


def test_one_that_is_not_registered_has_no_integer_form() -> None:
    class Other(SlowLIF):
        pass

    with pytest.raises(UnsupportedNode, match="SlowLIF"):
        Spiking("s", "d", Other(10, strict=True))
