"""What tables share: how a bar that was met or missed is said, and how lines become Markdown."""

from __future__ import annotations

from collections.abc import Sequence

#: Of `met`, on the console and on a page.
CONSOLE = {True: "yes", False: "miss", None: None}
PAGE = {True: "yes", False: "**miss**", None: "-"}


def page_table(columns: Sequence[str], lines: Sequence[Sequence[str]], budget: float, share: str = "") -> str:
    """A Markdown table; says on its face when runs were shortened to `budget`, and of what that is a share."""
    above = [] if budget == 1 else [f"**Runs shortened to {budget:g}{share}: not results.**", ""]
    rule = "|" + "---|" * len(columns)
    return (
        "\n".join([*above, f"| {' | '.join(columns)} |", rule, *(f"| {' | '.join(line)} |" for line in lines)]) + "\n"
    )
