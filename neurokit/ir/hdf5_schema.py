"""What each kind of node has in a Program's file, from a node to these items and back; `docs/program-format.md`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurokit.errors import ProgramError, explain
from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.program import (
    Conv2d,
    Dense,
    Input,
    Output,
    Product,
    Program,
    ProgramNode,
    Readout,
    Recurrent,
    Sparse,
    Spiking,
    Sum,
    decays,
)
from neurokit.ir.sparse import Csr
from neurokit.neurons.models import IF, LIF, NEURONS, CubaLIF, Neuron, Reset, Subtract, ToZero
from neurokit.neurons.parameters import Fraction
from neurokit.neurons.readouts import RULES


@dataclass(frozen=True)
class Array:
    """A dataset's dtype and number of dimensions."""

    dtype: str
    ndim: int


Kind = type[int] | type[float] | type[str] | Array

VECTOR = Array("int32", 1)
COMMON: dict[str, Kind] = {"type": str, "name": str, "latency": int}
_SYNAPSES: dict[str, Kind] = {"source": str, "bias": VECTOR, "exponent": int, "delay": int, "scale": float}
_SPIKING: dict[str, Kind] = {
    "source": str,
    "neuron": str,
    "threshold": int,
    "alpha": int,
    "beta": int,
    "reset": str,
    "scale": float,
}
_GEOMETRY: dict[str, Kind] = {"image": VECTOR, "stride": VECTOR, "padding": VECTOR, "dilation": VECTOR, "groups": int}
SCHEMA: dict[str, dict[str, Kind]] = {
    "Input": {"low": VECTOR, "high": VECTOR, "scale": float},
    "InputByLine": {"low": VECTOR, "high": VECTOR, "scale": Array("float64", 1), "offset": Array("float64", 1)},
    "Dense": _SYNAPSES | {"weight": Array("int8", 2)},
    "Sparse": _SYNAPSES | {"starts": Array("int64", 1), "columns": VECTOR, "values": Array("int8", 1), "width": int},
    "Conv2d": _SYNAPSES | _GEOMETRY | {"kernel": Array("int8", 4)},
    "Spiking": _SPIKING,
    "Recurrent": _SPIKING | {"weight": Array("int8", 2), "exponent": int},
    "Sum": {"sources": VECTOR, "scale": float},
    "Readout": {"source": str, "rule": str, "shift": int, "scale": float, "offset": VECTOR},
    "Product": {"left": str, "right": str, "shift": int, "scale": float},
    "Output": {"source": str, "scale": float, "offset": float},
    "OutputByLine": {"source": str, "scale": float, "offset": Array("float64", 1)},
}
#: The version of the format in which a type of node came, if not in the oldest that is read.
SINCE: dict[str, int] = {"InputByLine": 3, "OutputByLine": 3}
#: How the file names resets and neurons.
RESETS: dict[str, Reset] = {"subtract": Subtract(), "zero": ToZero()}
#: The neurons of a Spiking or Recurrent; every other kind has two types of its own, with its name, from version 4 on.
SPIKING: dict[str, type[Neuron]] = {kind.__name__: kind for kind in (IF, LIF, CubaLIF)}
_OWN_SINCE = 4
_RECURRENT: dict[str, Kind] = {"weight": Array("int8", 2), "exponent": int}


def types_of(version: int) -> list[str]:
    """The types of nodes that a file of this version may have."""
    own = [prefix + name for name in NEURONS if name not in SPIKING for prefix in ("", "Recurrent")]
    return [kind for kind in (*SCHEMA, *own) if since(kind) <= version]


def since(kind: str) -> int:
    """The version of the format in which a type of node came; 0 for the oldest that is read."""
    return SINCE.get(kind, 0) if kind in SCHEMA else _OWN_SINCE


def items_of(kind: str) -> dict[str, Kind]:
    """The items of a type of node, but those of all."""
    if kind in SCHEMA:
        return SCHEMA[kind]
    neuron = kind.removeprefix("Recurrent")
    fields: dict[str, Kind] = {"source": str, "reset": str, "scale": float}
    fields |= dict.fromkeys(NEURONS[neuron].spans, int)
    return fields | (_RECURRENT if kind != neuron else {})


def kind_of(node: ProgramNode) -> str:
    """The `type` of a node in the file."""
    if isinstance(node, Spiking):
        name = type(node.neuron).__name__
        own, recurrent = name if name not in SPIKING else "", "Recurrent" if node.recurrent is not None else ""
        return recurrent + own or "Spiking"
    if isinstance(node, Output) and np.ndim(node.offset):
        return "OutputByLine"
    if isinstance(node, Input) and (np.ndim(node.scale) or np.any(node.offset)):
        return "InputByLine"
    return type(node).__name__


