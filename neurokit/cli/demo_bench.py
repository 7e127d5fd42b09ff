"""`neurokit demo` and `neurokit bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, TaskID

from neurokit.cli.console import JsonOption, SeedOption, console, emit, progress, table
from neurokit.cli.outputs import claim


def demo(
    out: Annotated[Path, typer.Option(help="Folder for demo.json, demo.png, program.h5 and model.pt.")] = Path("demo"),
    length_scale: Annotated[float, typer.Option(help="Length scale of the random source term.", min=0.05)] = 1.0,
    iterations: Annotated[int | None, typer.Option(help="Training iterations, if not the recipe's own.", min=1)] = None,
    functions: Annotated[int, typer.Option(help="Test functions that go through Lava.", min=1)] = 4,
    locations: Annotated[int, typer.Option(help="Locations of each that go through Lava.", min=1)] = 6,
    deadline: Annotated[float, typer.Option(help="Seconds after which a run on Lava is stopped.", min=1)] = 600.0,
    seed: SeedOption = 0,
    json: JsonOption = None,
) -> None:
    """Train a spiking DeepONet without backpropagation, compile it, and hold Lava against it spike for spike."""
    from neurokit.experiments.demo import Demo

    claim(folder=out, writes=[json])
    experiment = Demo(seed, length_scale, iterations, functions, locations, out, deadline)
    with progress() as bars:
        record = experiment.run(_Stages(bars))
    error, speed, spikes = record["relative_l2"], record["samples_per_second"], record["spikes"]
    on_subset = error["on_lava_subset"]
    console.print(f"[bold]1D Poisson, spiking DeepONet[/bold], seed {seed}: {record['algorithm']}", highlight=False)
    table(
        "relative L2 error on test functions",
        ["", "mean", "global", "centred"],
        [
            ["float model, whole test set", *error["float"].values()],
            ["Program (int8), whole test set", *error["program"].values()],
            ["float model, Lava's samples", *on_subset["float"].values()],
            ["Program (int8), Lava's samples", *on_subset["program"].values()],
            ["Lava (stock processes), same samples", *error["lava"].values()],
        ],
    )
    table(
        f"spike for spike: {', '.join(record['targets'])}",
        ["", "count"],
        [
            ["samples on every target", record["lava_samples"]],
            ["neuron-steps compared", spikes["compared"]],
            ["membrane states compared", record["states_compared"]],
            ["time steps of one sample", record["steps"]["window"]],
            ["time steps of the Lava run", record["steps"]["lava"]],
            ["mismatches", spikes["mismatches"]],
        ],
    )
    table("samples per second", ["target", "samples/s"], [[name, value] for name, value in speed.items()])
    console.print(f"{record['seconds']:.0f} s in all; written to {out}/: demo.json, demo.png, program.h5, model.pt")
    emit(record, json)
    if spikes["mismatches"]:
        console.print("[red]the targets disagree[/red]")
        raise typer.Exit(1)


class _Stages:
    """One progress bar a stage."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int, note: str) -> None:
        if stage not in self.tasks:
            self.tasks[stage] = self.bars.add_task(stage, total=total, note=note)
        self.bars.update(self.tasks[stage], completed=done, total=total, note=note)


#: Names that `neurokit bench` takes.
BENCHMARKS = (
    "twin", "lava", "emulators", "rfg", "train", "learn", "exact", "gradients", "compile", "chip", "silicon",
)  # fmt: skip


