"""read_data, read_split, write_data: data sets of your own, as `.npz` files in the layouts of DeepXDE's operator data.

    layout                 branch      trunk       answers     artefact
    TripleCartesianProd    (N1, m)     (N2, d)     (N1, N2)    OperatorData
    Triple, aligned        (N, m)      (N, d)      (N, 1)      TripleData

Names of the arrays, for a file with one set: `X_branch`, `X_trunk`, `y`. For a file with a set to train on and a set
to test with: the same with `_train` and `_test` at the end, or `X_train0`, `X_train1`, `y_train` and likewise `test`,
as in DeepXDE's examples, whose X is a tuple of these two. Object arrays, and with them pickles, are never loaded.

Beside them `domain_branch` and `domain_trunk`, of shape (2,) or (2, columns), declare the ranges of the inputs, and
`axis_0`, `axis_1`, ... the axes of locations that form a grid; write_data writes them, files without them are read all
the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from neurokit.data.data import Domain, OperatorData, Split, TripleData, require_inside
from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.ir.signals import PerColumn, refuse_first
from neurokit.system.atomic import write_arrays
from neurokit.system.npz import read_arrays

#: What a file holds: functions by locations, or aligned samples.
Operator = OperatorData | TripleData
#: By how much a range taken from the data is widened at either end, as a share of the range.
MARGIN = 0.1
#: A column of functions whose width is a smaller share of the widest than this has a range of its own, three times as
#: wide as what was seen; below the second, its values are noise around a constant.
OTHER_UNIT, ROUNDING = 1 / 32, 1e-9
#: Where the ranges of the inputs are declared, for the remedies of errors.
_DECLARE = "declare {}: problem.branch and problem.trunk of a run, both, or the argument `domain`"


class _Stored(NamedTuple):
    """One set as a file holds it.

    held    every array of the file
    names   of branch, trunk and answers among them
    """

    path: Path
    held: Mapping[str, np.ndarray]
    names: tuple[str, str, str]
    branch: np.ndarray
    trunk: np.ndarray
    answers: np.ndarray

    @property
    def inputs(self) -> dict[str, tuple[str, np.ndarray]]:
        """The name in the file and the array of every input of a network."""
        return {"branch": (self.names[0], self.branch), "trunk": (self.names[1], self.trunk)}


class _Ranges(NamedTuple):
    """The ranges of the inputs, and in words where they come from."""

    domain: Domain
    origin: str


def read_data(
    path: Path,
    *,
    kind: type[OperatorData] | type[TripleData] | None = None,
    domain: Domain | None = None,
    margin: float = MARGIN,
) -> Operator:
    """The one set in a file, OperatorData or TripleData by the shapes of its arrays.

    kind    says which layout it is; needed only for a single sample, whose shapes fit both
    domain  declared ranges of `branch` and `trunk`, of all columns or of each. Without, those in the file; without
            these, lowest and highest value of the data, widened at either end by `margin` of the distance between them:
            of each coordinate, and of functions over all sensors.

    Raises GraphError for a file that is not such an archive, for arrays that are missing, named twice, empty, not
    numeric or whose shapes fit no layout; OutOfRange for a value that is not finite or leaves the declared range.
    """
    stored = _stored(path, read_arrays(path), "")
    return _build(stored, kind, _ranges(stored, "samples", domain, margin))


def read_split(
    train: Path,
    test: Path | None = None,
    *,
    kind: type[OperatorData] | type[TripleData] | None = None,
    domain: Domain | None = None,
    margin: float = MARGIN,
) -> Split[OperatorData] | Split[TripleData]:
    """A set to train on and a set to test with, from one file or from two.

    In a file of its own a set may go without the suffix. Ranges not given come from the training set alone, as in
    read_data: test samples beyond them are an error, as they would be on hardware. Raises what read_data raises;
    GraphError when one set is OperatorData and the other TripleData, or their inputs differ in width; OutOfRange for a
    test sample that is zero everywhere, whose relative error means nothing.
    """
    arrays = read_arrays(train)
    first = _stored(train, arrays, _part(arrays, "_train", alone=test is not None))
    if test is not None:
        arrays = read_arrays(test)
    path = train if test is None else test
    second = _stored(path, arrays, _part(arrays, "_test", alone=test is not None))
    for stored in (first, second):  # a set that is wrong in itself is not held against the other
        _layout(stored, kind)
    _require_one_width(first, second)
    ranges = _ranges(first, "training samples", domain, margin)
    learnt, tested = _build(first, kind, ranges), _build(second, kind, ranges)
    _require_measurable(second, tested)
    if isinstance(learnt, OperatorData) and isinstance(tested, OperatorData):
        return Split(train=learnt, test=tested)
    if isinstance(learnt, TripleData) and isinstance(tested, TripleData):
        return Split(train=learnt, test=tested)
    raise GraphError(
        f"the training set in {train} is {type(learnt).__name__}, the test set in {path} is {type(tested).__name__}; "
        "bring both in one layout."
    )


def write_data(data: Operator | Split[OperatorData] | Split[TripleData], path: Path) -> Path:
    """Write one set, or a split in one file, whole or not at all; read_data or read_split gives the same arrays back.

    Ranges and axes are written too, provenance is not. Raises GraphError when the parts of a split declare different
    ranges or lie on different axes, which one file cannot say.
    """
    if isinstance(data, Split):
        same = all(np.array_equal(_ends(data.train, name), _ends(data.test, name)) for name in data.train.domain)
        if not same or [a.tolist() for a in _axes(data.train)] != [a.tolist() for a in _axes(data.test)]:
            raise GraphError(
                f"the parts of the split differ in their declared ranges or axes; write them to two files, not {path}."
            )
        arrays = _arrays(data.train, "_train") | _arrays(data.test, "_test")
    else:
        arrays = _arrays(data, "")
    write_arrays(Path(path), arrays)
    return Path(path)


def _arrays(data: Operator, part: str) -> dict[str, np.ndarray]:
    return {
        f"X_branch{part}": data.branch,
        f"X_trunk{part}": data.locations,
        f"y{part}": data.targets,
        "domain_branch": _ends(data, "branch"),
        "domain_trunk": _ends(data, "trunk"),
        **{f"axis_{i}": axis for i, axis in enumerate(_axes(data))},
    }


def _ends(data: Operator, name: str) -> Float64[np.ndarray, "2 *columns"]:
    """The declared range of an input: two numbers, or two of every column."""
    return np.stack(np.broadcast_arrays(*(np.asarray(end, dtype=np.float64) for end in data.domain[name])))


def _axes(data: Operator) -> tuple[np.ndarray, ...]:
    return data.axes if isinstance(data, OperatorData) else ()


def _spellings(part: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Names under which branch, trunk and answers of a part may stand."""
    if not part:
        return ("X_branch",), ("X_trunk",), ("y",)
    return (f"X_branch{part}", f"X{part}0"), (f"X_trunk{part}", f"X{part}1"), (f"y{part}",)


