"""The simulator's loop over time for any neuron, around an integer step that is generated from the neuron's `step`.

All is 32 bits wide, as in `neurokit.simulator.layout`: the proof bounds every register of a neuron. The distance to
threshold is not bounded, so the membrane is compared with its threshold and the two are not subtracted.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Int8, Int32, UInt8

from neurokit.ir.fixed_point import Decay12
from neurokit.neurons.kernels.compiler import compiled
from neurokit.neurons.kernels.expression import Expression, Lines, trace_step
from neurokit.neurons.kernels.generated import with_functions
from neurokit.neurons.models import Neuron
from neurokit.neurons.parameters import Fraction
from neurokit.simulator.event_kernels import begin, decayed, echo
from neurokit.simulator.layout import Population

#: The generated function: a step of all neurons, from the current in `a`, which becomes the membrane before the reset.
_advance: Any = None


def fire(
    currents: Int32[np.ndarray, "batch given size"],
    population: Population,
    rows: Int8[np.ndarray, "size_plus_1 size"],
    exponent: int,
    spikes: UInt8[np.ndarray, "batch steps size"],
    states: Int32[np.ndarray, "*_"],
) -> None:
    """Write the spikes of a population under `currents`, and its membranes where `states` has room for them.

    `rows` and `exponent` are those of the synapses of the population onto itself; without any, `rows` has no columns.
    """
    neuron = population.node.fine
    kinds: Any = type(neuron), type(neuron.reset)
    loop, count = _loop_of(*kinds)
    values = [getattr(neuron, name) for name in neuron.spans]
    n = np.array([value.numerator if isinstance(value, Decay12) else value for value in values], dtype=np.int32)
    loop(currents, n, count, rows, exponent, spikes, states)


def _fire(currents, n, count, rows, exponent, spikes, states):  # type: ignore[no-untyped-def]
    samples, steps, size = spikes.shape
    kept, a, back = np.empty((count, size), np.int32), np.empty(size, np.int32), np.empty(size, np.int32)
    firing = np.empty(size + 4, np.uint64)
    for b in range(samples):
        kept[:] = 0
        for t in range(steps):
            begin(currents[b, t if currents.shape[1] == steps else 0], a)
            if t and rows.shape[1]:
                echo(spikes[b, t - 1], rows, exponent, back, firing, a)
            _advance(a, n, kept, spikes[b, t])
            if states.size:
                begin(a, states[b, t])


@lru_cache(maxsize=32)
def _loop_of(kind: type[Neuron], reset: type) -> tuple[Any, int]:
    """The compiled loop of a kind of neuron with a kind of reset, and how many numbers such a neuron keeps."""
    step = trace_step(kind(reset=reset()))
    decays = {name for name, span in kind.spans.items() if isinstance(span, Fraction)}
    lines = _Integers({f"of_{name}": name in decays for name in kind.spans}, kind().fraction)
    level, sign = (lines.value(part) for part in step.distance.of), ">" if kind.leaky else ">="
    lines.lines.append(f"spike = int32({f' {sign} '.join(level)})")
    ends = [lines.value(end) for end in (step.before, *step.after)]
    targets = ["a[j]", *(f"kept[{k}, j]" for k in range(len(step.after)))]
    inner = [f"{node.of[0]} = kept[{k}, j]" for k, node in enumerate(step.states.values())] + lines.lines
    inner += ["spikes[j] = spike", *(f"{target} = {end}" for target, end in zip(targets, ends, strict=True))]
    head = [f"of_{name} = n[{k}]" for k, name in enumerate(kind.spans)]
    body = [*head, "for j in range(a.size):", *(f"    {line}" for line in inner)]
    source = "\n".join(["def _advance(a, n, kept, spikes):", *(f"    {line}" for line in body), ""])
    mark = f"{kind.__name__}_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    functions: dict[str, Any] = {"__name__": __name__, "int32": np.int32, "decayed": decayed}
    exec(compile(source, f"<integer step of {kind.__name__}>", "exec"), functions)
    advance = functions["_advance"]
    # Compiled code that comes from the cache is linked by name.
    advance.__name__ = advance.__qualname__ = f"_advance_{mark}"
    return compiled(with_functions(_fire, {"_advance": compiled(advance)}, f"_fire_{mark}")), len(step.states)


class _Integers(Lines):
    """Scalar code in 32-bit integers; `decays` says of every parameter whether it is the numerator of a Decay12."""

    def __init__(self, decays: dict[str, bool], fraction: int) -> None:
        super().__init__(lambda name: name, lambda number: f"int32({int(number)})", "spike")
        self._decays, self._fraction = decays, fraction

    def _written(self, node: Expression) -> str:
        if node.what == "value" and node.of[0] == "current":
            return self.new(f"int32(a[j] << int32({self._fraction}))")
        if node.leaf or node.what in ("fire", "held"):
            return super()._written(node)
        for part, other in (node.of, node.of[::-1]):
            if node.what == "*" and self._decays.get(part.of[0]):
                return self.new(f"decayed({self.value(other)}, {part.of[0]})")
        left, right = map(self.value, node.of)
        return self.new(f"int32({left} {node.what} {right})")
