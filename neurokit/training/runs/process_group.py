"""ProcessGroup: the processes that share one training run, and the few numbers that they exchange."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch import distributed as dist

from neurokit.errors import RunError, explain
from neurokit.system.termination import end_with_torchrun

#: Exchanges whose tensors are held. A thread of gloo lets go of the tensors of an exchange a while after that is over.
#: If no one else has them by then, it waits for Python's lock; and the end of a process group waits for that thread,
#: with that lock, for ever. Gloo has two threads, so two exchanges at most can be in that state.
_HELD = 8
#: Seconds that a member whose work is done waits for the others before it leaves.
LEAVE_S = 600.0


@dataclass(eq=False)
class ProcessGroup:
    """`size` processes, of which this is number `rank`. One process alone is a group too, and exchanges nothing.

    sent   bytes that this process has sent to each other member
    """

    rank: int = 0
    size: int = 1
    sent: int = field(default=0, init=False)
    _held: deque[tuple[Tensor, list[Tensor]]] = field(default_factory=lambda: deque(maxlen=_HELD), init=False)

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and prints for all."""
        return self.rank == 0

    def shares(self, count: int) -> list[slice]:
        """`count` things divided among the members: consecutive, shares differ by one at most."""
        ends = [rank * count // self.size for rank in range(self.size + 1)]
        return [slice(low, high) for low, high in pairwise(ends)]

    def gather(self, values: Tensor, lengths: Sequence[int]) -> list[Tensor]:
        """What all members give, in order of rank, the same bits everywhere; `lengths` are those of all members.

        A sum over the list runs in one order on all members, so that their weights stay equal to the last bit.
        """
        if self.size == 1:
            return [values]
        own = values.detach().cpu()
        padded = own.new_zeros(max(lengths))
        padded[: len(own)] = own
        received = [torch.empty_like(padded) for _ in range(self.size)]
        self._held.append((padded, received))
        try:
            dist.all_gather(received, padded)
        except RuntimeError as error:
            raise _lost(self, error) from error
        self.sent += padded.numel() * padded.element_size()
        return [row[:length].to(values.device) for row, length in zip(received, lengths, strict=True)]

    def require_agreement(self, model: nn.Module) -> None:
        """Raise RunError, on all members, unless all hold the same model, bit for bit."""
        hashed = hashlib.sha256()
        for tensor in model.state_dict().values():
            hashed.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        digest = torch.tensor(list(hashed.digest()), dtype=torch.uint8)
        differ = [rank for rank, other in enumerate(self.gather(digest, [32] * self.size)) if not other.equal(digest)]
        if differ:
            raise RunError(
                explain(
                    f"the model of process {self.rank}",
                    f"not that of process {differ[0]}",
                    "the same bits in every process",
                    "run all of them on machines of one kind, with one version of every library",
                )
            )


@contextmanager
def join_group() -> Iterator[ProcessGroup]:
    """The group that `torchrun` started this process in, over gloo; a group of one where it did not.

    With CUDA each member takes the device of its local rank, counted around. Members leave together, when the block is
    over for all of them, and no one waits longer than LEAVE_S. Where one fails or is killed, all others raise RunError
    at their next exchange; where `torchrun` itself is killed, Linux ends its members.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    end_with_torchrun()
    dist.init_process_group("gloo")
    group = ProcessGroup(dist.get_rank(), size)
    try:
        yield group
        try:
            dist.monitored_barrier(timeout=timedelta(seconds=LEAVE_S))  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise _lost(group, error) from error
    finally:
        dist.destroy_process_group()


def _lost(group: ProcessGroup, error: RuntimeError) -> RunError:
    """What a member raises that cannot reach another: the reason is that other's, and stands in its own message."""
    return RunError(
        f"process {group.rank} of {group.size} of this run lost another one, which has failed or was ended: look for "
        f"its message. To mend it, see to that and start all of them again. ({str(error).splitlines()[0][:200]})"
    )


def leads_by_environment() -> bool:
    """Whether this process will lead its group, known before it joins."""
    return os.environ.get("RANK", "0") == "0"
