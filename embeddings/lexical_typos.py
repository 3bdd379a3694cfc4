"""Guesses what a word was meant to be that no text holds: a slip in Latin letters, or a wrong Chinese character."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate

from embeddings.lexical_tokens import CJK, cut
from embeddings.normal import stem
from embeddings.vocabulary import Vocabulary

Frequency = Callable[[str], int]
"""In how many texts a term stands."""
WithPrefix = Callable[[str], Sequence[str]]
"""The terms that begin with some letters."""

SHORTEST_LATIN = 5
SHORTEST_LATIN_IN_PROSE = 7
"""Where a text has more than FEW_WORDS Latin words, most of them are everyday ones (would is no wound)."""
FEW_WORDS = 4
TWO_SLIPS_FROM = 9
"""Letters from which on a Latin word may hold two slips."""
LONGEST_LATIN = 40
LONGEST_MENDED = 4
"""Characters of the longest word that a Chinese character is mended by."""
MOST_DOUBTFUL = 16
"""Unknown Latin words of one text that are looked at."""

_LATIN = re.compile(r"[a-z]+")
_CHINESE = re.compile(rf"[{CJK}]+")

_EVERYDAY = frozenset(
    "的一是不了在人有我他她它这那个们来上下大小为和地到以说时要就出会可也你对能而子得着自之年过发后前作里外用还都没先再很太"
    "只从把被又跟给让叫比去走看想做打开关拿放换拉推按插压装点些么什怎样谁哪几多少两三四五六七八九十次回天日月夜早晚分秒半"
    "全各每另别其此该本旁边头中间东西左右内家好坏快慢长短高低轻重新老旧硬软热冷干湿白黑红亮真假难易同像如若但却且或及与"
    "因所由于向往至离靠近远等才刚已正将曾便即吧呢吗啊呀嘛哦喂站坐躺吃喝问答讲写听见知道听买卖钱块条根把张只台件份号名"
    "手脚口眼水火气电光声线面片层段处位型种类级倍度力量数字话事儿活死起落进退停动转变成完收取送带跑飞跳掉断连接合"
)
"""Characters that are often a word of their own."""

# Characters that look alike and do not sound alike; those that sound alike are found by their pinyin.
_ALIKE = """
剌刺 己已巳 末未 士土 肓盲 炙灸 侯候 晴睛 腔控 肢技 膜模摸 栓拴 辨辩瓣辫 圆园 帐账 胫径经 颈劲 贲喷 髂骼 疸疽 痔痣 疱泡
溃馈 搏博膊 渗掺 拨拔 戊戌戍 冶治 析折拆 免兔 鸟乌 历厉 矢失 千干于 天夭 日曰 大太犬 人入八 力刀 体休 住往 官宫管
胆担 肝肛 脏赃 脑恼 眼跟 眶框 睑脸 咽烟 喉猴 支枝 架驾 针钉 线浅 钳钻钴 波泼 射谢 冷泠 冻东 滴摘 输偷 液夜 注住 氧氢
吸级 狭峡 塞寒 疡疮疤 麻摩 醒腥 抖科 截裁 膝漆 踝课 腕碗 肘讨 椎推 趾址 泌必 疫投 毒每 菌茵 消悄 磁滋 测侧 监临
抽袖 伤仿 揪楸 剪煎 尿屎 囊襄 壳売 罩卓 幅辐 复覆 像象 溶熔 震振 侵浸 剂济 症证 粘黏 呕怄 瘘痿 痪换 疹诊 疝仙
"""


def repair(folded: str, vocabulary: Vocabulary, frequency: Frequency, with_prefix: WithPrefix) -> str:
    """A folded text with its unknown words replaced by what they were probably meant to be; the text itself if none.

    A Latin word of five letters or more that neither the index nor the vocabulary knows becomes the nearest one that
    they know, one slip away (two from nine letters): a letter added, left out, changed, or swapped with its neighbour.
    The first letter is taken to be right.

    A Chinese character is doubted if the cutter left it alone and no indexed text holds it together with a neighbour.
    It becomes one that sounds alike (also z/zh, c/ch, s/sh, n/l, an/ang, en/eng, in/ing) or looks alike, if that makes
    a word of the vocabulary with the characters around it (房间隔穿剌 → 穿刺, 起博器 → 起搏器).

    Args:
        folded: as by `fold`.
        vocabulary: whose words are the ones that Chinese characters are mended to.
        frequency: of a term in the index.
        with_prefix: terms of the index.
    """
    left = iter(range(MOST_DOUBTFUL))
    shortest = SHORTEST_LATIN if len(_LATIN.findall(folded)) <= FEW_WORDS else SHORTEST_LATIN_IN_PROSE

    def latin(match: re.Match[str]) -> str:
        word = match.group()
        if not shortest <= len(word) <= LONGEST_LATIN or stem(word) in vocabulary.stems or frequency(stem(word)):
            return word
        return word if next(left, None) is None else _nearest(word, vocabulary, frequency, with_prefix)

    mended = _LATIN.sub(latin, folded)
    return _CHINESE.sub(lambda match: _mend(match.group(), vocabulary, frequency), mended)


def _nearest(word: str, vocabulary: Vocabulary, frequency: Frequency, with_prefix: WithPrefix) -> str:
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    # Whole words are compared with those of the vocabulary, stems with the terms of the index.
    for sought, known in ((word, vocabulary.stems.values()), (stem(word), with_prefix(word[0]))):
        if len(sought) < SHORTEST_LATIN:
            continue
        slips = 2 if len(sought) >= TWO_SLIPS_FROM else 1
        near = [term for term in known if term[0] == word[0] and abs(len(term) - len(sought)) <= slips]
        found = process.extractOne(sought, sorted(near), scorer=OSA.distance, score_cutoff=slips)
        if found and len(found[0]) >= SHORTEST_LATIN and found[0].isalpha():
            return str(found[0])
    return word


def _mend(run: str, vocabulary: Vocabulary, frequency: Frequency) -> str:
    words = cut(run)
    alone = {
        place for place, word in zip(accumulate(map(len, words), initial=0), words, strict=False) if len(word) == 1
    }
    mended = run
    for place in sorted(alone):
        if len(run) > 1 and not any(map(frequency, _pairs(run, place))):
            mended = mended[:place] + _better(run, place, alone, vocabulary) + mended[place + 1 :]
    return mended


def _pairs(run: str, place: int) -> Iterator[str]:
    if place:
        yield run[place - 1 : place + 1]
    if place + 1 < len(run):
        yield run[place : place + 2]


def _better(run: str, place: int, alone: set[int], vocabulary: Vocabulary) -> str:
    """The character that makes the longest word of the vocabulary at this place; else the one that is there."""
    gaps = [(gap, window) for gap, window in _windows(run, place) if gap in vocabulary.gaps]
    char = run[place]
    if not gaps or any(char in vocabulary.gaps[gap] for gap, _window in gaps):
        return char
    confusable = _confusable(char)
    for gap, window in gaps:
        fitting = vocabulary.gaps[gap] & confusable
        # A pair is little to go by: both must be left over by the cutter, and neither be a word of every day.
        if fitting and (len(gap) > 2 or (alone.issuperset(window) and not _EVERYDAY & {run[at] for at in window})):
            return min(fitting)
    return char


def _windows(run: str, place: int) -> Iterator[tuple[str, range]]:
    """The stretches of a run around a place, longest first, with a "*" at the place."""
    for length in range(min(LONGEST_MENDED, len(run)), 1, -1):
        for start in range(max(0, place - length + 1), min(place, len(run) - length) + 1):
            yield f"{run[start:place]}*{run[place + 1 : start + length]}", range(start, start + length)


def _confusable(char: str) -> frozenset[str]:
    sounds, alike = _tables()
    same = {other for sound in sounds[0].get(char, ()) for other in sounds[1][sound]}
    return frozenset((same | alike.get(char, set())) - {char})


_Sounds = tuple[dict[str, frozenset[str]], dict[str, set[str]]]


@cache
def _tables() -> tuple[_Sounds, dict[str, set[str]]]:
    from pypinyin.pinyin_dict import pinyin_dict

    readings: dict[str, frozenset[str]] = {}
    by_sound: dict[str, set[str]] = {}
    # The 6,763 characters of GB 2312; others are too rare to be what was meant.
    for row, cell in itertools.product(range(16, 88), range(1, 95)):
        char = bytes((0xA0 + row, 0xA0 + cell)).decode("gb2312", "ignore")
        if char:
            readings[char] = frozenset(map(_plain, pinyin_dict.get(ord(char), "").split(",")))
            for sound in readings[char]:
                by_sound.setdefault(sound, set()).add(char)
    alike: dict[str, set[str]] = {}
    for family in _ALIKE.split():
        for char in family:
            alike.setdefault(char, set()).update(family)
    return (readings, by_sound), alike


def _plain(sound: str) -> str:
    """Pinyin without tones, and without the differences that many speakers do not make."""
    sound = "".join(char for char in unicodedata.normalize("NFD", sound) if not unicodedata.combining(char))
    for sharp, flat in (("zh", "z"), ("ch", "c"), ("sh", "s")):
        if sound.startswith(sharp):
            sound = flat + sound[2:]
    if sound.startswith("n") and len(sound) > 1 and sound != "ng":
        sound = "l" + sound[1:]
    return sound[:-1] if sound.endswith(("ang", "eng", "ing")) else sound
