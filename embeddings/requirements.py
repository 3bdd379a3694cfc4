"""Splits the text of a need into requirement points, checkable statements, by rules and by the text's structure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from embeddings.lexical import tokens
from embeddings.passages import LONGEST_SENTENCE, normalise, split_sentences
from embeddings.quantities import Bound, quantities

LIMIT = 8
ONE_LINE = 60
"""A need of one line and at most so many characters is one requirement: the line itself."""
ALIKE = 0.75
"""Two points that share this part of their words say the same; the more checkable one stays."""
LEAST_TAIL = 6
LONGEST_HEADING = 30

_BREAK = re.compile(r"\r\n|[\r\n\v\f\x85\u2028\u2029]")
# A stop or dash before a digit belongs to a figure (5.0T, -5 ℃); bullets of Word's symbol font are private use.
_MARK = (
    r"(?:[（(]\s*(?:\d{1,2}|[一二三四五六七八九十]{1,3}|[a-zA-Z])\s*[)）]|(?<![\w])[a-zA-Z][)）]"
    r"|\d{1,2}\s*(?:[)）、]|[.．](?!\d))|[一二三四五六七八九十]{1,3}\s*[、.．)）]|第[一二三四五六七八九十][，,、：:]"
    r"|[①-⑳⑴-⒇❶-❿]|[•·●○▪■◆◇►▶✓✔\ue000-\uf8ff]|[*–—-](?=\s|[^\s\d\-–—*]))"
)
_LIST_MARK = re.compile(rf"^\s*{_MARK}\s*")
# Numbers that run on within a line: "要求：1、…2、…", "（1）…（2）…", "①…②…".
_INLINE = re.compile(
    r"(?:(?<=^)|(?<=[\s：:；;。，,、]))(?:[（(](\d{1,2})[)）]|(\d{1,2})(?:[)）、]|[.．](?!\d)))|([①-⑳])"
)
_CIRCLED = ord("①")
_OPENING = re.compile(
    r"^(?:另外|此外|同时|还有|其次|首先|最后|再者|并且|而且|以及|然后|所以|因此|总之"
    r"|also|and|in addition|besides)[，,、：:\s]\s*",
    re.IGNORECASE,
)
_ENDS = " \t。．；;，,、：:…"
_LETTER = re.compile(r"\w")

_GREETING = re.compile(
    r"^(?:各位|尊敬的?|亲爱的?)?[^，,。]{0,8}?(?:你好|您好|大家好|早上好|下午好|打扰了?|好久不见)[^，,。]{0,4}$"
    r"|^(?:非常|十分|多|万分)?(?:谢谢|感谢|多谢|辛苦|拜托|麻烦)(?:了|您|你|大家|各位|老师|支持|帮助|关注|啦|阅读|一下|！|!)*[^，,]{0,6}$"
    r"|^(?:此致|敬礼|祝好|顺颂|盼复|敬请|静候|期待(?:您|你|各位)?的?(?:回复|答复|合作)|以上|如题|附件)[^，,]{0,10}$"
    r"|^(?:联系人|联系电话|联系方式|电话|手机|邮箱|微信|地址|发件人|日期|tel|phone|e-?mail|contact)\s*[:：]?.*$"
    r"|^(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|thanks?|thank you|many thanks"
    r"|(?:best|kind|warm)? ?regards|sincerely|cheers|looking forward to (?:your|hearing)).{0,40}$",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(
    r"^(?:我们?是|我院|我科是|我司是|本院|本科室?是|本公司是|医院成立|科室成立|公司成立|背景|现状|说实话|众所周知|近年来|随着|目前国内|据"
    r"|i am|we are|our (?:hospital|department|company) (?:is|has|was)|in recent years|as we all know|background)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"需要|希望|要求|必须|须|应当|应该|应(?=能|为|在|有|可|具|不|满|符)|能否|能不能|可否|是否(?:能|可|有)|可不可以|有没有|有无"
    r"|最好|盼|求(?=一种|能|可|购|助|一家|国产)|找(?=能|愿意|一家|一种|有|可|个)|寻求|寻找|想(?!到|起|象|像|法|必|来|不|着)|期望|期待|便于|务必|确保|保证|"
    r"不得|不可(?!避)|不允许|不应|不宜|不希望|不想|不要|不再|不增加|不影响|不改变|无需|无须|不必"
    r"|不能(?=再|超|有|用|影响|增加|损|大于|高于|低于|少|多|让|出现|引起|造成|改变|含|带|依赖|只)"
    r"|\b(?:need|needs|needed|must|should|shall|require[sd]?|requirement|want|wants|wish|hope|would like"
    r"|looking for|able to|can (?:we|you|it|there)|could (?:we|you|it|there)|is there|prefer(?:ably|red)?"
    r"|ideally|no need)\b",
    re.IGNORECASE,
)
_PAIN = re.compile(
    r"不能|无法|難以|难以|難|难|容易|导致|引起|造成|无法|無法|没有|缺|太|不够|不准|不稳|不清|不动|不了|不住|不好|总是?|经常|反复|漏|痛|疼|滑|堵|断"
    r"|误|伤|怕|慢|费时|费力|风险|并发症|感染|出血"
    r"|\b(?:cannot|can't|unable|difficult|hard to|fail|fails|slow|pain|leak|risk|too|lack)\b",
    re.IGNORECASE,
)


# Figures of such a sentence report what is, and ask for nothing.
_REPORT = re.compile(
    r"去年|前年|每年|年均|一年|近[一二三两\d几]+年|目前|现在|现有|平均|占|有时|常见|曾|已经|试过|做了|用了|花了"
    r"|\b(?:last year|per year|every year|currently|on average|so far|used to|we have tried)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Point:
    """A piece of text that may be a requirement.

    `kind` is 2 for what asks, bounds a figure, or stands in a list; 1 for a complaint; 0 for anything else. `score`
    says how checkable it is.
    """

    place: int
    text: str
    kind: int
    score: int

    @property
    def rank(self) -> tuple[int, int, str]:
        """Most checkable first; then the longer, then by text: never by place."""
        return (-self.score, -len(self.text), self.text)


def split_requirements(parts: Sequence[str], limit: int = LIMIT, *, stated: Sequence[str] = ()) -> list[str]:
    """The requirement points of a need, in the order of the text, at most `limit`.

    A point is an entry of a list (numbered, lettered or with bullets, also run on within a line), or a sentence or part
    between semicolons that asks for something (需要, 希望, 要求, 能否, 最好, 不得 ...) or bounds a figure (15分钟内).
    Of a sentence that first tells the trouble and then asks, the part that asks is kept. Greetings, contacts and
    background are dropped, and what says the same again. A text that asks for nothing gives its complaints, else its
    sentences; a need of one short line gives that line, a word that word, punctuation alone nothing.

    If there are more than `limit`, those most checkable stay: 3 for a bound on a figure (1 for a figure), 2 for asking,
    2 for standing in a list or in `stated`, 1 for naming a trouble; then the longer, then by text. So the set of points
    does not depend on the order of the parts, nor of the paragraphs within them.

    Args:
        parts: texts of the need, each of any number of lines.
        limit: at least 1.
        stated: texts in which every sentence is a requirement, as "怎样算解决"; they follow after the parts.

    Raises:
        ValueError: if limit is under 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    lines = [line for part in (*parts, *stated) for line in _lines(part)]
    if len(lines) == 1 and len(lines[0][0]) <= ONE_LINE:
        whole = _tidy(lines[0][0])
        return [whole] if _LETTER.search(whole) else []
    found = list(_points(parts, stated))
    clearest = max((point.kind for point in found), default=0)
    kept = _distinct([point for point in found if point.kind == clearest], limit)
    return [point.text for point in sorted(kept, key=lambda point: point.place)]


