"""The manifest of a bundle: one JSON object, under a seal over everything else in the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from neurokit.errors import BundleError, explain

FORMAT, VERSION = "neurokit-bundle", 1
#: Its keys: `parts` has the SHA-256 of every other part, `seal` that of the manifest without `seal`.
KEYS = frozenset({"format", "version", "made", "seed", "samples", "agreed", "resources", "estimate", "parts", "seal"})
MAX_BYTES = 2**20


def seal(manifest: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of a manifest in its one written form, without its seal."""
    rest = {key: value for key, value in manifest.items() if key != "seal"}
    return hashlib.sha256(_text(rest).encode()).hexdigest()


def encode(manifest: Mapping[str, Any]) -> bytes:
    """The bytes of a manifest, sealed."""
    return _text({**manifest, "seal": seal(manifest)}).encode()


def decode(data: bytes) -> dict[str, Any]:
    """The manifest that bytes say; raises BundleError unless they are exactly what `encode` writes."""
    try:
        manifest = json.loads(data.decode("ascii"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"its manifest is not JSON ({error}); it was damaged or edited.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"its manifest does not say that it is a {FORMAT}.")
    if manifest.get("version") != VERSION:
        legal = f"{VERSION}"
        raise BundleError(explain("its version", manifest.get("version"), legal, "update neurokit, or make it again"))
    if set(manifest) != KEYS:
        raise BundleError(f"its manifest has the keys {sorted(manifest)}, not {sorted(KEYS)}.")
    if data != _text(manifest).encode() or manifest["seal"] != seal(manifest):
        raise BundleError("the seal of its manifest is broken: it was damaged or edited; copy it or make it again.")
    parts = manifest["parts"]
    if not isinstance(parts, dict) or not all(isinstance(value, str) for value in parts.values()):
        raise BundleError("its manifest does not name its parts with their hashes.")
    return manifest


def _text(manifest: Mapping[str, Any]) -> str:
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number of JSON")
