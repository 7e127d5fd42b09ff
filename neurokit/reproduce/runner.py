"""Rows by seeds: every trial kept in a file of its own as soon as it is done, so that an interrupted table goes on."""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

from neurokit.errors import OutOfRange, RunError, explain
from neurokit.files import write_text
from neurokit.reproduce.row import Row
from neurokit.reproduce.trial import Trial, train

#: Told how many trials are done, of how many, and what was done last or is under way.
Progress = Callable[[float, str], None]


class Cache:
    """A folder with one JSON file a trial, named by row, seed and the fingerprint of what it computes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, row: Row, seed: int) -> Path:
        """The file of that trial."""
        slug = re.sub(r"[^a-z0-9]+", "-", row.name.lower()).strip("-")
        return self.folder / f"{slug}-seed{seed}-{row.digest}.json"

    def load(self, row: Row, seed: int) -> Trial | None:
        """The trial, or None if it was not done yet. Raises RunError for a file that is not one."""
        path = self.path(row, seed)
        if not path.exists():
            return None
        try:
            return Trial.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError) as error:
            legal = "a trial as `neurokit reproduce` wrote it"
            raise RunError(explain(f"file {str(path)!r}", f"of another kind ({error})", legal, "remove it")) from None

    def save(self, row: Row, trial: Trial) -> None:
        """Write the trial, whole or not at all."""
        write_text(self.path(row, trial.seed), json.dumps(trial.as_dict(), indent=1) + "\n")


def run(
    rows: Sequence[Row], *, seeds: int, jobs: int, cache: Cache, progress: Progress | None = None
) -> dict[str, list[Trial]]:
    """Trials of all rows from the seeds 0, 1, ..., by row name in the order of `rows`; those in `cache` are not redone.

    With `jobs` > 1 that many processes work side by side, one thread each. Raises OutOfRange for numbers below one.
    """
    for name, value in (("seeds", seeds), ("jobs", jobs)):
        if value < 1:
            raise OutOfRange(explain(f"reproduce: {name}", value, "at least 1", "raise it"))
    # Seeds on the outside: rows of one problem then share its data, and every row has a number early.
    wanted = [(row, seed) for seed in range(seeds) for row in rows]
    done = {(row.name, seed): trial for row, seed in wanted if (trial := cache.load(row, seed)) is not None}
    missing = [(row, seed) for row, seed in wanted if (row.name, seed) not in done]
    tell = progress or (lambda count, note: None)
    tell(len(done), "")

    def keep(row: Row, trial: Trial) -> None:
        cache.save(row, trial)
        done[row.name, trial.seed] = trial
        tell(len(done), _said(row, trial))

    if jobs == 1:
        for row, seed in missing:
            note = f"{row.name}, seed {seed}"
            keep(row, train(row, seed, lambda share, note=note: tell(len(done) + share, note)))  # type: ignore[misc]
    else:
        _side_by_side(missing, jobs, keep)
    return {row.name: [done[row.name, seed] for seed in range(seeds)] for row in rows}


def kept(rows: Sequence[Row], *, seeds: int, cache: Cache) -> dict[str, list[Trial]]:
    """What `run` has done so far: the trials in `cache` of every row that has one, by row name."""
    found = {row.name: [trial for seed in range(seeds) if (trial := cache.load(row, seed)) is not None] for row in rows}
    return {name: trials for name, trials in found.items() if trials}


def _side_by_side(missing: Sequence[tuple[Row, int]], jobs: int, keep: Callable[[Row, Trial], None]) -> None:
    # Threads of torch and numba do not survive a fork.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: dict[Future[Trial], Row] = {pool.submit(train, row, seed): row for row, seed in missing}
        try:
            while waiting:
                finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    keep(waiting.pop(future), future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _said(row: Row, trial: Trial) -> str:
    errors: Mapping[str, float] | None = trial.errors
    became = trial.failure if errors is None else f"{errors[row.metric.value]:.4f}"
    return f"{row.name}, seed {trial.seed}: {became}"