def _part(arrays: Mapping[str, np.ndarray], part: str, *, alone: bool) -> str:
    """`part`, or none where the file is the part's own and its names are without suffix."""
    suffixed = any(name in arrays for names in _spellings(part) for name in names)
    return "" if alone and not suffixed else part


def _find(path: Path, arrays: Mapping[str, np.ndarray], names: tuple[str, ...]) -> tuple[str, np.ndarray]:
    found = [name for name in names if name in arrays]
    if len(found) != 1:
        held = ", ".join(sorted(arrays)) or "nothing"
        reason = f"holds both {' and '.join(found)}; keep one" if found else f"lacks {' or '.join(names)}"
        raise GraphError(
            f"{path} {reason}. It holds: {held}. One set is X_branch, X_trunk, y (read_data); two sets end in _train "
            "and _test (read_split)."
        )
    array = arrays[found[0]]
    if array.dtype.kind not in "fiu":
        raise GraphError(explain(f"array {found[0]!r} of {path}: dtype", array.dtype, "real or integer", "convert it"))
    return found[0], array.astype(np.float64)


def _stored(path: Path, held: Mapping[str, np.ndarray], part: str) -> _Stored:
    """The set of a part, its arrays finite real numbers on two axes."""
    (b, branch), (t, trunk), (a, answers) = (_find(path, held, names) for names in _spellings(part))
    for name, array in ((b, branch), (t, trunk), (a, answers)):
        if array.ndim != 2 or not array.size:
            raise GraphError(
                explain(
                    f"array {name!r} of {path}: shape",
                    array.shape,
                    "two axes, none empty",
                    "reshape it" if array.size else "write a file with at least one sample",
                )
            )
        entry, remedy = f"array {name!r} of {path}: entry ", "leave such samples out ({count} such entries)"
        refuse_first(~np.isfinite(array), entry, array, "a finite number", remedy)
    return _Stored(path, held, (b, t, a), branch, trunk, answers)


