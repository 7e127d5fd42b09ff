"""`neurokit`: the commands, and how an error becomes a message and an exit code."""

from __future__ import annotations

import signal
import sys

import typer

from neurokit._version import __version__
from neurokit.cli import bundle, chips, exchange, reproduce, selftest
from neurokit.cli import compile_run_compare as deploy
from neurokit.cli import demo_bench as show
from neurokit.cli import doctor as health
from neurokit.cli import learn as learning
from neurokit.cli import targets_command as support
from neurokit.cli import train as learn
from neurokit.cli.console import console, warnings_shown
from neurokit.cli.outputs import leftovers
from neurokit.errors import REMEDIES, NeurokitError, OutputFailed
from neurokit.system.termination import end_with_torchrun, guarded

app = typer.Typer(
    name="neurokit",
    help="From a spiking network in PyTorch to integers on Intel's Loihi 2, spike for spike.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("demo")(show.demo)
app.command("train")(learn.train)
app.command("learn")(learning.learn)
app.command("compile")(deploy.compile_)
app.command("targets")(support.targets)
app.command("check")(chips.check)
app.command("place")(chips.place)
app.command("estimate")(chips.estimate)
app.command("run")(deploy.run)
app.command("export")(exchange.export)
app.command("import")(exchange.import_)
app.command("compare")(deploy.compare)
app.command("doctor")(health.doctor)
app.command("selftest")(selftest.selftest)
app.command("bundle")(bundle.bundle)
app.command("verify")(bundle.verify)
app.command("bench")(show.bench)
app.command("reproduce")(reproduce.reproduce)


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
