"""Figures with units, and whether they meet what is asked for."""

from __future__ import annotations

import pytest

from embeddings.quantities import Bound, Fit, fit, quantities, wanted


@pytest.mark.parametrize(
    ("text", "measures", "low", "high", "bound"),
    [
        ("外径≤2 mm", "length", 2.0, 2.0, Bound.AT_MOST),
        ("直径2.0至4.0毫米", "length", 2.0, 4.0, Bound.EXACT),
        ("15分钟内出结果", "time", 900.0, 900.0, Bound.AT_MOST),
        ("不少于三个月", "time", 3 * 30.4 * 86400, 3 * 30.4 * 86400, Bound.AT_LEAST),
        ("within 15 minutes", "time", 900.0, 900.0, Bound.AT_MOST),
        ("at least 20 kg", "mass", 20_000.0, 20_000.0, Bound.AT_LEAST),
        ("兼容6F鞘", "length", 2.0, 2.0, Bound.EXACT),
        ("误差±3%", "share", 3.0, 3.0, Bound.AT_MOST),
        ("超过85%", "share", 85.0, 85.0, Bound.AT_LEAST),
        ("85%以上", "share", 85.0, 85.0, Bound.AT_LEAST),
        ("3.0T磁共振", "field", 3.0, 3.0, Bound.EXACT),
        ("承重2.5吨", "mass", 2.5e6, 2.5e6, Bound.EXACT),
        ("500万至800万元", "money", 500.0, 800.0, Bound.EXACT),
        ("一百二十张片子", "count", 120.0, 120.0, Bound.EXACT),
        ("１０ｍｍ", "length", 10.0, 10.0, Bound.EXACT),
        ("1,500例", "count", 1500.0, 1500.0, Bound.EXACT),
    ],
)
def test_one_figure(text: str, measures: str, low: float, high: float, bound: Bound) -> None:
    (found,) = quantities(text)
    assert (found.measures, found.bound) == (measures, bound)
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    "text", ["", "没有数字", "型号AB12", "一次性使用", "第三类", "2024", "mm", "12 meters of rope x5"]
)
def test_no_figure(text: str) -> None:
    assert quantities(text) == []


@pytest.mark.parametrize(
    ("asked", "sentence", "expected"),
    [
        ("外径不超过2毫米", "外径1.8毫米", Fit.MET),
        ("外径不超过2毫米", "外径0.18厘米", Fit.MET),
        ("外径不超过2毫米", "外径2.5毫米", Fit.MISSED),
        ("外径不超过2毫米", "外径很细", Fit.LACKING),
        ("外径不超过2毫米", "用时3分钟", Fit.LACKING),
        ("外径不超过2毫米", "直径1.5至4毫米可选", Fit.MET),
        ("成功率不低于90%", "成功率95.9%", Fit.MET),
        ("成功率不低于90%", "成功率超过80%", Fit.MISSED),
        ("成功率不低于90%", "误差小于95%", Fit.MISSED),
        ("15分钟内出结果", "12分钟定量报告", Fit.MET),
        ("15分钟内出结果", "约1小时", Fit.MISSED),
        ("三个月内完成", "约8周", Fit.MET),
        ("适配4.2毫米工作道", "4.2毫米钳道", Fit.MET),
        ("适配4.2毫米工作道", "钳道3.2毫米", Fit.MISSED),
        ("术后45天复查", "随访30至90天", Fit.MET),
    ],
)
def test_fit(asked: str, sentence: str, expected: Fit) -> None:
    (figure,) = wanted(asked)
    assert fit(figure, quantities(sentence)) is expected


def test_of_a_clause_the_last_bound_is_asked_for() -> None:
    (figure,) = wanted("两小时以上手术出室时低于36℃的比例不超过10%")
    assert (figure.measures, figure.low) == ("share", 10.0)
    assert [f.measures for f in wanted("误差不超过5%，重量不超过2公斤")] == ["share", "mass"]
    assert [f.measures for f in wanted("孔径大于60厘米，体重150公斤的病人可以进入")] == ["length", "mass"]
