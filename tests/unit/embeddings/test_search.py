"""The small facade, with an encoder made of hashed characters; and once with the real one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from embeddings import SentenceEncoder
from embeddings.search import SubjectSearch
from embeddings.types import Encoder, Vector
from tests.unit.embeddings.encoder_contract import check_encoder_contract

SUBJECTS = [
    ("needle", "可弯房间隔穿刺针", "由不锈钢针管和手柄组成。针尖可弯曲，不会向上滑动。已经获得三类医疗器械注册证。"),
    ("stent", "药物洗脱支架", "由钴铬合金支架和药物涂层组成。适用于冠状动脉狭窄的患者。"),
    ("robot", "骨科手术机器人", "术中导航定位误差小于0.5毫米。支持脊柱和关节手术。"),
    ("titled", "心电监护仪", ""),
]
QUERY = "穿刺针无法弯曲，容易滑动"


class CharacterEncoder:
    """Hashed characters and pairs: deterministic, and texts that share them are close."""

    name = "characters"
    dimension = 256

    def encode_queries(self, texts: Sequence[str]) -> Vector:
        return self.encode_passages(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vector:
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        rows[:, 0] = 1e-3
        for row, text in zip(rows, texts, strict=True):
            for piece in [*text, *(text[n : n + 2] for n in range(len(text) - 1))]:
                row[int.from_bytes(hashlib.blake2b(piece.encode(), digest_size=2).digest()) % self.dimension] += 1
        unit: Vector = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


@pytest.fixture(scope="module")
def search() -> SubjectSearch:
    return SubjectSearch(CharacterEncoder(), SUBJECTS)


def test_a_fake_can_keep_the_contract() -> None:
    encoder: Encoder = CharacterEncoder()
    check_encoder_contract(encoder)


@pytest.mark.parametrize("method", ["fused", "dense", "lexical"])
def test_every_method_finds_the_needle(search: SubjectSearch, method: Any) -> None:
    found = search.rank(QUERY, 3, method)
    assert found[0].id == "needle"
    assert found[0].evidence is not None
    assert found[0].evidence.text == "针尖可弯曲，不会向上滑动。"
    assert found[0].evidence.terms == ("弯曲", "滑动")
    assert found[0].dense is not None and found[0].lexical is not None
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_scores_tell_which_side_found_a_subject(search: SubjectSearch) -> None:
    by_id = {hit.id: hit for hit in search.rank(QUERY, 10)}
    assert len(search) == len(by_id) == 4
    assert by_id["robot"].lexical is None and by_id["robot"].dense is not None
    assert by_id["needle"].score == pytest.approx(2 / 61)


def test_title_alone_is_evidence(search: SubjectSearch) -> None:
    found = search.rank("心电监护仪", 1)[0]
    assert found.id == "titled" and found.evidence is not None and found.evidence.text == "心电监护仪"


@pytest.mark.parametrize("query", ["", "  ", "！？", "的"])
def test_nothing_asked_nothing_found(search: SubjectSearch, query: str) -> None:
    assert search.rank(query) == []


def test_wrong_arguments_and_empty_search(search: SubjectSearch) -> None:
    wrong: Any = "magic"
    with pytest.raises(ValueError, match="unknown method"):
        search.rank("针", method=wrong)
    with pytest.raises(ValueError, match="k must"):
        search.rank("针", 0)
    with pytest.raises(ValueError, match="repeated"):
        SubjectSearch(CharacterEncoder(), [SUBJECTS[0], SUBJECTS[0]])
    assert SubjectSearch(CharacterEncoder(), []).rank("针") == []


@pytest.mark.model
def test_real_encoder_finds_by_meaning(real_encoder: SentenceEncoder) -> None:
    """Its English to Chinese side is weak (see `encoder.load_encoder`), so only a clear case of that is asked for."""
    found = SubjectSearch(real_encoder, SUBJECTS)
    for query, expected in [
        (QUERY, "needle"),
        ("扎针时针头打滑戳破心房", "needle"),
        ("冠脉狭窄怎么办", "stent"),
        ("换关节时对不准位置", "robot"),
        ("robot for spine surgery", "robot"),
    ]:
        assert found.rank(query, 1, "dense")[0].id == expected, query
    assert found.rank(QUERY, 1)[0].id == "needle"
