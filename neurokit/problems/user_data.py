"""read_data, read_split, write_data: data sets of your own, as `.npz` files in the layouts of DeepXDE's operator data.

    layout                 branch      trunk       answers     artefact
    TripleCartesianProd    (N1, m)     (N2, d)     (N1, N2)    OperatorData
    Triple, aligned        (N, m)      (N, d)      (N, 1)      TripleData

Names of the arrays, for a file with one set: `X_branch`, `X_trunk`, `y`. For a file with a set to train on and a set
to test with: the same with `_train` and `_test` at the end, or `X_train0`, `X_train1`, `y_train` and likewise `test`,
as in DeepXDE's examples, whose X is a tuple of these two. Object arrays, and with them pickles, are never loaded.

Beside them `domain_branch` and `domain_trunk`, of shape (2,), declare the ranges of the inputs, and `axis_0`, `axis_1`,
... the axes of locations that form a grid; write_data writes them, files without them are read all the same.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.files import replacing
from neurokit.problems.data import Domain, OperatorData, Split, TripleData

#: What a file holds: functions by locations, or aligned samples.
Operator = OperatorData | TripleData
#: By how much a range taken from the data is widened at either end, as a share of the range.
MARGIN = 0.1


def read_data(
    path: Path,
    *,
    kind: type[OperatorData] | type[TripleData] | None = None,
    domain: Domain | None = None,
    margin: float = MARGIN,
) -> Operator:
    """The one set in a file, OperatorData or TripleData by the shapes of its arrays.

    kind    says which layout it is; needed only for a single sample, whose shapes fit both
    domain  declared ranges of `branch` and `trunk`. Without, those in the file; without these, lowest and highest value
            of the data, widened at either end by `margin` of the distance between them.

    Raises GraphError for a file that is not such an archive, for arrays that are missing, named twice, not numeric or
    whose shapes fit no layout; OutOfRange for a value that is not finite or leaves the declared range.
    """
    arrays = _load(path)
    return _build(path, arrays, "", kind, domain, margin)


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
    read_data: test samples beyond them are an error, as they would be on hardware. Raises what read_data raises, and
    GraphError when one set is OperatorData and the other TripleData.
    """
    arrays = _load(train)
    first = _build(train, arrays, _part(arrays, "_train", alone=test is not None), kind, domain, margin)
    if test is not None:
        arrays = _load(test)
    path = train if test is None else test
    second = _build(path, arrays, _part(arrays, "_test", alone=test is not None), kind, first.domain, margin)
    if isinstance(first, OperatorData) and isinstance(second, OperatorData):
        return Split(train=first, test=second)
    if isinstance(first, TripleData) and isinstance(second, TripleData):
        return Split(train=first, test=second)
    raise GraphError(
        f"the training set in {train} is {type(first).__name__}, the test set in {path} is {type(second).__name__}; "
        "bring both in one layout."
    )


def write_data(data: Operator | Split[OperatorData] | Split[TripleData], path: Path) -> Path:
    """Write one set, or a split in one file, whole or not at all; read_data or read_split gives the same arrays back.

    Ranges and axes are written too, provenance is not. Raises GraphError when the parts of a split declare different
    ranges or lie on different axes, which one file cannot say.
    """
    if isinstance(data, Split):
        same = dict(data.train.domain) == dict(data.test.domain)
        if not same or [a.tolist() for a in _axes(data.train)] != [a.tolist() for a in _axes(data.test)]:
            raise GraphError(
                f"the parts of the split differ in their declared ranges or axes; write them to two files, not {path}."
            )
        arrays = _arrays(data.train, "_train") | _arrays(data.test, "_test")
    else:
        arrays = _arrays(data, "")
    with replacing(Path(path)) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)
    return Path(path)


def _arrays(data: Operator, part: str) -> dict[str, np.ndarray]:
    return {
        f"X_branch{part}": data.branch,
        f"X_trunk{part}": data.locations,
        f"y{part}": data.targets,
        "domain_branch": np.array(data.domain["branch"], dtype=np.float64),
        "domain_trunk": np.array(data.domain["trunk"], dtype=np.float64),
        **{f"axis_{i}": axis for i, axis in enumerate(_axes(data))},
    }


def _axes(data: Operator) -> tuple[np.ndarray, ...]:
    return data.axes if isinstance(data, OperatorData) else ()


