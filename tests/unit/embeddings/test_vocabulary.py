"""The medical vocabulary: its form, what a text finds in it, and the shipped file."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings.normal import fold
from embeddings.vocabulary import (
    Vocabulary,
    VocabularyError,
    load_vocabulary,
    shipped_vocabulary,
)
from embeddings.vocabulary_file import AMBIGUOUS, LONGEST_MEMBER


def of(tmp_path: Path, *lines: str) -> Vocabulary:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(lines), "utf-8")
    return load_vocabulary(path)


def added(vocabulary: Vocabulary, text: str) -> dict[str, float]:
    return {member.text: member.weight for found in vocabulary.find(text) for member in found.added}


def test_a_member_finds_the_others(tmp_path: Path) -> None:
    words = of(tmp_path, "# heading", "", "心梗 | 心肌梗死 | AMI", "支架 | stent")
    assert len(words) == 2
    assert added(words, "去年得过心梗") == {"心肌梗死": 1.0, "AMI": 1.0}
    assert words.expand("心梗后放支架") == ("心肌梗死", "AMI", "stent")
    assert words.expand("心梗就是心肌梗死") == ("AMI",)
    assert words.find("没有别的") == [] and words.expand("") == ()


def test_one_way(tmp_path: Path) -> None:
    words = of(tmp_path, "看不见 | 摸黑 > 可视 | 引导")
    assert added(words, "凭手感摸黑扎") == {"可视": 1.0, "引导": 1.0}
    assert added(words, "超声引导") == {}


def test_ambiguous_members_count_half_and_are_not_shown(tmp_path: Path) -> None:
    words = of(tmp_path, "二尖瓣反流 | MR?", "磁共振 | MR?")
    assert added(words, "MR") == {"二尖瓣反流": AMBIGUOUS, "磁共振": AMBIGUOUS}
    assert added(words, "二尖瓣反流") == {"MR": AMBIGUOUS}
    assert words.expand("二尖瓣反流") == ()


@pytest.mark.parametrize("text", ["PET-CT", "pet ct", "PET/CT", "ＰＥＴ－ＣＴ", "petct", "做PET-CT检查"])
def test_writings_of_a_latin_member(tmp_path: Path, text: str) -> None:
    assert added(of(tmp_path, "PET-CT | 正电子"), text) == {"正电子": 1.0}


def test_latin_members_end_at_word_borders(tmp_path: Path) -> None:
    words = of(tmp_path, "AF | 房颤", "hearing aid | 助听器", "γ刀 | 伽玛刀")
    assert added(words, "after the leaf") == {}
    assert added(words, "two hearing aids") == {"助听器": 1.0}
    assert added(words, "shearing aid") == {}
    assert added(words, "Γ刀") == {"伽玛刀": 1.0}


def test_the_longest_member_counts(tmp_path: Path) -> None:
    words = of(tmp_path, "支架 | stent", "支架内再狭窄 | ISR")
    assert added(words, "支架内再狭窄") == {"ISR": 1.0}
    assert added(words, "支架内再狭窄，换支架") == {"ISR": 1.0, "stent": 1.0}


def test_a_single_character_must_be_a_word(tmp_path: Path) -> None:
    words = of(tmp_path, "心 | heart")
    assert added(words, "静配中心") == {}
    assert added(words, "心，肝") == {"heart": 1.0}


def test_traditional_characters(tmp_path: Path) -> None:
    words = of(tmp_path, "导管 | catheter", "人工關節 | 假体")
    assert added(words, "心臟導管") == {"catheter": 1.0}
    assert added(words, "人工关节") == {"假体": 1.0}


def test_groups_are_not_merged_nor_followed_further(tmp_path: Path) -> None:
    words = of(tmp_path, "甲状腺 | 大脖子", "大脖子 | 水肿", "甲状腺 | 大脖子")
    assert len(words) == 3
    assert added(words, "甲状腺") == {"大脖子": 1.0}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("心梗", "at least two"),
        ("心梗 | ", "empty"),
        ("心梗 | ?", "empty"),
        ("a1 | b1 > c1 > d1", "at most one"),
        ("心梗 | AMI | ａｍｉ", "twice"),
        ("心梗 | " + "长" * (LONGEST_MEMBER + 1), "longer"),
        (" > 心梗", "empty"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(VocabularyError, match=says) as caught:
        of(tmp_path, "# one", "支架 | stent", line)
    assert caught.value.line == 3 and "words.txt, line 3" in str(caught.value)


def test_a_file_must_be_utf8_and_exist(tmp_path: Path) -> None:
    path = tmp_path / "gbk.txt"
    path.write_bytes("支架 | stent".encode("gb18030"))
    with pytest.raises(VocabularyError, match="UTF-8") as caught:
        load_vocabulary(path)
    assert caught.value.line == 0
    with pytest.raises(FileNotFoundError):
        load_vocabulary(extra=tmp_path / "absent.txt")


def test_an_operator_adds_or_replaces(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("\ufeff我院甲泵 | 注射泵\n", "utf-8")
    assert len(load_vocabulary(extra=path)) == len(shipped_vocabulary()) + 1
    assert added(load_vocabulary(path), "我院甲泵") == {"注射泵": 1.0}
    assert added(load_vocabulary(path), "心梗") == {}


def test_shipped_vocabulary() -> None:
    words = shipped_vocabulary()
    assert len(words) >= 900
    for asked, wanted in [
        ("ERCP", "逆行胰胆管造影"),
        ("PFO", "卵圆孔未闭"),
        ("LAA", "左心耳"),
        ("静配中心", "PIVAS"),
        ("支架内再狭窄", "ISR"),
        ("打呼噜", "睡眠呼吸暂停"),
        ("骨头脆", "骨质疏松"),
        ("吊瓶", "输液"),
        ("尿不出", "尿潴留"),
        ("褥疮", "压力性损伤"),
        ("sleep apnoea or snoring", "鼾症"),
        ("hearing aids", "助听器"),
    ]:
        assert wanted in words.expand(asked), asked


def test_every_shipped_member_finds_its_group() -> None:
    words = shipped_vocabulary()
    lost = [
        member.text
        for group in words.groups
        for member in group.known
        if fold(member.text) not in {fold(found.found) for found in words.find(member.text)}
    ]
    assert lost == []


def test_empty_vocabulary() -> None:
    assert len(Vocabulary()) == 0
    assert Vocabulary().find("支架") == []
