"""A neuron's step as expressions: `step` is run once on symbols, and what it does with them is written down.

Nothing of a neuron's source is read: `step` is made of `+`, `-`, `*` and `fire`, so symbols that record these are
enough. From the record follow the step itself, its tangents (forward mode) and its adjoint (reverse mode), each as
lines of scalar code for one neuron (Griewank, Walther 2008, "Evaluating Derivatives", ch. 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from neurokit.neurons.protocol import Neuron, Subtract, ToZero, states


@dataclass(frozen=True, eq=False)
class Expression:
    """A value of one neuron: `what` is `value` or `number` (a leaf), `+`, `-`, `*`, `fire`, or `held` (a constant)."""

    what: str
    of: tuple[Any, ...]

    def __add__(self, other: Any) -> Expression:
        return Expression("+", (self, _expression(other)))

    def __radd__(self, other: Any) -> Expression:
        return Expression("+", (_expression(other), self))

    def __sub__(self, other: Any) -> Expression:
        return Expression("-", (self, _expression(other)))

    def __rsub__(self, other: Any) -> Expression:
        return Expression("-", (_expression(other), self))

    def __mul__(self, other: Any) -> Expression:
        return Expression("*", (self, _expression(other)))

    def __rmul__(self, other: Any) -> Expression:
        return Expression("*", (_expression(other), self))

    def detach(self) -> Expression:
        """This, as something that gradients take for a constant."""
        return Expression("held", (self,))

    @property
    def leaf(self) -> bool:
        return self.what in ("value", "number")


def _expression(value: Any) -> Expression:
    return value if isinstance(value, Expression) else Expression("number", (float(value),))


def _fire(x: Expression) -> Expression:
    return Expression("fire", (x,))


@dataclass(frozen=True, eq=False)
class Step:
    """The record of a step.

    states  leaves: what the neuron keeps, as it was before the step, by name
    values  leaves: its parameters, by name
    a       leaf: the current
    before  the membrane before the reset
    s       the spike: `fire` of the distance to threshold
    after   the states after the step
    """

    states: dict[str, Expression]
    values: dict[str, Expression]
    a: Expression
    before: Expression
    s: Expression
    after: tuple[Expression, ...]

    @property
    def distance(self) -> Expression:
        """The distance to threshold."""
        found: Expression = self.s.of[0]
        return found

    def order(self) -> list[Expression]:
        """All that the step computes, each after what it is made of."""
        found: dict[int, Expression] = {}

        def visit(node: Expression) -> None:
            if id(node) not in found:
                for part in node.of if not node.leaf else ():
                    visit(part)
                found[id(node)] = node

        for end in (self.s, *self.after):
            visit(end)
        return list(found.values())


def trace_step(neuron: Neuron) -> Step:
    """The record of the step of neurons of this kind and reset, whatever the numbers in them.

    Its reset must be Subtract or ToZero, and is traced as detached: `held` marks where an attached one differs. A
    strict neuron has the step of one that is not, with another limit.
    """
    assert type(neuron.reset) in (Subtract, ToZero), "asked before"
    shape = neuron.start(None)
    names = getattr(shape, "_fields", ("u",))
    kept: dict[str, Expression] = {name: Expression("value", (f"state_{name}",)) for name in names}
    values = {name: Expression("value", (f"of_{name}",)) for name in neuron.spans}
    kind: Any = type(shape)
    symbolic: Any = replace(neuron, strict=False, reset=type(neuron.reset)(attached=False), **values)  # type: ignore[call-arg]
    a = Expression("value", ("current",))
    before, s, after = symbolic.step(kind(*kept.values()) if isinstance(shape, tuple) else kept["u"], a, _fire)
    step = Step(kept, values, a, before, s, states(after))
    fires = [node for node in step.order() if node.what == "fire"]
    assert fires == [s], "a neuron fires once in a step"
    return step


class Lines:
    """Scalar code for expressions, each computed once.

    `leaves` says how a leaf is written, `spike` how the spike is, `number` how a literal is, `product` how a product.
    """

    def __init__(self, leaf: Callable[[str], str], number: Callable[[float], str], spike: str) -> None:
        self.lines: list[str] = []
        self._leaf, self._number, self._spike = leaf, number, spike
        self._known: dict[int, str] = {}
        self._count = 0

    def new(self, code: str) -> str:
        """A new variable that holds `code`."""
        self._count += 1
        self.lines.append(f"v{self._count} = {code}")
        return f"v{self._count}"

    def value(self, node: Expression) -> str:
        """The variable with the value of `node`, after the lines that compute it."""
        if id(node) not in self._known:
            self._known[id(node)] = self._written(node)
        return self._known[id(node)]

    def _written(self, node: Expression) -> str:
        if node.what == "value":
            return self._leaf(node.of[0])
        if node.what == "number":
            return self._number(node.of[0])
        if node.what == "fire":
            return self._spike
        if node.what == "held":
            return self.value(node.of[0])
        left, right = map(self.value, node.of)
        return self.new(f"{left} {node.what} {right}")

    def tangent(self, node: Expression, seeds: dict[int, str], gain: str, share: str) -> str | None:
        """The variable with the tangent of `node`, or None where it is 0.

        `seeds` are those of leaves, by id; `gain` is the surrogate's derivative, `share` what passes `held`.
        """
        if node.leaf:
            return seeds.get(id(node))
        if id(node) not in seeds:
            seeds[id(node)] = self._pushed(node, seeds, gain, share) or ""
        return seeds[id(node)] or None

    def _pushed(self, node: Expression, seeds: dict[int, str], gain: str, share: str) -> str | None:
        parts = [self.tangent(part, seeds, gain, share) for part in node.of]
        if not any(parts):
            return None
        if node.what in ("fire", "held"):
            return self.new(f"{gain if node.what == 'fire' else share} * {parts[0]}")
        left, right = parts
        if node.what == "*":
            terms = [f"{d} * {self.value(other)}" for d, other in zip(parts, reversed(node.of), strict=True) if d]
            return self.new(" + ".join(terms))
        if left is None:
            return self.new(f"-{right}") if node.what == "-" else right
        return left if right is None else self.new(f"{left} {node.what} {right}")

    def adjoints(self, step: Step, ends: Iterator[tuple[Expression, str]], gain: str, share: str) -> dict[int, str]:
        """Variables with the adjoints of all leaves, by id, from those of `ends`."""
        found: dict[int, str] = {}

        def add(node: Expression, code: str, sign: str = "+") -> None:
            if node.what == "number":
                return
            before = found.get(id(node))
            found[id(node)] = self.new(f"{before or ''} {sign} {code}".strip().removeprefix("+ "))

        for end, code in ends:
            add(end, code)
        for node in reversed(step.order()):
            adjoint = found.get(id(node))
            if node.leaf or adjoint is None:
                continue
            if node.what in ("fire", "held"):
                add(node.of[0], f"{gain if node.what == 'fire' else share} * {adjoint}")
            elif node.what == "*":
                left, right = node.of
                for part, other in ((left, right), (right, left)):
                    if part.what != "number":
                        add(part, f"{adjoint} * {self.value(other)}")
            else:
                add(node.of[0], adjoint)
                add(node.of[1], adjoint, node.what)
        return found
