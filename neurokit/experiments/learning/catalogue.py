"""The experiments by the names of the command line, and how their numbers are set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurokit.errors import RunError, explain
from neurokit.experiments.learning.closed_loop import ClosedLoopOnLava
from neurokit.experiments.learning.drift import Drift
from neurokit.experiments.learning.from_scratch import FromScratch
from neurokit.experiments.learning.mismatch import DeviceMismatch
from neurokit.experiments.learning.quantisation import Quantisation
from neurokit.experiments.learning.scaling import Scaling
from neurokit.experiments.learning.setup import Experiment
from neurokit.system.toml_files import read_toml, value_of
from neurokit.training.runs.tables import Reader

_KINDS: tuple[type[Any], ...] = (FromScratch, Quantisation, DeviceMismatch, Drift, ClosedLoopOnLava, Scaling)
EXPERIMENTS: Mapping[str, type[Any]] = {kind.name: kind for kind in _KINDS}


def experiment_of(name: str, config: Path | None, options: list[str]) -> Experiment:
    """The experiment `name` with the numbers of a TOML file and, over them, of `key=value` options.

    Raises RunError for a name, a key or a value that is not known.
    """
    if name not in EXPERIMENTS:
        raise RunError(explain("the experiment", repr(name), ", ".join(EXPERIMENTS), "name one of those"))
    table: dict[str, Any] = {}
    if config is not None:
        try:
            table = read_toml(config)
        except (OSError, ValueError) as error:
            raise RunError(f"{config} is not a readable TOML file: {error}") from None
        if (said := table.pop("experiment", name)) != name:
            raise RunError(explain(f"{config}: experiment", repr(said), repr(name), "name that experiment"))
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise RunError(explain("--set", repr(option), "key=value, such as bits=4", "write it so"))
        table[key.strip()] = value_of(value)
    experiment: Experiment = Reader({}, str(config) if config else "--set").read(EXPERIMENTS[name], table)
    return experiment
