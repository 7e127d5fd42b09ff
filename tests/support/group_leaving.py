"""Pairs of processes that join, exchange and leave, one pair after the other: `python group_leaving.py PAIRS`.

Every pair is forked from this process, which has imported PyTorch already. Prints how many did not end by themselves.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

import torch

from neurokit.training.runs.process_group import join_group

#: Seconds after which a pair will not end any more; it takes a fraction of one, and some on a busy machine.
LIMIT_S = 30.0


def member(rank: int, port: int) -> None:
    here = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2}
    os.environ.update({name: str(value) for name, value in here.items()})
    with join_group() as group:
        for _ in range(5):
            group.gather(torch.arange(8.0), [8, 8])
        if group.leads:
            time.sleep(0.02)  # it writes a file, while the other is about to leave


def ends(port: int) -> bool:
    """Whether both members of a pair come to a good end."""
    waiting = set()
    for rank in range(2):
        child = os.fork()
        if child == 0:
            try:
                member(rank, port)
                os._exit(0)
            finally:
                os._exit(1)
        waiting.add(child)
    good, over = True, time.monotonic() + LIMIT_S
    while waiting and time.monotonic() < over:
        for child in tuple(waiting):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                waiting.discard(child)
                good = good and status == 0
        time.sleep(0.005)
    for child in waiting:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return good and not waiting


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(sum(not ends(free_port()) for _ in range(int(sys.argv[1]))))
