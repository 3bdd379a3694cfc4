"""Hard negatives: answers that the present encoder takes for right and that are of another device category."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np

from embeddings.tuning.pairs import Pair, PairsError, Product
from embeddings.types import Encoder

FIRST, LAST = 4, 40
"""Ranks between which a negative is drawn: what stands before them may well be an answer too."""


def mine(
    encoder: Encoder, pairs: Sequence[Pair], products: Mapping[str, Product], *, seed: int = 0
) -> list[tuple[Pair, Product]]:
    """Every pair with a product that ranks FIRST to LAST for its anchor and has another category and another name.

    Raises:
        PairsError: if there are too few products of other categories to draw from.
    """
    pool = list(products.values())
    answers = encoder.encode_passages([product.text for product in pool])
    texts = list(dict.fromkeys(pair.anchor for pair in pairs))
    row = {text: number for number, text in enumerate(texts)}
    queries = encoder.encode_queries(texts)
    choose = random.Random(seed)  # noqa: S311 - a draw, not a secret  # nosec B311
    found: list[tuple[Pair, Product]] = []
    for pair in pairs:
        order = np.argsort(-(answers @ queries[row[pair.anchor]]), kind="stable")[: 4 * LAST]
        ranked = [pool[i] for i in order if pool[i].category != pair.category and pool[i].id != pair.same]
        if len(ranked) <= FIRST:
            raise PairsError(
                f"there are {len(ranked)} products of another category than the answer's; {FIRST + 1} are needed"
            )
        found.append((pair, choose.choice(ranked[FIRST:LAST])))
    return found