def _points(parts: Iterable[str], stated: Iterable[str]) -> Iterator[_Point]:
    place = 0
    for is_stated, texts in ((False, parts), (True, stated)):
        for line, is_item in (line for text in texts for line in _lines(text)):
            for piece in _pieces(line, is_item=is_item):
                marked = is_item or is_stated
                text = _tidy(piece if marked else _asking_part(piece))
                if not _LETTER.search(text) or _GREETING.match(text):
                    continue
                place += 1
                yield _point(place, text, marked=marked)


def _point(place: int, text: str, *, marked: bool) -> _Point:
    asks, hurts = _ASKS.search(text) is not None, _PAIN.search(text) is not None
    figures = quantities(text)
    bounded = any(figure.bound is not Bound.EXACT for figure in figures)
    score = 2 * asks + (3 if bounded else bool(figures)) + 2 * marked + hurts
    clear = marked or asks or (bounded and not _REPORT.search(text))
    kind = 2 if clear else int(hurts and not _BACKGROUND.match(text))
    return _Point(place, text, kind, score)


def _lines(part: str) -> list[tuple[str, bool]]:
    """The lines of a part, and whether each is an entry of a list; its mark and headings are dropped.

    Lines whose numbers run on are cut before each number. Marks are looked for before the text is normalised, which
    makes ① a plain 1 and drops the bullets of Word.
    """
    found = []
    for line in _BREAK.split(part):
        for piece in _cut_inline(line):
            text = normalise(_LIST_MARK.sub("", piece))
            if text and not (text[-1] in "：:" and len(text) <= LONGEST_HEADING):
                found.append((text, _LIST_MARK.match(piece) is not None))
    return found


