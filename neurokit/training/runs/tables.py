"""Tables of TOML to frozen dataclasses and back: field by field, every mistake named with its key.

A field's type says what its value may be: `int`, `float` (finite; whole numbers will do), `bool`, `str`, `Path`,
`Literal` words, tuples, a union of these (the first that fits), another dataclass (a table), or a type that has a
vocabulary. A vocabulary says which dataclasses may stand there and by which words: `kernel = "rbf"`, or
`kernel = { name = "periodic-rbf", period = 2.0 }` where one of them has fields of its own. Ranges are the dataclasses'
own business: they raise OutOfRange or GraphError.
"""

from __future__ import annotations

import difflib
import json
import math
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from neurokit.errors import NeurokitError, RunError, explain


@dataclass(frozen=True)
class Vocabulary:
    """The dataclasses that may stand in a place, by word; `key` is the key of a table that says the word."""

    key: str
    kinds: Mapping[str, type[Any]]

    def word(self, choice: object) -> str:
        """The word of an object."""
        return next(word for word, kind in self.kinds.items() if kind is type(choice))


#: The vocabulary of a type, which may be a union or a protocol.
Vocabularies = Mapping[Any, Vocabulary]


@dataclass(frozen=True)
class Key:
    """A field that a table may set."""

    name: str
    hint: Any
    default: Any


def keys(kind: type[Any], vocabulary: Vocabulary | None = None) -> list[Key]:
    """The fields of a dataclass in order, without one that merely repeats the word of its vocabulary."""
    hints = get_type_hints(kind)
    listed = []
    for field in fields(kind):
        if vocabulary is not None and field.name == vocabulary.key:
            continue
        made = field.default_factory
        default = made() if made is not MISSING else field.default
        listed.append(Key(field.name, hints[field.name], default))
    return listed


