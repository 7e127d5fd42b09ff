"""Team: the processes that share one training run, and the few numbers that they exchange."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch import distributed as dist

from neurokit.errors import RunError, explain


@dataclass(eq=False)
class Team:
    """`size` processes, of which this is number `rank`. One process alone is a team too, and exchanges nothing.

    sent   bytes that this process has sent to each other member
    """

    rank: int = 0
    size: int = 1
    sent: int = field(default=0, init=False)

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and speaks for all."""
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
        dist.all_gather(received, padded)
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
def join_team() -> Iterator[Team]:
    """The team that `torchrun` started this process in, over gloo; a team of one where it did not.

    With CUDA each member takes the device of its local rank, counted around.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    dist.init_process_group("gloo")
    try:
        yield Team(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()


def leads_by_environment() -> bool:
    """Whether this process will lead its team, known before it joins."""
    return os.environ.get("RANK", "0") == "0"
