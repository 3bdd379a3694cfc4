"""One tuning run from files to a model folder, and the packing of what it learned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embeddings import adapter, bundled
from embeddings.encoder import load_encoder
from embeddings.tuning import measuring, negatives, pairs, training
from embeddings.tuning.training import Progress, Recipe

COPIES = 2


def tune(
    products_file: Path,
    needs_file: Path,
    cache_dir: Path,
    folder: Path,
    *,
    recipe: Recipe | None = None,
    decisions: Sequence[tuple[str, str]] = (),
    start: Path | None = None,
    measure: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Tune the default encoder; returns the folder of the tuned model. Goes on where an earlier run was cut off.

    Args:
        products_file: regulatory entries, JSON Lines.
        needs_file: needs in clinicians' words, CSV.
        cache_dir: where the base model is or will be.
        folder: of the run.
        decisions: (need, capability) texts of recorded decisions that were accepted.
        start: a model folder to start from instead of the base.
        measure: whether checkpoints are measured on the cases of the last year and on the needs kept out.

    Raises:
        PairsError: if a file cannot be used.
        EncoderUnavailable: if the base cannot be had.
        EmbeddingsError: if `folder` holds another run.
    """
    tell = progress or bundled.silent
    products = pairs.read_products(products_file)
    needs = pairs.read_needs(needs_file)
    base = start or bundled.build(cache_dir)
    tell("mining hard negatives", 0.0)
    encoder = load_encoder(base, cache_dir)
    trained = {p.id: p for p in products.values() if not p.year.startswith(pairs.LAST_YEAR)}
    asked = {"needs": pairs.need_pairs(needs, products, COPIES), "uses": pairs.use_pairs(products.values())}
    return training.train(
        base,
        folder,
        {name: negatives.mine(encoder, found, trained) for name, found in asked.items()},
        [
            *pairs.name_pairs(products.values()),
            *(pairs.Pair(need, answer, answer, answer) for need, answer in decisions),
        ],
        recipe or Recipe(),
        evaluator=measuring.evaluator(products, needs) if measure else None,
        progress=progress,
    )


def pack(model: Path, out: Path, cache_dir: Path, figures: Mapping[str, Any], sources: Sequence[Path]) -> int:
    """Write the adapter file of a tuned model; returns its size in bytes.

    Args:
        figures: what `comparison.compare` found, kept in the file.
        sources: the files it learned from; their digests are kept.

    Raises:
        EncoderUnavailable: if the base cannot be had.
    """
    source, _version = bundled.find_source()
    recipe = model.parent / "recipe.json"
    provenance = {
        "base": bundled.MODEL_NAME,
        "sources": {path.name: bundled.file_digest(path) for path in sources},
        "recipe": json.loads(recipe.read_text(encoding="utf-8")) if recipe.exists() else None,
        "figures": figures,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    return adapter.write(out, bundled.build(cache_dir), model, bundled.file_digest(source), provenance)
