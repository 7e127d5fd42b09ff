"""ALIF where it is more than a case of the suites for all neurons: its proof, and where it is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurokit.compilers.exchange.netx_file import export_netx
from neurokit.compilers.exchange.nir import to_nir
from neurokit.compilers.exchange.time_step import Euler
from neurokit.compilers.lava.forms import FusedForm, SoftIFForm
from neurokit.compilers.lava.schedule import schedule
from neurokit.errors import NeurokitError, OutOfRange, OverflowDetected, UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir.fixed_point import Decay12, Widths
from neurokit.ir.interpreter import run
from neurokit.ir.interval_analysis import prove
from neurokit.ir.membrane_bounds import follow
from neurokit.ir.program import Dense, Input, Interval, Output, Program, Readout, Spiking
from neurokit.ir.tangent_neuron import tangent_neuron
from neurokit.neurons.models import ALIF, LIF, ToZero, heaviside
from neurokit.neurons.parameters import Trainable
from neurokit.neurons.readouts import Rate
from neurokit.neurons.surrogates import Gaussian


def adaptive(rise: int, rho: int, threshold: int = 10) -> Spiking:
    return Spiking("s", "d", ALIF(threshold, strict=True, beta=Decay12(4096), rho=Decay12(rho), rise=rise))


def program(node: Spiking, widths: Widths = Widths(), steps: int = 8) -> Program:  # noqa: B008 (frozen)
    nodes = (
        Input("x", [0], [1], 1.0),
        Dense("d", "x", [[125]], [0], exponent=3),
        node,
        Dense("e", "s", [[1]], [0]),
        Readout("r", "e", Rate()),
        Output("y", "r"),
    )
    return Program(nodes, steps, widths)


@pytest.mark.parametrize("rho", [0, 2048, 4000, 4096])
def test_the_threshold_is_proved_to_stay_below_a_geometric_sum(rho: int) -> None:
    """It starts at 64 * threshold, and every step at the most multiplies what was added by rho and adds the rise."""
    steps, rise, current = 20, 1000, np.array([10**5])
    reach = follow(adaptive(rise, rho), steps, Interval(current, current))
    share = rho / 4096
    total = rise * (steps if share == 1 else (1 - share**steps) / (1 - share))
    (highest,) = reach.registers["adaptive threshold"].high
    # Rounding toward zero takes less than one from what is left of a step, so less than this from all of them.
    lost = steps if share == 1 else 1 / (1 - share)
    assert 640 + total - lost <= highest <= 640 + total


def test_a_threshold_that_leaves_its_width_is_no_program_and_no_run() -> None:
    """A current of 1000 and the membranes fit 12 bits and 6 of fraction; after two spikes the threshold does not."""
    neuron = ALIF(10, ToZero(), strict=True, beta=Decay12(4096), rho=Decay12(4096), rise=64 * 1100)
    loud = program(Spiking("s", "d", neuron), Widths(membrane=12), steps=3)
    with pytest.raises(OutOfRange, match=r"node 's': adaptive threshold\[0\] can reach"):
        prove(loud)
    with pytest.raises(OverflowDetected, match=r"node 's': adaptive threshold"):
        run(loud, {"x": np.ones((1, 1))})
    run(replace(loud, steps=2), {"x": np.ones((1, 1))})


def test_a_neuron_under_a_constant_current_fires_less_and_less() -> None:
    neuron = ALIF(threshold=1.0, beta=0.9, rho=0.97, rise=0.4)
    state, train = neuron.start(np.zeros(1)), []
    for _ in range(60):
        _, s, state = neuron.step(state, np.array([1.2]), heaviside)
        train.append(int(s[0]))
    # Thirds of the window: the adaptation has a time constant of 33 steps.
    counts = [sum(train[at : at + 20]) for at in (0, 20, 40)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[2]
    plain = LIF(threshold=1.0, beta=0.9)
    u, fires = plain.start(np.zeros(1)), 0
    for _ in range(60):
        _, s, u = plain.step(u, np.array([1.2]), heaviside)
        fires += int(s[0])
    assert fires > 1.5 * sum(train)


@pytest.mark.torch
def test_a_decay_of_what_one_step_has_not_built_up_has_no_slope() -> None:
    torch = pytest.importorskip("torch")
    from neurokit.gradients.backprop import Backprop
    from neurokit.gradients.estimator import Batch
    from neurokit.networks import MLP

    model = MLP(inputs=2, hidden=(4,), outputs=1, steps=1, neuron=ALIF(0.3, rho=Trainable(0.9)), dtype=torch.float64)
    names = [name for name, _ in model.named_parameters()]
    batch = Batch((torch.ones(3, 2, dtype=torch.float64),), torch.ones(3, 1, dtype=torch.float64))
    for way in (False, True):
        gradient = Backprop(way).estimate(model, batch, torch.Generator(), names).gradient
        assert gradient["neurons.0.rho"] == 0
        assert gradient["hidden.0.weight"].abs().max() > 0


def test_what_has_no_form_of_it_refuses_it_by_name(tmp_path) -> None:  # type: ignore[no-untyped-def]
    node = adaptive(100, 4000)
    made = replace(program(node), certificate=prove(program(node)))
    with pytest.raises(UnsupportedNode, match=r"node 's'.*its threshold adapts"):
        schedule(made)
    for form in (SoftIFForm(), FusedForm()):
        assert schedule(made, form=form).guard_inhibition["s"] == 0
    with pytest.raises(NeurokitError, match="s"):
        export_netx(made, tmp_path / "net")
    with pytest.raises(UnsupportedNode, match=r"ALIF.*tangent"):
        tangent_neuron(node, Gaussian(), 0, 0)
    graph = g.Graph(
        (
            g.Input("x", 1, 0.0, 1.0),
            g.Dense("d", "x", np.ones((1, 1)), np.zeros(1)),
            g.Spiking("s", "d", ALIF()),
            g.Dense("e", "s", np.ones((1, 1)), np.zeros(1)),
            g.Readout("r", "e", Rate()),
            g.Output("y", "r"),
        ),
        4,
    )
    with pytest.raises(UnsupportedNode, match=r"'s'.*ALIF"):
        to_nir(graph, time=Euler(1e-3))


@pytest.mark.parametrize("values", [{"rise": 0.0}, {"rise": -1.0}, {"rho": 1.5}, {"rise": float("inf")}])
def test_nonsense_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(OutOfRange, match=f"ALIF.{next(iter(values))}"):
        ALIF(**values)


@pytest.mark.parametrize("rise", [2**23, 1.5])
def test_a_program_says_what_a_rise_may_be(rise: float) -> None:
    with pytest.raises(OutOfRange, match=r"layer 's': rise .*an integer in 1\.\.8388607"):
        Spiking("s", "d", ALIF(10, strict=True, beta=Decay12(4096), rho=Decay12(0), rise=rise))
