"""The sentence that shows why, and the words to mark."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from embeddings.evidence import LEXICAL_SHARE, best_evidence, matching_spans, matching_terms


def idf(token: str) -> float:
    return 1.0


VECTORS = np.eye(3, dtype=np.float32)
SENTENCES = ["由不锈钢制成。", "针尖可弯曲，不会向上滑动。", "已获得注册证。"]


def test_closest_sentence_wins() -> None:
    found = best_evidence(VECTORS[1], "穿刺针无法弯曲，容易滑动", SENTENCES, VECTORS, idf)
    assert found is not None
    assert (found.position, found.text) == (1, SENTENCES[1])
    assert found.terms == ("弯曲", "滑动")
    assert 1.0 < found.score <= 1.0 + LEXICAL_SHARE


def test_words_decide_between_equally_close_sentences() -> None:
    query = np.array([1.0, 1.0, 1.0], dtype=np.float32) / np.sqrt(3, dtype=np.float32)
    found = best_evidence(query, "注册证", SENTENCES, VECTORS, idf)
    assert found is not None and found.position == 2
    nothing_shared = best_evidence(query, "zzz", SENTENCES, VECTORS, idf)
    assert nothing_shared is not None and nothing_shared.position == 0 and nothing_shared.terms == ()


def test_empty_input_and_wrong_shapes() -> None:
    assert best_evidence(VECTORS[0], "针", [], np.empty((0, 3), dtype=np.float32), idf) is None
    assert best_evidence(VECTORS[0], "", SENTENCES, VECTORS, idf) is not None
    with pytest.raises(ValueError, match="do not agree"):
        best_evidence(VECTORS[0], "针", SENTENCES, VECTORS[:2], idf)
    with pytest.raises(ValueError, match="do not agree"):
        best_evidence(VECTORS[:1], "针", SENTENCES, VECTORS, idf)


@pytest.mark.parametrize(
    ("query", "sentence", "terms"),
    [
        ("房间隔穿刺针", "可弯的房间隔穿刺针，穿刺针尖", ("房间隔穿刺针", "穿刺针")),
        ("5.0T 磁共振", "支持5.0T磁共振成像", ("5.0T磁共振",)),
        ("pet-ct", "配合 PET-CT 或 PET 使用", ("PET-CT", "PET")),
        ("ct", "the ACT project, CT scan", ("CT",)),
        ("针", "针对患者", ()),
        ("滑动", "滑动、滑动", ("滑动",)),
        ("ＣＴ造影", "CT造影剂", ("CT造影",)),
        ("CT造影", "ＣＴ造影剂", ("ＣＴ造影",)),
        ("㎎", "5 mg", ("mg",)),
        ("完全不同", "没有关系", ()),
        ("", "句子", ()),
        ("x线", "X线球管", ("X线",)),
    ],
)
def test_terms(query: str, sentence: str, terms: tuple[str, ...]) -> None:
    assert matching_terms(query, sentence) == terms
    assert all(term in sentence for term in terms)


def test_spans_are_sorted_and_apart() -> None:
    sentence = "滑动的针，可弯曲的针，会滑动"
    spans = matching_spans("弯曲 滑动", sentence)
    assert [sentence[start:end] for start, end in spans] == ["滑动", "弯曲", "滑动"]
    assert all(first[1] < second[0] for first, second in pairwise(spans))
