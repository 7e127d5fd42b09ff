"""Chips and boards as data: what a core can hold, every number with its source.

>>> from neurokit.hw_configs import load_board, load_chip
>>> load_chip("loihi2").neurons_per_core.value
4096
>>> load_board("hala-point").total_cores
140544

One TOML file a chip or board; a user's own is loaded by its path. A number that nobody has published is absent from
the file, and `Chip.unknown` names it: nothing here is invented.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from neurokit.errors import NeurokitError
from neurokit.system.registry import Registry
from neurokit.system.toml_files import read_toml

from .faults import faults
from .quantities import Choice, Energies, Limit, Quantity, Times

__all__ = [
    "Board",
    "Chip",
    "ChipError",
    "Choice",
    "Hardware",
    "Limit",
    "chip_of",
    "load_board",
    "load_chip",
    "load_hardware",
    "shipped",
]


#: Chips and boards that installed packages offer: the path of a TOML file by name.
CHIPS = Registry("neurokit.chips", {})


class ChipError(NeurokitError, ValueError):
    """The description of a chip or board cannot be read or is not valid."""


class Brochure(BaseModel):
    """Limits as a vendor advertises them, where what is worked with says otherwise; fields as of Chip."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    neurons_per_core: Limit | None = None
    synapse_bytes_per_core: Limit | None = None


class Chip(BaseModel):
    """What a chip's cores can hold. None is a limit that is not publicly known.

    Counts are per core unless they say otherwise, widths are in bits.

    cores                         of one chip
    neurons_per_core              compartments
    synapse_bytes_per_core        synaptic memory
    weight_bits                   of a weight of either sign; weights of one sign have their sign bit for the magnitude
    weight_formats                bits in which a weight may be stored; where unknown, `weight_bits` for every weight
    weight_exponent_lowest        and highest: of the power of two that all weights of a Dense share, in the hardware's
    weight_exponent_highest       own field
    threshold_bits                unsigned
    decay_bits                    of what is left of a state after a step, in parts of the whole
    state_bits                    signed, of a membrane or accumulator
    state_fraction_bits           of a membrane, below the unit of the synaptic input
    dendrite_bits                 signed, of the sum of one step's synaptic input
    message_bits                  payload of a spike: 1 is a binary spike, more are signed
    product_bits                  signed, of a product of two messages before its shift
    max_delay                     of a synapse, in steps beyond its own one
    in_axons_per_core             distinct lines that synapses of a core listen to
    out_axons_per_core            pairs of a neuron and a core that it sends to
    axon_maps_per_core            entries that say where neurons send to; every neuron takes one
    neuron_groups_per_core        populations of which a core may hold neurons
    programmable_neurons          1 if neurons can run microcode, else 0
    synapses_per_block            synapses of one line are packed in blocks of so many,
    block_overhead_bits           each with so many bits of overhead,
    memory_word_bits              and rounded up to whole words of so many bits
    synapse_overhead_bits         that a stored synapse takes beside its weight
    kernel_entry_bits             a core holds the kernel of a convolution once for all its neurons: a row for each tap,
    kernel_overhead_bits          of a synapse a channel and so many bits of overhead, rounded up to entries that count
                                  as one word each; where unknown, every neuron has its synapses to itself
    mesh_columns, mesh_rows       routers of the chip's mesh, on which messages travel first along a row
    cores_per_router              that share one router, a tile
    static_power_mw               of a chip that does nothing
    energy_pj, time_ns            of single operations; see `quantities.Energies` and `quantities.Times`
    brochure                      limits as the vendor advertises them, where what is worked with says otherwise
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    cores: Limit
    neurons_per_core: Limit
    synapse_bytes_per_core: Limit
    weight_bits: Limit
    weight_formats: Choice | None = None
    weight_exponent_lowest: Limit | None = None
    weight_exponent_highest: Limit | None = None
    threshold_bits: Limit | None = None
    decay_bits: Limit | None = None
    state_bits: Limit | None = None
    state_fraction_bits: Limit | None = None
    dendrite_bits: Limit | None = None
    message_bits: Limit | None = None
    product_bits: Limit | None = None
    max_delay: Limit | None = None
    in_axons_per_core: Limit | None = None
    out_axons_per_core: Limit | None = None
    axon_maps_per_core: Limit | None = None
    neuron_groups_per_core: Limit | None = None
    programmable_neurons: Limit | None = None
    synapses_per_block: Limit | None = None
    block_overhead_bits: Limit | None = None
    memory_word_bits: Limit | None = None
    synapse_overhead_bits: Limit | None = None
    kernel_entry_bits: Limit | None = None
    kernel_overhead_bits: Limit | None = None
    mesh_columns: Limit | None = None
    mesh_rows: Limit | None = None
    cores_per_router: Limit | None = None
    static_power_mw: Quantity | None = None
    energy_pj: Energies = Energies()
    time_ns: Times = Times()
    brochure: Brochure = Brochure()

    @model_validator(mode="after")
    def _possible(self) -> Chip:
        for field in ("cores", "neurons_per_core", "synapse_bytes_per_core", "weight_bits", "state_bits"):
            limit = getattr(self, field)
            if limit is not None and limit.low < 1:
                raise ValueError(f"{field} must be at least 1, not {limit.low}")
        mesh = (self.mesh_columns, self.mesh_rows, self.cores_per_router)
        if all(mesh) and math.prod(side.value for side in mesh if side) < self.cores.value:
            raise ValueError(f"the mesh has fewer cores than the chip's {self.cores.value}")
        if any(mesh) and not all(mesh):
            raise ValueError("mesh_columns, mesh_rows and cores_per_router go together; give all three or none")
        for together in (
            ("synapses_per_block", "block_overhead_bits", "memory_word_bits"),
            ("kernel_entry_bits", "kernel_overhead_bits"),
        ):
            if len({getattr(self, field) is None for field in together}) > 1:
                raise ValueError(f"{', '.join(together)} go together; give all of them or none")
        if self.kernel_entry_bits is not None and self.memory_word_bits is None:
            raise ValueError("kernel_entry_bits needs memory_word_bits: an entry counts as one word")
        return self

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the limits that this description does not have."""
        return tuple(field for field in type(self).model_fields if getattr(self, field) is None)

    def as_advertised(self) -> Chip:
        """The same chip with the limits of the vendor's brochure, which no compiler is known to reach."""
        advertised = {field: limit for field, limit in self.brochure if limit is not None}
        return self.model_copy(update={**advertised, "name": f"{self.name} as advertised", "brochure": Brochure()})

    @property
    def total_cores(self) -> int:
        return self.cores.value

    @property
    def cores_per_chip(self) -> int:
        return self.cores.value


