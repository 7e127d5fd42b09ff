"""train_run: a training run from its configuration to its folder, resumable at any moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch

from neurokit.data.data import Split
from neurokit.data.metrics import RelativeL2
from neurokit.data.samples import CALIBRATION_SUFFIX, TEST_SUFFIX, write
from neurokit.errors import OutputFailed, RunError, explain
from neurokit.ir.graph import Graph
from neurokit.networks.model_file import save_model
from neurokit.system.termination import patience
from neurokit.training.loop import History, Observer, errors_on, fit, mean_of_columns, predict
from neurokit.training.recipes import describe
from neurokit.training.runs.compile_samples import calibration_arrays, test_arrays
from neurokit.training.runs.config import RunConfig
from neurokit.training.runs.folder import RunFolder
from neurokit.training.runs.observers import (
    Agreement,
    Checkpoints,
    Listener,
    Metrics,
    Resume,
    TensorBoard,
    require_tensorboard,
)
from neurokit.training.runs.process_group import ProcessGroup
from neurokit.training.runs.spread import SpreadData, SpreadDirections, spread


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a finished run gave: the algorithm in words, the errors on test data, and the losses of all iterations."""

    algorithm: str
    error: RelativeL2
    history: History


def train_run(
    config: RunConfig,
    folder: RunFolder,
    *,
    group: ProcessGroup | None = None,
    admit: Callable[[Graph], object] | None = None,
    observers: Sequence[Observer] = (),
    listeners: Sequence[Listener] = (),
) -> Outcome:
    """Train what `config` says, from the checkpoint in `folder` if there is one, and write the folder's files.

    `folder` must hold the configuration already (`RunFolder.create`). The run that resumes is bit for bit the run that
    was never stopped, on the same machine with the same libraries. An interrupt (SIGINT, SIGTERM) ends it after the
    iteration under way, with a checkpoint, as KeyboardInterrupt; a second one ends it at once. On the command line
    SIGTERM leaves it no more than a second, see `neurokit.system.termination`. All members of `group` call this; the
    leading one alone writes files, and `observers` and `listeners` are its.

    A configuration that names a target needs an `admit` that asks it, as `fit` has one; the command line gives that.

    Raises RunError before anything is generated if the device or TensorBoard is not there or a target is named that
    nothing asks, and what `fit` raises; the folder stays readable and resumable.
    """
    require_device(config.run.device)
    if config.run.target is not None and admit is None:
        legal = "an `admit` that asks it"
        remedy = "give train_run admit=runs_on(target_named(...)) of neurokit.targets.support"
        raise RunError(explain("run.target", f"{config.run.target!r} alone", legal, remedy))
    if config.run.tensorboard:
        require_tensorboard()
    group = group or ProcessGroup()
    estimator = config.gradient()
    algorithm = describe(estimator)
    kind = SpreadDirections if config.run.spread == "directions" else SpreadData
    estimator = spread(estimator, kind, group)
    data = config.generate()
    model = config.network_for(data.train)
    learner = config.learner(model).to(config.run.device)

    def fitted(*attending: Observer) -> History:
        return fit(
            learner,
            data.train,
            estimator,
            iterations=config.optimiser.iterations,
            batch_size=config.optimiser.batch_size,
            learning_rate=config.optimiser.learning_rate,
            weight_decay=config.optimiser.weight_decay,
            seed=config.seeds.estimator,
            threads=config.run.threads,
            admit=admit,
            normalize=config.normalizes,
            observers=[Resume(folder), Agreement(group, config.run.evaluate_every), *attending],
        )

    history = _led(config, folder, data, fitted, observers, listeners) if group.leads else _followed(fitted)
    error = errors_on(data.test, predict(model, data.test), mean_of_columns(data.train))
    if group.leads:
        provenance = {
            "problem": repr(config.problem),
            "algorithm": algorithm,
            **{f"{name}_seed": str(seed) for name, seed in vars(config.seeds).items()},
        }
        save_model(model, folder.model, data.train.domain, provenance)
        write(calibration_arrays(data.train), folder.model.with_suffix(CALIBRATION_SUFFIX))
        write(test_arrays(data.test), folder.model.with_suffix(TEST_SUFFIX))
        if not folder.curve.exists():
            folder.draw(algorithm)  # which says now why it could not be drawn
    return Outcome(algorithm, error, history)


def _led(
    config: RunConfig,
    folder: RunFolder,
    data: Split[Any],
    fitted: Callable[..., History],
    observers: Sequence[Observer],
    listeners: Sequence[Listener],
) -> History:
    """The leading member's run: logged, checkpointed, and drawn however it ends."""
    run = config.run
    board = TensorBoard(folder) if run.tensorboard else None
    told = (*listeners, *(() if board is None else (board,)))
    with stop_requests() as asked, Metrics(folder, data, run.log_every, run.evaluate_every, told) as metrics:
        checkpoints = Checkpoints(folder, metrics, run.checkpoint_every, run.checkpoint_seconds, asked)
        try:
            patience(True)  # an iteration under way is worth the checkpoint after it
            return fitted(metrics, checkpoints, *observers)
        finally:
            patience(False)
            if board is not None:
                board.close()
            if asked() != signal.SIGTERM:  # then there is no time for pictures
                with suppress(OutputFailed):  # nor is a picture worth the run
                    folder.draw(describe(config.gradient()))


def _followed(fitted: Callable[..., History]) -> History:
    """Another member's run: it stops when the leading one does."""
    with stop_requests() as asked:
        try:
            return fitted()
        except RunError:
            if asked():  # the leading member was asked too, and has left
                raise KeyboardInterrupt from None
            raise


def require_device(device: str) -> None:
    """Raise RunError where `device` is "cuda" and PyTorch finds none."""
    if device == "cuda" and not torch.cuda.is_available():
        why = "was built without CUDA" if torch.version.cuda is None else "finds no CUDA device"
        raise RunError(
            explain("run.device", "'cuda'", f"'cpu': PyTorch {torch.__version__} {why}", "train with --device cpu")
        )


@contextmanager
def stop_requests() -> Iterator[Callable[[], int]]:
    """Until the block ends, SIGINT and SIGTERM are not acted on but remembered: the callable gives the latter if it
    came, else the former, else 0.

    A second one raises KeyboardInterrupt. Python delivers signals to the main thread; in any other nothing is changed.
    """
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return

    def remember(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: max(asked, default=0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
