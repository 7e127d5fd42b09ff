"""Kernels of any neuron, generated from its `step`: forward, along directions, and in reverse.

The loops over time and lanes are `neurokit.neurons.kernels.loops`; what happens to one neuron in one step, and how
that moves, is generated code which they call. Every literal and every spike has the dtype of the state: a single
number of another would make the code twice as slow.
"""

from __future__ import annotations

import hashlib
import types
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from neurokit.neurons.kernels import loops
from neurokit.neurons.kernels.compiler import compiled, contracted
from neurokit.neurons.kernels.expression import Expression, Lines, Step, trace_step
from neurokit.neurons.protocol import Neuron

#: Loops that are made for every kind of neuron, and the generated functions that they call.
LOOPS = ("forward", "tangent", "adjoint")


@dataclass(frozen=True)
class Kernels:
    """The compiled loops of one kind of neuron and reset.

    states   numbers that a neuron keeps
    values   its parameters, in the order in which kernels take them
    numbers  literals of its step, behind them
    """

    states: int
    values: tuple[str, ...]
    numbers: tuple[float, ...]
    forward: Any
    tangent: Any
    adjoint: Any


@lru_cache(maxsize=32)
def kernels_of(kind: type[Neuron], reset: type) -> Kernels:
    """The kernels of a kind of neuron with a kind of reset, for all numbers."""
    step = trace_step(kind(reset=reset()))
    code = _Code(step)
    sources = {
        "_step": code.step(),
        "_push": code.push(fields=False),
        "_push_fields": code.push(fields=True),
        "_pull": code.pull(fields=False),
        "_pull_fields": code.pull(fields=True),
    }
    whole = "\n".join(sources.values())
    mark = f"{kind.__name__}_{hashlib.sha256(whole.encode()).hexdigest()[:16]}"
    functions: dict[str, Any] = {"__name__": __name__}  # a module that can be imported, for the cache
    exec(compile(whole, f"<kernels of {kind.__name__}>", "exec"), functions)
    made: dict[str, Any] = {}
    for name in sources:
        # Compiled code that comes from the cache is linked by name: no two kinds of neuron may have the same.
        functions[name].__name__ = functions[name].__qualname__ = f"{name}_{mark}"
        # No spike depends on tangents and adjoints, so that these may be contracted.
        made[name] = (compiled if name == "_step" else contracted)(functions[name])
    looped = {name: compiled(with_functions(getattr(loops, name), made, f"{name}_{mark}")) for name in LOOPS}
    return Kernels(len(step.states), tuple(step.values), tuple(code.numbers), **looped)


def with_functions(loop: Any, functions: dict[str, Any], name: str) -> Any:
    """A copy of a loop that calls these functions; its name is its own, so that its compiled form is cached apart."""
    copy = types.FunctionType(loop.__code__, {**loop.__globals__, **functions}, name, loop.__defaults__)
    copy.__module__, copy.__qualname__ = loop.__module__, name
    return copy


class _Code:
    """The generated functions of a step."""

    def __init__(self, step: Step) -> None:
        self.step_ = step
        literals = (node.of[0] for node in step.order() if node.what == "number")
        self.numbers: list[float] = list(dict.fromkeys(literals))
        #: Where constants lie: parameters, the limit of the distance, 0, 1, the share of an attached reset, literals.
        names = [*(f"of_{name}" for name in step.values), "limit", "zero", "one", "share"]
        names += [f"number_{k}" for k in range(len(self.numbers))]
        self._constants = [f"{name} = n[{k}]" for k, name in enumerate(names)]

    def step(self) -> str:
        """`_step(a, n, kept, after, x, s)`: one step of all lanes, from states `kept` to `after`."""
        lines, step = self._lines("spike"), self.step_
        x = lines.value(step.distance)
        lines.lines += [f"spike = one if {x} >= limit else zero"]
        after = [lines.value(end) for end in step.after]
        ends = [f"x[j] = {x}", "s[j] = spike", *(f"after_{k}[j] = {v}" for k, v in enumerate(after))]
        rows = [f"{name}_{k} = {name}[{k}]" for name in ("kept", "after") for k in range(len(after))]
        return self._function("_step(a, n, kept, after, x, s)", rows, [*self._states(), *lines.lines, *ends])

    def push(self, *, fields: bool) -> str:
        """`_push(a, da, moved, n, kept, s, d, dkept, ds)`: tangents of a step from states `kept` that fired `s`."""
        lines, step = self._lines("s[j]"), self.step_
        seeds = {id(node): f"d{node.of[0]}" for node in step.states.values()} | {id(step.a): "da[j]"}
        rows = [f"{name}_{k} = {name}[{k}]" for name in ("kept", "dkept") for k in range(len(step.states))]
        if fields:
            seeds |= {id(node): f"d{node.of[0]}" for node in step.values.values()}
            rows += [f"dof_{name} = moved[{k}]" for k, name in enumerate(step.values)]
        ends = [lines.tangent(end, seeds, "d[j]", "share") for end in (step.s, *step.after)]
        targets = ["ds[j]", *(f"dkept_{k}[j]" for k in range(len(step.states)))]
        written = [f"{target} = {end or 'zero'}" for target, end in zip(targets, ends, strict=True)]
        begun = [*self._states(), *self._states("d")]
        name = "_push_fields" if fields else "_push"
        return self._function(f"{name}(a, da, moved, n, kept, s, d, dkept, ds)", rows, [*begun, *lines.lines, *written])

    def pull(self, *, fields: bool) -> str:
        """`_pull(a, n, kept, s, d, ls, weight, lkept, la, lvalues)`: adjoints of a step from those behind it."""
        lines, step = self._lines("s[j]"), self.step_
        ends = [(step.s, "(ls[j] * weight)"), *((end, f"lstate_{k}") for k, end in enumerate(step.after))]
        found = lines.adjoints(step, iter(ends), "d[j]", "share")
        rows = [f"{name}_{k} = {name}[{k}]" for name in ("kept", "lkept") for k in range(len(step.states))]
        written = [f"la[j] = {found.get(id(step.a), 'zero')}"]
        written += [f"lkept_{k}[j] = {found.get(id(node), 'zero')}" for k, node in enumerate(step.states.values())]
        if fields:
            rows += [f"lvalues_{k} = lvalues[{k}]" for k in range(len(step.values))]
            for k, node in enumerate(step.values.values()):
                written += [f"lvalues_{k}[j] = lvalues_{k}[j] + {found[id(node)]}"] if id(node) in found else []
        begun = [*self._states(), *(f"lstate_{k} = lkept_{k}[j]" for k in range(len(step.states)))]
        name = "_pull_fields" if fields else "_pull"
        signature = f"{name}(a, n, kept, s, d, ls, weight, lkept, la, lvalues)"
        return self._function(signature, rows, [*begun, *lines.lines, *written])

    def _lines(self, spike: str) -> Lines:
        def leaf(name: str) -> str:
            return "a[j]" if name == "current" else name

        return Lines(leaf, lambda number: f"number_{self.numbers.index(number)}", spike)

    def _states(self, prefix: str = "") -> list[str]:
        leaves: list[Expression] = list(self.step_.states.values())
        return [f"{prefix}{node.of[0]} = {prefix}kept_{k}[j]" for k, node in enumerate(leaves)]

    def _function(self, signature: str, rows: list[str], body: list[str]) -> str:
        head = chain(self._constants, rows, ["for j in range(a.size):"])
        inner = (f"    {line}" for line in body)
        return "\n".join([f"def {signature}:", *(f"    {line}" for line in chain(head, inner)), ""])
