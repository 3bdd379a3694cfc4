"""Simple oppositions: a sentence that uses the words of a requirement and says the contrary.

Vectors and words in common both take "弯度可以调节" and "弧度出厂后不能调节" for close relatives. Two rules catch the
plain cases: a word in common that is negated on one side alone, and pairs of properties that exclude each other. They
are written for medical devices and are no grammar: what they miss stays with the reader.
"""

from __future__ import annotations

import re

from embeddings.lexical import STOP_CHARACTERS, tokens
from embeddings.passages import normalise

_REACH = 7
"""Characters within which a negation governs a word that follows it in the same clause."""

# Words that begin like a negation without being one: 不锈钢, 不同, 无菌, 免疫, 未来.
_DENIAL = (
    r"(?:不(?!同|断|仅|但|低于|少于|小于|超过|大于|高于|短于|锈|粘|良|适|足|只)|无(?!菌|线|创|损|载|论|源|影|机|人)"
    r"|未(?!来|闭|知)|(?<!避)免(?!疫)|没有|无法|难以|\b(?:not|no|non|without|never|cannot|can't|isn't|doesn't)\b)"
)
_AUXILIARY = r"(?:能够?|可以?|会|再|需要?|得|要|必须?|用|应|被|向|be|to|any|\s|-)*"
_RIGHT_BEFORE = re.compile(_DENIAL + _AUXILIARY + "$")
_NEAR = re.compile(_DENIAL + r"|避免|防止|减少|降低|禁[忌用止]|省去|替代|代替|\b(?:free of|avoid|prevent|reduc)")
_BOUND_WORDS = frozenset({"超过", "低于", "高于", "大于", "小于", "少于", "多于", "达到", "以内", "以上", "以下"})
_CLAUSE = re.compile(r"[，,；;。、：:（）()]|\bbut\b|但")

# (asked for, its contrary): a sentence with the contrary, and without what is asked for, opposes.
_EXCLUDING = tuple(
    (re.compile(asked), re.compile(contrary))
    for asked, contrary in (
        (
            r"可调|可弯|调弯|能弯|弯度.{0,8}调|可以?在.{0,8}调节|adjustable|steerable|bendable",
            r"不可调|不能调|固定弯|固定弧|固定角度|预成形|预弯|预塑形|fixed[- ](?:curve|angle)|pre-?shaped",
        ),
        (
            r"便携|手持|居家|下床|穿戴|portable|wearable|at home",
            r"落地式|床旁主机|台式主机|大型|floor-standing|bench-?top",
        ),
        (r"一次性|单次使用|single[- ]use|disposable", r"(?<!不)(?<!不可)可?(?:重复使用|复用)|reusable"),
        (r"重复使用|复用|reusable", r"一次性使用|用后即弃|single[- ]use|disposable"),
        (r"无创|non-?invasive", r"(?<!无需)(?<!不)穿刺(?:取|针|入)|有创|植入|(?<!non-)(?<!non)invasive"),
        (r"不.{0,3}吹风|无风|without blowing", r"热风|暖风|吹风|充气升温|forced[- ]air"),
        (
            r"可(?:以)?(?:回收|取出|撤回)|retrievable|removable",
            r"不可(?:回收|取出|撤回)|不能(?:回收|取出|撤回)|permanent",
        ),
        (r"可降解|可吸收|biodegradable|absorbable", r"永久植?入?|不可?降解|不可?吸收|permanent"),
        (r"院内(?:部署|处理|运行)|本地部署|不出院|on[- ]premises?", r"云端|上传至?云|公有云|cloud[- ]based"),
        (r"不留.{0,4}金属|无植入|no implant", r"永久留置|长期留置|permanent implant"),
        (
            r"不要求?佩戴|非接触|免佩戴|contact-?free|contactless",
            r"(?<!无需)(?<!不需)(?<!免)(?:佩戴|粘贴)在?|腕表|手环监测",
        ),
        (r"不开胸|微创|经导管|minimally invasive", r"开胸手术|需要?开胸|open[- ]chest"),
        (r"全血|whole blood", r"离心后|需要?离心|分离血清|centrifug"),
    )
)


def opposed(requirement: str, sentence: str) -> bool:
    """Whether the sentence states the contrary of the requirement, as far as the two rules see it."""
    wanted, said = normalise(requirement).lower(), normalise(sentence).lower()
    for asked, contrary in _EXCLUDING:
        if asked.search(wanted) and contrary.search(said) and not asked.search(contrary.sub("", said)):
            return True
    return _differently_negated(wanted, said)


def _differently_negated(wanted: str, said: str) -> bool:
    """A word right behind a negation on one side, and nowhere near one on the other."""
    common = {word for word in set(tokens(wanted)) & set(tokens(said)) if len(word) > 1}
    for word in sorted(w for w in common - _BOUND_WORDS if not set(w) & STOP_CHARACTERS):
        here, there = _occurrences(word, wanted), _occurrences(word, said)
        if not here or not there:
            continue
        if all(denied for _near, denied in here) and not any(near for near, _denied in there):
            return True
        if all(denied for _near, denied in there) and not any(near for near, _denied in here):
            return True
    return False


def _occurrences(word: str, text: str) -> list[tuple[bool, bool]]:
    """For each occurrence of a word: whether a negation stands before it in its clause, and whether right before it."""
    found = []
    for clause in _CLAUSE.split(text):
        at = clause.find(word)
        while at >= 0:
            before = clause[max(0, at - _REACH) : at]
            found.append((_NEAR.search(before) is not None, _RIGHT_BEFORE.search(before) is not None))
            at = clause.find(word, at + 1)
    return found
