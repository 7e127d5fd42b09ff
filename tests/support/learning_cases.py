"""Cases of targets/lava/test_learning.py, each run in an interpreter of its own: JSON in, an answer a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from neurokit.compilers.lava.forms import FORMS
from neurokit.errors import NeurokitError
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.interpreter import interpret
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense, Input, Output, Product, Program, ProgramNode, Readout, Spiking
from neurokit.learning.directions import Directions
from neurokit.learning.integer_optimizer import IntegerOptimizer, Residue, Stochastic
from neurokit.learning.learner import Learner
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.plastic_layer import Mode
from neurokit.learning.rules import RFG, SPSA, Layerwise, NodePerturbation
from neurokit.learning.tangent_evaluator import TangentEvaluator, moves_of
from neurokit.learning.tangent_program import tangents
from neurokit.learning.tangent_twin import TangentTwin
from neurokit.learning.task import Task
from neurokit.neurons.models import IF, LIF
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.simulator.plastic_weights import Field, plastic, weights, with_weights
from neurokit.targets.lava.learning.engine_network import EngineNetwork
from neurokit.targets.lava.learning.evaluator import LavaEvaluator
from neurokit.targets.lava.learning.learning_network import LearningNetwork

RULES = {
    "spsa": SPSA(Directions(2, 7), amplitude=3),
    "spsa one-sided": SPSA(Directions(1, 8), two_sided=False),
    "spsa signs": SPSA(Directions(2, 4), amplitude=2),
    "rfg apart": RFG(Directions(1, 9), scope=Layerwise()),
}
DESCENTS = {
    "stochastic": IntegerOptimizer(rate=0.6, momentum=1, rounding=Stochastic(5)),
    "residue": IntegerOptimizer(rate=0.3, rounding=Residue()),
    "whole": IntegerOptimizer(rate=0.8, fraction=0),
}


def chain(seed: int, *, leaky: bool = False) -> Program:
    """Two spiking layers between an Input and a Readout."""
    rng = np.random.default_rng(seed)
    nodes: list[ProgramNode] = [Input("x", np.full(2, -40), np.full(2, 40), 1 / 40)]
    size = 2
    for i, (width, threshold) in enumerate(((6, 96 << 3), (5, 60))):
        weight, bias = rng.integers(-90, 91, (width, size)), rng.integers(-20, 90, width)
        nodes.append(Dense(f"d{i}", nodes[-1].name, weight, bias, -1))
        neuron = LIF(threshold, strict=True, beta=Decay12(3072)) if leaky else IF(threshold)
        nodes.append(Spiking(f"s{i}", f"d{i}", neuron))
        size = width
    nodes.append(Dense("out", nodes[-1].name, rng.integers(-90, 91, (1, size)), np.zeros(1), -1))
    nodes += [Readout("r", "out", MemMean(), 2, offset=np.array([37])), Output("y", "r", 0.01)]
    program = Program(tuple(nodes), 8)
    return replace(program, certificate=prove(program))


def operator(seed: int) -> Program:
    """Branch and trunk of different depth, whose products are summed."""
    rng = np.random.default_rng(seed)
    nodes: list[ProgramNode] = []
    for name, depth, rule in (("b", 1, Rate()), ("t", 2, MemMean())):
        nodes.append(Input(name, np.full(3, -40), np.full(3, 40), 1 / 40))
        size = 3
        for i in range(depth):
            weight = rng.integers(-90, 91, (4, size))
            nodes.append(Dense(f"{name}{i}", nodes[-1].name, weight, rng.integers(-20, 90, 4)))
            nodes.append(Spiking(f"{name}{i}s", f"{name}{i}", IF(96 << 4 if i == 0 else 60)))
            size = 4
        nodes.append(Dense(f"{name}out", nodes[-1].name, rng.integers(-90, 91, (3, size)), np.zeros(3)))
        nodes.append(Readout(f"{name}r", f"{name}out", rule, 1))
    nodes += [
        Product("p", "br", "tr", shift=8),
        Dense("sum", "p", np.ones((1, 3)), np.zeros(1)),
        Output("y", "sum", 0.01),
    ]
    program = Program(tuple(nodes), 8)
    return replace(program, certificate=prove(program))


PROGRAMS: dict[str, Callable[[int], Program]] = {
    "chain": chain,
    "leaky": lambda seed: chain(seed, leaky=True),
    "operator": operator,
}


def tangent_network(program: str, form: str, seed: int, samples: int) -> dict[str, Any]:
    """Tangents of a running network along two directions of all tensors, against the twin's."""
    net = PROGRAMS[program](seed)
    tensors = plastic(net)
    made = tangents(net, tensors)
    rng = np.random.default_rng(seed)
    encoded = {n.name: rng.integers(n.low, n.high + 1, (samples, n.low.size)) for n in net.inputs}
    directions = Directions(2, seed)
    wanted = TangentTwin().jvp(made, encoded, moves_of(tensors, tuple(t.layer for t in tensors), directions, 4))
    answer: dict[str, Any] = {"values": 0, "tangents": 0, "compared": 0, "seen": 0}
    with LearningNetwork(net, tensors, directions, IntegerOptimizer(), form=FORMS[form], tangents=made) as network:
        for k in range(2):
            network.order(Mode.TANGENT, 4, k, {t.name: 1 for t in tensors})
            raw, tangent = network.slopes(encoded)
            told = wanted.tangents[net.outputs[0].source][k]
            answer["values"] += int((raw["y"] != wanted.values["y"]).sum())
            answer["tangents"] += int((tangent["y"] != told).sum())
            answer["compared"] += told.size
            answer["seen"] += int((told != 0).sum())
    return answer


