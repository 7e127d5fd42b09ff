"""Rows by seeds: every trial kept in a file of its own as soon as it is done, so that an interrupted table goes on."""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from neurokit.errors import OutOfRange, RunError, explain
from neurokit.system.atomic import write_text

#: Told how many trials are done, of how many, and what was done last or is under way.
Progress = Callable[[float, str], None]

R = TypeVar("R", bound="Result")


class Result(Protocol):
    """What became of a row from one seed."""

    @property
    def seed(self) -> int: ...

    @property
    def said(self) -> str:
        """The number that counts, in words."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        ...

    @classmethod
    def from_dict(cls: type[R], plain: Mapping[str, Any]) -> R:
        """The inverse of `as_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        ...


T = TypeVar("T", bound=Result)
T_co = TypeVar("T_co", bound=Result, covariant=True)


class Entry(Protocol[T_co]):
    """A row as the runner sees it; `digest` is a fingerprint of everything that decides what a trial computes."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def trial(self, seed: int, scratch: Path, progress: Callable[[float], None]) -> T_co:
        """Everything random follows from `seed`; `progress` is told the share that is done.

        A long trial keeps what it has done in the folder `scratch`, which it makes itself, and goes on from there.
        """
        ...


class Cache(Generic[T]):
    """A folder with one JSON file a trial, named by row, seed and the fingerprint of what it computes."""

    def __init__(self, folder: Path, kind: type[T]) -> None:
        self.folder, self.kind = folder, kind

    def path(self, row: Entry[T], seed: int) -> Path:
        """The file of that trial."""
        slug = re.sub(r"[^a-z0-9]+", "-", row.name.lower()).strip("-")
        return self.folder / f"{slug}-seed{seed}-{row.digest}.json"

    def scratch(self, row: Entry[T], seed: int) -> Path:
        """The folder for what that trial keeps on its way."""
        return self.path(row, seed).with_suffix("")

    def load(self, row: Entry[T], seed: int) -> T | None:
        """The trial, or None if it was not done yet. Raises RunError for a file that is not one."""
        path = self.path(row, seed)
        if not path.exists():
            return None
        try:
            return self.kind.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError) as error:
            legal = "a trial as `neurokit reproduce` wrote it"
            raise RunError(explain(f"file {str(path)!r}", f"of another kind ({error})", legal, "remove it")) from None

    def save(self, row: Entry[T], trial: T) -> None:
        """Write the trial, whole or not at all."""
        write_text(self.path(row, trial.seed), json.dumps(trial.as_dict(), indent=1) + "\n")


def run(
    rows: Sequence[Entry[T]], *, seeds: int, jobs: int, cache: Cache[T], progress: Progress | None = None
) -> dict[str, list[T]]:
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

    def keep(row: Entry[T], trial: T) -> None:
        cache.save(row, trial)
        done[row.name, trial.seed] = trial
        tell(len(done), f"{row.name}, seed {trial.seed}: {trial.said}")

    if jobs == 1:
        for row, seed in missing:
            note = f"{row.name}, seed {seed}"
            tell(len(done), note)
            share: Callable[[float], None] = lambda part, note=note: tell(len(done) + part, note)  # type: ignore[misc]  # noqa: E731
            keep(row, row.trial(seed, cache.scratch(row, seed), share))
    else:
        _side_by_side(missing, jobs, cache, keep)
    return {row.name: [done[row.name, seed] for seed in range(seeds)] for row in rows}


def kept(rows: Sequence[Entry[T]], *, seeds: int, cache: Cache[T]) -> dict[str, list[T]]:
    """What `run` has done so far: the trials in `cache` of every row that has one, by row name."""
    found = {row.name: [trial for seed in range(seeds) if (trial := cache.load(row, seed)) is not None] for row in rows}
    return {name: trials for name, trials in found.items() if trials}


def _side_by_side(
    missing: Sequence[tuple[Entry[T], int]], jobs: int, cache: Cache[T], keep: Callable[[Entry[T], T], None]
) -> None:
    # Threads of torch and numba do not survive a fork.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: dict[Future[T], Entry[T]] = {
            pool.submit(row.trial, seed, cache.scratch(row, seed), _untold): row for row, seed in missing
        }
        try:
            while waiting:
                finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    keep(waiting.pop(future), future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _untold(share: float) -> None:
    """Shares of a trial stay in its process."""
