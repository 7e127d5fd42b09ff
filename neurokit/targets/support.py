"""What runs where: every kind of node of a Graph against every target and bits of weights, and why not where not.

One table, FEATURES, says it; tests run every cell that is said to work, with weights of all BITS, and see every other
cell refused. A chip is judged by what it can do, a target by what its entry in `neurokit.targets.registry` refuses.
`require_support` holds a Graph against it before anything is trained; `neurokit targets` and docs/support.md show it.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from neurokit.compilers.chip.check import check
from neurokit.compilers.lava.schedule import schedule
from neurokit.compilers.quantization.quantize import quantize
from neurokit.compilers.quantization.scales import Plan
from neurokit.errors import DoesNotFit, OutOfRange, UnsupportedNode, explain
from neurokit.hw_configs import Board, Chip, ChipError, Hardware, chip_of, load_hardware, shipped
from neurokit.ir import graph as g
from neurokit.ir.target import Target
from neurokit.neurons.models import IF, NEURONS, Neuron, Reset, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.targets.registry import TARGETS, Refusal, TargetKind

#: Bits of weights with which every cell that works is run.
BITS = (8, 6, 4)
#: Seconds that a run of a target that is named alone may take.
DEADLINE = 600.0
#: Design rules of a chip whose verdict depends on the shape of a network alone, not on what training makes of it.
SHAPE_RULES = frozenset({"delay", "microcode", "fan_in", "fan_out", "neuron_synapse_bytes"})


class Ability(Enum):
    """What a chip must be able to do."""

    GRADED = "graded messages"
    MICROCODE = "neurons that run microcode"

    def lacking(self, chip: Chip) -> Refusal | None:
        """Why `chip` does not run what needs it; None where it can, or where that is not known."""
        limit = chip.message_bits if self is Ability.GRADED else chip.programmable_neurons
        if limit is None or limit.value > (self is Ability.GRADED):
            return None
        why = {
            Ability.GRADED: f"its values are graded messages, and {chip.name} sends spikes of one bit",
            Ability.MICROCODE: f"it needs neurons that run microcode, which {chip.name} has not",
        }[self]
        return Refusal(why, f"Deploy to a chip with {self.value}, such as Loihi 2.")


@dataclass(frozen=True)
class Feature:
    """A row of the table: something that a node of a Graph can be or have.

    found      whether a node is or has it
    integers   why it has no integer form, and so runs nowhere; or None
    needs      what a chip must be able to do
    stock      why Lava's own processes, and so a chip, do not run it; or None
    """

    name: str
    found: Callable[[Any], bool]
    integers: Refusal | None = None
    needs: frozenset[Ability] = frozenset()
    stock: Refusal | None = None

    def refusal(self, on: str | Chip) -> Refusal | None:
        """Why it does not run on a target, by its word, or on a chip; None where it does.

        A target that is not registered is held to what every target asks for.
        """
        if self.integers is not None:
            return self.integers
        if isinstance(on, str):
            on = chips().get(on, on)
        if isinstance(on, Chip):
            lacking = [ability.lacking(on) for ability in sorted(self.needs, key=lambda ability: ability.name)]
            return next((why for why in lacking if why is not None), self.stock)
        if on not in TARGETS:
            return None
        kind: TargetKind = TARGETS[on]
        if kind.like is not None:
            return self.refusal(kind.like)
        return self.stock if kind.stock and self.stock is not None else kind.refuses.get(self.name)


@lru_cache(maxsize=1)
def chips() -> Mapping[str, Chip]:
    """The chips that ship and that installed packages offer, by their names."""
    found = (load_hardware(name) for name in shipped())
    return {chip.name: chip for chip in found if isinstance(chip, Chip)}


def targets() -> tuple[str, ...]:
    """The targets that have a column of their own: the others do what one of these does."""
    return tuple(word for word, kind in TARGETS.loaded().items() if kind.like is None)


def columns() -> tuple[str, ...]:
    """The columns of the table: targets that run Programs, and chips."""
    return (*targets(), *chips())


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda node: type(node) in kinds


def _neuron(kind: type[Neuron], reset: Reset, strict: bool) -> Feature:
    def found(node: Any) -> bool:
        neuron: Any = getattr(node, "neuron", None)
        return type(neuron) is kind and type(neuron.reset) is type(reset) and neuron.strict is strict

    words = "subtract" if isinstance(reset, Subtract) else "zero"
    name = f"{kind.__name__} {words}{' strict' if strict else ''}"
    return Feature(name, found, stock=_stock(kind, reset))


def _stock(kind: type[Neuron], reset: Reset) -> Refusal | None:
    refusal = kind(reset=reset).stock_form().refusal
    other = any(not kind(reset=choice).stock_form().refusal for choice in RESETS)
    return Refusal(refusal, _OTHER_RESET if other else _OTHER_NEURON) if refusal else None


def _readout(rule: type, needs: Ability) -> Feature:
    return Feature(
        f"Readout {rule.__name__}", lambda node: type(getattr(node, "rule", None)) is rule, None, frozenset({needs})
    )


_OTHER_RESET = "Train with a reset to zero or with IF, or run it on lava-softif."
_OTHER_NEURON = "Train with another neuron, or run it on lava-softif."

#: The resets that run anywhere.
RESETS: tuple[Reset, ...] = (Subtract(), ToZero())

#: What a node is: every node that runs anywhere is one of these.
KINDS: tuple[Feature, ...] = (
    Feature("Input", _is(g.Input), None, frozenset({Ability.GRADED})),
    Feature("Dense", _is(g.Dense)),
    Feature("Sparse", _is(g.Sparse)),
    Feature("Conv2d", _is(g.Conv2d)),
    Feature("Sum", _is(g.Sum)),
    *(_neuron(*choice) for choice in product(NEURONS.values(), RESETS, (False, True))),
    _readout(Rate, Ability.GRADED),
    _readout(MemMean, Ability.MICROCODE),
    Feature("Product", _is(g.Product), None, frozenset({Ability.MICROCODE})),
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
    on = chip_of(target) if isinstance(target, Chip | Board) else target.name
    for node in graph.nodes:
        require_node(node, on)
    try:
        program = quantize(_shape(graph), plan=Plan())  # its weights mean nothing yet: nothing is to be judged
        if isinstance(on, Chip) or on.startswith("lava"):
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


def require_node(node: g.GraphNode, on: str | Chip) -> None:
    """Raise UnsupportedNode when the table says that `node` does not run on a target or chip, or does not know it."""
    target = on.name if isinstance(on, Chip) else on
    kinds = [feature for feature in KINDS if feature.found(node)]
    if not kinds:
        part = getattr(node, "neuron", getattr(node, "rule", node))
        reason = f"{part} is not in the table of what runs where"
        raise UnsupportedNode(node.name, type(node).__name__, target, reason, "Use what `neurokit targets` lists.")
    for feature in [*kinds, *(extra for extra in EXTRAS if extra.found(node))]:
        why = feature.refusal(on)
        if why is not None:
            raise UnsupportedNode(node.name, feature.name, target, why.reason, why.remedy)


def target_named(word: str) -> Target | Hardware:
    """A target by its name, a chip or board that ships by its, or one of your own by the path of its TOML file.

    Raises ChipError for any other word.
    """
    if word in shipped() or (word not in TARGETS and os.path.exists(word)):
        return load_hardware(word)
    if word not in TARGETS:
        known = ", ".join(dict.fromkeys([*TARGETS, *shipped()]))
        legal = f"one of {known}, or the path of a chip's or board's TOML file"
        raise ChipError(explain("target", repr(word), legal, "name one of those"))
    made: Target = TARGETS[word].make(DEADLINE)
    return made


def to_json() -> dict[str, Any]:
    """The table as plain values."""

    def cell(feature: Feature, target: str) -> dict[str, Any]:
        why = feature.refusal(target)
        if why is None:
            return {"supported": True, "bits": list(BITS)}
        return {"supported": False, "bits": [], "reason": why.reason, "remedy": why.remedy}

    features = [{"name": f.name, "targets": {target: cell(f, target) for target in columns()}} for f in FEATURES]
    return {"targets": list(columns()), "features": features}


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

    return [[f.name, *(cell(f.refusal(target)) for target in columns())] for f in FEATURES], notes


def markdown() -> str:
    """The table and its notes as Markdown."""
    cells, notes = rows()
    lines = [["a node", *columns()], ["---"] * (1 + len(columns())), *cells]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return table + "\n\n" + "\n".join(f"{i}. {note}" for i, note in enumerate(notes, 1)) + "\n"