def closed_loop(
    rule: str, optimizer: str, form: str, updates: int, program: str = "chain", engine: bool = False
) -> dict[str, Any]:
    """A network that learns on Lava beside a learner on the twin; every integer compared after every update."""
    net = PROGRAMS[program](2)
    tensors = plastic(net, fields=(Field.WEIGHT,)) if engine else plastic(net)
    task = _task(net)
    learner = Learner(RULES[rule], DESCENTS[optimizer], steps=updates, batch=3, seed=3)
    made = tangents(net, tensors) if isinstance(learner.rule, RFG) else None
    copies = PerturbedBatchEvaluator(net, tensors, task)
    evaluator = copies if made is None else TangentEvaluator(copies, made)
    progress = learner.start(weights(net, tensors), evaluator)
    answer: dict[str, Any] = {"wrong": 0, "compared": 0, "moves": 0}
    one = {n.name: n.low[None].astype(np.int64) for n in net.inputs}
    parts = (net, tensors, learner.rule.directions, learner.optimizer)
    made_network = (
        EngineNetwork(*parts, form=FORMS[form]) if engine else LearningNetwork(*parts, form=FORMS[form], tangents=made)
    )
    with made_network as network:
        loop = LavaEvaluator(learner, network, task)
        for _ in range(updates):
            loop.step()
            before = progress.weights
            learner.step(progress, evaluator, task)
            for name, found in network.learned().items():
                answer["wrong"] += int((found != progress.weights[name]).sum())
                answer["compared"] += found.size
                answer["moves"] += int((progress.weights[name] != before[name]).sum())
        raw, _ = network.run(one)
        # What it answers now is what the Program with the learned integers answers.
        learned = with_weights(net, tensors, progress.weights)
        answer["wrong"] += int((raw["y"] != interpret(learned, one)[0][net.outputs[0].source]).sum())
    return answer


def refusals() -> dict[str, Any]:
    """What the learning networks raise, by name of the case."""
    net = chain(2)
    every, some = plastic(net), plastic(net, fields=(Field.WEIGHT,))
    plain, directions = IntegerOptimizer(fraction=0, rate=1.0), Directions(1, 1)
    found: dict[str, Any] = {}

    def note(case: str, doing: Callable[[], Any]) -> None:
        try:
            doing()
        except NeurokitError as error:
            found[case] = f"{type(error).__name__}: {error}"

    note("bias", lambda: EngineNetwork(net, every, directions, plain))
    note("fraction", lambda: EngineNetwork(net, some, directions, IntegerOptimizer()))
    note("fused", lambda: LearningNetwork(net, every, directions, plain, form=FORMS["fused"]))
    network = EngineNetwork(net, some, directions, plain)
    note("not running", lambda: network.update(0, {}))
    with network:
        # In the running model a factor decays by this in a step of the epoch: not at all, or pulses would be lost.
        (dense, *_) = network._growing().dense.values()
        network.order(Mode.PLAIN, 1, 0, {})  # rewrites the tags, after which Lava reads its time constants anew
        found["decay"] = str(float(np.exp(-1 / int(dense.y3_tau.get()[0]))))
        note("tangents", lambda: network.order(Mode.TANGENT, 0, 0, {}))
        note("saturation", lambda: network.order(Mode.PERTURBED, 0, 0, {t.name: 60 for t in some}))
        node = Learner(NodePerturbation(directions), plain, 1, 1)
        note("node perturbation", lambda: LavaEvaluator(node, network, _task(net)).step())
    return found


def _task(net: Program) -> Task:
    rng = np.random.default_rng(0)
    inputs = {n.name: rng.uniform(-1, 1, (30, n.low.size)) for n in net.inputs}
    first = next(iter(inputs.values()))
    return Task(inputs, np.sin(3 * first[:, :1]), tuple(inputs))


CASES: dict[str, Callable[..., dict[str, Any]]] = {f.__name__: f for f in (tangent_network, closed_loop, refusals)}

if __name__ == "__main__":
    for arguments in json.loads(sys.argv[2]):
        print("\n" + json.dumps(CASES[sys.argv[1]](**arguments)), flush=True)
