"""Chips and boards: every number has a source, unknown ones are named, broken files are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurokit.hw_configs import Board, Chip, ChipError, Limit, load_board, load_chip, load_hardware, shipped

SYSTEMS = {"oheo-gulch": 1, "kapoho-point": 8, "vpx": 16, "alia-point": 32, "hala-point": 1152}


def limits(of: Chip | Board) -> dict[str, Limit]:
    return {name: value for name, value in of if isinstance(value, Limit)}


def as_toml(chip: Chip, **changes: object) -> str:
    """A chip as TOML, with some entries of `[table]` replaced, or with a whole table left out where None is given."""
    text = f'name = "{chip.name}"\n'
    for field, limit in limits(chip).items():
        values = limit.model_dump() | dict(changes.get(field) or {})  # type: ignore[call-overload]
        if field in changes and changes[field] is None:
            continue
        text += f"[{field}]\n" + "".join(
            f"{key} = {value if not isinstance(value, str) else repr(value)}\n" for key, value in values.items()
        )
    return text


def test_all_that_ships_loads() -> None:
    assert set(shipped()) == {"loihi1", "loihi2", *SYSTEMS}
    for name in shipped():
        hardware = load_hardware(name)
        assert hardware.total_cores >= 128
        for limit in limits(hardware).values():
            assert limit.low <= limit.value <= limit.high
            assert len(limit.source) > 10


@pytest.mark.parametrize(("name", "chips"), SYSTEMS.items())
def test_boards_have_their_chips(name: str, chips: int) -> None:
    board = load_board(name)
    assert board.chips.value == chips
    assert board.chip == load_chip("loihi2")
    assert board.total_cores == chips * board.cores_per_chip


def test_hala_point_has_the_cores_that_intel_counts() -> None:
    assert load_board("hala-point").total_cores == 140_544


def test_disagreements_are_written_down() -> None:
    chips = load_board("kapoho-point").chips
    assert (chips.low, chips.high) == (4, 8)
    assert "four" in chips.source


def test_unknown_limits_are_absent_and_named() -> None:
    loihi2 = load_chip("loihi2")
    assert loihi2.out_axons_per_core is None
    assert set(loihi2.unknown) == {"dendrite_bits", "product_bits", "out_axons_per_core", "weight_formats"}
    assert set(load_chip("loihi1").unknown) == {
        "product_bits",
        "axon_maps_per_core",
        "neuron_groups_per_core",
        "synapse_overhead_bits",
        "kernel_entry_bits",
        "kernel_overhead_bits",
    }


def test_loihi_2_has_the_limits_of_intels_compiler_and_its_brochure_beside_them() -> None:
    chip = load_chip("loihi2")
    assert (chip.memory_word_bits, chip.in_axons_per_core, chip.axon_maps_per_core) != (None, None, None)
    assert chip.synapse_bytes_per_core.value * 8 == 12_000 * 32
    assert [
        each.value
        for each in (
            chip.neurons_per_core,
            chip.in_axons_per_core,
            chip.axon_maps_per_core,
            chip.neuron_groups_per_core,
        )
        if each is not None
    ] == [4096, 16_000, 16_000, 8]
    assert (chip.cores.low, chip.cores.value, chip.cores.high) == (120, 128, 152)
    assert "152" in chip.cores.source
    advertised = chip.as_advertised()
    assert (advertised.neurons_per_core.value, advertised.synapse_bytes_per_core.value) == (8192, 131_072)
    assert advertised.name == "Loihi 2 as advertised"
    assert advertised.weight_bits == chip.weight_bits


def test_what_packs_synapses_is_given_whole(tmp_path: Path) -> None:
    for field, says in (("block_overhead_bits", "go together"), ("kernel_overhead_bits", "go together")):
        path = tmp_path / "broken.toml"
        path.write_text(as_toml(load_chip("loihi2"), **{field: None}))
        with pytest.raises(ChipError, match=says):
            load_chip(path)


def test_a_users_own_chip_and_board_load_by_path(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(as_toml(load_chip("loihi2"), cores={"low": 2, "value": 3, "high": 4}))
    chip = load_chip(tmp_path / "mine.toml")
    assert chip.cores.value == 3
    chips = '[chips]\nvalue = 5\nlow = 5\nhigh = 5\nsource = "counted"\nkind = "inferred"\n'
    (tmp_path / "board.toml").write_text('name = "b"\nchip = "mine.toml"\n' + chips)
    assert load_board(str(tmp_path / "board.toml")).total_cores == 15


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cores": {"low": 129}}, "low <= value <= high"),
        ({"cores": {"value": 200}}, "low <= value <= high"),
        ({"cores": {"value": 0, "low": 0}}, "cores must be at least 1"),
        ({"cores": {"value": 12.5}}, "valid integer"),
        ({"cores": {"kind": "guessed"}}, "measured"),
        ({"cores": {"source": " "}}, "source is empty"),
        ({"cores": {"note": "x"}}, "note"),
        ({"cores": None}, "cores"),
    ],
)
def test_broken_numbers_are_refused(changes: dict[str, object], says: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(as_toml(load_chip("loihi2"), **changes))
    with pytest.raises(ChipError, match=says):
        load_chip(path)


def test_every_fault_of_a_file_is_a_line_with_what_is_legal_there(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    changes = {
        "cores": {"value": 12.5, "kind": "guessed", "note": 1},
        "max_delay": {"source": " "},
        "weight_bits": None,
    }
    text = as_toml(load_chip("loihi2"), **changes).replace("[neurons_per_core]", "[neurons_per_cor]")
    path.write_text("weight_bits = 7\n" + text + "[energy_pj.synopp]\nvalue = 1.0\n")
    with pytest.raises(ChipError) as caught:
        load_chip(path)
    said = str(caught.value)
    assert "pydantic" not in said
    assert "type=" not in said
    lines = {line.partition(" ")[2].partition(" ")[0].rstrip(":"): line for line in said.splitlines()}
    assert all(line.startswith(f"{path}: ") and ". To mend it, " in line for line in lines.values())
    table = "value, low, high, source, kind"
    for key, words in {
        "cores.value": "is 12.5; legal is a valid integer.",
        "cores.kind": "is 'guessed'; legal is 'measured', 'published', 'vendor-ratio', 'fitted-loihi1' or 'inferred'.",
        "cores.note": f"is an unknown key with the value 1; legal is only {table}. To mend it, take it out.",
        "max_delay": "source is empty; say where the number comes from",
        "weight_bits": f"is 7; legal is a table of {table}.",
        "neurons_per_cor": "legal is neurons_per_core. To mend it, write that.",
        "neurons_per_core": "is not given; legal is all of name, cores, neurons_per_core,",
        "energy_pj.synopp": "is an unknown key with the value {'value': 1.0}; legal is synop. To mend it, write that.",
    }.items():
        assert words in lines.pop(key)
    assert not lines


def test_a_misspelt_key_of_a_board_is_not_taken_for_one_of_a_chip(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text("name = 'b'\nchip = 'loihi2'\nchip_s = 8\n")
    with pytest.raises(ChipError, match=r"chip_s is an unknown key with the value 8; legal is chips\."):
        load_board(path)


@pytest.mark.parametrize("missing", ["value", "low", "high", "source", "kind"])
def test_every_part_of_a_number_must_be_there(missing: str, tmp_path: Path) -> None:
    parts = {"value": "1", "low": "1", "high": "1", "source": "'s'", "kind": "'inferred'"}
    del parts[missing]
    path = tmp_path / "board.toml"
    path.write_text("name = 'b'\nchip = 'loihi2'\n[chips]\n" + "".join(f"{k} = {v}\n" for k, v in parts.items()))
    with pytest.raises(ChipError, match=missing):
        load_board(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "not valid"),
        ("name = 'b'\n[chips]\nvalue = 1\n", "no `chip`"),
        ("name = 'b'\nchip = 'nowhere.toml'\n[chips]\nvalue = 1\n", "neither one that ships"),
        ("name = 'b'\nchip = 'vpx'\n[chips]\nvalue = 1\n", "is a board, not a chip"),
    ],
)
def test_broken_files_are_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(ChipError, match=says):
        load_hardware(path)


def test_a_board_is_no_chip_and_a_chip_no_board() -> None:
    with pytest.raises(ChipError, match="use load_board"):
        load_chip("vpx")
    with pytest.raises(ChipError, match="use load_chip"):
        load_board("loihi2")


def test_the_chip_of_a_board_is_named_where_only_a_chip_will_do(tmp_path: Path) -> None:
    with pytest.raises(ChipError, match="name the chip that it carries, 'loihi2'"):
        load_chip("hala-point")
    (tmp_path / "mine.toml").write_text(as_toml(load_chip("loihi2")))
    chips = '[chips]\nvalue = 5\nlow = 5\nhigh = 5\nsource = "counted"\nkind = "inferred"\n'
    (tmp_path / "board.toml").write_text('name = "b"\nchip = "mine.toml"\n' + chips)
    with pytest.raises(ChipError, match=re.escape(f"carries, {str(tmp_path / 'mine.toml')!r}")):
        load_chip(tmp_path / "board.toml")


def test_a_board_offers_no_more_cores_than_its_chips_have() -> None:
    board = load_board("hala-point")
    too_many = Limit(value=153, low=153, high=153, source="counted", kind="inferred")
    with pytest.raises(ValueError, match=r"1\.\.152"):
        Board(name="b", chip=board.chip, chips=board.chips, usable_cores_per_chip=too_many)


def test_costs_have_sources_and_energies_of_loihi_2_are_measured_ones() -> None:
    loihi1, loihi2 = load_chip("loihi1"), load_chip("loihi2")
    for chip in (loihi1, loihi2):
        costs = [cost for each in (chip.energy_pj, chip.time_ns) for _, cost in each if cost is not None]
        assert costs
        assert all(cost.low <= cost.value <= cost.high and len(cost.source) > 10 for cost in costs)
    assert [(name, cost.kind) for name, cost in loihi2.energy_pj if cost is not None] == [
        ("synop", "measured"),
        ("barrier", "measured"),
    ]
    assert loihi2.time_ns.barrier is not None
    assert loihi2.time_ns.barrier.low > 200, "Intel's brief says less, and no measurement shows it"
    assert loihi2.static_power_mw is not None
    assert loihi2.static_power_mw.high < 500, "of a chip's neurocores, without the board's processors"
    assert loihi1.energy_pj.synop is not None
    assert loihi1.energy_pj.synop.value == 23.6


def test_a_mesh_is_whole_and_holds_the_cores(tmp_path: Path) -> None:
    loihi2 = load_chip("loihi2")
    for changes, says in (
        ({"mesh_columns": {"low": 1, "value": 1, "high": 1}}, "the mesh has fewer cores"),
        ({"mesh_rows": None}, "go together"),
    ):
        path = tmp_path / "broken.toml"
        path.write_text(as_toml(loihi2, **changes))
        with pytest.raises(ChipError, match=says):
            load_chip(path)
    (tmp_path / "negative.toml").write_text(
        as_toml(loihi2) + "[time_ns.synop]\nvalue = 1.0\nlow = -1.0\nhigh = 2.0\nsource = 's'\nkind = 'inferred'\n"
    )
    with pytest.raises(ChipError, match="at least 0"):
        load_chip(tmp_path / "negative.toml")