def _layout(stored: _Stored, kind: type[OperatorData] | type[TripleData] | None) -> type[OperatorData | TripleData]:
    """The layout that the shapes of a set are in. Raises GraphError where it is none, both, or not `kind`."""
    path, _, (b, t, a), branch, trunk, answers = stored
    product = answers.shape == (len(branch), len(trunk))
    aligned = len(branch) == len(trunk) == len(answers) and answers.shape[1] == 1
    shapes = f"{b} {branch.shape}, {t} {trunk.shape}, {a} {answers.shape}"
    fits = "(N1, m), (N2, d), (N1, N2) for every pair, or (N, m), (N, d), (N, 1) for aligned samples"
    if not (product or aligned):
        raise GraphError(explain(f"shapes in {path}", shapes, fits, _reshape(stored)))
    if product and aligned and kind is None:
        raise GraphError(
            f"the shapes in {path} fit both layouts: {shapes}. Say which it is: kind=OperatorData or kind=TripleData, "
            "problem.layout = cartesian or triple of a run."
        )
    chosen = kind or (OperatorData if product else TripleData)
    if not (product if chosen is OperatorData else aligned):
        raise GraphError(explain(f"shapes in {path} for {chosen.__name__}", shapes, fits, "read it as the other kind"))
    return chosen


def _reshape(stored: _Stored) -> str:
    """What to do about shapes that fit no layout: the one array that is to be transposed, if there is one."""
    branch, trunk, answers = (array.shape for array in (stored.branch, stored.trunk, stored.answers))
    for i, name in enumerate(stored.names):
        b, t, y = (shape[::-1] if j == i else shape for j, shape in enumerate((branch, trunk, answers)))
        if y == (b[0], t[0]) or (b[0] == t[0] == y[0] and y[1] == 1):
            return f"transpose {name!r} to {(b, t, y)[i]}"
    return "transpose or reshape what differs"


def _build(stored: _Stored, kind: type[OperatorData] | type[TripleData] | None, ranges: _Ranges) -> Operator:
    chosen = _layout(stored, kind)
    path, held, _, branch, trunk, answers = stored
    for name, (named, array) in stored.inputs.items():
        if name in ranges.domain:  # a range that is missing is the set's own complaint
            remedy = _DECLARE.format("a wider one")
            require_inside(f"{path}: array {named!r}", array, ranges.domain[name], ranges.origin, remedy)
    made = {"file": Path(path).name, "domain": ranges.origin}
    if chosen is TripleData:
        return TripleData(branch, trunk, answers, ranges.domain, made)
    axes: list[np.ndarray] = []
    while f"axis_{len(axes)}" in held:
        axes.append(held[f"axis_{len(axes)}"])
    return OperatorData(branch, trunk, answers, ranges.domain, made, tuple(axes))


