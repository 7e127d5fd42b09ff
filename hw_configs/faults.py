"""faults: what is wrong with the description of a chip or board, a line for every fault."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from neurokit.errors import explain


def faults(error: ValidationError, kind: type[BaseModel], where: str) -> list[str]:
    """All that keeps the description `where` from being a `kind`."""
    return [_fault(each, kind, where) for each in error.errors(include_url=False)]


def _fault(found: ErrorDetails, kind: type[BaseModel], where: str) -> str:
    path = found["loc"]
    subject = ": ".join([where, *([".".join(map(str, path))] if path else [])])
    value, message = reprlib.repr(found["input"]), found["msg"]
    if found["type"] == "extra_forbidden":
        names = list(_table(kind, path[:-1]).model_fields)
        near = difflib.get_close_matches(str(path[-1]), names, 1)
        legal, remedy = (near[0], "write that") if near else (f"only {', '.join(names)}", "take it out")
        return explain(subject, f"an unknown key with the value {value}", legal, remedy)
    if found["type"] == "missing":
        needed = [name for name, field in _table(kind, path[:-1]).model_fields.items() if field.is_required()]
        return explain(subject, "not given", f"all of {', '.join(needed)}", "add it")
    if found["type"] == "value_error":
        return f"{subject}: {found['ctx']['error']}. To mend it, correct the file."
    if found["type"] == "model_type":
        legal = f"a table of {', '.join(_table(kind, path).model_fields)}"
    elif found["type"] == "literal_error":
        legal = found["ctx"]["expected"]
    else:
        legal = message.removeprefix("Input should be ").partition(", ")[0]
    return explain(subject, value, legal, "write such a value")


def _table(kind: type[BaseModel], path: Iterable[int | str]) -> type[BaseModel]:
    """What the table at `path` of a `kind` is to be."""
    for key in path:
        hint = kind.model_fields[str(key)].annotation
        kind = next(part for part in (hint, *get_args(hint)) if isinstance(part, type) and issubclass(part, BaseModel))
    return kind
