"""Ranking measures per query, computed by ir-measures (pytrec_eval).

nDCG here has the gain 2^grade - 1 and the discount log2(rank + 1) (C. Burges et al. 2005, Learning to rank using
gradient descent, ICML). ir-measures' own default is the linear gain of Järvelin and Kekäläinen 2002, so the gains are
given to it explicitly; its `dcg="exp-log2"` would need the Perl program gdeval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from embeddings.evaluation.dataset import HIGHEST_GRADE

MEASURES = ("nDCG@10", "MRR", "recall@10", "recall@50", "hit@1")

Scores = dict[str, dict[str, float]]
"""Measure to query id to value, 0 to 1."""


def evaluate(
    rankings: Mapping[str, Sequence[str]], relevance: Mapping[str, Mapping[str, int]], relevant_from: int = 2
) -> Scores:
    """Measure rankings of documents.

    Args:
        rankings: query id to document ids, best first. A judged query without a ranking counts as an empty one; a
            repeated document counts at its best rank.
        relevance: query id to document id to grade, 0 to 3.
        relevant_from: lowest grade that MRR, recall and hit@1 take as relevant. nDCG uses all grades.

    Returns:
        For every measure of MEASURES the value of every query that has at least one relevant document. Others (a need
        that nothing answers) are left out of all measures: no ranking can be right or wrong for them.

    Raises:
        ValueError: if relevant_from is not 1 to 3 or a grade is not 0 to 3.
    """
    if not 1 <= relevant_from <= HIGHEST_GRADE:
        raise ValueError(f"relevant_from must be 1 to {HIGHEST_GRADE}, not {relevant_from}")
    for grades in relevance.values():
        if any(not 0 <= grade <= HIGHEST_GRADE for grade in grades.values()):
            raise ValueError(f"grades must be 0 to {HIGHEST_GRADE}")
    judged = {
        query: dict(grades)
        for query, grades in relevance.items()
        if any(grade >= relevant_from for grade in grades.values())
    }
    scores: Scores = {name: dict.fromkeys(judged, 0.0) for name in MEASURES}
    if not judged:
        return scores
    import ir_measures as ir

    measures = {
        ir.nDCG(gains={grade: 2**grade - 1 for grade in range(HIGHEST_GRADE + 1)}) @ 10: "nDCG@10",
        ir.RR(rel=relevant_from): "MRR",
        ir.R(rel=relevant_from) @ 10: "recall@10",
        ir.R(rel=relevant_from) @ 50: "recall@50",
        ir.Success(rel=relevant_from) @ 1: "hit@1",
    }
    # Numbers stand for the names, which may hold what C strings cannot, such as a NUL.
    queries = {str(number): query for number, query in enumerate(judged)}
    numbers: dict[str, str] = {}

    def number_of(doc: str) -> str:
        return numbers.setdefault(doc, str(len(numbers)))

    qrels = [
        ir.Qrel(number, number_of(doc), grade)
        for number, query in queries.items()
        for doc, grade in judged[query].items()
    ]
    # The order given is the ranking: scores fall by one per rank, so no tie is left for pytrec_eval to break.
    run = [
        ir.ScoredDoc(number, number_of(doc), -float(rank))
        for number, query in queries.items()
        for rank, doc in enumerate(dict.fromkeys(rankings.get(query, ())))
    ]
    if run:
        for metric in ir.iter_calc(list(measures), qrels, run):
            scores[measures[metric.measure]][queries[metric.query_id]] = float(metric.value)
    return scores
