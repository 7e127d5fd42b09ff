"""What attends a run in a folder: Metrics, Checkpoints, TensorBoard."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Protocol

from neurokit.data.data import Split
from neurokit.errors import RunError, explain
from neurokit.system.atomic import explained
from neurokit.training.loop import Observer, Training, errors_on, mean_of_columns, predict
from neurokit.training.runs.folder import RunFolder, flush, metrics_line
from neurokit.training.runs.process_group import ProcessGroup

#: Told every logged line.
Listener = Callable[[Mapping[str, float]], None]


class Resume(Observer):
    """Restores the state of the checkpoint in `folder`, if there is one, before the first iteration."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def begin(self, training: Training) -> None:
        state = self.folder.load_state()
        if state is None:
            return
        try:
            training.restore(state)
        except RunError:
            raise
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise RunError(
                explain(
                    f"file {str(self.folder.checkpoint)!r}",
                    f"of another run ({error})",
                    "a checkpoint of the run in config.toml",
                    "restore that file or start anew",
                )
            ) from error


class Agreement(Observer):
    """Makes sure every `every` iterations, and at the end, that all members of `group` hold the same model."""

    def __init__(self, group: ProcessGroup, every: int) -> None:
        self.group, self.every = group, every

    def iterated(self, training: Training) -> None:
        if training.done % self.every == 0 or training.finished:
            self.group.require_agreement(training.model)


class Metrics(Observer, AbstractContextManager["Metrics"]):
    """Writes metrics.jsonl: every `every` iterations, and with a test error every `evaluate_every` and at the end.

    The test error is that of a copy that is concluded as if the run ended there; the run itself does not notice.
    Every line is written at once; `flush` brings all of them to the disk.
    """

    def __init__(
        self,
        folder: RunFolder,
        data: Split[Any],
        every: int,
        evaluate_every: int,
        listeners: tuple[Listener, ...] = (),
    ) -> None:
        self.folder, self.test, self.every, self.evaluate_every = folder, data.test, every, evaluate_every
        self.centre = mean_of_columns(data.train)
        self.listeners = listeners
        self._stream: Any = None

    def begin(self, training: Training) -> None:
        self.folder.rewind_metrics(training.done)
        with explained(self.folder.metrics, self.folder.metrics):
            self._stream = self.folder.metrics.open("a", encoding="utf-8")

    def iterated(self, training: Training) -> None:
        judged = training.done % self.evaluate_every == 0 or training.finished
        if not judged and training.done % self.every:
            return
        line = {
            "iteration": training.done,
            "loss": float(training.loss[training.done - 1]),
            "learning_rate": training.learning_rate,
            "seconds": training.seconds,
        }
        if judged:
            concluded = copy.deepcopy(training.model)
            training.conclude(concluded)
            error = errors_on(self.test, predict(concluded, self.test), self.centre)
            line["test_error"] = error.mean
            if error.centred is not None:
                line["test_error_centred"] = error.centred
        with explained(self.folder.metrics, self.folder.metrics):
            self._stream.write(metrics_line(line))
            self._stream.flush()
        for listener in self.listeners:
            listener(line)

    def flush(self) -> None:
        """Bring every line to the disk."""
        with explained(self.folder.metrics, self.folder.metrics):
            flush(self._stream)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._stream is not None:
            # What it could not write before, it tries once more; its first error is the one to be raised.
            with suppress(OSError) if error is not None else explained(self.folder.metrics):
                self._stream.close()


class Checkpoints(Observer):
    """Writes checkpoint.pt every `every` iterations, or after `seconds`, at the end, and when asked to stop.

    Metrics reach the disk before the checkpoint that follows them: what a crash can lose is then always after the
    checkpoint, and is written again by the run that resumes. `asked_to_stop` is consulted after every iteration;
    KeyboardInterrupt is raised once the checkpoint is written.
    """

    def __init__(
        self,
        folder: RunFolder,
        metrics: Metrics,
        every: int | None,
        seconds: float,
        asked_to_stop: Callable[[], int],
    ) -> None:
        self.folder, self.metrics, self.every, self.seconds = folder, metrics, every, seconds
        self.asked_to_stop = asked_to_stop
        self._latest = time.monotonic()

    def begin(self, training: Training) -> None:
        self._latest = time.monotonic()

    def iterated(self, training: Training) -> None:
        stop = self.asked_to_stop()
        due = self.every is not None and training.done % self.every == 0
        if stop or due or training.finished or time.monotonic() - self._latest >= self.seconds:
            self.metrics.flush()
            self.folder.save_state(training.state())
            self._latest = time.monotonic()
        if stop:
            raise KeyboardInterrupt


class _Writer(Protocol):
    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...
    def close(self) -> None: ...


class TensorBoard:
    """A listener that writes the logged numbers as TensorBoard's events into `folder/tensorboard`.

    TensorBoard hides what an earlier process logged at or after the first line of this one. Raises RunError when
    TensorBoard is not installed.
    """

    def __init__(self, folder: RunFolder) -> None:
        require_tensorboard()
        self._path = folder.path / "tensorboard"
        self._writer: _Writer | None = None

    def __call__(self, line: Mapping[str, float]) -> None:
        step = int(line["iteration"])
        if self._writer is None:
            from torch.utils.tensorboard.writer import SummaryWriter

            make: Any = SummaryWriter
            self._writer = make(log_dir=str(self._path), purge_step=step)
        assert self._writer is not None
        for name in line.keys() - {"iteration"}:
            self._writer.add_scalar(name, line[name], step)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()


def require_tensorboard() -> None:
    """Raise RunError, which says how to install it, where TensorBoard is not installed."""
    try:
        import tensorboard  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: F401
    except ImportError:
        raise RunError(
            explain(
                "run.tensorboard",
                True,
                "False where TensorBoard is not installed",
                "install it with: pip install 'neurokit-loihi[tensorboard]'",
            )
        ) from None