class Board(BaseModel):
    """Several chips of one kind.

    chip                   what every one of them is
    chips                  how many
    usable_cores_per_chip  where a system offers fewer cores than its chips have
    chips_per_board        where a system is several boards; unknown, all its chips are taken for one
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    chip: Chip
    chips: Limit
    usable_cores_per_chip: Limit | None = None
    chips_per_board: Limit | None = None

    @model_validator(mode="after")
    def _possible(self) -> Board:
        if self.chips.low < 1:
            raise ValueError(f"chips must be at least 1, not {self.chips.low}")
        usable = self.usable_cores_per_chip
        if usable is not None and not 1 <= usable.low <= usable.high <= self.chip.cores.high:
            raise ValueError(f"usable_cores_per_chip must be 1..{self.chip.cores.high}, the cores of {self.chip.name}")
        if self.chips_per_board is not None and self.chips_per_board.low < 1:
            raise ValueError(f"chips_per_board must be at least 1, not {self.chips_per_board.low}")
        return self

    @property
    def cores_per_chip(self) -> int:
        return (self.usable_cores_per_chip or self.chip.cores).value

    @property
    def total_cores(self) -> int:
        return self.chips.value * self.cores_per_chip


Hardware = Chip | Board


def chip_of(hardware: Hardware) -> Chip:
    """The chip itself, or the one that a board carries."""
    return hardware.chip if isinstance(hardware, Board) else hardware


def shipped() -> tuple[str, ...]:
    """Names of the chips and boards that come with neurokit, and of those that installed packages offer."""
    own = sorted(entry.name[:-5] for entry in files(__package__).iterdir() if entry.name.endswith(".toml"))
    return (*own, *(name for name in CHIPS if name not in own))


def load_chip(name_or_path: str | Path) -> Chip:
    """A chip that ships with neurokit, by name, or a user's own TOML file, by path. Raises ChipError."""
    hardware = load_hardware(name_or_path)
    if isinstance(hardware, Board):
        carried = _carried(name_or_path, _read(str(name_or_path), name_or_path))
        raise ChipError(
            f"{str(name_or_path)!r} is a board, not a chip; name the chip that it carries, {str(carried)!r}, "
            "or use load_board."
        )
    return hardware


def load_board(name_or_path: str | Path) -> Board:
    """A board that ships with neurokit, by name, or a user's own TOML file, by path. Raises ChipError.

    `chip` in the file is the name of a chip that ships, or a path from the file's folder.
    """
    hardware = load_hardware(name_or_path)
    if isinstance(hardware, Chip):
        raise ChipError(f"{str(name_or_path)!r} is a chip, not a board; use load_chip.")
    return hardware


def load_hardware(name_or_path: str | Path | Hardware) -> Hardware:
    """A chip or a board, whichever the description is: only a board says `chip` and `chips`.

    One that was loaded before is returned as it is. Raises ChipError with a line for every fault of the description.
    """
    if isinstance(name_or_path, Hardware):
        return name_or_path
    where = str(name_or_path)
    content = _read(where, name_or_path)
    kind: type[Hardware] = Chip
    if content.keys() & {"chip", "chips"}:
        kind, content = Board, {**content, "chip": load_chip(_carried(name_or_path, content))}
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise ChipError("\n".join(faults(error, kind, where))) from None


def _carried(name_or_path: str | Path, content: Mapping[str, Any]) -> str | Path:
    """The chip that the description of a board names: one that ships, or the path of a file."""
    chip = content.get("chip")
    if not isinstance(chip, str):
        where = str(name_or_path)
        raise ChipError(f"the board description {where!r} has no `chip`: name one, or the path of its file.")
    return chip if chip in shipped() else Path(name_or_path).parent / chip


def _read(where: str, name_or_path: str | Path) -> dict[str, Any]:
    try:
        if where in CHIPS:
            return read_toml(Path(CHIPS[where]))
        if where in shipped():
            with as_file(files(__package__) / f"{where}.toml") as path:
                return read_toml(path)
        return read_toml(Path(name_or_path))
    except OSError as error:
        raise ChipError(
            f"no chip {where!r}: it is neither one that ships ({', '.join(shipped())}) nor a readable file ({error})."
        ) from None
    except ValueError as error:
        raise ChipError(f"the chip description {where!r} is not valid: {error}") from None