def fields_of(node: ProgramNode, program: Program) -> dict[str, Any]:
    """The node's items by the names that the file gives them; raises ProgramError for what it cannot hold."""
    fields = dict(vars(node))
    if kind_of(node) == "InputByLine":
        fields |= {key: np.full(program.ports[node.name].size, fields[key]) for key in ("scale", "offset")}
    elif isinstance(node, Spiking):
        reset = [name for name, choice in RESETS.items() if choice == node.neuron.reset]
        if not reset:
            raise ProgramError(
                explain(f"node {node.name!r}: neuron", node.neuron, f"a reset of {sorted(RESETS)}", "use one of them")
            )
        fields["reset"] = reset[0]
        if type(node.neuron).__name__ in SPIKING:
            alpha, beta = decays(node.neuron)
            fields |= {"neuron": type(node.neuron).__name__, "threshold": node.threshold, "alpha": alpha, "beta": beta}
        else:
            values = {name: getattr(node.neuron, name) for name in node.neuron.spans}
            fields |= {n: value.numerator if isinstance(value, Decay12) else value for n, value in values.items()}
        if node.recurrent is not None:
            fields |= {"weight": node.recurrent.weight, "exponent": node.recurrent.exponent}
    elif isinstance(node, Sparse):
        fields |= {key: getattr(node.weight, key) for key in ("starts", "columns", "values", "width")}
    elif isinstance(node, Conv2d):
        fields |= node.convolution.words()
    elif isinstance(node, Sum):
        positions = {other.name: index for index, other in enumerate(program.nodes)}
        fields["sources"] = [positions[source] for source in node.sources]
    elif isinstance(node, Readout):
        if RULES.get(node.rule.name) != node.rule:
            raise ProgramError(
                explain(f"node {node.name!r}: readout rule", node.rule, f"one of {sorted(RULES)}", "use one of them")
            )
        fields["rule"] = node.rule.name
        if not node.offset.size:  # an offset is never left out
            fields["offset"] = np.zeros(program.ports[node.name].size, dtype=np.int32)
    return fields


def node_of(kind: str, fields: dict[str, Any], names: list[str]) -> ProgramNode:
    """The node with these items; `names` are those of all nodes, in order."""
    return NODES[kind](fields, names) if kind in NODES else _neurons(kind, fields)


def _neurons(kind: str, fields: dict[str, Any]) -> Spiking:
    """A population of a kind that has types of its own."""
    neuron = NEURONS[kind.removeprefix("Recurrent")]
    values = {name: fields.pop(name) for name in neuron.spans}
    values |= {name: Decay12(values[name]) for name, span in neuron.spans.items() if isinstance(span, Fraction)}
    reset, recurrent = _chosen("reset", fields.pop("reset"), RESETS), None
    if kind.startswith("Recurrent"):
        recurrent = Recurrent(fields.pop("weight"), fields.pop("exponent"))
    return Spiking(neuron=neuron(reset=reset, strict=neuron.leaky, **values), recurrent=recurrent, **fields)


def _spiking(fields: dict[str, Any], names: list[str]) -> Spiking:
    threshold, alpha, beta = (fields.pop(key) for key in ("threshold", "alpha", "beta"))
    kind = _chosen("neuron", fields.pop("neuron"), SPIKING)
    reset = _chosen("reset", fields.pop("reset"), RESETS)
    neuron: Neuron = IF(threshold, reset)
    if kind is LIF:
        neuron = LIF(threshold, reset, strict=True, beta=Decay12(beta))
    elif kind is CubaLIF:
        neuron = CubaLIF(threshold, reset, strict=True, alpha=Decay12(alpha), beta=Decay12(beta))
    return Spiking(neuron=neuron, **fields)


def _recurrent(fields: dict[str, Any], names: list[str]) -> Spiking:
    return _spiking(fields | {"recurrent": Recurrent(fields.pop("weight"), fields.pop("exponent"))}, names)


def _sparse(fields: dict[str, Any], names: list[str]) -> Sparse:
    weight = Csr(*(fields.pop(key) for key in ("starts", "columns", "values", "width")))
    return Sparse(weight=weight, **fields)


def _conv2d(fields: dict[str, Any], names: list[str]) -> Conv2d:
    geometry = {key: fields.pop(key) for key in _GEOMETRY}
    return Conv2d(convolution=Convolution(**geometry), **fields)


def _sum(fields: dict[str, Any], names: list[str]) -> Sum:
    sources = fields.pop("sources")
    bad = [int(index) for index in sources if not 0 <= index < len(names)]
    if bad:
        raise ProgramError(explain("a source of a Sum", bad[0], f"0..{len(names) - 1}, the index of a node", "save it"))
    return Sum(sources=tuple(names[index] for index in sources), **fields)


def _readout(fields: dict[str, Any], names: list[str]) -> Readout:
    return Readout(rule=_chosen("readout rule", fields.pop("rule"), RULES), **fields)


NODES: dict[str, Callable[[dict[str, Any], list[str]], ProgramNode]] = {
    "Input": lambda fields, names: Input(**fields),
    "InputByLine": lambda fields, names: Input(**fields),
    "Dense": lambda fields, names: Dense(**fields),
    "Sparse": _sparse,
    "Conv2d": _conv2d,
    "Spiking": _spiking,
    "Recurrent": _recurrent,
    "Sum": _sum,
    "Readout": _readout,
    "Product": lambda fields, names: Product(**fields),
    "Output": lambda fields, names: Output(**fields),
    "OutputByLine": lambda fields, names: Output(**fields),
}


def _chosen(what: str, name: str, choices: Mapping[str, Any]) -> Any:
    if name not in choices:
        raise ProgramError(explain(f"the {what}", repr(name), f"one of {sorted(choices)}", "update neurokit"))
    return choices[name]
