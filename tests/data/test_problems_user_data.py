"""A user's own files: layouts told apart, mistakes named, nothing unsafe loaded, what was written read back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurokit.data.data import OperatorData, Split, TripleData
from neurokit.data.poisson import Poisson
from neurokit.data.reaction_diffusion import ReactionDiffusion
from neurokit.data.user_data import read_data, read_split, write_data
from neurokit.errors import GraphError, OutOfRange

RNG = np.random.default_rng(0)
PRODUCT = {"X_branch": RNG.normal(size=(4, 5)), "X_trunk": RNG.uniform(size=(3, 2)), "y": RNG.normal(size=(4, 3))}
ALIGNED = {"X_branch": RNG.normal(size=(6, 5)), "X_trunk": RNG.uniform(size=(6, 2)), "y": RNG.normal(size=(6, 1))}


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path / "own.npz", **arrays)
    return path / "own.npz"


def suffixed(arrays: dict[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    return {f"{name}_{part}": array for name, array in arrays.items()}


def as_in_deepxde(arrays: dict[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    names = {"X_branch": f"X_{part}0", "X_trunk": f"X_{part}1", "y": f"y_{part}"}
    return {names[name]: array for name, array in arrays.items()}


def test_functions_by_locations_are_operator_data(tmp_path: Path) -> None:
    data = read_data(saved(tmp_path, **PRODUCT))
    assert isinstance(data, OperatorData)
    np.testing.assert_array_equal(data.branch, PRODUCT["X_branch"])
    np.testing.assert_array_equal(data.locations, PRODUCT["X_trunk"])
    np.testing.assert_array_equal(data.targets, PRODUCT["y"])


def test_aligned_samples_are_triple_data(tmp_path: Path) -> None:
    data = read_data(saved(tmp_path, **ALIGNED))
    assert isinstance(data, TripleData)
    np.testing.assert_array_equal(data.targets, ALIGNED["y"])


def test_as_many_functions_as_locations_are_no_doubt(tmp_path: Path) -> None:
    square = {"X_branch": np.eye(3), "X_trunk": np.arange(3.0)[:, None], "y": np.ones((3, 3))}
    assert isinstance(read_data(saved(tmp_path, **square)), OperatorData)
    assert isinstance(read_data(saved(tmp_path, **square | {"y": np.ones((3, 1))})), TripleData)


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("name", ["X_branch", "X_trunk", "y"])
def test_a_transposed_array_is_blamed_itself(tmp_path: Path, name: str, part: str) -> None:
    """And not the array of the other set whose width it then has not."""
    whole = {p: {**PRODUCT} for p in ("train", "test")}
    whole[part][name] = whole[part][name].T
    path = saved(tmp_path, **{f"{key}_{p}": array for p, arrays in whole.items() for key, array in arrays.items()})
    shape = re.escape(str(PRODUCT[name].shape))
    with pytest.raises(GraphError, match=rf"shapes in .* transpose '{name}_{part}' to {shape}"):
        read_split(path)


def test_a_single_location_is_no_doubt(tmp_path: Path) -> None:
    one = {"X_branch": np.eye(3), "X_trunk": np.ones((1, 2)), "y": np.ones((3, 1))}
    domain = {"branch": (0, 1), "trunk": (0, 1)}
    assert isinstance(read_data(saved(tmp_path, **one), domain=domain), OperatorData)


@given(sizes=st.tuples(*[st.integers(1, 4)] * 6))
def test_every_shape_is_one_layout_or_an_error(tmp_path_factory: Any, sizes: tuple[int, ...]) -> None:
    """The layout follows from the shapes by their definition, and only one row in each can be both."""
    n1, n2, rows, columns, m, d = sizes
    path = saved(
        tmp_path_factory.mktemp("shapes"),
        X_branch=RNG.normal(size=(n1, m)),
        X_trunk=RNG.normal(size=(n2, d)),
        y=np.ones((rows, columns)),
    )
    domain = {"branch": (-9, 9), "trunk": (-9, 9)}
    product, aligned = (rows, columns) == (n1, n2), n1 == n2 == rows and columns == 1
    if product and aligned:
        assert n1 == 1
        with pytest.raises(GraphError, match=r"both layouts.*problem\.layout"):
            read_data(path, domain=domain)
        assert isinstance(read_data(path, domain=domain, kind=TripleData), TripleData)
        assert isinstance(read_data(path, domain=domain, kind=OperatorData), OperatorData)
    elif product or aligned:
        assert isinstance(read_data(path, domain=domain), OperatorData if product else TripleData)
        with pytest.raises(GraphError, match="the other kind"):
            read_data(path, domain=domain, kind=TripleData if product else OperatorData)
    else:
        with pytest.raises(GraphError, match="for every pair, or"):
            read_data(path, domain=domain)


def test_ranges_come_from_the_data_and_a_stated_margin(tmp_path: Path) -> None:
    arrays = PRODUCT | {"X_branch": np.array([[-1.0, 3.0]] * 4), "X_trunk": np.array([[0.0], [0.5], [2.0]])}
    data = read_data(saved(tmp_path, **arrays), margin=0.25)
    assert data.domain == {"branch": (-2.0, 4.0), "trunk": (-0.5, 2.5)}
    assert "0.25" in data.provenance["domain"]
    given_ = read_data(saved(tmp_path, **arrays), domain={"branch": (-5, 5), "trunk": (0, 2)})
    assert given_.domain == {"branch": (-5, 5), "trunk": (0, 2)}
    with pytest.raises(OutOfRange, match="declared range"):
        read_data(saved(tmp_path, **arrays), domain={"branch": (-5, 5), "trunk": (0, 1)})
    with pytest.raises(OutOfRange, match="margin"):
        read_data(saved(tmp_path, **arrays), margin=-0.1)
    with pytest.raises(
        OutOfRange,
        match=r"array 'X_branch' of .*own.npz is 1 everywhere.*declare.*problem.branch and problem.trunk.*`domain`",
    ):
        read_data(saved(tmp_path, **arrays | {"X_branch": np.ones((4, 2))}))


def test_data_in_python_declare_one_range_or_one_a_column() -> None:
    ends = {"branch": (-9, 9), "trunk": (np.zeros(3), np.arange(3.0))}
    with pytest.raises(GraphError, match=r"range of input 'trunk' is of shape \(3,\); legal is .* or 2 of both"):
        OperatorData(PRODUCT["X_branch"], PRODUCT["X_trunk"], PRODUCT["y"], ends)


@pytest.mark.parametrize("named", [suffixed, as_in_deepxde])
def test_both_sets_in_one_file(tmp_path: Path, named: Any) -> None:
    fewer = PRODUCT | {"X_branch": PRODUCT["X_branch"][:2], "y": PRODUCT["y"][:2]}
    split = read_split(saved(tmp_path, **named(PRODUCT, "train"), **named(fewer, "test")))
    assert (len(split.train), len(split.test)) == (4, 2)
    np.testing.assert_equal(dict(split.train.domain), dict(split.test.domain))
    np.testing.assert_array_equal(split.test.targets, fewer["y"])


def test_a_set_in_each_file_with_and_without_suffixes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    plain, other = saved(tmp_path, **ALIGNED), saved(tmp_path / "a", **as_in_deepxde(ALIGNED, "test"))
    split = read_split(plain, other)
    np.testing.assert_array_equal(split.train.targets, split.test.targets)
    with pytest.raises(GraphError, match="one layout"):
        read_split(saved(tmp_path, **PRODUCT), other, domain={"branch": (-9, 9), "trunk": (0, 1)})


def files(tmp_path: Path, train: dict[str, Any], test: dict[str, Any]) -> tuple[Path, Path]:
    paths = tmp_path / "tr.npz", tmp_path / "te.npz"
    for path, arrays in zip(paths, (train, test), strict=True):
        np.savez(path, **arrays)
    return paths


def test_test_samples_beyond_the_training_range_are_an_error(tmp_path: Path) -> None:
    """The message says whose range it is: nobody need have declared one."""
    wild = PRODUCT | {"X_branch": PRODUCT["X_branch"].copy()}
    wild["X_branch"][2, 0] = 99
    wider = r"declare a wider one: problem.branch and problem.trunk .*both, or the argument `domain` \(1 such values\)"
    entry = r"array 'X_branch'\[2, 0\] is 99.0; legal is .*"
    paths = files(tmp_path, PRODUCT, wild)
    with pytest.raises(OutOfRange, match=f"te.npz: {entry} range of the training samples in tr.npz, .*{wider}"):
        read_split(*paths)
    with pytest.raises(OutOfRange, match=f"te.npz: {entry} the declared range.*{wider}"):
        read_split(*paths, domain={"branch": (-9, 9), "trunk": (0, 1)})
    narrow = {"domain_branch": np.array([-9, 9]), "domain_trunk": np.array([0, 1])}
    with pytest.raises(OutOfRange, match=f"te.npz: {entry} the range that tr.npz declares.*{wider}"):
        read_split(*files(tmp_path, PRODUCT | narrow, wild))
    both = saved(tmp_path, **suffixed(PRODUCT, "train"), **suffixed(wild, "test"))
    with pytest.raises(OutOfRange, match=r"own.npz: array 'X_branch_test'\[2, 0\] is 99.0"):
        read_split(both)


@pytest.mark.parametrize("arrays", [PRODUCT, ALIGNED], ids=["product", "aligned"])
@pytest.mark.parametrize("name", ["X_branch", "X_trunk"])
def test_a_test_set_of_another_width_is_refused(tmp_path: Path, name: str, arrays: dict[str, np.ndarray]) -> None:
    narrow = arrays | {name: arrays[name][:, :-1]}
    rows, width = arrays[name].shape
    with pytest.raises(
        GraphError,
        match=rf"array '{name}' of .*te.npz: shape is \({rows}, {width - 1}\); legal is \(N, {width}\), "
        rf"the width of '{name}' of .*tr.npz, whose shape is \({rows}, {width}\)",
    ):
        read_split(*files(tmp_path, arrays, narrow))


@pytest.mark.parametrize("name", ["X_branch", "X_trunk", "y"])
def test_a_set_without_samples_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(GraphError, match=rf"array '{name}' of .*own.npz: shape is \(0, .*at least one sample"):
        read_data(saved(tmp_path, **PRODUCT | {name: PRODUCT[name][:0]}))


def test_a_function_that_is_zero_everywhere_can_be_learnt_and_not_tested(tmp_path: Path) -> None:
    """Relative to it, no error is defined; aligned answers are measured all together."""
    some = PRODUCT | {"y": PRODUCT["y"] * [[1], [0], [1], [0]]}
    assert len(read_split(*files(tmp_path, some, PRODUCT)).train) == 4
    with pytest.raises(
        OutOfRange,
        match=r"array 'y' of .*te.npz: sample 1 is zero everywhere.*leave that sample out \(2 such samples\)",
    ):
        read_split(*files(tmp_path, PRODUCT, some))
    points = ALIGNED | {"y": ALIGNED["y"] * [[0], [1], [1], [1], [1], [1]]}
    assert len(read_split(*files(tmp_path, ALIGNED, points)).test) == 6
    with pytest.raises(OutOfRange, match=r"array 'y' of .*te.npz: all of it is zero everywhere.*other samples"):
        read_split(*files(tmp_path, ALIGNED, points | {"y": np.zeros((6, 1))}))


@pytest.mark.parametrize("arrays", [PRODUCT, ALIGNED])
def test_what_is_written_is_read_back(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    data = read_data(saved(tmp_path, **arrays), domain={"branch": (-4.0, 5.0), "trunk": (-1.0, 1.0)})
    again = read_data(write_data(data, tmp_path / "again.npz"))
    assert type(again) is type(data)
    for name in ("branch", "locations", "targets"):
        np.testing.assert_array_equal(getattr(again, name), getattr(data, name))
    assert again.domain == data.domain


@pytest.mark.parametrize(
    "problem", [Poisson(train=3, test=2), ReactionDiffusion(points=5, instants=4, train=3, test=2)]
)
def test_generated_splits_are_written_and_read_back(tmp_path: Path, problem: Any) -> None:
    split = problem.generate(seed=1)
    again = read_split(write_data(split, tmp_path / "split.npz"))
    for before, after in ((split.train, again.train), (split.test, again.test)):
        assert isinstance(after, OperatorData)
        np.testing.assert_array_equal(after.branch, before.branch)
        np.testing.assert_array_equal(after.targets, before.targets)
        assert after.domain == before.domain
        assert [a.tolist() for a in after.axes] == [a.tolist() for a in before.axes]


def test_a_split_of_two_ranges_does_not_fit_one_file(tmp_path: Path) -> None:
    one, two = (
        OperatorData(PRODUCT["X_branch"], PRODUCT["X_trunk"], PRODUCT["y"], {"branch": (-9, b), "trunk": (0, 1)})
        for b in (8, 9)
    )
    with pytest.raises(GraphError, match="two files"):
        write_data(Split(train=one, test=two), tmp_path / "split.npz")
    assert not list(tmp_path.iterdir())


class Trap:
    """An object whose unpickling would leave a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_objects_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = saved(tmp_path, **PRODUCT | {"X_branch": np.array([Trap(trace), None], dtype=object)})
    with pytest.raises(GraphError, match=r"'X_branch'.*Python objects.*np.savez"):
        read_data(path)
    assert not trace.exists()
    np.load(path, allow_pickle=True)["X_branch"]
    assert trace.exists()  # the trap works