def _load(path: Path) -> dict[str, np.ndarray]:
    """Every array of the archive; those of objects are refused before anything in them is read."""
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise GraphError(f"{path} holds one bare array; save named arrays with np.savez.")
        with archive:
            return {name: _read(path, archive, name) for name in archive.files}
    except GraphError:
        raise
    except (OSError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise GraphError(f"{path} is not a readable .npz file: {error}") from None


def _read(path: Path, archive: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    try:
        return archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise GraphError(
            f"array {name!r} of {path} is an array of Python objects, which can run code when it is loaded and is "
            f"refused. If it is DeepXDE's tuple X, load it where you trust it and save its parts as plain arrays: "
            "np.savez(path, X_branch=X[0], X_trunk=X[1], y=y)."
        ) from None


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


def _build(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    part: str,
    kind: type[OperatorData] | type[TripleData] | None,
    domain: Domain | None,
    margin: float,
) -> Operator:
    (b, branch), (t, trunk), (a, answers) = (_find(path, arrays, names) for names in _spellings(part))
    for name, array in ((b, branch), (t, trunk), (a, answers)):
        if array.ndim != 2:
            raise GraphError(explain(f"array {name!r} of {path}: shape", array.shape, "two axes", "reshape it"))
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            raise OutOfRange(
                explain(
                    f"array {name!r} of {path}: entry [{bad[0][0]}, {bad[0][1]}]",
                    array[tuple(bad[0])],
                    "a finite number",
                    f"leave such samples out ({len(bad)} such entries)",
                )
            )
    product = answers.shape == (len(branch), len(trunk))
    aligned = len(branch) == len(trunk) == len(answers) and answers.shape[1] == 1
    shapes = f"{b} {branch.shape}, {t} {trunk.shape}, {a} {answers.shape}"
    fits = "(N1, m), (N2, d), (N1, N2) for every pair, or (N, m), (N, d), (N, 1) for aligned samples"
    if not (product or aligned):
        raise GraphError(explain(f"shapes in {path}", shapes, fits, "transpose or reshape what differs"))
    if product and aligned and kind is None:
        raise GraphError(
            f"the shapes in {path} fit both layouts: {shapes}. Say which it is: kind=OperatorData or kind=TripleData."
        )
    chosen = kind or (OperatorData if product else TripleData)
    if not (product if chosen is OperatorData else aligned):
        raise GraphError(explain(f"shapes in {path} for {chosen.__name__}", shapes, fits, "read it as the other kind"))
    declared, origin = _declared(path, arrays, {"branch": branch, "trunk": trunk}, domain, margin)
    made = {"file": Path(path).name, "domain": origin}
    if chosen is TripleData:
        return TripleData(branch, trunk, answers, declared, made)
    axes: list[np.ndarray] = []
    while f"axis_{len(axes)}" in arrays:
        axes.append(arrays[f"axis_{len(axes)}"])
    return OperatorData(branch, trunk, answers, declared, made, tuple(axes))


def _declared(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    domain: Domain | None,
    margin: float,
) -> tuple[Domain, str]:
    """The ranges of the inputs, and in words where they come from."""
    if domain is not None:
        return domain, "given"
    if not (np.isfinite(margin) and margin >= 0):
        raise OutOfRange(explain("margin", margin, "a finite number >= 0", "take 0.1, a tenth of the data's range"))
    stored = {name: arrays[f"domain_{name}"] for name in inputs if f"domain_{name}" in arrays}
    if len(stored) == len(inputs):
        for name, ends in stored.items():
            if ends.shape != (2,) or ends.dtype.kind not in "fiu" or not ends[0] < ends[1]:
                raise GraphError(explain(f"domain_{name} of {path}", ends, "two numbers, low < high", "mend the file"))
        return {name: (float(ends[0]), float(ends[1])) for name, ends in stored.items()}, "file"
    ranges = {}
    for name, array in inputs.items():
        low, high = float(array.min()), float(array.max())
        if low == high:
            raise OutOfRange(
                explain(f"input {name!r} of {path}", f"{low:g} everywhere", "a range of values", "give the domain")
            )
        ranges[name] = (low - margin * (high - low), high + margin * (high - low))
    return ranges, f"range of the data, widened by {margin:g} of it at either end"
