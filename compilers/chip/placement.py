"""Placement: which neurons of a Program sit on which core, and how full every core is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from neurokit.errors import GraphError, explain

#: What a core runs out of; each is the field of a Chip with `_per_core` after it.
RESOURCES = ("neurons", "synapse_bytes", "in_axons", "out_axons", "axon_maps", "neuron_groups")


@dataclass(frozen=True)
class Slice:
    """Neurons `start .. stop - 1` of a layer, all on one core."""

    layer: str
    core: int
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Use:
    """How much of a resource is used, and how much there is; None where nobody has published it."""

    used: int
    limit: int | None


@dataclass(frozen=True)
class Placement:
    """Slices of layers on cores 0, 1, ... of a chip or board, numbered chip by chip.

    hardware        name of the chip or board
    slices          ordered by layer and line; every line of a layer on exactly one core
    use             of every core in turn, by resource (RESOURCES)
    available       cores that the hardware has
    bound           no placement has fewer cores
    traffic         pairs of a line and a core that receives it but does not hold it: messages if every line spoke once;
                    the lines of Inputs, which sit on no core, included
    sites           where every core lies: site `s` is on chip `s // cores_per_chip`; by default core `c` at site `c`
    between_chips   pairs of a line and a core on another chip that receives it
    chips_per_board of the hardware, where it is more than one board
    between_boards  the same for boards

    Raises GraphError when slices overlap, leave lines out, name a core without a use, or two cores lie at one site.
    """

    hardware: str
    slices: tuple[Slice, ...]
    use: tuple[Mapping[str, Use], ...]
    available: int
    cores_per_chip: int
    bound: int
    traffic: int
    sites: tuple[int, ...] = ()
    between_chips: int = 0
    chips_per_board: int | None = None
    between_boards: int = 0

    def __post_init__(self) -> None:
        for layer, parts in self.layers.items():
            edges = [0, *(part.stop for part in parts)]
            if any(part.start != edge or part.size < 1 for part, edge in zip(parts, edges, strict=False)):
                where = [(part.start, part.stop) for part in parts]
                raise GraphError(
                    explain(f"slices of layer {layer!r}", where, "0..n without gaps", "sort and join them")
                )
        if {part.core for part in self.slices} != set(range(self.cores)):
            raise GraphError(
                explain("Placement.use", f"of {self.cores} cores", "one for each core with a slice", "match the two")
            )
        if not self.sites:
            object.__setattr__(self, "sites", tuple(range(self.cores)))
        if len(set(self.sites)) != self.cores or len(self.sites) != self.cores:
            raise GraphError(
                explain("Placement.sites", self.sites, f"{self.cores} different ones, one for each core", "match them")
            )
        object.__setattr__(self, "use", tuple(MappingProxyType(dict(each)) for each in self.use))

    @property
    def cores(self) -> int:
        """Cores in use."""
        return len(self.use)

    @property
    def chips(self) -> int:
        """Chips in use."""
        return len({self.chip(core) for core in range(self.cores)})

    @property
    def boards(self) -> int:
        """Boards in use."""
        each = self.chips_per_board
        return 1 if each is None else len({self.chip(core) // each for core in range(self.cores)})

    def chip(self, core: int) -> int:
        """The chip on which a core lies."""
        return self.sites[core] // self.cores_per_chip

    @cached_property
    def layers(self) -> dict[str, tuple[Slice, ...]]:
        """The slices of every layer, in the order of its lines."""
        found: dict[str, list[Slice]] = {}
        for part in self.slices:
            found.setdefault(part.layer, []).append(part)
        return {layer: tuple(sorted(parts, key=lambda part: part.start)) for layer, parts in found.items()}

    def on(self, core: int) -> tuple[Slice, ...]:
        """What sits on a core."""
        return tuple(part for part in self.slices if part.core == core)

    @property
    def utilisation(self) -> dict[str, Use]:
        """Every resource on the core that has most of it in use."""
        return {
            name: Use(max(each[name].used for each in self.use), self.use[0][name].limit)
            for name in RESOURCES
            if self.use
        }

    def to_json(self) -> dict[str, Any]:
        """The object that `neurokit place --json` writes."""
        return {
            "hardware": self.hardware,
            "cores": self.cores,
            "available": self.available,
            "chips": self.chips,
            "bound": self.bound,
            "traffic": self.traffic,
            "traffic_between_chips": self.between_chips,
            "boards": self.boards,
            "traffic_between_boards": self.between_boards,
            "sites": list(self.sites),
            "utilisation": {name: vars(use) for name, use in self.utilisation.items()},
            "per_core": [{name: use.used for name, use in each.items()} for each in self.use],
            "slices": [vars(part) for part in self.slices],
        }
