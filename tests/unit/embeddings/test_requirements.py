"""Splitting a need into requirement points."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from embeddings.requirements import alike, split_requirements

LETTER = """您好，打扰了。
我是心内科的护士长。
我院成立于1958年，床位1200张。
1. 针的弯度可以在心脏内调节
2. 外径≤8F；
（3）一次性使用
•\t停住以后不移位
谢谢各位老师！
联系电话：021-00000000"""


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("针", ["针"]),
        ("needle", ["needle"]),
        ("", []),
        ("。，；！？…", []),
        ("  \n\t\u3000 ", []),
        ("穿刺针在房间隔上打滑，弯度调不了，怕扎破主动脉", ["穿刺针在房间隔上打滑，弯度调不了，怕扎破主动脉"]),
        ("老人夜里下床摔倒。能不能早点报警？", ["老人夜里下床摔倒。能不能早点报警？"]),
        ("1. 可调弯\n2. 外径不超过8F", ["可调弯", "外径不超过8F"]),
        ("（一）可调弯\n（二）外径不超过8F", ["可调弯", "外径不超过8F"]),
        ("① 防水 ② 可擦拭 ③ 重量<5kg", ["防水", "可擦拭", "重量<5kg"]),
        ("要求如下：1、外径不超过8F；2、可调弯；3、一次性使用。", ["外径不超过8F", "可调弯", "一次性使用"]),
        ("\uf0b7\t可调弯\r\n\uf0b7\t外径≤8F", ["可调弯", "外径≤8F"]),
        ("可调弯\u2028外径≤8F\v不得漏气\n- 耐高温", ["外径≤8F", "不得漏气", "耐高温"]),
        ("- 不漏\n- 不堵", ["不漏", "不堵"]),
        ("a) bendable\nb) fits an 8F sheath", ["bendable", "fits an 8F sheath"]),
        (
            "We need a steerable needle. It must pass an 8F sheath. Our hospital is in Shanghai. Thank you.",
            ["We need a steerable needle", "It must pass an 8F sheath"],
        ),
        ("磁共振5.0T，孔径1.5米以上；最好国产；" * 4, ["磁共振5.0T，孔径1.5米以上", "最好国产"]),
    ],
)
def test_structure(text: str, points: list[str]) -> None:
    assert split_requirements([text]) == points


def test_greetings_background_and_contacts_are_dropped() -> None:
    assert split_requirements([LETTER]) == ["针的弯度可以在心脏内调节", "外径≤8F", "一次性使用", "停住以后不移位"]


def test_of_trouble_and_wish_the_wish_is_kept() -> None:
    text = "经典穿刺针不能弯曲，顶住房间隔后会上滑，穿刺点跟着移位。"
    text += "退针重来又慢，希望有一种能在心脏里调弯的穿刺针，停得住选定的位置。"
    assert split_requirements([text]) == ["希望有一种能在心脏里调弯的穿刺针，停得住选定的位置"]


def test_figures_that_report_are_no_requirement() -> None:
    text = "去年做了132例，残余漏超过3毫米的占两成。封堵后残余漏不超过3毫米。"
    assert split_requirements([text, "患者多为老人，走动不便。"]) == ["封堵后残余漏不超过3毫米"]


def test_without_a_wish_the_complaints_stand() -> None:
    text = (
        "早班七点半开始。穿刺针顶住房间隔后容易上滑，穿刺点移位。\n"
        "弯度在体内无法改变，只好退出来重新塑形，病人要多挨一次。"
    )
    assert split_requirements([text]) == [
        "穿刺针顶住房间隔后容易上滑，穿刺点移位",
        "弯度在体内无法改变，只好退出来重新塑形，病人要多挨一次",
    ]


def test_every_sentence_of_what_is_stated_counts() -> None:
    stated = ["弯度在心脏内可以调节，停在选定的位置。通过间隔时省力。", "与8F鞘管配套"]
    assert split_requirements(["针尖容易上滑。"], stated=stated) == [
        "弯度在心脏内可以调节，停在选定的位置",
        "通过间隔时省力",
        "与8F鞘管配套",
    ]


def test_repetitions_are_said_once() -> None:
    text = "1. 外径不超过8F\n2. 外径不超过 8F。\n3. 可调弯\n4. 要求外径不超过8F"
    assert split_requirements([text]) == ["可调弯", "要求外径不超过8F"]
    assert alike("外径不超过8F", "要求外径不超过8F")
    assert not alike("弯度可调", "外径不超过8F")


def test_a_long_need_gives_the_most_checkable_in_text_order() -> None:
    lines = [f"科室情况第{n}段，病人从各处转来，流程和往常一样。" for n in range(200)]
    asked = ["响应时间不超过30秒", "需要支持夜间使用", "要求误差不大于2%", "希望连续工作8小时以上"]
    for place, text in zip((5, 60, 120, 199), asked, strict=True):
        lines.insert(place, f"{text}。")
    assert split_requirements(["\n".join(lines)], limit=3) == [asked[0], asked[2], asked[3]]
    assert len(split_requirements(["\n".join(lines)])) == 4
    assert len(split_requirements(["\n".join(f"{n}. 指标{n}" for n in range(1, 60))])) == 8


def test_points_fit_a_line() -> None:
    points = split_requirements(["1. " + "需要很多很多文字，" * 60 + "\n2. " + "字" * 500])
    assert points
    assert max(map(len, points)) <= 120


def test_a_limit_under_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        split_requirements(["针"], 0)


PARAGRAPHS = [
    "您好。",
    "1. 外径不超过8F\n2. 可在心脏内调弯",
    "现在用的针容易上滑，希望停得住选定的位置。",
    "去年做了200例，三成需要重来。",
    "通过间隔的时间不超过2分钟；最好一次性使用；不能损伤主动脉。",
    "要求外径不超过8F。",
    "需要配套导丝。需要配套扩张器。",
    "We need training material in English.",
]


@pytest.mark.parametrize("limit", [3, 5, 8])
def test_the_set_does_not_depend_on_the_order_of_paragraphs(limit: int) -> None:
    chance = random.Random(1)  # seeded
    expected = set(split_requirements(PARAGRAPHS, limit))
    assert len(expected) == limit
    for _ in range(200):
        shuffled = PARAGRAPHS[:]
        chance.shuffle(shuffled)
        assert set(split_requirements(shuffled, limit)) == expected
        assert set(split_requirements(["\n".join(shuffled)], limit)) == expected


def test_the_set_does_not_depend_on_the_order_of_what_is_stated() -> None:
    expected = set(split_requirements([], 3, stated=PARAGRAPHS[1:5]))
    for order in permutations(PARAGRAPHS[1:5]):
        assert set(split_requirements([], 3, stated=order)) == expected
