"""trace: from a trained PyTorch network to a Graph in float64.

Lowering dispatches on the module's type; add a network by registering a rule with `trace.register`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import singledispatch

import numpy as np
from torch import Tensor, nn

from neurokit.data.data import Domain
from neurokit.errors import GraphError, UnsupportedNode, explain
from neurokit.gradients.local_loss import LocalReadouts
from neurokit.ir import graph as g
from neurokit.networks.answer_units import AnswerUnits, InUnits
from neurokit.networks.deeponet import DeepONet
from neurokit.networks.mlp import MLP
from neurokit.networks.seponet import SepONet
from neurokit.networks.stack import Stack, geometry
from neurokit.networks.units import of_inputs
from neurokit.neurons.models import freeze_parameters


@singledispatch
def trace(model: nn.Module, domain: Domain) -> g.Graph:
    """The Graph that computes what `model` computes, with weights as they are now.

    `domain` declares lowest and highest value of every input by its name: `x` for an MLP, `branch` and `trunk` for an
    operator network; a data set's `domain` will do. Raises UnsupportedNode for a module without a rule, GraphError when
    the domain's names are not the model's inputs, OutOfRange for weights that are not finite.
    """
    raise UnsupportedNode(
        "model", type(model).__name__, "trace", "it has no rule", "Build the Graph by hand, or register a rule."
    )


@trace.register
def _(model: MLP, domain: Domain) -> g.Graph:
    _require_inputs(domain, "x")
    *stack, readout, total = _stack(model, "", "x")
    nodes = (_input("x", model.inputs, domain, model), *stack, *_answer(model, readout, total))
    return g.Graph(nodes=nodes, steps=model.steps)


@trace.register
def _(model: Stack, domain: Domain) -> g.Graph:
    """A convolution stays one: its kernel and geometry, not the matrix that it is."""
    _require_inputs(domain, "x")
    nodes: list[g.GraphNode] = [_input("x", math.prod(model.image), domain, model)]
    for i, layer in enumerate(model.layers):
        nodes.append(_synapses(f"{i}", nodes[-1].name, layer, model.images[i]))
        nodes.append(g.Spiking(f"{i}.spikes", f"{i}", freeze_parameters(model.neuron, {})))
    readout = _dense("readout", nodes[-1].name, model.readout)
    nodes += _answer(model, readout, g.Readout("readout.total", "readout", model.rule))
    return g.Graph(tuple(nodes), model.steps)


@trace.register
def _(model: LocalReadouts, domain: Domain) -> g.Graph:
    """The network alone: local readouts serve training only."""
    return trace(model.network, domain)


@trace.register
def _(model: DeepONet, domain: Domain) -> g.Graph:
    _require_inputs(domain, "branch", "trunk")
    p = model.branch.outputs
    nodes = (
        _input("branch", model.branch.inputs, domain, model),
        _input("trunk", model.trunk.inputs, domain, model),
        *_stack(model.branch, "branch.", "branch"),
        *_stack(model.trunk, "trunk.", "trunk"),
        g.Product("product", "branch.readout.total", "trunk.readout.total"),
        g.Dense("contraction", "product", np.ones((1, p)), _float64(model.bias)),
        _output("u", "contraction", model),
    )
    return g.Graph(nodes=nodes, steps=model.branch.steps)


@trace.register
def _(model: SepONet, domain: Domain) -> g.Graph:
    """One input `trunk` of d lines, of which every trunk reads its own; products two factors at a time."""
    _require_inputs(domain, "branch", "trunk")
    d, product = len(model.trunks), "branch.readout.total"
    nodes = [
        _input("branch", model.branch.inputs, domain, model),
        _input("trunk", d, domain, model),
        *_stack(model.branch, "branch.", "branch"),
    ]
    for i, (prefix, part) in enumerate(list(model.parts.items())[1:]):
        first, *rest = _stack(part, f"{prefix}.", "trunk")
        assert isinstance(first, g.Dense), "a stack begins with its synapses"
        weight = np.zeros((len(first.weight), d))
        weight[:, i : i + 1] = first.weight
        nodes += [replace(first, weight=weight), *rest]
        nodes.append(g.Product(f"product.{i}", product, f"{prefix}.readout.total"))
        product = f"product.{i}"
    nodes.append(g.Dense("contraction", product, np.ones((1, model.branch.outputs)), _float64(model.bias)))
    return g.Graph(nodes=(*nodes, _output("u", "contraction", model)), steps=model.branch.steps)


def _output(name: str, source: str, model: InUnits) -> g.Output:
    """The Output of one line, which brings it to the units of the model's answers."""
    units = model.units or AnswerUnits()
    return g.Output(name, source, units.scale[0], units.offset[0])


def _answer(model: InUnits, readout: g.GraphNode, total: g.GraphNode) -> list[g.GraphNode]:
    """A readout and its Output in the units of the model's answers.

    An Output has one scale and one offset. Where columns have units of their own it takes the largest scale and the
    middle of the offsets, and the rows and biases of the readout what is left of each.
    """
    assert isinstance(readout, g.Dense), "a readout is a Linear"
    units = model.units or AnswerUnits()
    scale, offset = max(units.scale), (max(units.offset) + min(units.offset)) / 2
    share = np.array(units.scale) / scale
    bias = readout.bias * share + (np.array(units.offset) - offset) / scale
    readout = replace(readout, weight=readout.weight * share[:, None], bias=bias)
    return [readout, total, g.Output("y", total.name, scale, offset)]


def _stack(model: MLP, prefix: str, source: str) -> list[g.GraphNode]:
    """Every spiking layer as `i` and `i.spikes`, then `readout` at every step and its `readout.total`."""
    nodes: list[g.GraphNode] = []
    for i, layer in enumerate(model.hidden):
        name, learned = f"{prefix}{i}", {field: float(value) for field, value in model.learned(i).items()}
        nodes += [
            _dense(name, source, layer),
            g.Spiking(f"{name}.spikes", name, freeze_parameters(model.neuron, learned)),
        ]
        source = f"{name}.spikes"
    readout = f"{prefix}readout"
    return [*nodes, _dense(readout, source, model.readout), g.Readout(f"{readout}.total", readout, model.rule)]


def _synapses(name: str, source: str, layer: nn.Module, image: tuple[int, int, int]) -> g.Dense | g.Conv2d:
    if not isinstance(layer, nn.Conv2d):
        return _dense(name, source, layer)
    kernel = _float64(layer.weight)
    return g.Conv2d(name, source, kernel, _bias(layer.bias, len(kernel)), geometry(name, layer, image))


def _dense(name: str, source: str, layer: nn.Module) -> g.Dense:
    assert isinstance(layer, nn.Linear), "networks are built of Linear layers"
    return g.Dense(name, source, _float64(layer.weight), _bias(layer.bias, layer.out_features))


def _bias(bias: Tensor | None, lines: int) -> np.ndarray:
    return np.zeros(lines) if bias is None else _float64(bias)


def _input(name: str, size: int, domain: Domain, model: nn.Module) -> g.Input:
    """The Input, which brings real values to what the first layers read."""
    (low, high), units = domain[name], of_inputs(model).inputs.get(name)
    return (
        g.Input(name, size, low, high) if units is None else g.Input(name, size, low, high, units.scale, units.offset)
    )


def _float64(parameter: Tensor) -> np.ndarray:
    array: np.ndarray = parameter.detach().double().cpu().numpy()
    return array


def _require_inputs(domain: Domain, *names: str) -> None:
    if set(domain) != set(names):
        raise GraphError(explain("domain: inputs", sorted(domain), f"{sorted(names)}", "declare each input's range"))
