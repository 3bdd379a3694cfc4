"""What a search looks for besides the words of the query: other writings, synonyms, and mended slips."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings import lexical_typos
from embeddings.lexical import LexicalIndex, coverage, index_terms, tokens
from embeddings.lexical_query import MOST_TERMS, OPENING, query_weights
from embeddings.lexical_typos import repair
from embeddings.normal import fold, fold_with_origin, stem
from embeddings.vocabulary import Vocabulary, load_vocabulary, shipped_vocabulary

DOCS = {
    "needle": "可弯曲房间隔穿刺针，针尖角度可调。",
    "stent": "药物洗脱支架，适用于冠状动脉狭窄。",
    "sleep": "持续正压通气治疗机，适用于睡眠呼吸暂停患者。",
    "scanner": "PET-CT 成像系统。",
    "aid": "Behind-the-ear hearing aids with noise reduction for mild hearing losses.",
    "contrast": "造影剂高压注射装置。",
}


@pytest.fixture
def index() -> LexicalIndex:
    filled = LexicalIndex()
    filled.upsert(DOCS)
    return filled


def best(index: LexicalIndex, text: str) -> str:
    hits = index.search(text, 5)
    return hits[0].id if hits else ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("夜里打呼噜", "sleep"),
        ("snoring at night", "sleep"),
        ("助听器", "aid"),
        ("transseptal puncture", "needle"),
        ("PETCT", "scanner"),
        ("pet ct", "scanner"),
        ("ＰＥＴ／ＣＴ", "scanner"),
        ("正电子发射断层", "scanner"),
        ("房間隔穿刺針", "needle"),
        ("冠狀動脈狹窄", "stent"),
        ("a hearing loss", "aid"),
        ("noise reductions", "aid"),
    ],
)
def test_other_words_and_writings(index: LexicalIndex, text: str, found: str) -> None:
    assert best(index, text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("穿剌", "needle"),
        ("造影济", "contrast"),
        ("reducton", "aid"),
        ("heering", "aid"),
        ("steent", "stent"),
        ("hearign", "aid"),
        ("支架内再侠窄", "stent"),
    ],
)
def test_slips(index: LexicalIndex, text: str, found: str) -> None:
    assert best(index, text) == found


def test_known_and_everyday_words_are_not_mended() -> None:
    words = shipped_vocabulary()

    def mend(text: str) -> str:
        return repair(text, words, lambda _term: 0, lambda _prefix: ["wound", "pump"])

    for text in (
        "it would be good if we could see the needle",
        "手都酸了",
        "助手还得另举",
        "手术间里",
        "pumps",
        "ct",
        "x1y2z3",
    ):
        assert mend(text) == text
    assert mend("hemodialisys") == "hemodialysis"
    assert mend("经皮肾竟") == "经皮肾镜"
    # What a text of the index says is no slip.
    assert repair("穿剌", words, lambda term: int(term == "穿剌"), lambda _prefix: []) == "穿剌"


def test_synonyms_weigh_less_than_the_words_themselves(index: LexicalIndex) -> None:
    index.upsert({"plain": "打呼噜", "formal": "鼾症"})
    assert [hit.id for hit in index.search("打呼噜", 3)][:2] == ["plain", "formal"]
    weights = query_weights("打呼噜", index._searcher, index.vocabulary)
    own = set(index_terms("打呼噜"))
    assert max(weight for term, weight in weights.items() if term not in own) < min(weights[term] for term in own)


def test_without_vocabulary_only_the_words_count() -> None:
    plain = LexicalIndex(vocabulary=Vocabulary())
    plain.upsert(DOCS)
    assert plain.search("打呼噜", 5) == []
    assert best(plain, "支架") == "stent"


def test_another_vocabulary_needs_no_new_index(index: LexicalIndex, tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("小蓝盒 | 通气治疗机\n", "utf-8")
    assert index.search("小蓝盒", 5) == []
    index.save(tmp_path / "saved", 1)
    loaded, _sequence = LexicalIndex.load(tmp_path / "saved", vocabulary=load_vocabulary(extra=path))
    assert best(loaded, "小蓝盒") == "sleep"


def test_long_texts_keep_to_the_number_of_terms(index: LexicalIndex) -> None:
    text = "".join(f"{text}{number}" for number in range(60) for text in DOCS.values())
    index.upsert({"long": text})
    weights = query_weights(text, index._searcher, index.vocabulary)
    assert len(weights) == MOST_TERMS
    assert "kept" not in query_weights("。" * OPENING + "打呼噜", index._searcher, index.vocabulary)
    assert query_weights("。" * OPENING + "打呼噜", index._searcher, index.vocabulary) == {}


def test_expand_names_what_was_also_searched(index: LexicalIndex) -> None:
    assert "睡眠呼吸暂停" in index.expand("打呼噜")
    assert "transseptal" in index.expand("房间隔穿剌")
    assert index.expand("完全无关") == ()


def test_folding() -> None:
    assert fold("ＣＴ 心臟導管 Ⅱ型") == "ct 心脏导管 ii型"
    folded, origin = fold_with_origin("Ⅱ型導管")
    assert folded == "ii型导管" and origin == [0, 0, 1, 2, 3]
    assert fold_with_origin("") == ("", [])
    assert [stem(word) for word in ("needles", "ct", "b超", "surgeries")] == ["needl", "ct", "b超", "surgeri"]


def test_terms_of_the_index() -> None:
    assert tokens("needles") == ["needles"] and index_terms("needles") == ["needl"]
    assert {"pet-ct", "pet", "ct", "petct"} <= set(index_terms("PET-CT"))
    assert "petct" in index_terms("PET CT") and "petct" in index_terms("PETCT")
    assert tokens("導管") == tokens("导管")


def test_coverage_knows_plural_and_idf_knows_stems(index: LexicalIndex) -> None:
    assert coverage("needles", "one needle", lambda _token: 1.0) == 1.0
    assert index.idf("losses") == index.idf("loss") < index.idf("unknown")


def test_prepare_reads_the_tables_of_slips(index: LexicalIndex) -> None:
    lexical_typos._tables.cache_clear()
    index.prepare()
    assert lexical_typos._tables.cache_info().currsize == 1