def bench(
    name: Annotated[
        str,
        typer.Argument(help=f"Which benchmark: {', '.join(BENCHMARKS)}."),
    ],
    repetitions: Annotated[int, typer.Option(help="Repetitions, taken in turn; medians are reported.", min=1)] = 7,
    lava_samples: Annotated[int, typer.Option(help="bench twin, lava: samples on Lava's stock form.", min=1)] = 16,
    windows: Annotated[int, typer.Option(help="bench lava: batches of 64 on the fused form.", min=1)] = 16,
    depths: Annotated[str, typer.Option(help="bench lava: spiking layers of the chains.")] = "1,2,4,8",
    widths: Annotated[str, typer.Option(help="bench lava, chip: neurons of the layers.")] = "32,128,512",
    picture: Annotated[
        Path | None, typer.Option(help="bench lava, gradients, chip, silicon: where to draw (.png, .pdf, .svg).")
    ] = None,
    steps: Annotated[str, typer.Option(help="bench chip: time steps of the networks.")] = "8,32,128,512",
    bits: Annotated[str, typer.Option(help="bench chip: bits of a weight, 2 to 8.")] = "2,4,8",
    draws: Annotated[int, typer.Option(help="bench gradients: draws of every random estimate.", min=2)] = 60,
    sizes: Annotated[
        str, typer.Option(help="bench compile: neurons of the networks, two sizes or more.")
    ] = "1000,10000,100000,1000000",
    lava_updates: Annotated[int, typer.Option(help="bench learn: updates on a running Lava network.", min=0)] = 0,
    samples: Annotated[int, typer.Option(help="bench train: samples where memory is measured.", min=1)] = 50_000,
    peers: Annotated[
        Path | None, typer.Option(help="Folder of other libraries' environments (train, exact, emulators).")
    ] = None,
    install_peers: Annotated[Path | None, typer.Option(help="bench train: make these environments first.")] = None,
    json: JsonOption = None,
) -> None:
    """Measure ratios between things timed in turn in one run; exit code 0 whether or not a bar is met."""
    claim(writes=[json], picture=picture)
    if name == "twin":
        from neurokit.experiments.bench import twin

        record = twin.run(lava_samples=lava_samples, repetitions=repetitions)
    elif name == "lava":
        from neurokit.experiments.bench import lava

        record = lava.run(
            stock_samples=lava_samples,
            windows=windows,
            repetitions=repetitions,
            depths=_numbers("--depths", depths),
            widths=_numbers("--widths", widths),
            picture=picture,
        )
    elif name == "emulators":
        from neurokit.experiments.bench import emulators

        record = emulators.run(peers=peers, repetitions=repetitions)
    elif name == "rfg":
        from neurokit.experiments.bench import rfg

        record = rfg.run(repetitions=repetitions)
    elif name == "train":
        record = _bench_train(repetitions, samples, peers, install_peers)
    elif name == "learn":
        from neurokit.experiments.bench import learn

        record = learn.run(repetitions=repetitions, lava_updates=lava_updates)
    elif name == "exact":
        from neurokit.experiments.bench import exact

        record = exact.run(repetitions, peers=peers)
    elif name == "gradients":
        from neurokit.experiments.bench import gradients

        record = gradients.run(repetitions=repetitions, draws=draws)
        if picture is not None:
            gradients.draw(record, picture)
    elif name == "compile":
        from neurokit.experiments.bench import compile as compiling

        record = compiling.run(sizes=[int(size) for size in sizes.split(",")])
    elif name == "chip":
        from neurokit.experiments.bench import chip

        record = chip.run(
            steps=_numbers("--steps", steps),
            widths=_numbers("--widths", widths),
            bits=_numbers("--bits", bits),
            repetitions=repetitions,
        )
        if picture is not None:
            chip.draw(record, picture)
    elif name == "silicon":
        from neurokit.experiments.bench import silicon

        record = silicon.run()
        if picture is not None:
            silicon.draw(record, picture)
    else:
        raise typer.BadParameter(f"{name!r} is no benchmark; there are {', '.join(BENCHMARKS)}")
    _print_bench(record)
    emit(record, json)


def _numbers(option: str, words: str) -> list[int]:
    try:
        return [int(word) for word in words.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{option} {words!r} is not a list of whole numbers such as 1,2,4") from None


def _bench_train(repetitions: int, samples: int, peers: Path | None, install_peers: Path | None) -> dict[str, Any]:
    from neurokit.experiments.bench import baselines, train

    with progress() as bars:
        stages = _Stages(bars)
        if install_peers is not None:
            for done, library in enumerate(baselines.LIBRARIES):
                stages("install", done, len(baselines.LIBRARIES), library.name)
                library.install(install_peers)
        return train.run(repetitions, peers=install_peers or peers, samples=samples, progress=stages)


def _print_bench(record: dict[str, Any]) -> None:
    machine = record["machine"]
    console.print(f"bench {record['name']} on {', '.join(f'{key} {value}' for key, value in machine.items())}")
    kinds: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in record["rows"]:
        kinds.setdefault(tuple(row), []).append(row)
    for columns, rows in kinds.items():
        table("", [column.replace("_", " ") for column in columns], [list(row.values()) for row in rows])
    table("ratios, measured in this run", ["", "ratio"], [[k, v] for k, v in record["ratios"].items()])
    if record["bars"]:
        table(
            "bars",
            ["", "measured", "asked", "met"],
            [[k, bar["value"], bar["bar"], "yes" if bar["met"] else "no"] for k, bar in record["bars"].items()],
        )
