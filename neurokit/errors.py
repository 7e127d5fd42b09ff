"""Every exception that neurokit raises on a user's mistake, its warnings, and how messages are built.

A message answers four questions: which object, which value, what is legal, what to do.
"""

from __future__ import annotations

import errno
import os


class NeurokitError(Exception):
    """Base class of all errors that neurokit raises on purpose."""


class GraphError(NeurokitError, ValueError):
    """A Graph or Program is not well formed: a dangling edge, a wrong shape, an unknown node."""


class OutOfRange(NeurokitError, ValueError):
    """A value does not fit where it is to go (a weight, a threshold, an input, a state)."""


class OverflowDetected(OutOfRange, ArithmeticError):
    """An integer left its declared width while a Program was interpreted."""


class UnsupportedNode(NeurokitError, NotImplementedError):
    """A pass or a target has no rule for a node; names the node, its type and the target."""

    def __init__(self, node: str, kind: str, target: str, reason: str, remedy: str) -> None:
        super().__init__(f"node {node!r} ({kind}) is not supported by {target}: {reason}. {remedy}")
        self.node, self.kind, self.target = node, kind, target


class DoesNotFit(NeurokitError, ValueError):
    """A layer needs more of a chip's resource than the chip has."""


class ProgramError(NeurokitError, ValueError):
    """A file is not a Program that this version of neurokit can read."""


class BundleError(NeurokitError, ValueError):
    """A file is not a deploy bundle that this version of neurokit can read."""


class ModelFileError(NeurokitError, ValueError):
    """A file is not a trained network that this version of neurokit can read, or a network cannot be written."""


class TargetError(NeurokitError, RuntimeError):
    """A target could not run a Program."""


class LavaFailure(TargetError):
    """Lava failed while it ran; carries the traceback of the process that failed."""

    def __init__(self, message: str, child_traceback: str = "") -> None:
        super().__init__(message + (f"\n\nIn the Lava process:\n{child_traceback}" if child_traceback else ""))
        self.child_traceback = child_traceback


class LavaTimeout(LavaFailure):
    """Lava did not finish before its deadline and was stopped."""


class TargetUnavailable(TargetError):
    """A target's software or hardware is not here; says what is missing and how to get it."""


class RunError(NeurokitError, ValueError):
    """A training run's configuration or folder is not as it must be, or what it asks for is not on this machine."""


class TrainingDiverged(NeurokitError, ArithmeticError):
    """A loss or a parameter became NaN or infinite during training."""


class TangentCrossing(NeurokitError, ArithmeticError):
    """A voltage touches its threshold without crossing it, and the derivative of that spike's time was asked for."""


class NeurokitWarning(UserWarning):
    """Base class of all warnings that neurokit issues."""


class MisleadingError(NeurokitWarning):
    """An error relative to answers far from zero looks small, but the answers' variation is lost. Only warned of."""


class AccuracyWarning(NeurokitWarning):
    """A Program's answers are further from those of its network than a stated share of their spread."""


class OutputFailed(NeurokitError, OSError):
    """A file could not be written; what stood at its name before stands there still. Its `errno` says why."""

    def __init__(self, number: int, path: str | os.PathLike[str], need: str = "") -> None:
        super().__init__(number, os.strerror(number), os.fspath(path))
        self.need = need

    def __reduce__(self) -> tuple[type[OutputFailed], tuple[int, str, str]]:
        return type(self), (self.errno or 0, self.filename, self.need)

    def __str__(self) -> str:
        return (
            f"{self.filename!r} could not be written: {self.strerror}.{self.need} Nothing of this file is left, and "
            f"one that had its name is as it was. {REMEDIES.get(self.errno or 0, 'Look at the name and the disk')}."
        )


#: What to do about a file that the system would not write, by the number of its error.
REMEDIES = {
    errno.ENOSPC: "Make room on that disk, or name another with more of it, and run it again",
    errno.EDQUOT: "Make room within your quota, or name another disk, and run it again",
    errno.EFBIG: "Raise the largest size of a file (`ulimit -f`), and run it again",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "Name a place that you may write to"),
    **dict.fromkeys(
        (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG), "Name another file or folder"
    ),
}


def explain(subject: str, value: object, legal: str, remedy: str) -> str:
    """Build the message of a user-facing error.

    >>> explain("layer 'trunk.0': weight[4, 7]", 301, "a signed 8-bit integer", "rescale the layer")
    "layer 'trunk.0': weight[4, 7] is 301; legal is a signed 8-bit integer. To mend it, rescale the layer."
    """
    return f"{subject} is {value}; legal is {legal}. To mend it, {remedy}."
