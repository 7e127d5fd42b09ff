"""What a data set has for `compile`: inputs to round weights for, and test samples to judge the Program by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurokit.data.data import Data, OperatorData, PointData

#: Most pairs of functions and locations to judge a Program by; of a larger grid some locations are taken, evenly.
MOST_PAIRS = 2**18


def calibration_arrays(train: Data) -> Mapping[str, np.ndarray]:
    """The inputs of the training samples, each once; `compile` combines them in every way."""
    if isinstance(train, PointData):
        return {"x": train.x}
    if isinstance(train, OperatorData):
        return {"branch": train.branch, "trunk": train.locations}
    return {"branch": np.unique(train.branch, axis=0), "trunk": np.unique(train.locations, axis=0)}


def test_arrays(test: Data) -> Mapping[str, np.ndarray]:
    """Test samples with their true answers as `y`, in the layout of `neurokit.data.samples.answered`."""
    if isinstance(test, PointData):
        return {"x": test.x, "y": test.y}
    branch, trunk, y = test.branch, test.locations, test.targets
    if isinstance(test, OperatorData):
        branch, y = branch[:MOST_PAIRS], y[:MOST_PAIRS]
        most = max(1, MOST_PAIRS // len(branch))
        if len(trunk) > most:
            kept = np.linspace(0, len(trunk) - 1, most).round().astype(int)
            trunk, y = trunk[kept], y[:, kept]
    return {"branch": branch, "trunk": trunk, "y": y}
