"""The keys of a configuration, from the code that reads them: for `neurokit train --keys` and docs/training.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, is_dataclass
from typing import Any, NamedTuple

from neurokit.training.runs.config import VOCABULARIES, RunConfig
from neurokit.training.runs.tables import Key, Vocabulary, keys, legal, plain, toml

#: A bar inside a cell of a Markdown table.
_BAR = r"\|"
#: A line of a docstring that says what fields mean, such as `train, test    numbers of functions`.
_SAID = re.compile(r"^(?P<names>\w+(?:, \w+)*) {2,}(?P<meaning>\S.*)$")


class Row(NamedTuple):
    """A key: its default in TOML's notation (or what it may be, where it has none), and what it means."""

    key: str
    default: str
    meaning: str


class Table(NamedTuple):
    """One kind of section, or of a choice inside one: how it is named in the file, what it is, its keys."""

    title: str
    summary: str
    rows: list[Row]


def tables() -> Iterator[Table]:
    """Every section of a configuration in order, kind by kind, each followed by the choices inside it."""
    told: set[Any] = set()
    for section in keys(RunConfig):
        yield from _tables(f"[{section.name}]", section.hint, told)


def markdown() -> str:
    """All tables as Markdown."""
    parts = []
    for table in tables():
        parts.append(f"**`{table.title}`** {table.summary}\n")
        if table.rows:
            rows = "\n".join(
                f"| `{row.key}` | {_cell(row.default)} | {row.meaning.replace('|', _BAR)} |" for row in table.rows
            )
            parts.append(f"| key | default | meaning |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def _tables(title: str, hint: Any, told: set[Any]) -> Iterator[Table]:
    if hint in told:
        return
    told.add(hint)
    vocabulary = VOCABULARIES.get(hint)
    inside: list[Key] = []
    kinds = {"": hint} if vocabulary is None else dict(vocabulary.loaded)
    for word, kind in kinds.items():
        named = title if vocabulary is None else f"{title} {vocabulary.key} = {toml(word)}"
        # Keys that a kind has from another kind of the table are told there, as its docstring says.
        told_there = {key.name for other in kinds.values() if other in kind.__mro__[1:] for key in keys(other)}
        listed = [key for key in keys(kind, vocabulary) if key.name not in told_there]
        inside += listed
        yield Table(named, _summary(kind), [_row(kind, key) for key in listed])
    for key in inside:
        if key.hint in VOCABULARIES:
            yield from _tables(key.name, key.hint, told)


def _row(kind: type[Any], key: Key) -> Row:
    if key.default is MISSING:
        default = legal(key.hint, VOCABULARIES)
    elif key.default is None:
        default = "-"
    else:
        default = toml(_plain(key))
    return Row(key.name, default, _meanings(kind).get(key.name, ""))


def _plain(key: Key) -> Any:
    vocabulary: Vocabulary | None = VOCABULARIES.get(key.hint)
    if vocabulary is None:
        assert not is_dataclass(key.default), "a dataclass without a vocabulary is a section"
        return key.default
    table = plain(key.default, VOCABULARIES, vocabulary)
    return next(iter(table.values())) if len(table) == 1 else table


def _summary(kind: type[Any]) -> str:
    """The first sentence or line of a docstring."""
    return (inspect.getdoc(kind) or "").split("\n")[0]


def _meanings(kind: type[Any]) -> dict[str, str]:
    """What the docstrings of a class and of those that it extends say of its fields."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        names: list[str] = []
        for line in inspect.cleandoc(each.__doc__ or "").split("\n") if is_dataclass(each) else ():
            said = _SAID.match(line)
            if said:
                names = said["names"].split(", ")
                found |= dict.fromkeys(names, said["meaning"])
            elif line.startswith(" ") and names:
                found |= {name: f"{found[name]} {line.strip()}" for name in names}
            else:
                names = []
    return found


def _cell(text: str) -> str:
    return text if text == "-" else f"`{text}`"
