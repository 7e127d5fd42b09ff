"""A pool: several workers at once, each with a Lava network of its own and its share of the samples."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import pairwise

import numpy as np

from neurokit.ir.result import Trace
from neurokit.targets.lava.job import Answer, Job, Timing
from neurokit.targets.lava.supervisor import WORKER, supervise


def supervise_all(jobs: Sequence[Job], deadline_s: float, command: Sequence[str] = WORKER) -> list[Answer]:
    """Run Jobs at once, one worker each; the answers are in their order.

    When one fails, when the deadline is over and on Ctrl-C, all workers are ended before this returns. Raises the first
    failure, as `supervise` does.
    """
    if len(jobs) == 1:  # in this very thread, where Ctrl-C arrives
        return [supervise(jobs[0], deadline_s, command)]
    over = threading.Event()
    failures: list[BaseException] = []

    def one(job: Job) -> Answer:
        try:
            return supervise(job, deadline_s, command, over.is_set)
        except BaseException as error:
            failures.append(error)
            over.set()
            raise

    with ThreadPoolExecutor(len(jobs)) as pool:
        running = [pool.submit(one, job) for job in jobs]
        try:
            wait(running)
        except BaseException:  # Ctrl-C; leaving the block waits for the workers to be ended
            over.set()
            raise
    if failures:
        raise failures[0]
    return [each.result() for each in running]


def shares(job: Job, workers: int) -> list[Job]:
    """A Job as up to `workers` Jobs of nearly as many windows each, samples in order."""
    samples, batch = len(next(iter(job.inputs.values()))), job.form.batch
    windows = math.ceil(samples / batch)
    ends = [round(windows * i / workers) * batch for i in range(workers + 1)]
    return [
        replace(job, inputs={name: x[start:end] for name, x in job.inputs.items()})
        for start, end in pairwise(ends)
        if end > start
    ]


def joined(answers: Sequence[Answer]) -> Answer:
    """The answers to the shares of a Job as one.

    Its run lasts from when the first worker began to when the last one was done, its building as long as the slowest;
    chip steps are those of all.
    """
    first, *others = answers
    if not others:
        return first
    raw = {name: np.concatenate([each.raw[name] for each in answers]) for name in first.raw}
    trace = None
    if first.trace is not None:
        kinds = {
            kind: {name: np.concatenate([getattr(each.trace, kind)[name] for each in answers]) for name in arrays}
            for kind, arrays in vars(first.trace).items()
        }
        trace = Trace(**kinds)
    times = [each.timing for each in answers]
    began = min(t.began for t in times)
    timing = Timing(
        build_s=max(t.build_s for t in times),
        run_s=max(t.began + t.run_s for t in times) - began,
        chip_steps=sum(t.chip_steps for t in times),
        began=began,
    )
    return Answer(raw, trace, timing, first.lava_version)