class Reader:
    """Reads tables and gathers what is wrong with them, so that all mistakes can be said at once.

    source  what to call the file in messages

    Relative paths start at the working directory, and are made absolute.
    """

    def __init__(self, vocabularies: Vocabularies, source: str) -> None:
        self.vocabularies, self.source = vocabularies, source
        self.mistakes: list[str] = []

    def read(
        self, kind: type[Any], table: Mapping[str, Any], agree: Callable[[Any], Iterable[str]] = lambda read: ()
    ) -> Any:
        """The object that `table` says; `agree` gives the mistakes in how its parts go together, where all are legal.

        Raises RunError with a line for every mistake.
        """
        read = self._object(kind, table, "", None)
        if read is not None:
            self.mistakes += agree(read)
        if self.mistakes:
            raise RunError("\n".join(self.mistakes))
        return read

    def _wrong(self, path: str, value: object, legal: str, remedy: str = "write such a value") -> None:
        self.mistakes.append(explain(f"{self.source}: {path}", value, legal, remedy))

    def _object(self, kind: type[Any], table: Any, path: str, vocabulary: Vocabulary | None) -> Any:
        if not isinstance(table, Mapping):
            return self._wrong(path, repr(table), "a table", f"write [{path}] and keys below it")
        known = {key.name: key for key in keys(kind, vocabulary)}
        values, legal_values = {}, True
        for name, value in table.items():
            below = f"{path}.{name}" if path else name
            if name in known:
                values[name] = self._value(known[name], value, below)
                legal_values = legal_values and values[name] is not None
            elif vocabulary is None or name != vocabulary.key:
                names = [*([] if vocabulary is None else [vocabulary.key]), *known]
                near = difflib.get_close_matches(name, names, 1)
                self._wrong(
                    below, repr(value), f"only {', '.join(names)}", f"write {near[0]!r}" if near else "take it out"
                )
        for name in known.keys() - table.keys():
            if known[name].default is MISSING:
                self._wrong(f"{path}.{name}", "not given", legal(known[name].hint, self.vocabularies), "say it")
                legal_values = False
        if not legal_values:
            return None
        try:  # also where a key is unknown, so that it hides no mistake in the others
            return kind(**values)
        except NeurokitError as error:
            self.mistakes.append(f"{self.source}: {path}: {error}")
            return None

    def _choice(self, vocabulary: Vocabulary, key: Key, value: Any, path: str) -> Any:
        table = {vocabulary.key: value} if isinstance(value, str) else value
        if not isinstance(table, Mapping):
            return self._wrong(path, repr(value), legal(key.hint, self.vocabularies))
        word = table.get(vocabulary.key, None if key.default is MISSING else vocabulary.word(key.default))
        kind = vocabulary.kinds.get(word) if isinstance(word, str) else None
        if kind is None:
            said = f"{path}.{vocabulary.key}"
            near = difflib.get_close_matches(str(word), vocabulary.kinds, 1)
            remedy = f"write {near[0]!r}" if near else "write one of those"
            self._wrong(said, repr(word), ", ".join(map(repr, vocabulary.kinds)), remedy)
            if near:  # what it most likely is says whether the other keys are right
                self._object(vocabulary.kinds[near[0]], table, path, vocabulary)
            return None
        return self._object(kind, table, path, vocabulary)

    def _value(self, key: Key, value: Any, path: str) -> Any:
        hint = _wanted(key.hint)
        if hint in self.vocabularies:
            return self._choice(self.vocabularies[hint], key, value, path)
        if is_dataclass(hint):
            assert isinstance(hint, type), "a type hint"
            return self._object(hint, value, path, None)
        plain = self._plain(hint, value)
        if plain is None:
            self._wrong(path, repr(value), legal(hint, self.vocabularies))
        return plain

    def _plain(self, hint: Any, value: Any) -> Any:
        """`value` as the type `hint`, or None where it is not one."""
        origin, arguments = get_origin(hint), get_args(hint)
        if _is_union(hint):
            read = (self._plain(argument, value) for argument in arguments if argument is not types.NoneType)
            return next((one for one in read if one is not None), None)
        if origin is Literal:
            return value if value in arguments else None
        if origin is tuple:
            if not isinstance(value, list | tuple):
                return None
            kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
            if len(kinds) != len(value):
                return None
            parts = tuple(self._plain(kind, part) for kind, part in zip(kinds, value, strict=True))
            return None if any(part is None for part in parts) else parts
        if hint is Path:
            return Path(value).absolute() if isinstance(value, str) else None
        if hint is float:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return float(value) if number and math.isfinite(value) else None
        return value if type(value) is hint else None


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _wanted(hint: Any) -> Any:
    """`X` for `X | None`, else the type itself."""
    wanted = [argument for argument in get_args(hint) if argument is not types.NoneType]
    return wanted[0] if _is_union(hint) and len(wanted) == 1 else hint


def legal(hint: Any, vocabularies: Vocabularies) -> str:
    """In words, what a field of a type may be."""
    hint = _wanted(hint)
    if hint in vocabularies:
        return ", ".join(map(repr, vocabularies[hint].kinds))
    origin, arguments = get_origin(hint), get_args(hint)
    if _is_union(hint):
        return ", or ".join(legal(argument, vocabularies) for argument in arguments if argument is not types.NoneType)
    if origin is Literal:
        return ", ".join(map(repr, arguments))
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"a list, each of {legal(arguments[0], vocabularies)}"
        return f"a list of {len(arguments)}, each {legal(arguments[0], vocabularies)}"
    words = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a word", Path: "a path"}
    return words.get(hint, "a table")


def plain(value: Any, vocabularies: Vocabularies, vocabulary: Vocabulary | None = None) -> dict[str, Any]:
    """An object as a table that `Reader.read` gives back; fields that are None are left out."""
    table: dict[str, Any] = {} if vocabulary is None else {vocabulary.key: vocabulary.word(value)}
    for key in keys(type(value), vocabulary):
        held = getattr(value, key.name)
        if held is None:
            continue
        if key.hint in vocabularies:
            held = plain(held, vocabularies, vocabularies[key.hint])
            if vocabulary is not None and len(held) == 1:  # nothing but its word, and not a section of the file
                held = next(iter(held.values()))
        elif is_dataclass(held):
            held = plain(held, vocabularies)
        table[key.name] = held
    return table


def toml(value: Any) -> str:
    """A plain value in TOML's notation."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {toml(part)}' for name, part in value.items())} }}"
    return repr(value)
