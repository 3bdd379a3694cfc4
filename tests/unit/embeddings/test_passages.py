"""Normalisation, sentences and passages."""

from __future__ import annotations

import pytest

from embeddings.passages import LONGEST_SENTENCE, WHOLE_LENGTH, normalise, passages, split_sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a \t\n b\u3000c ", "a b c"),
        ("⼯程，ＣＴ５．０Ｔ（①）～", "工程，CT5.0T（1）～"),
        ("a\x00b\u200bc\ufeffd\x07", "abcd"),
        ("Case Kept", "Case Kept"),
        ("", ""),
        ("\u200b\x00", ""),
        ("line\u2028break", "line break"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected
    assert normalise(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("针尖可弯。不滑动！可靠？是的；好", ["针尖可弯。", "不滑动！", "可靠？", "是的；", "好"]),
        ("It bends. It holds! Does it? Yes; sure", ["It bends.", "It holds!", "Does it?", "Yes;", "sure"]),
        ("第一行\n第二行", ["第一行", "第二行"]),
        ("磁共振5.0T设备，v1.2.3。", ["磁共振5.0T设备，v1.2.3。"]),
        ("Metals, e.g. nitinol, are used. Then S. aureus grew.", None),
        ("See Fig. 3 and Dr. Wang etc. for more.", ["See Fig. 3 and Dr. Wang etc. for more."]),
        ("https://a.cn/x?y=1;z=2", ["https://a.cn/x?y=1;z=2"]),
        ("1. 第一条\n2. 第二条", ["1. 第一条", "2. 第二条"]),
        ("他说：“可以。”然后走了。", ["他说：“可以。”", "然后走了。"]),
        ("真的？！当然。。。", ["真的？！", "当然。。。"]),
        ("English end.中文开始", ["English end.", "中文开始"]),
        ("。", ["。"]),
        ("", []),
        (" \n \x00", []),
    ],
)
def test_split_sentences(text: str, expected: list[str] | None) -> None:
    if expected is None:
        expected = ["Metals, e.g. nitinol, are used.", "Then S. aureus grew."]
    assert split_sentences(text) == expected


def test_long_sentences_are_cut_at_commas() -> None:
    text = "，".join(["可弯曲的房间隔穿刺针"] * 30) + "。"
    pieces = split_sentences(text)
    assert "".join(pieces) == text
    assert all(len(piece) <= LONGEST_SENTENCE for piece in pieces)
    assert all(piece.endswith(("，", "。")) for piece in pieces)


def test_long_sentence_without_comma_is_cut_anyway() -> None:
    pieces = split_sentences("长" * 300)
    assert [len(piece) for piece in pieces] == [120, 120, 60]


def test_passages_of_a_subject() -> None:
    found = passages(
        "可弯穿刺针", ["针尖角度可以调节到九十度。使用时不会向上滑动刺破心脏。", "已获得三类医疗器械注册证。"]
    )
    assert [passage.position for passage in found] == [0, 1, 2, 3]
    assert found[0].text.startswith("可弯穿刺针 针尖角度")
    assert found[0].text.endswith("注册证。")
    assert [passage.text for passage in found[1:]] == [
        "针尖角度可以调节到九十度。",
        "使用时不会向上滑动刺破心脏。",
        "已获得三类医疗器械注册证。",
    ]
    assert found[0].encoded == found[0].text
    assert found[2].encoded == "可弯穿刺针：使用时不会向上滑动刺破心脏。"


def test_context_does_not_repeat_the_title() -> None:
    found = passages("可弯穿刺针", ["可弯穿刺针由针管和手柄组成。"])
    assert found[1].encoded == found[1].text == "可弯穿刺针由针管和手柄组成。"


def test_short_sentences_join_their_neighbour_within_a_part() -> None:
    found = passages("题", ["针尖可弯。使用时不会向上滑动刺破心脏。可靠。", "短。"])
    assert [passage.text for passage in found[1:]] == ["针尖可弯。使用时不会向上滑动刺破心脏。可靠。", "短。"]
    english = passages("t", ["Yes. It bends well under load."])
    assert english[1].text == "Yes. It bends well under load."


def test_whole_passage_is_limited() -> None:
    assert len(passages("题", ["字" * 1000])[0].text) == WHOLE_LENGTH


def test_empty_subjects() -> None:
    assert passages("", []) == []
    assert passages(" ", ["", "\n"]) == []
    assert [passage.text for passage in passages("只有题目", [])] == ["只有题目"]
    assert [passage.text for passage in passages("", ["没有题目的一段文字说明。"])] == ["没有题目的一段文字说明。"] * 2
