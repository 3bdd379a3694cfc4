"""Texts that were written elsewhere fall into the fields of a need."""

import pytest

from backend.rehearsal.part_labels import LABELS
from backend.rehearsal.parts import field_of, labels_in, lines_of, take_apart
from backend.rehearsal.reading import Block

LETTER = """关于房间隔穿刺针的需求
一、现状：目前使用不可弯曲的穿刺针，
体外塑弯后送入。
二、存在问题
针尖抵住后上滑，穿刺点移位。
肥厚的间隔只能靠推力。
三、预期目标：弯度可在心脏内调节。
四、应用场景：房颤消融。
联系人：心内科办公室
联系电话：021-0000 0000
填报单位：示例医院
"""


def test_a_letter_with_headings() -> None:
    parts = take_apart(lines_of(LETTER))
    assert parts.fields == {
        "title": "关于房间隔穿刺针的需求",
        "current_practice": "目前使用不可弯曲的穿刺针，\n体外塑弯后送入。",
        "problem": "针尖抵住后上滑，穿刺点移位。\n肥厚的间隔只能靠推力。",
        "acceptance_criteria": "弯度可在心脏内调节。",
        "procedure": "房颤消融。",
        "contact": "联系人：心内科办公室\n联系电话：021-0000 0000",
    }
    assert [(p.label, p.text) for p in parts.left_out] == [("填报单位", "示例医院")]


def test_a_table_of_label_and_text() -> None:
    rows = [
        Block(cells=("临床需求征集表",)),
        Block(cells=("需求名称", "可调弯穿刺针", "科室", "心血管内科")),
        Block(cells=("需求描述\n（500字以内）", "针尖上滑。\n可能误入主动脉。")),
        Block(cells=("主要技术指标", "外径不超过8F")),
        Block(cells=("经费预算", "20万元")),
        Block(cells=("完成期限", "两年")),
        Block(cells=("", "")),
    ]
    parts = take_apart(rows)
    assert parts.fields["title"] == "可调弯穿刺针"
    assert parts.fields["problem"] == "临床需求征集表\n针尖上滑。\n可能误入主动脉。"
    assert parts.fields["acceptance_criteria"] == "外径不超过8F"
    assert parts.fields["constraints"] == "经费预算：20万元\n完成期限：两年"
    assert [(p.label, p.text) for p in parts.left_out] == [("科室", "心血管内科")]


def test_a_text_without_labels_has_its_title_first() -> None:
    parts = take_apart(lines_of("针会上滑\n抵住房间隔以后往上跑。\n只好退出来重来。"))
    assert parts.fields == {"title": "针会上滑", "problem": "抵住房间隔以后往上跑。\n只好退出来重来。"}
    long = "没有换行的一大段话，" * 20
    assert take_apart(lines_of(long)).fields == {"problem": long}


def test_labels_that_run_on_in_one_line() -> None:
    text = "需求名称：可调弯穿刺针 现状：体外塑弯。存在问题：针尖上滑。预期目标：心脏内可调。"
    assert labels_in(text) == 4
    assert take_apart(lines_of(text)).fields == {
        "title": "可调弯穿刺针",
        "current_practice": "体外塑弯。",
        "problem": "针尖上滑。",
        "acceptance_criteria": "心脏内可调。",
    }


@pytest.mark.parametrize(
    "text",
    [
        "针尖抵住后上滑，存在问题较多，希望改进。",
        "目前的做法是退针后重新塑弯。",
        "手术时间：约两小时，其中穿刺半小时。",
        "要求：1、能调弯；2、不上滑。",
        "比例为1:5，温度：37度。",
    ],
)
def test_a_plain_text_is_not_cut(text: str) -> None:
    assert labels_in(text) < 2
    assert "".join(take_apart(lines_of(text)).fields.values()).rstrip("。") == text.rstrip("。")


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("【现状】", "current_practice"),
        ("（三）存在的主要问题：", "problem"),
        ("2. 拟达到的技术指标（可附页）", "acceptance_criteria"),
        ("联 系 人", "contact"),
        ("填报日期", ""),
        ("穿刺针", None),
    ],
)
def test_labels_as_offices_write_them(label: str, name: str | None) -> None:
    assert field_of(label) == name


def test_each_label_stands_for_one_field() -> None:
    labels = [label for labels in LABELS.values() for label in labels]
    assert len(labels) == len(set(labels))


def test_nothing_goes_into_the_open_part_unsaid() -> None:
    parts = take_apart(lines_of("需求概述：院内数据显示三成要重来。"))
    assert "summary" not in parts.fields


def test_a_table_as_word_and_excel_copy_it() -> None:
    parts = take_apart(lines_of("需求名称\t可调弯穿刺针\n存在问题\t针尖上滑\n联系电话\t021-0000 0000"))
    assert parts.fields == {"title": "可调弯穿刺针", "problem": "针尖上滑", "contact": "021-0000 0000"}


def test_a_title_that_is_a_paragraph_is_kept_whole_elsewhere() -> None:
    text = "能在心脏内调节弯度的穿刺针。" + "说明很长，" * 30
    fields = take_apart([Block(cells=("需求名称", text))]).fields
    assert fields["title"] == "能在心脏内调节弯度的穿刺针"
    assert fields["problem"] == text


def test_printed_lines_go_on_in_the_next() -> None:
    blocks = [
        Block("存在问题：针尖抵住房间隔以后会向上滑", is_full=True),
        Block("动，穿刺点移位。"),
        Block("现状：塑弯。"),
    ]
    assert take_apart(blocks).fields == {
        "problem": "针尖抵住房间隔以后会向上滑动，穿刺点移位。",
        "current_practice": "塑弯。",
    }
