"""Checks that the recipes of data sets share."""

from __future__ import annotations

import numpy as np

from neurokit.errors import OutOfRange, explain


def require_least(recipe: object, **least: int) -> None:
    """Raise OutOfRange at the first field of `recipe` that is below the number named."""
    for name, bound in least.items():
        value = getattr(recipe, name)
        if value < bound:
            raise OutOfRange(
                explain(f"{type(recipe).__name__}.{name}", value, f"at least {bound}", "ask for more of them")
            )


def require_above_zero(recipe: object, *names: str) -> None:
    """Raise OutOfRange at the first field of `recipe` that is not a finite number > 0."""
    for name in names:
        value = getattr(recipe, name)
        if not np.isfinite(value) or value <= 0:
            raise OutOfRange(
                explain(f"{type(recipe).__name__}.{name}", value, "a finite number > 0", "choose a value above zero")
            )
