"""What a checkpoint is measured by while it is trained: the product protocol and the needs that were kept out."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from embeddings.tuning.pairs import HELD_OUT, Need, Product, measured_cases

POOL = 900
"""Documents of each of the two small pools: enough to tell checkpoints apart, encoded in a minute."""


def evaluator(products: Mapping[str, Product], needs: Sequence[Need], *, seed: int = 0, cases: int = 250) -> Any:
    """A sentence-transformers evaluator of two parts, `cases` (the product protocol) and `needs` (those kept out)."""
    from sentence_transformers.sentence_transformer.evaluation import SequentialEvaluator

    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret  # nosec B311
    queries, pool = measured_cases(products)
    asked = dict(draw.sample(sorted(queries.items()), min(cases, len(queries))))
    held = {f"need-{number}": need for number, need in enumerate(needs) if need.split == HELD_OUT}
    answers = {need.product: products[need.product].text for need in held.values()}
    return SequentialEvaluator(
        [
            _retrieval("cases", asked, _filled(pool, set(asked), draw), {name: {name} for name in asked}),
            _retrieval(
                "needs",
                {name: need.text for name, need in held.items()},
                answers | _filled({p.id: p.text for p in products.values()}, set(answers), draw),
                {name: {need.product} for name, need in held.items()},
            ),
        ],
        main_score_function=lambda scores: sum(scores) / len(scores),
    )


def _filled(pool: Mapping[str, str], wanted: set[str], draw: random.Random) -> dict[str, str]:
    others = sorted(set(pool) - wanted)
    chosen = draw.sample(others, max(0, min(POOL - len(wanted), len(others))))
    return {name: pool[name] for name in [*sorted(wanted & set(pool)), *chosen]}


def _retrieval(name: str, queries: dict[str, str], corpus: dict[str, str], relevant: dict[str, set[str]]) -> Any:
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    make: Any = InformationRetrievalEvaluator  # Its dictionaries are typed for pictures and sound as well.
    return make(
        queries,
        corpus,
        relevant,
        name=name,
        mrr_at_k=[100],
        ndcg_at_k=[10],
        accuracy_at_k=[1],
        precision_recall_at_k=[10],
        map_at_k=[10],
        query_prompt="query: ",
        corpus_prompt="passage: ",
        batch_size=32,
        write_csv=False,
        show_progress_bar=False,
    )