def test_the_entry_that_is_no_number_is_named(tmp_path: Path) -> None:
    y = PRODUCT["y"].copy()
    y[2, 1] = np.nan
    with pytest.raises(OutOfRange, match=r"array 'y' of .*own.npz: entry \[2, 1\] is nan"):
        read_data(saved(tmp_path, **PRODUCT | {"y": y}))


@pytest.mark.parametrize(("change", "message"), [
    ({"y": np.ones((3, 4))}, "shapes"),
    ({"y": np.ones(4)}, "'y'.*two axes"),
    ({"X_branch": np.array([["a"]] * 4)}, "'X_branch'.*dtype"),
    ({"X_branch": np.ones((4, 5), complex)}, "'X_branch'.*dtype"),
    ({"domain_branch": np.array([1.0, -1.0]), "domain_trunk": np.array([0.0, 1.0])}, "domain_branch"),
    ({"axis_0": np.arange(2.0), "axis_1": np.arange(2.0)}, "axes"),
])  # fmt: skip
def test_other_mistakes_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        read_data(saved(tmp_path, **PRODUCT | change))


def test_missing_and_doubled_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"lacks X_trunk.*It holds: X_branch, y"):
        read_data(saved(tmp_path, X_branch=PRODUCT["X_branch"], y=PRODUCT["y"]))
    with pytest.raises(GraphError, match=r"lacks X_branch.*read_split"):
        read_data(saved(tmp_path, **suffixed(PRODUCT, "train")))
    both = suffixed(PRODUCT, "train") | as_in_deepxde(PRODUCT, "train") | suffixed(PRODUCT, "test")
    with pytest.raises(GraphError, match="both X_branch_train and X_train0"):
        read_split(saved(tmp_path, **both))


def test_files_that_are_no_archive_are_refused(tmp_path: Path) -> None:
    text, bare = tmp_path / "a.npz", tmp_path / "b.npy"
    text.write_text("no archive")
    np.save(bare, np.ones(3))
    for path in (text, tmp_path / "none.npz", tmp_path):
        with pytest.raises(GraphError, match="not a readable"):
            read_data(path)
    with pytest.raises(GraphError, match="bare array"):
        read_data(bare)
    whole = saved(tmp_path, **PRODUCT).read_bytes()
    text.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(GraphError, match="not a readable"):
        read_data(text)


@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_an_error_or_does_no_harm(tmp_path_factory: Any, at: int, bit: int) -> None:
    """Archives carry checksums of their arrays; a flip elsewhere, in a date say, may go unseen."""
    path = tmp_path_factory.mktemp("flipped") / "own.npz"
    np.savez_compressed(path, **PRODUCT)
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1 << bit
    path.write_bytes(content)
    try:
        data = read_data(path)
    except GraphError:
        return
    assert isinstance(data, OperatorData)
    np.testing.assert_array_equal(data.targets, PRODUCT["y"])
