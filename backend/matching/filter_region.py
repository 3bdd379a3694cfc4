"""Whether a candidate lies where the other side asks for, by codes of GB/T 2260."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

from backend.matching.filter_facts import (
    CapabilityFacts,
    Filter,
    FilterName,
    NeedFacts,
    State,
    clauses,
    decisive,
    is_wish,
    quote,
)
from backend.needs.models import NeedKind

Places = Mapping[str, str]
"""Spelling of a place → its code, longer spellings first: see `places`."""

_MUNICIPALITIES = ("11", "12", "31", "50")
_LINES = (
    ("3206", "3100", "3205", "3202", "3204", "3211", "3201"),  # 南通、上海、苏州、无锡、常州、镇江、南京
    ("3205", "3206", "3212", "3204"),
    ("3211", "3212", "3202"),
)
_NEIGHBOURS = frozenset(frozenset(pair) for line in _LINES for pair in pairwise(line))
_CORRIDOR = ("31", "3201", "3202", "3204", "3205", "3211")
_BLOCS = {
    "沪宁": _CORRIDOR,
    "shanghai-nanjing": _CORRIDOR,
    "江浙沪": ("31", "32", "33"),
    "长三角": ("31", "32", "33", "34"),
    "yangtze river delta": ("31", "32", "33", "34"),
}
_OWN = {"本区": 6, "同区": 6, "本市": 4, "同城": 4, "本地": 4, "当地": 4, "本省": 2}
_NEAR = re.compile(r"周边|附近|邻近|周围|离得近|不远|nearby|close to|\bnear\b|车程|公里(?:以内|之内|内)", re.IGNORECASE)
_NEAR_ALONE = re.compile(r"就近|离.{1,8}(?:近|车程|公里)|车程.{0,8}(?:以内|之内|内)|\bnearby\b", re.IGNORECASE)
_BOUND = re.compile(
    r"(?<![有不无极])限|只考虑|必须|须|要求|位于|设在|落在|最好|优先|选址|"
    r"\b(?:only|must|based in|located in|restricted to|preferably)\b",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"在|到|至|于|内|范围|\bin\b|\bwithin\b|\bto\b", re.IGNORECASE)
_ONLY_FOR = re.compile(
    r"(?:仅|只)(?:限|面向|投|接收|受理|支持|对)|限于|须落户|必须落户|返投要求|"
    r"\b(?:only (?:for|in|invests?)|restricted to)\b",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"(?:新区|区|市|省)$")
_NO_PLACE = re.compile(r"上海话|南京路|苏州河|静安寺")


def places(names: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Spellings of regions from (code, Chinese name, English name): 普陀区, 普陀 and putuo → 310107."""
    found: dict[str, str] = {}
    for code, zh, en in names:
        for spelling in (zh, _SUFFIX.sub("", zh), en.lower()):
            if len(spelling) > 1:
                found.setdefault(spelling, code)
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def region(need: NeedFacts, capability: CapabilityFacts, known: Places) -> list[Filter]:
    """The line on the region that the need asks for, and the one on the region that the capability serves."""
    found = []
    for demander, answerer, strict in ((need, capability, False), (capability, need, True)):
        whole_place = not strict and need.kind == NeedKind.SPACE
        answers = [
            Filter(
                FilterName.REGION,
                state,
                quote(clause),
                code=answerer.region,
                hard=not is_wish(clause),
                of_need=strict,
            )
            for clause in clauses(demander.texts)
            if (not strict or _ONLY_FOR.search(clause))
            and (state := _answer(clause, demander.region, answerer.region, known, whole_place)) is not None
        ]
        line = decisive(answers)
        if line:
            found.append(line)
    return found


def _answer(clause: str, own: str, other: str, known: Places, is_space: bool) -> State | None:
    """How the region `other` stands to what a clause asks for; None where it asks for no region."""
    if "不限" in clause:
        return None
    text = _NO_PLACE.sub("", clause).lower()
    named = _named(text, known)
    is_bound = _BOUND.search(text) is not None or _ONLY_FOR.search(text) is not None
    asks = is_bound or (_INSIDE.search(text) is not None and is_space)
    for bloc, prefixes in _BLOCS.items():
        if bloc in text and (asks or f"{bloc}范围" in text):
            return _within_any(other, prefixes)
    if named and _NEAR.search(text) and (asks or is_space):
        return min((_near(code, other) for code in named), key=_GOOD.index)
    if named and asks:
        return min((_inside(code, other) for code in named), key=_GOOD.index)
    for word, length in _OWN.items():
        if word in text and (is_bound or _INSIDE.search(text)):
            return _inside(_cut(own, length), other)
    return _near(own, other) if _NEAR_ALONE.search(text) else None


_GOOD = (State.PASSED, State.UNKNOWN, State.FAILED)


def _named(text: str, known: Places) -> list[str]:
    found = []
    for spelling, code in known.items():
        if spelling in text:
            found.append(code)
            text = text.replace(spelling, " ")
    # "上海普陀" asks for the district.
    return [
        code
        for code in found
        if not any(other != code and _prefix(code) == _prefix(other)[: len(_prefix(code))] for other in found)
    ]


def _prefix(code: str) -> str:
    """The digits of a code that tell it from others: 31 for Shanghai, 3205 for Suzhou, 310107 for Putuo."""
    return code.removesuffix("0000") if code.endswith("0000") else code.removesuffix("00")


def _cut(code: str, length: int) -> str:
    if length == 4 and code[:2] in _MUNICIPALITIES:
        length = 2
    return code[:length].ljust(6, "0")


def _inside(wanted: str, other: str) -> State:
    want, have = _prefix(wanted), _prefix(other)
    if have.startswith(want):
        return State.PASSED
    # A candidate that names its city alone may be in the district that is asked for.
    return State.UNKNOWN if want.startswith(have) else State.FAILED


def _within_any(other: str, prefixes: Iterable[str]) -> State:
    return min((_inside(prefix.ljust(6, "0"), other) for prefix in prefixes), key=_GOOD.index)


def _city(code: str) -> str:
    return code[:2] + "00" if code[:2] in _MUNICIPALITIES else code[:4]


def _near(wanted: str, other: str) -> State:
    """The same place is near; whether another one of the same or a neighbouring city is, has to be asked."""
    if wanted == other:
        return State.PASSED
    ours, theirs = _city(wanted), _city(other)
    if ours == theirs or frozenset((ours, theirs)) in _NEIGHBOURS or other == _cut(wanted, 2):
        return State.UNKNOWN
    return State.FAILED
