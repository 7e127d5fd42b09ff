"""Pictures: written as their names say, and refused before any work where they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from file_edits import small
from typer.testing import CliRunner

from neurokit.cli.app import app
from neurokit.errors import OutOfRange
from neurokit.plotting.figures import new, save


@pytest.mark.parametrize(
    ("name", "head"),
    [("a.png", b"\x89PNG"), ("a.PNG", b"\x89PNG"), ("a.pdf", b"%PDF-"), ("a.svg", b"<?xml")],
)
def test_the_ending_of_the_name_is_the_format(name: str, head: bytes, tmp_path: Path) -> None:
    figure = new(2, 1)
    figure.add_subplot().plot([1, 2])
    save(figure, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(head)


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.png.txt"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutOfRange, match=r"legal is one of \.png, \.pdf, \.svg"):
        save(new(2, 1), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("place", "{program}"),
        ("compare", "{program}", "--ladder", "--targets", "reference,twin", "--model", "nowhere.pt"),
        ("bench", "gradients"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_refuses_an_ending_before_it_works(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("too late")

    for name in (
        "neurokit.cli.chips.put",
        "neurokit.cli.parity_ladder.ladder",
        "neurokit.experiments.bench.gradients.run",
    ):
        monkeypatch.setattr(name, work)
    program = small().save(tmp_path / "program.h5")
    given = [argument.format(program=program) for argument in arguments]
    done = CliRunner().invoke(app, [*given, "--picture", str(tmp_path / "a.jpg")])
    assert isinstance(done.exception, OutOfRange), done.output
    assert "its ending is '.jpg'" in str(done.exception)
