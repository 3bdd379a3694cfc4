"""Words of a query in a text: the same as by cutting both."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.lexical import token_coverage, tokens
from embeddings.lexical_words import Sought, sought
from embeddings.normal import fold, stem

CHINESE = ["可弯曲房间隔穿刺针", "穿刺", "针", "的", "了", "目的地", "没有", "可以", "药物洗脱支架", "支架"]
MIXED = ["病人们的", "護士", "Ⅱ型", "，", "。"]
LATIN = ["PET-CT", "needles", "X线", "b超", "5.0T", "5μm", "not-in", "é", "Ａ", "㎎", "\u4dc0"]
PIECES = (*CHINESE, *MIXED, *LATIN, "pet ct ", "needle ", " 3 ", "the ", "支架 ", "\n")
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join)


def idf(token: str) -> float:
    """A weight that tells tokens apart and depends on nothing else."""
    return 0.5 + sum(map(ord, token)) % 7


@settings(deadline=None)
@given(texts, texts)
def test_what_is_found_is_what_cutting_both_texts_finds(query: str, text: str) -> None:
    wanted, there, folded = set(tokens(query)), set(tokens(text)), fold(text)
    words = Sought(query)
    assert set(words.words) == wanted
    assert words.held(folded) == wanted & there
    assert words.held(folded, shortest=2) == {word for word in wanted & there if len(word) > 1}
    stems = {stem(token) for token in there}
    assert words.held_by_stem(folded) == {word for word in wanted if stem(word) in stems}
    share = words.share(folded, words.weigh(idf))
    assert math.isclose(share, token_coverage(wanted, there, idf), abs_tol=1e-12)


@settings(deadline=None)
@given(texts)
def test_a_text_holds_all_its_own_words(text: str) -> None:
    assert Sought(text).held(fold(text)) == set(tokens(text))


def test_a_word_is_not_found_across_the_borders_of_others() -> None:
    words = Sought("目的地 支架")
    assert "目的地" in words.words
    assert words.held(fold("项目的地方")) == set(tokens("目的地 支架")) & set(tokens("项目的地方"))
    assert "目的地" not in words.held(fold("项目的地方"))
    # Latin words are whole ones: "ct" is no part of "action".
    assert Sought("ct").held("action") == set()
    assert Sought("ct").held("pet-ct") == {"ct"}


def test_no_words_have_no_share() -> None:
    assert Sought("").share("支架", {}) == 0.0
    assert sought("支架") is sought("支架")
