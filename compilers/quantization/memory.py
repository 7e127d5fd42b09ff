"""Memory: what a pass over a Graph made of a node, for later passes under the same choices.

A node is made the same again if its own plan is the same and its sources were. Both together have a number, the node's
version, so that a chain of n nodes is told apart in n steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

V = TypeVar("V")


class Table(dict[str, V]):
    """A dict of nodes by name that knows what was set since it was last asked."""

    def __init__(self) -> None:
        super().__init__()
        self._fresh: dict[str, V] = {}

    def __setitem__(self, name: str, value: V) -> None:
        super().__setitem__(name, value)
        self._fresh[name] = value

    def fresh(self) -> dict[str, V]:
        """What was set since the last call."""
        found, self._fresh = self._fresh, {}
        return found


class Memory:
    """Versions of nodes, and what was set in the tables of a pass when each was made."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, Any, tuple[int, ...]], int] = {}
        self._made: dict[int, tuple[dict[str, Any], ...]] = {}

    def version(self, name: str, plan: Any, sources: Sequence[int]) -> int:
        """The number of a node under `plan` (hashable) behind sources of these versions."""
        return self._versions.setdefault((name, plan, tuple(sources)), len(self._versions))

    def replay(self, version: int, make: Callable[[], None], tables: Sequence[Table[Any]]) -> None:
        """Set in `tables` what `make` set for this version; call it if there was none."""
        if version not in self._made:
            make()
            self._made[version] = tuple(table.fresh() for table in tables)
        else:
            for table, made in zip(tables, self._made[version], strict=True):
                table.update(made)
