"""The table of what runs where: every cell that says yes is run, every other one is seen to be refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import ROOT

from neurokit.compilers.chip.check import check
from neurokit.compilers.lava.forms import SoftIFForm, StockForm
from neurokit.compilers.lava.schedule import schedule
from neurokit.compilers.quantization.quantize import quantize
from neurokit.errors import DoesNotFit, NeurokitError, UnsupportedNode
from neurokit.hw_configs import Chip, ChipError, Limit, load_chip, shipped
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import Widths
from neurokit.ir.program import Program
from neurokit.ir.sparse import Csr
from neurokit.ir.target import Reference
from neurokit.ir.weight_grid import WeightGrid, weight_bits
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero
from neurokit.neurons.models import NEURONS as MODELS
from neurokit.neurons.readouts import MemMean, Rate, ReadoutRule
from neurokit.simulator import Twin
from neurokit.targets.lava.target import LavaCPU
from neurokit.targets.registry import TARGETS as COMMAND_LINE
from neurokit.targets.support import (
    BITS,
    EXTRAS,
    FEATURES,
    KINDS,
    Feature,
    chips,
    columns,
    markdown,
    require_support,
    target_named,
    targets,
    to_json,
)

SIMULATED, CHIPS, TARGETS = targets(), tuple(chips()), columns()
STEPS, SIZE = 8, 4
#: Leaves room in Lava's states for the inhibition that silences leaky and recurrent neurons between samples.
ROOM = Widths(membrane=16)


def dense(name: str, source: str, **more: Any) -> g.Dense:
    rng = np.random.default_rng(len(name))
    return g.Dense(name, source, rng.uniform(-0.5, 1.0, (SIZE, SIZE)), rng.uniform(-0.2, 0.4, SIZE), **more)


def sparse() -> g.Sparse:
    starts, columns = np.arange(0, 2 * SIZE + 1, 2), np.tile([0, 2], SIZE)
    return g.Sparse("b", "s", Csr(starts, columns, np.linspace(0.2, 1, 2 * SIZE), SIZE), np.zeros(SIZE))


def convolution() -> g.Conv2d:
    return g.Conv2d("b", "s", np.full((1, 1, 1, 1), 0.8), np.zeros(1), Convolution((1, 2, 2)))


def chain(
    neuron: Neuron = IF(),  # noqa: B008 (frozen)
    rule: ReadoutRule = MemMean(),  # noqa: B008 (frozen)
    between: g.GraphNode | None = None,
    **spiking: Any,
) -> g.Graph:
    """Two layers of neurons, a readout, and an output: of ordinary nodes unless one is given."""
    return g.Graph(
        (
            g.Input("x", SIZE, -1.0, 1.0),
            dense("a", "x"),
            g.Spiking("s", "a", neuron, **spiking),
            between or dense("b", "s"),
            g.Spiking("t", "b", neuron),
            dense("out", "t"),
            g.Readout("total", "out", rule),
            g.Output("y", "total"),
        ),
        STEPS,
    )


def merged() -> g.Graph:
    nodes = list(chain().nodes)
    nodes[4:5] = [dense("bb", "s"), g.Sum("sum", ("b", "bb")), g.Spiking("t", "sum", IF())]
    return g.Graph(tuple(nodes), STEPS)


def multiplied() -> g.Graph:
    first = chain().nodes
    second = (dense("o2", "t"), g.Readout("u", "o2", Rate()), g.Product("p", "total", "u"))
    sum_up = g.Dense("c", "p", np.ones((1, SIZE)), np.zeros(1))
    return g.Graph((*first[:-1], *second, sum_up, g.Output("y", "c")), STEPS)


NEURONS = {
    f"{make.__name__} {word}{' strict' * strict}": chain(make(reset=reset, strict=strict))
    for make in MODELS.values()
    for word, reset in (("subtract", Subtract()), ("zero", ToZero()))
    for strict in (False, True)
}
#: A network with each feature.
EXAMPLES: dict[str, Callable[[], g.Graph]] = {
    "Input": chain,
    "Dense": chain,
    "Output": chain,
    "Sparse": lambda: chain(between=sparse()),
    "Conv2d": lambda: chain(between=convolution()),
    "Sum": merged,
    "Product": multiplied,
    "Readout Rate": lambda: chain(rule=Rate()),
    "Readout MemMean": chain,
    "delay": lambda: chain(between=dense("b", "s", delay=2)),
    "Recurrent": lambda: chain(recurrent=g.Recurrent(np.full((SIZE, SIZE), -0.25))),
    **{name: lambda graph=graph: graph for name, graph in NEURONS.items()},
}
CELLS = [(feature, target) for feature in FEATURES for target in TARGETS]
YES = [pytest.param(f, t, id=f"{f.name}-{t}") for f, t in CELLS if f.refusal(t) is None]
NO = [pytest.param(f, t, id=f"{f.name}-{t}") for f, t in CELLS if f.refusal(t) is not None]


def samples(graph: g.Graph, count: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {node.name: rng.uniform(node.low, node.high, (count, node.size)) for node in graph.inputs}


def hardware(target: str) -> Any:
    return target_named(target.lower().replace(" ", ""))


def features(graph: g.Graph) -> Iterator[Feature]:
    return (feature for feature in FEATURES if any(feature.found(node) for node in graph.nodes))


#: Spikes, as a share, that rounding may move: a weight of 4 bits is 16 times coarser than one of 8.
MOVED = {8: 0.05, 6: 0.15, 4: 0.4}


def compiled(graph: g.Graph, bits: int) -> Program:
    """Its Program, which is seen to compute what the Graph does: within the rounding of its weights and spikes."""
    program, inputs = quantize(graph, grid=WeightGrid(bits), widths=ROOM), samples(graph)
    weights = [
        node.weight.values if isinstance(node, p.Sparse) else node.kernel if isinstance(node, p.Conv2d) else node.weight
        for node in program.nodes
        if isinstance(node, p.Synapses)
    ]
    weights += [node.recurrent.weight for node in program.spiking if node.recurrent is not None]
    assert max(map(weight_bits, weights)) <= bits
    real, made = reference.run(graph, inputs, record=True), reference.run(program, inputs, record=True)
    assert real.trace is not None
    assert made.trace is not None
    apart = [np.mean(train != made.trace.spikes[name]) for name, train in real.trace.spikes.items()]
    assert all(0 < train.mean() < 1 for train in real.trace.spikes.values()), "silent neurons would prove nothing"
    assert max(apart) < MOVED[bits]
    return program


def test_every_feature_has_an_example_that_has_it_and_little_else() -> None:
    assert EXAMPLES.keys() == {feature.name for feature in FEATURES}
    for feature in FEATURES:
        graph = EXAMPLES[feature.name]()
        assert feature in features(graph)
        for node in graph.nodes:
            assert sum(kind.found(node) for kind in KINDS) == 1, "a node is of one kind"


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(("feature", "target"), YES)
def test_what_is_said_to_run_runs(feature: Feature, target: str, bits: int) -> None:
    """On Lava here as far as its schedule, which refuses what has no form there; below it is run."""
    graph = EXAMPLES[feature.name]()
    program, inputs = compiled(graph, bits), samples(graph)
    if target in ("reference", "twin"):
        got = (Reference() if target == "reference" else Twin()).run(program, inputs)
        np.testing.assert_array_equal(got.output, reference.run(program, inputs).output)
    else:
        schedule(program, form=SoftIFForm() if target == "lava-softif" else StockForm())
    if target in CHIPS:
        broken = {found.layer for found in check(program, hardware(target), split=True)}
        assert not [name for name in broken if feature.found(graph[name]) and feature in KINDS]
    others = [other for other in features(graph) if other.refusal(target)]
    if not others:
        require_support(graph, hardware(target))


@pytest.mark.parametrize(("feature", "target"), NO)
def test_what_is_said_not_to_run_is_refused_by_the_table_and_by_the_target(feature: Feature, target: str) -> None:
    graph, why = EXAMPLES[feature.name](), feature.refusal(target)
    assert why is not None
    with pytest.raises(UnsupportedNode) as caught:
        require_support(graph, hardware(target))
    said = {r.reason for f in features(graph) if (r := f.refusal(target))}
    assert any(reason in str(caught.value) for reason in said)
    if target in CHIPS and feature.refusal("lava") is None:
        violations = check(quantize(graph), hardware(target), split=True)
        assert {"microcode", "message_payload"} & {found.rule for found in violations}
    else:
        with pytest.raises(NeurokitError):
            schedule(quantize(graph, widths=ROOM))


def everything() -> g.Graph:
    """One network with every feature that Lava runs: branches behind one input."""
    branches = (
        chain(IF(reset=ToZero()), between=sparse(), recurrent=g.Recurrent(np.full((SIZE, SIZE), -0.25))),
        chain(LIF(reset=ToZero()), Rate(), between=convolution()),
        chain(CubaLIF(reset=ToZero()), between=dense("b", "s", delay=2)),
        merged(),
        multiplied(),
    )
    nodes: list[g.GraphNode] = []
    for i, branch in enumerate(branches):
        first, *others = branch.nodes
        own = {first.name: first.name, **{node.name: f"{i}.{node.name}" for node in others}}
        nodes += [*([] if i else [first]), *(_renamed(node, own) for node in others)]
    return g.Graph(tuple(nodes), STEPS)


def _renamed(node: Any, names: dict[str, str]) -> Any:
    changed = {"name": names[node.name]}
    for field in ("source", "left", "right"):
        if hasattr(node, field):
            changed[field] = names[getattr(node, field)]
    if isinstance(node, g.Sum):
        changed["sources"] = tuple(names[s] for s in node.sources)  # type: ignore[assignment]
    return replace(node, **changed)


@pytest.mark.lava
@pytest.mark.parametrize("target", [LavaCPU(deadline_s=120), LavaCPU(form=SoftIFForm(), deadline_s=120)])
def test_what_is_said_to_run_on_lava_runs_there_spike_for_spike(target: LavaCPU) -> None:
    """A neuron that is strict, and one that is not, are one integer neuron."""
    pytest.importorskip("lava")
    graph = everything()
    promised = {feature.name for feature in FEATURES if not feature.refusal("lava") and "LIF" not in feature.name}
    promised -= {"IF subtract strict", "IF zero strict"}
    assert {feature.name for feature in features(graph)} == promised | {"LIF zero", "CubaLIF zero"}
    grid = {name: WeightGrid(BITS[i % 3]) for i, name in enumerate(synapses(graph))}
    program = quantize(graph, grid=grid, widths=ROOM)
    if target.form == SoftIFForm():
        program = quantize(replace(graph, nodes=tuple(map(_subtracting, graph.nodes))), grid=grid, widths=ROOM)
    inputs = samples(graph, 2)
    expected, got = reference.run(program, inputs, record=True), target.run(program, inputs, record=True)
    assert expected.trace is not None
    assert got.trace is not None
    for name, train in expected.trace.spikes.items():
        np.testing.assert_array_equal(got.trace.spikes[name], train)
    for name, y in expected.raw.items():
        np.testing.assert_array_equal(got.raw[name], y)


def synapses(graph: g.Graph) -> list[str]:
    """Names of layers with weights, recurrent ones included."""
    spiking = [node.name for node in graph.nodes if isinstance(node, g.Spiking) and node.recurrent is not None]
    return [node.name for node in graph.nodes if isinstance(node, g.Synapses)] + spiking


def _subtracting(node: g.GraphNode) -> g.GraphNode:
    """Leaky neurons with the reset that SoftIFForm alone runs."""
    if isinstance(node, g.Spiking) and not isinstance(node.neuron, IF):
        return replace(node, neuron=replace(node.neuron, reset=Subtract()))
    return node


def test_what_nobody_has_heard_of_is_refused_by_name() -> None:
    @dataclass(frozen=True)
    class Halve:
        def __call__(self, u: Any, s: Any, threshold: Any) -> Any:
            return u - s * u * 0.5

    with pytest.raises(UnsupportedNode, match=r"node 's' .*Halve\(\).* is not in the table"):
        require_support(chain(IF(reset=Halve())), Twin())
    nodes = (
        *chain().nodes,
        *(_renamed(node, {n.name: f"other {n.name}" for n in chain().nodes}) for node in chain().nodes),
    )
    with pytest.raises(UnsupportedNode, match=r"node 'other x' .* nothing connects it to 'x', and Lava runs connected"):
        require_support(g.Graph(nodes, STEPS), LavaCPU())
    assert all(not extra.found(node) for extra in EXTRAS for node in chain().nodes)


def test_a_network_that_is_too_large_for_a_chip_is_refused_before_it_is_trained() -> None:
    """A chip of one's own is held to its rules: what changes with the weights is not asked."""
    chip = load_chip("loihi2")

    def small(**limits: int) -> Chip:
        known = {k: Limit(value=v, low=v, high=v, source="this test", kind="inferred") for k, v in limits.items()}
        return chip.model_copy(update={"name": "small", **known})

    lines = SIZE + 2  # of the layer before, and two that reset the neuron: after a spike, and after a window
    require_support(chain(), small(in_axons_per_core=lines))
    with pytest.raises(DoesNotFit, match=r"layer 's': fan-in is 6 lines; legal is at most 5 lines on small"):
        require_support(chain(), small(in_axons_per_core=lines - 1))
    require_support(chain(), small(threshold_bits=2, state_bits=2))


def test_targets_have_the_names_of_the_command_line() -> None:
    assert [target_named(name).name for name in SIMULATED] == list(SIMULATED)
    assert [hardware(name).name for name in CHIPS] == list(CHIPS)
    with pytest.raises(ChipError, match="'nonsense'; legal is one of") as caught:
        target_named("nonsense")
    assert set(re.split(r"[ ,]+", str(caught.value))) >= {*SIMULATED, "lava-fused", *shipped()}


@pytest.mark.checkout
def test_the_document_holds_the_table_of_the_code() -> None:
    assert markdown() in (ROOT / "docs" / "support.md").read_text()


def test_the_command_prints_the_table(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "neurokit", "targets", "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {key: said[key] for key in to_json()} == to_json()
    # Every target of the command line is listed, with what is there of a chip.
    assert [way["name"] for way in said["execution"]] == list(COMMAND_LINE)
    assert [way["available"] for way in said["execution"][:2]] == [True, True]
    status = said["loihi2"]
    reached = status["installed"] and status["configured"] and status["reachable"]
    assert said["execution"][-1]["available"] == reached
    assert said["execution"][-1]["why"] == status["why"]
    assert "one synapse resets it after a decay" in " ".join(done.stderr.split())
