"""Registry: things by the word that a person types, imported when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from neurokit.errors import NeurokitError, explain


class PluginError(NeurokitError, RuntimeError):
    """A package offers something that cannot be had."""


class Registry(Mapping[str, Any]):
    """What may stand in a place, by word: what ships, what was registered, and what installed packages offer.

    Parameters
    ----------
    group
        Name of the entry points by which an installed package adds its own: in its `pyproject.toml`,
        `[project.entry-points."neurokit.problems"]` and `wave = "their_package.wave:Wave"`.
    own
        What ships, as `module:name` by word.

    Notes
    -----
    Words are known without importing anything, so that help and messages list all of them at once; a thing is imported
    when it is looked up. A word that ships cannot be taken by a package.
    """

    def __init__(self, group: str, own: Mapping[str, str]) -> None:
        self.group, self._own = group, dict(own)
        self._registered: dict[str, Any] = {}

    def register(self, word: str, thing: Any) -> None:
        """Add a thing of one's own, for this interpreter.

        Raises
        ------
        PluginError
            When the word is taken.
        """
        if word in self:
            raise PluginError(explain(f"{self.group}: word", repr(word), "one that is free", "choose another"))
        self._registered[word] = thing

    @cached_property
    def _offered(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=self.group) if entry.name not in self._own}

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from self._registered
        yield from (word for word in self._offered if word not in self._registered)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, word: object) -> bool:
        return word in self._own or word in self._registered or word in self._offered

    def __getitem__(self, word: str) -> Any:
        if word in self._own:
            module, _, name = self._own[word].partition(":")
            return getattr(import_module(module), name)
        if word in self._registered:
            return self._registered[word]
        entry = self._offered[word]
        try:
            return entry.load()
        except Exception as error:  # whatever a stranger's module raises when it is imported
            where = f"{entry.value} of {entry.dist.name if entry.dist else 'a package'}"
            raise PluginError(
                explain(
                    f"{self.group}: {word}", f"{type(error).__name__}: {error}", f"{where} to load", "mend it there"
                )
            ) from error

    def loaded(self) -> dict[str, Any]:
        """All that can be had, without what a package offers in vain: who says its word is told why."""
        found = {}
        for word in self:
            with suppress(PluginError):
                found[word] = self[word]
        return found

    @property
    def words(self) -> str:
        """All words, for help and messages: `a, b or c`."""
        *most, last = self
        return f"{', '.join(most)} or {last}" if most else last
