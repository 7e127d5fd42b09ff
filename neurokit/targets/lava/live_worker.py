"""The worker of a LiveNetwork: a Lava network that takes orders. Started by `live.LiveNetwork`.

    python -m neurokit.targets.lava.live_worker SOCKET DIRECTORY SHM_PREFIX

Orders come as lines of JSON on a socket, the number of an open file; when one is carried out, a line goes back with the
number of chip steps made since the start.

    {"advance": 33}             make so many chip steps
    {"swap": "swap-0.h5"}       take the weights of this Program, a file of the folder
    {"resume": true}            answered at once: make whole windows of steps until the next order comes
    {"pause": true}             make no more; it is the only order that may come then

In all else it is a `neurokit.targets.lava.worker`: what happens at an error, and when the parent is gone, stands there.
"""

from __future__ import annotations

import json
import select
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

from neurokit.errors import LavaFailure
from neurokit.ir.program import Program
from neurokit.targets.lava.job import Answer, Job
from neurokit.targets.lava.worker import main


def obey(number: int, directory: Path, job: Job) -> Answer:
    """Build the network of a Job in `directory`, then carry out orders; raises LavaFailure when no more can come."""
    from neurokit.targets.lava.network import LavaNetwork

    network = LavaNetwork(job.program, job.form, record=job.record, period=job.period, directory=directory)
    # Its buffers are for the host to write and read, so it is not entered as a host, but started.
    try:
        network.start()
        with socket.socket(fileno=number) as host, host.makefile("rwb", buffering=0) as lines:
            _answer(lines, network)
            while line := lines.readline():
                order = json.loads(line)
                if "advance" in order:
                    network.make_steps(order["advance"])
                elif "swap" in order:
                    network.take(Program.load(directory / order["swap"]))
                    (directory / order["swap"]).unlink()
                _answer(lines, network)
                if "resume" in order:
                    while not select.select([host], [], [], 0)[0]:
                        network.make_steps(network.schedule.period)
    finally:
        network.stop()
    raise LavaFailure("the host of a live network has gone.")


def _answer(lines: Any, network: Any) -> None:
    lines.write(f"{network.chip_steps}\n".encode())


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    main(folder, sys.argv[3], partial(obey, int(sys.argv[1]), folder))
