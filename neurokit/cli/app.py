"""`neurokit`: the commands, and how an error becomes a message and an exit code."""

from __future__ import annotations

import ast
import signal
import sys
from importlib import import_module
from importlib.resources import files
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from neurokit._version import __version__
from neurokit.cli.console import console, warnings_shown
from neurokit.cli.outputs import leftovers
from neurokit.errors import REMEDIES, NeurokitError, OutputFailed
from neurokit.system.termination import end_with_torchrun, guarded

#: Where each command is, below `neurokit.cli`, in the order of help.
COMMANDS = {
    "demo": "demo_bench:demo",
    "train": "train:train",
    "learn": "learn:learn",
    "compile": "compile_run_compare:compile_",
    "targets": "targets_command:targets",
    "check": "chips:check",
    "place": "chips:place",
    "estimate": "chips:estimate",
    "run": "compile_run_compare:run",
    "export": "exchange:export",
    "import": "exchange:import_",
    "compare": "compile_run_compare:compare",
    "doctor": "doctor:doctor",
    "selftest": "selftest:selftest",
    "bundle": "bundle:bundle",
    "verify": "bundle:verify",
    "bench": "demo_bench:bench",
    "reproduce": "reproduce:reproduce",
}


class Commands(TyperGroup):
    """The commands, each imported when it is called, so that help lists them all in a moment."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The words, in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What help shows of a command; None for a word that is none."""
        return TyperCommand(cmd_name, help=summary(cmd_name)) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, of which `get_command` gives the outside."""
        name, shown, rest = super().resolve_command(ctx, args)
        return name, shown if shown is None or shown.name is None else command(shown.name), rest


def command(name: str) -> Any:
    """The command of that word, as Typer makes it of its function."""
    module, _, function = COMMANDS[name].partition(":")
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    alone.command(name)(getattr(import_module(f"neurokit.cli.{module}"), function))
    return typer.main.get_command(alone)


def summary(name: str) -> str:
    """What the function of a command says of itself, read from its file: to import it may take a second."""
    module, _, function = COMMANDS[name].partition(":")
    source = (files("neurokit.cli") / f"{module}.py").read_text(encoding="utf-8")
    (found,) = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == function)
    return ast.get_docstring(found) or ""


app = typer.Typer(
    cls=Commands,
    name="neurokit",
    help="From a spiking network in PyTorch to integers on Intel's Loihi 2, spike for spike.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True),
) -> None:
    context.with_resource(warnings_shown())
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point. Exit codes: 0 what was claimed holds, 1 it does not, 2 the input was wrong, 130 interrupted."""
    with guarded():
        end_with_torchrun()  # now, as it takes long to load PyTorch
        _main()


def _main() -> None:
    # Set by a shell after `trap '' CHLD`, it would hide from every command how the processes that it starts have ended.
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        app()
    except OutputFailed as error:
        console.print(" ".join(filter(None, (str(error), leftovers()))), markup=False)
        sys.exit(2)
    except NeurokitError as error:
        console.print(f"[red]{type(error).__name__}:[/red]", end=" ")
        console.print(str(error), markup=False)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        remedy = "this command needs PyTorch, which is not installed: pip install 'neurokit-loihi[train]'"
        console.print(remedy, markup=False)
        sys.exit(2)
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        console.print(f"{error}. {REMEDIES[error.errno]}.", markup=False)
        sys.exit(2)
    except KeyboardInterrupt:
        console.print("interrupted")
        sys.exit(130)
