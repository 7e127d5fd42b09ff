"""`neurokit selftest`: does a target keep the assumptions under which Programs run exactly?"""

from __future__ import annotations

from typing import Annotated

import typer

from neurokit.cli.console import JsonOption, console, emit, table
from neurokit.errors import TargetError, explain
from neurokit.targets.registry import TARGETS, parse
from neurokit.targets.verification.selftest.assumptions import assumptions
from neurokit.targets.verification.selftest.verdict import TOGETHER, Verdict, examine


def selftest(
    target: Annotated[str, typer.Option(help=f"What to examine: {', '.join(TARGETS)}.")] = "reference",
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="One assumption alone; repeatable.")
    ] = None,
    together: Annotated[int, typer.Option(help="Assumptions that share one run.", min=1)] = TOGETHER,
    deadline: Annotated[float, typer.Option(help="Seconds after which a run on Lava is stopped.", min=1)] = 600.0,
    json: JsonOption = None,
) -> None:
    """Hold a target against known answers, assumption by assumption; exit code 1 if one does not hold."""
    by_name = {each.name: each for each in assumptions()}
    unknown = sorted(set(only or []) - set(by_name))
    if unknown:
        raise TargetError(explain("--only", ", ".join(unknown), ", ".join(by_name), "name one of those"))
    (chosen,) = parse(target, deadline)
    verdict = examine(chosen, [by_name[name] for name in only] if only else None, together=together)
    show(verdict)
    emit(verdict.to_json(), json)
    if not verdict.holds:
        raise typer.Exit(1)


def show(verdict: Verdict) -> None:
    """One row an assumption, and what differs."""
    table(
        f"self-test of {verdict.target}",
        ["assumption", "", "numbers", "claim"],
        [[f.assumption, "holds" if f.holds else "FAILS", f.compared, f.claim] for f in verdict.findings],
    )
    for finding in verdict.findings:
        if not finding.holds:
            console.print(f"{finding.assumption}: {finding.why}", markup=False)
    held = sum(finding.holds for finding in verdict.findings)
    colour = "green" if verdict.holds else "red"
    console.print(f"[{colour}]{held} of {len(verdict.findings)} assumptions hold[/{colour}]")
