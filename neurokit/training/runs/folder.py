"""RunFolder: the files of one training run, each readable at any moment, whatever ended the run."""

from __future__ import annotations

import json
import math
import os
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurokit.errors import RunError, explain
from neurokit.plotting import figures
from neurokit.system.atomic import replacing
from neurokit.training.runs.config import RunConfig, read_config, read_tables

FORMAT, VERSION = "neurokit.checkpoint", 1


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run, and how its files are read and written.

    config.toml            the effective configuration
    metrics.jsonl          one object a logged iteration: iteration, loss, learning_rate, seconds, and test_error (mean
                           relative L2) and test_error_centred (relative to the spread of the answers, left out where
                           they have none) where it was evaluated
    curve.png              loss and test error by iteration
    checkpoint.pt          the latest state of the run
    model.pt               the trained network, once the run is done; beside it model.calibration.npz for `compile`
    """

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def curve(self) -> Path:
        return self.path / "curve.png"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def model(self) -> Path:
        return self.path / "model.pt"

    def create(self, config: RunConfig) -> None:
        """Start a folder for `config`. Raises RunError where another run has been."""
        if any(path.exists() for path in (self.config, self.metrics, self.checkpoint, self.model)):
            raise RunError(
                explain(
                    "the run folder",
                    f"{str(self.path)!r}, which holds a run",
                    "a folder without one",
                    "continue that run with --resume, or name another folder with --out",
                )
            )
        config.write(self.config)

    def take_back(self) -> None:
        """Undo `create` where the run was refused before its first iteration, so that another may start here."""
        begun = self.metrics.exists() and self.metrics.stat().st_size > 0
        if not begun and not self.checkpoint.exists() and not self.model.exists():
            for path in (self.config, self.curve, self.metrics):
                path.unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()

    def require_run(self) -> RunConfig:
        """The configuration of the run in this folder. Raises RunError where there is none."""
        if not self.config.exists():
            raise RunError(
                explain(
                    "the run folder",
                    f"{str(self.path)!r}, which has no config.toml",
                    "the folder of a run that was started",
                    "name it with --out, or start a run without --resume",
                )
            )
        said = read_tables(self.config, {}).get("optimiser", {})
        # A run that does not say began before there was normalisation.
        unsaid = isinstance(said, dict) and "normalize" not in said
        return read_config(self.config, {"optimiser.normalize": False} if unsaid else {})

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint, whole or not at all."""
        with replacing(self.checkpoint) as temporary:
            torch.save({"format": FORMAT, "version": VERSION, "state": dict(state)}, temporary)

    def load_state(self) -> dict[str, Any] | None:
        """The state in the checkpoint, or None where none has been written. Raises RunError for a foreign file.

        Nothing but tensors and plain containers is unpickled.
        """
        if not self.checkpoint.exists():
            return None
        try:
            content = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            known = content["format"] == FORMAT and content["version"] == VERSION
            state: dict[str, Any] = content["state"]
        except Exception as error:  # a foreign file makes PyTorch's reader fail in any way
            raise self._foreign(f"unreadable ({type(error).__name__})") from error
        if not known:
            raise self._foreign(f"of version {content['version']} of {content['format']}")
        return state

    def _foreign(self, what: str) -> RunError:
        legal = f"version {VERSION} of {FORMAT}"
        return RunError(explain(f"file {str(self.checkpoint)!r}", what, legal, "take the file away and start anew"))

    def read_metrics(self) -> list[dict[str, Any]]:
        """Every whole line of metrics.jsonl; the last may be cut short by a crash and is then left out."""
        if not self.metrics.exists():
            return []
        lines = self.metrics.read_bytes().split(b"\n")
        return [json.loads(line) for line in lines[:-1]]

    def rewind_metrics(self, done: int) -> None:
        """Keep the lines up to iteration `done`: those after it are going to be written again."""
        kept = [line for line in self.read_metrics() if line["iteration"] <= done]
        with replacing(self.metrics) as temporary:
            temporary.write_text("".join(map(metrics_line, kept)), encoding="utf-8")

    def draw(self, title: str) -> None:
        """Draw the learning curve that metrics.jsonl holds."""
        lines = self.read_metrics()
        figure = figures.new(6.4, 4.0)
        axes = figure.subplots()
        loss = [line["loss"] for line in lines]
        axes.plot([line["iteration"] for line in lines], loss, color=figures.MODEL, lw=0.8, label="loss of the batch")
        axes.set_xlabel("iteration")
        axes.set_title(textwrap.fill(title, 80), fontsize=9)
        axes.set_ylabel("mean square error")
        if any(value > 0 for value in loss):
            axes.set_yscale("log")
        judged = [(line["iteration"], line["test_error"]) for line in lines if "test_error" in line]
        if judged:
            right = axes.twinx()
            right.plot(*np.array(judged).T, "o-", color=figures.INTEGER, ms=3, lw=1, label="test error")
            right.set_ylabel("mean relative L2 error on test data")
            right.set_ylim(0, 1.1 * max(error for _, error in judged))
            figure.legend(loc="outside lower center", ncols=2, frameon=False)
        figures.save(figure, self.curve)


def metrics_line(values: Mapping[str, float]) -> str:
    """One line of metrics.jsonl: numbers, all finite, so that every reader of JSON can read them."""
    assert all(math.isfinite(value) for value in values.values()), values
    return json.dumps(dict(values)) + "\n"


def flush(stream: Any) -> None:
    """Bring what was written to the disk, past the buffers of Python and of the system."""
    stream.flush()
    os.fsync(stream.fileno())
