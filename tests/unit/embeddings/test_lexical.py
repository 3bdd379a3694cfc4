"""Tokens and the BM25 index."""

from __future__ import annotations

import threading

import pytest

from embeddings.lexical import LexicalIndex, coverage, tokens

DOCS = {
    "needle": "可弯曲房间隔穿刺针，针尖角度可调。",
    "stent": "药物洗脱支架，适用于冠状动脉狭窄。",
    "scanner": "5.0T 磁共振成像系统，配合 PET-CT 使用；支持 X线 引导。",
}


@pytest.fixture
def index() -> LexicalIndex:
    filled = LexicalIndex()
    filled.upsert(DOCS)
    return filled


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("房间隔穿刺针", {"房间隔", "穿刺针", "房间", "间隔", "穿刺", "刺针"}),
        ("5.0T", {"5.0t", "5.0", "t"}),
        ("PET-CT", {"pet-ct", "pet", "ct"}),
        ("ＰＥＴ－ＣＴ", {"pet-ct", "pet", "ct"}),
        ("CT、B超和X线", {"ct", "b超", "x线"}),
        ("支架", {"支架"}),
        ("针", {"针"}),
        ("The needle", {"needle"}),
    ],
)
def test_tokens(text: str, held: set[str]) -> None:
    assert held <= set(tokens(text))


def test_stop_words_and_punctuation_give_no_tokens() -> None:
    assert tokens("的，了。和！ the of —— _ ... \x00") == []
    assert tokens("") == []
    assert "患者的" not in tokens("患者的心脏") and "的心" not in tokens("患者的心脏")


def test_tokens_hold_no_white_space() -> None:
    assert all(token.split() == [token] for token in tokens("a\u3000b c\u00a0d 房 间\u2028隔 𠀀字 ㎎ e\u0301"))


def test_finds_two_character_and_single_character_words(index: LexicalIndex) -> None:
    assert [hit.id for hit in index.search("支架", 5)] == ["stent"]
    assert [hit.id for hit in index.search("穿刺", 5)] == ["needle"]
    assert [hit.id for hit in index.search("pet", 5)] == ["scanner"]
    assert [hit.id for hit in index.search("x线", 5)] == ["scanner"]
    single = LexicalIndex()
    single.upsert({"a": "针", "b": "管"})
    assert [hit.id for hit in single.search("针", 5)] == ["a"]


def test_ranks_by_rare_words(index: LexicalIndex) -> None:
    found = index.search("支架怎样适用于房间隔穿刺针", 5)
    assert [hit.id for hit in found] == ["needle", "stent"]
    assert found[0].score > found[1].score > 0
    assert len(index.search("支架怎样适用于房间隔穿刺针", 1)) == 1


@pytest.mark.parametrize("text", ["", "   ", "！？。", '"', "()", "的 了 和", "AND OR NOT the", "~^:*?\\/[]{}"])
def test_nothing_to_look_for(index: LexicalIndex, text: str) -> None:
    hits = index.search(text, 5)
    assert hits == [] or text.startswith("AND")


@pytest.mark.parametrize(
    "text",
    [
        '支架"',
        "body:支架",
        "支架 AND (",
        "id:needle 支架",
        "NOT 支架",
        "支架~2 -支架 +支架",
        "支架\x00\n*",
        "[支架 TO z]",
    ],
)
def test_hostile_text_is_only_words(index: LexicalIndex, text: str) -> None:
    assert [hit.id for hit in index.search(text, 5)] == ["stent"]


def test_upsert_replaces_and_delete_purges(index: LexicalIndex) -> None:
    index.upsert({"stent": "球囊导管"})
    assert len(index) == 3
    assert index.search("支架", 5) == []
    assert [hit.id for hit in index.search("球囊", 5)] == ["stent"]
    index.delete(["stent", "unknown"])
    assert len(index) == 2 and index.ids() == {"needle", "scanner"}
    assert index.search("球囊", 5) == []
    index.delete([])
    index.upsert({})
    with pytest.raises(TypeError):
        index.delete("needle")
    assert len(index) == 2


def test_text_without_words_is_stored(index: LexicalIndex) -> None:
    index.upsert({"empty": "！！"})
    assert len(index) == 4
    index.delete(["empty"])
    assert len(index) == 3


def test_empty_index_and_wrong_k() -> None:
    index = LexicalIndex()
    assert len(index) == 0
    assert index.search("支架", 5) == []
    assert index.idf("支架") > 0
    with pytest.raises(ValueError, match="k must"):
        index.search("支架", 0)


def test_long_query(index: LexicalIndex) -> None:
    text = "".join(chr(0x4E00 + i) for i in range(3000)) + "支架"
    assert index.search(text, 5)


def test_ids_with_any_characters() -> None:
    index = LexicalIndex()
    index.upsert({"capability:a b\"'": "支架", "能力 1": "支架"})
    assert {hit.id for hit in index.search("支架", 5)} == {"capability:a b\"'", "能力 1"}
    index.delete(["capability:a b\"'"])
    assert [hit.id for hit in index.search("支架", 5)] == ["能力 1"]


def test_idf_and_coverage_by_hand(index: LexicalIndex) -> None:
    assert index.idf("支架") == pytest.approx(0.9808, abs=1e-4)  # ln(1 + 2.5 / 1.5)
    assert index.idf("unknown") == pytest.approx(2.0794, abs=1e-4)  # ln(1 + 3.5 / 0.5)
    weights = {"支架": 1.0, "球囊": 3.0}
    assert coverage("支架 球囊", "一个支架", weights.__getitem__) == pytest.approx(0.25)
    assert coverage("支架 球囊 球囊", "球囊，支架", weights.__getitem__) == pytest.approx(1.0)
    assert coverage("", "支架", weights.__getitem__) == 0.0
    assert coverage("支架", "", weights.__getitem__) == 0.0


def test_searching_while_writing(index: LexicalIndex) -> None:
    errors: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                assert [hit.id for hit in index.search("房间隔", 3)][:1] == ["needle"]
                assert index.idf("房间隔") > 0
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(20):
        index.upsert({f"new{n}": f"球囊导管{turn}" for n in range(20)})
        index.delete([f"new{n}" for n in range(20)])
    done.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert len(index) == 3
