"""Figures with units in Chinese and English texts, and whether a figure that is asked for is met by those stated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from embeddings.passages import normalise

_DAY = 86_400.0
_F = "F Fr French"

# What is measured → spellings of a unit → how many of the basic unit. Catheter sizes (F, French) are 1/3 mm.
_TABLE: dict[str, dict[str, float]] = {
    "length": {
        "微米 μm um": 1e-3,
        "毫米 mm": 1.0,
        "厘米 cm 公分": 10.0,
        "米 m": 1000.0,
        "英寸 inch inches": 25.4,
        _F: 1 / 3,
    },
    "area": {"平方米 平米 ㎡ m2": 1.0},
    "time": {
        "毫秒 ms": 1e-3,
        "秒 秒钟 s sec second seconds": 1.0,
        "分钟 min mins minute minutes": 60.0,
        "小时 个小时 h hour hours": 3600.0,
        "天 日 day days": _DAY,
        "个工作日 工作日": 1.4 * _DAY,
        "周 星期 week weeks": 7 * _DAY,
        "个月 月 month months": 30.4 * _DAY,
        "年 year years": 365 * _DAY,
    },
    "mass": {"毫克 mg": 1e-3, "克 g": 1.0, "千克 公斤 kg": 1000.0, "吨 t": 1e6},
    "volume": {"微升 μl ul": 1e-3, "毫升 ml": 1.0, "升 l": 1000.0},
    "share": {"% 个百分点": 1.0},
    "temperature": {"℃ °C 摄氏度": 1.0},
    "angle": {"度 ° degrees": 1.0},
    "pressure": {
        "毫米汞柱 mmHg": 1.0,
        "厘米水柱 cmH2O": 0.7356,
        "千帕 kPa": 7.5006,
        "兆帕 MPa": 7500.6,
        "个大气压 大气压 atm": 760.0,
    },
    "field": {"T 特斯拉 tesla": 1.0},
    "sound": {"分贝 dB": 1.0},
    "power": {"瓦 W": 1.0, "千瓦 kW": 1000.0},
    "apparent power": {"千伏安 kVA": 1.0},
    "current": {"毫安 mA": 1.0},
    "voltage": {"千伏 kV": 1.0},
    "money": {"元 块钱 yuan RMB": 1e-4, "万元": 1.0, "亿元": 1e4},
    "count": {"例 台 张 件 个 次 名 家 份 户 颗 支 床": 1.0},
}
_UNITS = {
    spelling: (measures, factor)
    for measures, units in _TABLE.items()
    for spellings, factor in units.items()
    for spelling in spellings.split()
}
_BY_SPELLING = {spelling.lower(): unit for spelling, unit in _UNITS.items() if spelling not in ("T", "t", "F")}
_CASED = {"T": _UNITS["T"], "t": _UNITS["t"], "F": _UNITS["F"]}
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_CHINESE = r"[零〇一二两三四五六七八九十百千]+"
_NUMBER = rf"\d+(?:,\d{{3}})*(?:\.\d+)?(?:万|亿)?|{_CHINESE}万?"
_TO = r"\s*(?:到|至|~|～|—|–|-)\s*"
_LESS = (
    r"不超过|不大于|不高于|不多于|小于|低于|少于|短于|至多|最多|不足"
    r"|(?:no|not) more than|less than|under|below|at most|within|up to|<=?|≤|≦|＜"
)
_MORE = (
    r"不低于|不少于|不小于|不短于|大于|高于|多于|超过|长于|至少|最少|达到|达"
    r"|at least|more than|over|above|no less than|>=?|≥|≧|＞"
)
_QUANTITY = re.compile(
    rf"(?P<before>(?:{_LESS}|{_MORE})\s*(?:约\s*)?)?(?P<sign>±)?(?P<low>{_NUMBER})\s*"
    rf"(?:(?P<mid>{_UNIT})?{_TO}(?P<high>{_NUMBER})\s*)?(?P<unit>{_UNIT})(?![A-Za-z])"
    r"(?P<after>\s*(?:以内|之内|以下|之下|内|以上|及以下|及以上|or less|or more))?",
    re.IGNORECASE,
)
_IS_LESS = re.compile(_LESS, re.IGNORECASE)
_CLAUSES = re.compile(r"[，；;。]|,(?!\d{3})")
_SLACK = 1e-6


class Bound(StrEnum):
    """What a figure says of the value."""

    EXACT = "exact"
    AT_MOST = "at most"
    AT_LEAST = "at least"


class Fit(StrEnum):
    """How the figures of a sentence stand to one that is asked for."""

    MET = "met"
    LACKING = "lacking"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One figure: a value or range in the basic unit of what is measured, and the bound that it states."""

    measures: str
    low: float
    high: float
    bound: Bound