def _cut_inline(line: str) -> list[str]:
    """Cut before the numbers 1, 2, ... of a line, if at least two follow one another."""
    marks = [(m.start(), int(m[1] or m[2]) if not m[3] else ord(m[3]) - _CIRCLED + 1) for m in _INLINE.finditer(line)]
    starts: list[int] = []
    for at, number in marks:
        if number == len(starts) + 1:
            starts.append(at)
    if len(starts) < 2:
        return [line]
    return [line[start:end] for start, end in pairwise([0, *starts, len(line)])]


def _pieces(line: str, *, is_item: bool) -> list[str]:
    """The entry of a list as one piece, unless it is long; other lines by sentences."""
    sentences = split_sentences(line)
    return [line] if is_item and len(line) <= LONGEST_SENTENCE and len(sentences) <= 2 else sentences


def _asking_part(sentence: str) -> str:
    """From the clause on that asks, if trouble or background is told before it."""
    asks = _ASKS.search(sentence)
    if asks is None:
        return sentence
    comma = max(sentence.rfind(mark, 0, asks.start()) for mark in "，,")
    tail = sentence[comma + 1 :]
    return tail if comma > 0 and len(tail.strip(_ENDS)) >= LEAST_TAIL and not quantities(sentence[:comma]) else sentence


def _tidy(text: str) -> str:
    return _OPENING.sub("", normalise(text)).strip(_ENDS).rstrip(".")


def _distinct(points: Sequence[_Point], limit: int) -> list[_Point]:
    """The most checkable ones, without those that repeat one of them."""
    kept: list[tuple[_Point, set[str]]] = []
    for point in sorted(points, key=lambda point: point.rank):
        if len(kept) == limit:
            break
        words = _words(point.text)
        if not any(_overlap(words, others) for _point, others in kept):
            kept.append((point, words))
    return [point for point, _words in kept]


def alike(first: str, second: str) -> bool:
    """Whether two points say the same, as far as their words tell: the shorter one has ALIKE of its words in common."""
    return _overlap(_words(first), _words(second))


def _overlap(words: set[str], others: set[str]) -> bool:
    return len(words & others) >= ALIKE * min(len(words), len(others))


def _words(text: str) -> set[str]:
    return set(tokens(text)) or {text.casefold()}
