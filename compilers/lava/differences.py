"""What may differ between two Programs that run on one network: the weights and biases of synapses."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from neurokit.errors import GraphError, explain
from neurokit.ir.program import Program, ProgramNode, Synapses

#: Fields of synapses that a swap may change.
_WEIGHTS = frozenset({"weight", "kernel", "bias", "scale"})


def changed_synapses(before: Program, after: Program) -> dict[str, ProgramNode]:
    """The synapses of `after` with other weights, by name; raises GraphError at any other difference."""
    if [n.name for n in before.nodes] != [n.name for n in after.nodes] or before.steps != after.steps:
        raise GraphError(
            explain("swap: nodes and steps", [n.name for n in after.nodes], "those of the network", "keep them")
        )
    changed: dict[str, ProgramNode] = {}
    for old, new in zip(before.nodes, after.nodes, strict=True):
        if same(old, new):
            continue
        matching = isinstance(old, Synapses) and isinstance(new, Synapses) and old.shape == new.shape
        for field in fields(old):
            ours, theirs = getattr(old, field.name), getattr(new, field.name, None)
            if type(old) is type(new) and (_equal(ours, theirs) or (matching and field.name in _WEIGHTS)):
                continue
            subject = f"swap: {field.name} of {new.name!r}"
            raise GraphError(explain(subject, theirs, f"{ours}, as in the network", "change weights and biases only"))
        changed[new.name] = new
    return changed


def same(ours: ProgramNode, theirs: ProgramNode) -> bool:
    """Whether two nodes are equal in every field."""
    if ours is theirs:
        return True
    return type(ours) is type(theirs) and all(
        _equal(getattr(ours, f.name), getattr(theirs, f.name)) for f in fields(ours)
    )


def _equal(ours: Any, theirs: Any) -> bool:
    if hasattr(ours, "columns"):  # a Csr
        return all(np.array_equal(getattr(ours, f), getattr(theirs, f)) for f in ("starts", "columns", "values"))
    if isinstance(ours, np.ndarray):
        return np.array_equal(ours, theirs)
    if hasattr(ours, "weight"):  # recurrent synapses
        return _equal(ours.weight, getattr(theirs, "weight", None)) and ours.exponent == theirs.exponent
    return bool(ours == theirs)
