"""run: an experiment, method by method, seed by seed, kept in a folder as it goes, so that it can be cut anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neurokit._version import __version__
from neurokit.errors import NeurokitError, OutOfRange, RunError, explain
from neurokit.experiments.learning.setup import Experiment, Row
from neurokit.system.atomic import write_text
from neurokit.training.runs.tables import plain, toml

#: Told how many rows are done, of how many, and which is under way.
Watch = Callable[[float, int, str], None]


def run(experiment: Experiment, seeds: int, folder: Path, watch: Watch | None = None) -> dict[str, Any]:
    """All methods with the seeds 0, 1, ...; returns the record that is also written to `folder/record.json`.

    The folder holds config.toml, a file for every row as soon as it is done, the state of the row under way, and
    curve.png. Rows that are there are not redone. Raises RunError where the folder belongs to another config,
    OutOfRange for less than one seed.
    """
    if seeds < 1:
        raise OutOfRange(explain("learn: seeds", seeds, "at least 1", "raise it"))
    config = config_of(experiment)
    _claim(folder, experiment, config)
    try:
        rows = _rows(experiment, seeds, folder, watch)
    except NeurokitError:
        _take_back(folder)
        raise
    record = {
        "name": experiment.name,
        "neurokit": __version__,
        "config": dict(config),
        "seeds": list(range(seeds)),
        "rows": rows,
        "bars": {name: vars(bar) for name, bar in experiment.bars(rows).items()},
    }
    write_text(folder / "record.json", json.dumps(record, indent=1) + "\n")
    experiment.draw(rows, folder / "curve.png")
    return record


def _rows(experiment: Experiment, seeds: int, folder: Path, watch: Watch | None) -> list[Row]:
    """What became of every method from every seed; rows that are in the folder are not redone."""
    wanted = [(method, seed) for seed in range(seeds) for method in experiment.methods()]
    rows: list[Row] = []
    for done, (method, seed) in enumerate(wanted):
        stem = re.sub(r"[^a-z0-9]+", "-", method.lower()).strip("-") + f"-seed{seed}"
        finished, kept = folder / "rows" / f"{stem}.json", folder / "rows" / f"{stem}.npz"

        def told(share: float, done: int = done, note: str = f"{method}, seed {seed}") -> None:
            if watch is not None:
                watch(done + share, len(wanted), note)

        told(0.0)
        if not finished.exists():
            row = experiment.row(method, seed, kept, told)
            write_text(finished, json.dumps(row, indent=1) + "\n")
            kept.unlink(missing_ok=True)
        rows.append(_read(finished))
    return rows


def config_of(experiment: Experiment) -> Mapping[str, Any]:
    """The numbers of an experiment by their names."""
    return plain(experiment, {})


def _claim(folder: Path, experiment: Experiment, config: Mapping[str, Any]) -> None:
    """Make the folder that of this config, or find that it is."""
    lines = [f"experiment = {toml(experiment.name)}", *(f"{key} = {toml(value)}" for key, value in config.items())]
    text, path = "\n".join(lines) + "\n", folder / "config.toml"
    if not path.exists():
        write_text(path, text)
    elif path.read_text(encoding="utf-8") != text:
        legal = "one without an experiment, or with this one and these numbers"
        raise RunError(explain("the folder", f"{str(folder)!r}, of another config", legal, "name another with --out"))


def _take_back(folder: Path) -> None:
    """Undo `_claim` where nothing was done since, so that other numbers may start here."""
    rows = folder / "rows"
    if not rows.exists() or not any(rows.iterdir()):
        (folder / "config.toml").unlink()
        for place in (rows, folder):
            if place.exists() and not any(place.iterdir()):
                place.rmdir()


def _read(path: Path) -> Row:
    try:
        row: Row = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(explain(f"file {str(path)!r}", f"unreadable ({error})", "a row", "remove it")) from None
    return row
