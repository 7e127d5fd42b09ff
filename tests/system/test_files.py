"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurokit.system.atomic import replacing, write_text


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    write_text(target, "old")

    def fail() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half of the new")
            raise RuntimeError("disk full, say")

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_the_new_file_appears_at_once_and_is_readable_by_others(tmp_path: Path) -> None:
    target = tmp_path / "new" / "result.json"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o044 == 0o044
