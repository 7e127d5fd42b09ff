"""What runs where: every kind of node of a Graph against every target and bits of weights, and why not where not.

One table, FEATURES, says it; tests run every cell that is said to work, with weights of all BITS, and see every other
cell refused.
`require_support` holds a Graph against it before anything is trained; `neurokit targets` and docs/support.md show it.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from neurokit.compilers.chip.check import check
from neurokit.compilers.lava.forms import FORMS
from neurokit.compilers.lava.schedule import schedule
from neurokit.compilers.quantization.quantize import quantize
from neurokit.compilers.quantization.scales import Plan
from neurokit.errors import DoesNotFit, OutOfRange, UnsupportedNode, explain
from neurokit.hw_configs import Board, Chip, ChipError, Hardware, chip_of, load_hardware, shipped
from neurokit.ir import graph as g
from neurokit.ir.target import Reference, Target
from neurokit.neurons.models import IF, NEURONS, Neuron, Reset, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.simulator import Twin
from neurokit.targets.lava.target import LavaCPU

#: The columns of the table: targets that run Programs, and chips that are known.
SIMULATED, CHIPS = ("reference", "twin", "lava", "lava-softif"), ("Loihi 1", "Loihi 2")
TARGETS = SIMULATED + CHIPS
#: Bits of weights with which every cell that works is run.
BITS = (8, 6, 4)
#: Design rules of a chip whose verdict depends on the shape of a network alone, not on what training makes of it.
SHAPE_RULES = frozenset({"delay", "microcode", "fan_in", "fan_out", "neuron_synapse_bytes"})


@dataclass(frozen=True)
class Refusal:
    """Why something does not run, and what to do instead."""

    reason: str
    remedy: str


@dataclass(frozen=True)
class Feature:
    """A row of the table: something that a node of a Graph can be or have.

    found      whether a node is or has it
    integers   why it has no integer form, and so runs nowhere; or None
    refusals   by target, why it does not run there; a chip refuses what Lava's own processes do, and more
    """

    name: str
    found: Callable[[Any], bool]
    integers: Refusal | None = None
    refusals: Mapping[str, Refusal] = field(default_factory=dict)

    def refusal(self, target: str) -> Refusal | None:
        """Why it does not run on one of TARGETS; None where it does."""
        own = self.integers or self.refusals.get(target)
        return own or (self.refusals.get("lava") if target in CHIPS else None)


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda node: type(node) in kinds


def _neuron(kind: type[Neuron], reset: Reset, strict: bool) -> Feature:
    def found(node: Any) -> bool:
        neuron: Any = getattr(node, "neuron", None)
        return type(neuron) is kind and type(neuron.reset) is type(reset) and neuron.strict is strict

    words = "subtract" if isinstance(reset, Subtract) else "zero"
    name = f"{kind.__name__} {words}{' strict' if strict else ''}"
    return Feature(name, found, None, _of_neuron(kind, reset))


def _of_neuron(kind: type[Neuron], reset: Reset) -> Mapping[str, Refusal]:
    refusal = kind(reset=reset).stock_form().refusal
    other = any(not kind(reset=choice).stock_form().refusal for choice in RESETS)
    return {"lava": Refusal(refusal, _OTHER_RESET if other else _OTHER_NEURON)} if refusal else {}


def _readout(rule: type, on_loihi1: Refusal) -> Feature:
    return Feature(
        f"Readout {rule.__name__}",
        lambda node: type(getattr(node, "rule", None)) is rule,
        None,
        {"Loihi 1": on_loihi1},
    )


_GRADED = Refusal("its values are graded messages, and Loihi 1 sends spikes of one bit", "Deploy to Loihi 2.")
_MICROCODE = Refusal("it needs neurons that run microcode, which Loihi 1 has not", "Deploy to Loihi 2.")
_OTHER_RESET = "Train with a reset to zero or with IF, or run it on lava-softif."
_OTHER_NEURON = "Train with another neuron, or run it on lava-softif."

#: The resets that run anywhere.
RESETS: tuple[Reset, ...] = (Subtract(), ToZero())

#: What a node is: every node that runs anywhere is one of these.
KINDS: tuple[Feature, ...] = (
    Feature("Input", _is(g.Input), None, {"Loihi 1": _GRADED}),
    Feature("Dense", _is(g.Dense)),
    Feature("Sparse", _is(g.Sparse)),
    Feature("Conv2d", _is(g.Conv2d)),
    Feature("Sum", _is(g.Sum)),
    *(_neuron(*choice) for choice in product(NEURONS.values(), RESETS, (False, True))),
    _readout(Rate, _GRADED),
    _readout(MemMean, _MICROCODE),
    Feature("Product", _is(g.Product), None, {"Loihi 1": _MICROCODE}),
    Feature("Output", _is(g.Output)),
)
#: What a node may have besides.
EXTRAS: tuple[Feature, ...] = (
    Feature("delay", lambda node: getattr(node, "delay", 0) > 0),
    Feature("Recurrent", lambda node: getattr(node, "recurrent", None) is not None),
)
FEATURES = KINDS + EXTRAS


def require_support(graph: g.Graph, target: Target | Hardware) -> None:
    """Raise unless a network like `graph` can run on `target`, whatever its weights will be.

    Every node is looked up in FEATURES; then the shape of the network, with biases of zero and IF for its neurons, goes
    through `quantize` and, for Lava or a chip, the schedule of Lava's processes, and for a chip or board through the
    design rules that ask for its shape. What depends on numbers is left to compilation.

    Raises UnsupportedNode naming the first node that could never run there, why, and what to do; DoesNotFit when a
    layer is larger than the chip.
    """
    name = chip_of(target).name if isinstance(target, Chip | Board) else target.name
    for node in graph.nodes:
        require_node(node, name)
    try:
        program = quantize(_shape(graph), plan=Plan())  # its weights mean nothing yet: nothing is to be judged
        if name.startswith("lava") or isinstance(target, Chip | Board):
            schedule(program)
    except OutOfRange:  # a matter of weights, which training will change
        return
    if isinstance(target, Chip | Board):
        violations = [found for found in check(program, target, split=True) if found.rule in SHAPE_RULES]
        if violations:
            raise DoesNotFit("\n".join(map(str, violations)))


def runs_on(target: Target | Hardware) -> Callable[[g.Graph], None]:
    """For `fit(..., admit=runs_on(target))`: what holds a Graph against `target` by `require_support`."""
    return lambda graph: require_support(graph, target)


def _shape(graph: g.Graph) -> g.Graph:
    """`graph` without what training may still move out of the way: biases take lines of their own, and leaky and
    recurrent neurons an inhibition between samples for which there may be room or not.
    """

    def plain(node: g.GraphNode) -> g.GraphNode:
        if isinstance(node, g.Synapses):
            return replace(node, bias=np.zeros_like(node.bias))
        return replace(node, neuron=IF(), recurrent=None) if isinstance(node, g.Spiking) else node

    return replace(graph, nodes=tuple(map(plain, graph.nodes)))


def require_node(node: g.GraphNode, target: str) -> None:
    """Raise UnsupportedNode when the table says that `node` does not run on a target, or does not know the node.

    A target that the table does not list, such as a chip of one's own, is held to what every target asks for.
    """
    kinds = [feature for feature in KINDS if feature.found(node)]
    if not kinds:
        part = getattr(node, "neuron", getattr(node, "rule", node))
        reason = f"{part} is not in the table of what runs where"
        raise UnsupportedNode(node.name, type(node).__name__, target, reason, "Use what `neurokit targets` lists.")
    for feature in [*kinds, *(extra for extra in EXTRAS if extra.found(node))]:
        why = feature.refusal(target)
        if why is not None:
            raise UnsupportedNode(node.name, feature.name, target, why.reason, why.remedy)


def target_named(word: str) -> Target | Hardware:
    """A target by its name, a chip or board that ships by its, or one of your own by the path of its TOML file.

    Raises ChipError for any other word.
    """
    running: tuple[Target, ...] = (Reference(), Twin(), *(LavaCPU(form=form) for form in FORMS.values()))
    targets = {target.name: target for target in running}
    if word not in {*targets, *shipped()} and not os.path.exists(word):
        legal = f"one of {', '.join([*targets, *shipped()])}, or the path of a chip's or board's TOML file"
        raise ChipError(explain("target", repr(word), legal, "name one of those"))
    return targets.get(word) or load_hardware(word)


def to_json() -> dict[str, Any]:
    """The table as plain values."""

    def cell(feature: Feature, target: str) -> dict[str, Any]:
        why = feature.refusal(target)
        if why is None:
            return {"supported": True, "bits": list(BITS)}
        return {"supported": False, "bits": [], "reason": why.reason, "remedy": why.remedy}

    features = [{"name": f.name, "targets": {target: cell(f, target) for target in TARGETS}} for f in FEATURES]
    return {"targets": list(TARGETS), "features": features}


def rows() -> tuple[list[list[str]], list[str]]:
    """The table as cells, bits of weights or `no` and the number of a note, a row a feature; and the notes, from 1."""
    notes: list[str] = []

    def cell(why: Refusal | None) -> str:
        if why is None:
            return " ".join(map(str, BITS))
        note = f"{why.reason}. {why.remedy}"
        if note not in notes:
            notes.append(note)
        return f"no {notes.index(note) + 1}"

    return [[f.name, *(cell(f.refusal(target)) for target in TARGETS)] for f in FEATURES], notes


def markdown() -> str:
    """The table and its notes as Markdown."""
    cells, notes = rows()
    lines = [["a node", *TARGETS], ["---"] * (1 + len(TARGETS)), *cells]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return table + "\n\n" + "\n".join(f"{i}. {note}" for i, note in enumerate(notes, 1)) + "\n"
