"""What the design rules of a chip are made of: violations, their subject, and the list of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from neurokit.compilers.chip.populations import Population, populations
from neurokit.errors import explain
from neurokit.hw_configs import Chip, Limit
from neurokit.ir.fixed_point import Widths
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Conv2d, Dense, Interval, Program, Sparse, Spiking
from neurokit.ir.signals import consumers


@dataclass(frozen=True)
class Violation:
    """One layer that breaks one rule.

    value, limit  the worst value, and the bound that it lies beyond
    nearest       the nearest legal value
    index         of the worst entry, empty where the layer has one value
    source        where the limit comes from
    quantity      what the value is of, with its unit if it has one
    remedy        what to do
    count         entries of the layer that break the rule
    """

    rule: str
    layer: str
    index: tuple[int, ...]
    value: int
    limit: int
    nearest: int
    source: str
    quantity: str
    remedy: str
    unit: str = ""
    count: int = 1

    def __str__(self) -> str:
        where = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        side = "at most" if self.value > self.limit else "at least"
        return explain(
            f"layer {self.layer!r}: {self.quantity}{where}",
            f"{self.value}{self.unit}{more}",
            f"{side} {self.limit}{self.unit} {self.source}",
            self.remedy,
        )


@dataclass(frozen=True)
class Subject:
    """A Program on its way through the rules, with what several of them ask for.

    beside  populations that share the chip with those of the Program, such as those of tangents
    """

    program: Program
    chip: Chip
    beside: tuple[Population, ...] = ()

    @cached_property
    def bounds(self) -> dict[str, Interval]:
        """Of the state of every node: the Program's certificate, or proved here, in widths that refuse nothing."""
        if self.program.certificate:
            return dict(self.program.certificate)
        return prove(replace(self.program, widths=Widths(32, 32, 32, 32, 32)))

    @cached_property
    def populations(self) -> tuple[Population, ...]:
        return (*populations(self.program), *self.beside)

    @cached_property
    def readers(self) -> dict[str, tuple[str, ...]]:
        return consumers(self.program.nodes)

    def nodes(self, *kinds: type) -> Iterator[Any]:
        return (node for node in self.program.nodes if isinstance(node, kinds))


@dataclass(frozen=True)
class Rule:
    """A named rule, the limits that it needs, and whether it asks that a layer lie on one core."""

    name: str
    needs: tuple[str, ...]
    find: Callable[..., Iterator[Violation]]
    whole_layers: bool = False

    def missing(self, chip: Chip) -> tuple[str, ...]:
        """The limits that the rule needs and the chip's description does not have."""
        return tuple(need for need in self.needs if getattr(chip, need) is None)

    def __call__(self, subject: Subject) -> Iterator[Violation]:
        assert not self.missing(subject.chip)
        for found in self.find(subject, *(getattr(subject.chip, need) for need in self.needs)):
            yield replace(found, rule=self.name, source=f"on {subject.chip.name} ({found.source})")


RULES: list[Rule] = []

Find = Callable[..., Iterator[Violation]]


def rule(*needs: str, whole_layers: bool = False) -> Callable[[Find], Find]:
    """List a function `find(subject, *limits)` in RULES, under its own name."""

    def listed(find: Find) -> Find:
        RULES.append(Rule(find.__name__, needs, find, whole_layers))
        return find

    return listed


def beyond(
    layer: str, values: Any, low: int, high: int, source: Limit, quantity: str, remedy: str, unit: str = ""
) -> Iterator[Violation]:
    """The Violation of `low <= values <= high`, if there is one, at the entry that lies farthest out."""
    array = np.asarray(values, dtype=np.int64)
    excess = np.maximum(array - high, low - array)
    worst = int(excess.argmax())
    if excess.flat[worst] > 0:
        value = int(array.flat[worst])
        limit = high if value > high else low
        index = tuple(map(int, np.unravel_index(worst, array.shape)))
        count = int((excess > 0).sum())
        yield Violation("", layer, index, value, limit, limit, source.source, quantity, remedy, unit, count)


def signed(bits: int) -> tuple[int, int]:
    """The magnitude that is safe in both signs, as bounds."""
    return -(2 ** (bits - 1) - 1), 2 ** (bits - 1) - 1


def weighted(subject: Subject) -> Iterator[tuple[str, np.ndarray, int]]:
    """`(layer, weights, exponent)` of all synapses of a Program, shared weights once."""
    for node in subject.nodes(Dense, Sparse, Conv2d, Spiking):
        if isinstance(node, Spiking):
            if node.recurrent is not None:
                yield node.name, node.recurrent.weight, node.recurrent.exponent
        elif isinstance(node, Sparse):
            yield node.name, node.weight.values, node.exponent
        else:
            yield node.name, node.kernel if isinstance(node, Conv2d) else node.weight, node.exponent


def state(subject: Subject, node: Any, low: int, high: int, source: Limit, quantity: str) -> Iterator[Violation]:
    remedy = "declare a narrower input range, use fewer time steps, or quantise with a coarser scale"
    bounds = subject.bounds[node.name]
    yield from beyond(node.name, farther(bounds.low, bounds.high), low, high, source, quantity, remedy)


def farther(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Of two bounds the one that lies farther from zero, below zero where they tie."""
    farther: np.ndarray = np.where(-low > high, low, high)
    return farther
