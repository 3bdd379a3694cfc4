"""The mean of several models that were tuned from one base."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.bundled import MARKER
from embeddings.types import EmbeddingsError

WEIGHTS = "model.safetensors"


def average(parts: Sequence[tuple[Path, float]], base: Path, out: Path) -> Path:
    """Write the weighted mean of models of one shape as a model folder; returns `out`/model.

    The mean of checkpoints of one or more runs is often better than each of them, and a share of the base gives back
    what tuning made it forget (M. Wortsman et al. 2022, arXiv 2203.05482 and 2109.01903).

    Args:
        parts: model folders with their shares.
        base: everything but the weights is taken from this folder, since checkpoints are cut to the length of training.
        out: of the run that this stands for; it must not be there yet. The recipes of the parts are kept in it.

    Raises:
        EmbeddingsError: if shares do not add up to 1, `out` is there, or a folder holds no weights or those of another
            shape.
    """
    from safetensors.numpy import save_file

    if not parts or any(share < 0 for _folder, share in parts):
        raise EmbeddingsError("a mean needs models, and shares that are not negative")
    if not math.isclose(sum(share for _folder, share in parts), 1.0, abs_tol=1e-6):
        raise EmbeddingsError("the shares do not add up to 1")
    if out.exists():
        raise EmbeddingsError(f"{out} is there already; choose another folder")
    start = _weights(parts[0][0])
    added = {name: np.zeros(tensor.shape) for name, tensor in start.items()}
    for folder, share in parts[1:]:
        found = _weights(folder)
        if {name: t.shape for name, t in found.items()} != {name: t.shape for name, t in start.items()}:
            raise EmbeddingsError(f"{folder} holds a model of another shape")
        for name, tensor in found.items():
            added[name] += share * (tensor.astype(np.float64) - start[name])
    # What all have in common stays as it is, to the last bit.
    mean = {name: (start[name] + added[name]).astype(np.float32) for name in start}
    shutil.copytree(base, out / "model", ignore=shutil.ignore_patterns(WEIGHTS, MARKER))
    save_file(mean, out / "model" / WEIGHTS, {"format": "pt"})
    kept = [{"share": share, "model": folder.name, "recipe": _recipe(folder)} for folder, share in parts]
    (out / "recipe.json").write_text(json.dumps({"mean of": kept}, indent=1), encoding="utf-8")
    return out / "model"


def _weights(folder: Path) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise EmbeddingsError(f"the weights in {folder} cannot be read: {error}") from error


def _recipe(folder: Path) -> object:
    """The recipe of the run that a model or one of its checkpoints is of; None for a model that was not tuned here."""
    for above in (folder.parent, folder.parent.parent):
        if (above / "recipe.json").is_file():
            return json.loads((above / "recipe.json").read_text(encoding="utf-8"))
    return None