def _ranges(stored: _Stored, whose: str, domain: Domain | None, margin: float) -> _Ranges:
    """The ranges that are given, else those in the file, else those of its samples; `whose` says what these are."""
    if domain is not None:
        return _Ranges(domain, "the declared range")
    if not (np.isfinite(margin) and margin >= 0):
        raise OutOfRange(explain("margin", margin, "a finite number >= 0", "take 0.1, a tenth of the data's range"))
    path, file = stored.path, Path(stored.path).name
    ends = {name: stored.held[f"domain_{name}"] for name in stored.inputs if f"domain_{name}" in stored.held}
    if len(ends) == len(stored.inputs):
        for name, pair in ends.items():
            columns = stored.inputs[name][1].shape[1]
            shaped = pair.shape in ((2,), (2, columns)) and pair.dtype.kind in "fiu"
            if not shaped or not (np.all(pair[0] <= pair[1]) and np.any(pair[0] < pair[1])):
                legal = f"two numbers, low < high, or two rows of {columns}"
                raise GraphError(explain(f"domain_{name} of {path}", pair, legal, "mend the file"))
        return _Ranges({name: (pair[0], pair[1]) for name, pair in ends.items()}, f"the range that {file} declares")
    found: dict[str, tuple[PerColumn, PerColumn]] = {}
    for name, (named, array) in stored.inputs.items():
        low, high = array.min(axis=0), array.max(axis=0)
        if (low == high).all() and (low == low[0]).all():
            raise OutOfRange(
                explain(
                    f"array {named!r} of {path}",
                    f"{low[0]:g} everywhere",
                    f"a range of values, from which that of the input {name!r} is taken",
                    _DECLARE.format("the ranges of the inputs"),
                )
            )
        found[name] = _widened(low, high, margin, alike=name == "branch")
    return _Ranges(found, f"the range of the {whose} in {file}, widened by {margin:g} of it at either end")


def _widened(
    low: Float64[np.ndarray, " columns"], high: Float64[np.ndarray, " columns"], margin: float, *, alike: bool
) -> tuple[PerColumn, PerColumn]:
    """Ranges of columns, widened at either end by `margin` of their width.

    Columns of locations are coordinates, each with a unit of its own. Columns of functions (`alike`) are values of one
    function at sensors: test functions may reach further at one sensor than all training functions do, so that they
    share one range; but for those that reach a part of it so small that they must have another unit.
    """
    bottom, top = low.min(), high.max()
    widest = top - bottom
    if alike:
        own = (high - low < OTHER_UNIT * widest) & (high - low > ROUNDING * widest)
        low, high = np.where(own, low - (high - low), bottom), np.where(own, high + (high - low), top)
    width = np.where(high > low, high - low, widest)  # a constant column may differ in another set
    return low - margin * width, high + margin * width


def _require_one_width(train: _Stored, test: _Stored) -> None:
    """A network takes as many numbers as the training samples have."""
    for name, (named, array) in test.inputs.items():
        other, like = train.inputs[name]
        if array.shape[1] != like.shape[1]:
            raise GraphError(
                explain(
                    f"array {named!r} of {test.path}: shape",
                    array.shape,
                    f"(N, {like.shape[1]}), the width of {other!r} of {train.path}, whose shape is {like.shape}",
                    "test with samples at the sensors, and in the coordinates, of those to train on",
                )
            )


def _require_measurable(stored: _Stored, data: Operator) -> None:
    """Test errors are relative to the norm of a function, or of all aligned answers together: neither may be zero."""
    rows = data.targets if isinstance(data, OperatorData) else data.targets.T
    zero = np.flatnonzero(np.linalg.norm(rows, axis=1) == 0)
    if len(zero):
        whole = isinstance(data, TripleData)
        raise OutOfRange(
            explain(
                f"array {stored.names[2]!r} of {stored.path}: " + ("all of it" if whole else f"sample {zero[0]}"),
                "zero everywhere",
                "some value that is not zero: test errors are relative, and undefined relative to zero",
                "test with other samples" if whole else f"leave that sample out ({len(zero)} such samples)",
            )
        )
