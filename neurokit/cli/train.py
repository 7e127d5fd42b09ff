"""`neurokit train`: data, a spiking network, and a gradient estimator of one's choice, in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from neurokit.cli.console import JsonOption, console, emit, progress, table
from neurokit.cli.outputs import claim
from neurokit.errors import NeurokitError, RunError, explain
from neurokit.neurons.models import WORDS
from neurokit.training import words

#: Options that name files of samples, and the keys that they stand for.
_DATA_FILES = {"--data": "problem.train", "--test-data": "problem.test"}


def _show_keys() -> None:
    """Print the tables of all keys of a configuration."""
    from rich.markup import escape
    from rich.table import Table

    from neurokit.training.runs.reference import tables

    for one in tables():
        console.print(f"[bold]{escape(one.title)}[/bold]  {escape(one.summary)}")
        view = Table.grid("key", "default", "meaning", padding=(0, 2), pad_edge=True)
        for row in one.rows:
            view.add_row(*map(escape, row))
        console.print(view)


class Device(str, Enum):
    """Where tensors live."""

    CPU = "cpu"
    CUDA = "cuda"


class Spread(str, Enum):
    """How work is divided."""

    DIRECTIONS = "directions"
    DATA = "data"


def train(
    config: Annotated[Path | None, typer.Option(help="A TOML file; options given beside it win.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; by default runs/PROBLEM-METHOD-seedSEED.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out, bit for bit.")] = False,
    keys: Annotated[
        bool, typer.Option("--keys", help="Print every key of the TOML file with its default, and do nothing else.")
    ] = False,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any key of the TOML file, such as neuron.kind=lif."),
    ] = None,
    problem: Annotated[
        str | None,
        typer.Option(help=f"What is learnt: {words.PROBLEMS.words}; npz is your own data."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Samples to train on (.npz), for --problem npz.")] = None,
    test_data: Annotated[
        Path | None, typer.Option(help="Samples to test with (.npz), unless they are in --data.")
    ] = None,
    length_scale: Annotated[float | None, typer.Option(help="Length scale of the random input functions.")] = None,
    network: Annotated[
        str | None, typer.Option(help=f"{words.NETWORKS.words}; by default what suits the problem.")
    ] = None,
    hidden: Annotated[
        str | None, typer.Option(help="Neurons in the hidden layers (of every part), such as 32 or 64,64.")
    ] = None,
    features: Annotated[int | None, typer.Option(help="Features p that branch and trunk share.")] = None,
    steps: Annotated[int | None, typer.Option(help="Time steps T of a window.")] = None,
    neuron: Annotated[str | None, typer.Option(help=f"{', '.join(WORDS)}; its values by --set neuron.KEY=.")] = None,
    surrogate: Annotated[
        str | None,
        typer.Option(help=f"{words.SURROGATES.words}."),
    ] = None,
    method: Annotated[str | None, typer.Option(help=f"How gradients are found: {words.METHODS.words}.")] = None,
    directions: Annotated[int | None, typer.Option(help="Directions K of a randomised forward gradient.")] = None,
    distribution: Annotated[
        str | None, typer.Option(help=f"What they are drawn from: {words.DISTRIBUTIONS.words}.")
    ] = None,
    readout: Annotated[
        str | None,
        typer.Option(help="Readouts in closed-form (deeponet), alternating (operators), or by the gradient."),
    ] = None,
    rule: Annotated[str | None, typer.Option(help=f"How readouts weight time: {words.READOUT_RULES.words}.")] = None,
    iterations: Annotated[int | None, typer.Option(help="Iterations.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples in a batch.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate at its highest.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Shrinkage of weights per unit of learning rate.")] = None,
    normalize: Annotated[
        bool | None,
        typer.Option(
            "--normalize/--no-normalize",
            help="Centre and scale inputs and answers for training; by default for --problem npz alone.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of data, first weights, and estimator at once.")] = None,
    device: Annotated[Device | None, typer.Option(help="Where to train.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
    spread: Annotated[
        Spread | None, typer.Option(help="What the processes that torchrun starts divide among them.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--for", help="Refuse at once what this target could never run; see `targets`.")
    ] = None,
    tensorboard: Annotated[bool | None, typer.Option("--tensorboard", help="Log for TensorBoard too.")] = None,
    json: JsonOption = None,
) -> None:
    """Train a spiking network; what is not said is the recipe that was found best on the 1D Poisson problem.

    The folder holds the effective config.toml, metrics.jsonl, curve.png, checkpoint.pt and, at the end, model.pt.
    """
    if keys:
        _show_keys()
        return
    said: dict[str, Any] = {
        "problem.name": problem,
        "problem.train": None if data is None else str(data),
        "problem.test": None if test_data is None else str(test_data),
        "problem.length_scale": length_scale,
        "network.kind": network,
        "network.hidden": _widths(hidden),
        "network.features": features,
        "network.steps": steps,
        "neuron.kind": neuron,
        "surrogate.kind": surrogate,
        "estimator.method": method,
        "estimator.directions": directions,
        "estimator.distribution": distribution,
        "readout.by": readout,
        "readout.rule": rule,
        "optimiser.iterations": iterations,
        "optimiser.batch_size": batch_size,
        "optimiser.learning_rate": learning_rate,
        "optimiser.weight_decay": weight_decay,
        "optimiser.normalize": normalize,
        **{f"seeds.{name}": seed for name in ("data", "model", "estimator")},
        "run.device": None if device is None else device.value,
        "run.threads": threads,
        "run.spread": None if spread is None else spread.value,
        "run.target": target,
        "run.tensorboard": tensorboard,
    }
    overrides = {name: value for name, value in said.items() if value is not None}
    if resume and out is None:
        raise RunError(explain("--out", "not given", "the folder of the run", "say --out FOLDER --resume"))
    if resume and (config is not None or overrides or options):
        given = [*([] if config is None else ["--config"]), *overrides, *(options or [])]
        raise RunError(
            explain(
                "what is given beside --resume",
                ", ".join(given),
                "--out FOLDER alone: the run goes on as its config.toml says",
                "take it out, or start another run",
            )
        )
    _train(config, out, resume, overrides, options or [], json)


def _widths(hidden: str | None) -> list[int] | None:
    if hidden is None:
        return None
    try:
        return [int(width) for width in hidden.split(",")]
    except ValueError:
        raise RunError(explain("--hidden", repr(hidden), "widths such as 32 or 64,64", "write such a list")) from None


def _admission(target: str | None) -> Callable[[Any], None] | None:
    """What refuses a network that could never run on the target of that name; None without one."""
    if target is None:
        return None
    from neurokit.targets.support import runs_on, target_named

    return runs_on(target_named(target))


def _train(
    config: Path | None, out: Path | None, resume: bool, overrides: dict[str, Any], sets: list[str], json: str | None
) -> None:
    from neurokit.data.data_files import DataFiles
    from neurokit.training.loop import Tell
    from neurokit.training.runs.config import option, read_config, read_tables
    from neurokit.training.runs.folder import RunFolder
    from neurokit.training.runs.process_group import join_group, leads_by_environment
    from neurokit.training.runs.training import require_device, train_run

    if resume:
        assert out is not None, "checked before"
        folder = RunFolder(out)
        chosen = folder.require_run()
        admit = _admission(chosen.run.target)
    else:
        given = overrides | dict(map(option, sets))
        files = {flag: overrides[key] for flag, key in _DATA_FILES.items() if key in overrides}
        if files and read_tables(config, given)["problem"].get("name") != "npz":
            flag, file = next(iter(files.items()))
            legal = "files of samples for that problem alone, as all others draw theirs"
            raise RunError(explain(flag, f"{file!r} without --problem npz", legal, "say --problem npz too"))
        chosen = read_config(config, given)
        require_device(chosen.run.device)
        admit = _admission(chosen.run.target)
        name = f"{chosen.word('problem')}-{chosen.word('estimator')}-seed{chosen.seeds.estimator}"
        folder = RunFolder(out or Path("runs") / name)
        problem = chosen.problem
        samples = (problem.train, problem.test) if isinstance(problem, DataFiles) else ()
        claim(folder=folder.path, reads=[config, *samples], writes=[json])
        if leads_by_environment():
            folder.create(chosen)  # which leaves nothing where it fails
    total = chosen.optimiser.iterations
    with join_group() as group, progress(shown=group.leads) as bars:
        task = bars.add_task("train", total=total, note="")
        error = ""

        def judged(line: Any) -> None:
            nonlocal error
            if "test_error" in line:
                error = f", test error {line['test_error']:.4f}"
                if "test_error_centred" in line:
                    error += f" ({line['test_error_centred']:.4f} of the spread)"

        def told(done: int, loss: float) -> None:
            bars.update(task, completed=done, note=f"loss {loss:.2e}{error}")

        try:
            outcome = train_run(chosen, folder, group=group, admit=admit, observers=[Tell(told)], listeners=[judged])
        except NeurokitError:
            if group.leads and not resume:
                folder.take_back()
            if group.leads and folder.checkpoint.exists():
                bars.stop()
                console.print(f"it can be continued with: neurokit train --out {folder.path} --resume")
            raise
        except KeyboardInterrupt:
            bars.stop()
            if group.leads:
                console.print(f"interrupted; continue with: neurokit train --out {folder.path} --resume")
            raise typer.Exit(130) from None
    if not group.leads:
        return
    record = {
        "algorithm": outcome.algorithm,
        "seed": chosen.seeds.estimator,
        "seeds": vars(chosen.seeds),
        "relative_l2": outcome.error.as_dict(),
        "seconds": outcome.history.seconds,
        "iterations": chosen.optimiser.iterations,
        "model": str(folder.model),
        "folder": str(folder.path),
        "processes": group.size,
        "bytes_sent": group.sent,
    }
    table(f"{folder.path}: {outcome.algorithm}", ["", "value"], [
        ["relative L2 on test samples, mean", outcome.error.mean],
        ["relative L2 on test samples, global", outcome.error.overall],
        ["L2 relative to the spread of the test answers", outcome.error.centred],
        ["seconds", outcome.history.seconds],
    ])  # fmt: skip
    if outcome.error.warning is not None:
        console.print("[yellow]warning:[/yellow]", end=" ")
        console.print(outcome.error.warning, markup=False)
    emit(record, json)