def quantities(text: str) -> list[Quantity]:
    """The figures with a known unit in a text, in order. Numbers without a unit are left out."""
    found = []
    for match in _QUANTITY.finditer(normalise(text)):
        unit = _CASED.get(match["unit"]) or _BY_SPELLING.get(match["unit"].lower())
        low = _value(match["low"])
        if unit is None or low is None:
            continue
        measures, factor = unit
        if measures == "count" and match["low"] == "一":
            continue  # 一次性, 一个: a word, no figure
        high = _value(match["high"]) if match["high"] else low
        if high is None:
            continue
        low_unit = _BY_SPELLING.get(match["mid"].lower(), unit) if match["mid"] else unit
        first, last = sorted((low * low_unit[1], high * factor))
        found.append(Quantity(measures, first, last, _bound(match)))
    return found


def _bound(match: re.Match[str]) -> Bound:
    before, after = (match["before"] or "").strip(), (match["after"] or "").strip()
    if match["sign"]:
        return Bound.AT_MOST
    if before:
        return Bound.AT_MOST if _IS_LESS.match(before) else Bound.AT_LEAST
    if after:
        return Bound.AT_LEAST if after.endswith(("上", "more")) else Bound.AT_MOST
    return Bound.EXACT


def _value(text: str) -> float | None:
    scale = 1.0
    while text[-1:] in ("万", "亿"):
        scale *= 1e4 if text[-1] == "万" else 1e8
        text = text[:-1]
    if not text:
        return None
    if text[0].isdigit():
        return float(text.replace(",", "")) * scale
    total, digit = 0, 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        else:
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[char]
            digit = 0
    return (total + digit) * scale


def wanted(requirement: str) -> list[Quantity]:
    """The figures that a requirement asks for.

    Of a clause with bounds the last one counts: "两小时以上手术出室时低于36度的比例不超过10%" asks for the 10 %, the
    others set the scene. In a clause without bounds every figure counts.
    """
    found = []
    for clause in _CLAUSES.split(normalise(requirement)):
        stated = quantities(clause)
        bounds = [quantity for quantity in stated if quantity.bound is not Bound.EXACT]
        found += bounds[-1:] or stated
    return found


def fit(asked: Quantity, stated: Sequence[Quantity]) -> Fit:
    """Whether one of the stated figures meets the one that is asked for; LACKING where none measures the same.

    A figure without a bound that is asked for ("术后45天") is met by a range that holds it. A stated range meets a
    limit where one of its values does: "2.0至4.0毫米" meets "不超过3毫米", since such a one can be had. A stated bound
    meets a limit only as far as it promises: "超过80%" does not meet "不低于90%".
    """
    same = [quantity for quantity in stated if quantity.measures == asked.measures]
    if not same:
        return Fit.LACKING
    return Fit.MET if any(_meets(asked, quantity) for quantity in same) else Fit.MISSED


def _meets(wanted: Quantity, stated: Quantity) -> bool:
    slack = _SLACK * max(abs(wanted.high), abs(stated.high), 1e-9)
    if wanted.bound is Bound.AT_MOST:
        return stated.bound is not Bound.AT_LEAST and stated.low <= wanted.high + slack
    if wanted.bound is Bound.AT_LEAST:
        return stated.bound is not Bound.AT_MOST and stated.high >= wanted.low - slack
    low = 0.0 if stated.bound is Bound.AT_MOST else stated.low
    high = float("inf") if stated.bound is Bound.AT_LEAST else stated.high
    return low - slack <= wanted.high and wanted.low <= high + slack
