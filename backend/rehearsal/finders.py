"""What the check-up of a need looks for: each finder answers with a field and the words that set it off, or nothing."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

TEASER = ("title", "summary", "teaser_requirements")
SITUATION = ("procedure", "current_practice", "problem", "frequency")
AIM = ("acceptance_criteria", "constraints", "requirements")
BRIEF = (*SITUATION, *AIM, "offers_note")
EVERYWHERE = (*TEASER, *BRIEF)


@dataclass(frozen=True)
class Draft:
    """A need as it stands in the form: texts by field, and what the rules have to know besides.

    `own_names` are the names by which the author's organisation can be recognised.
    """

    texts: Mapping[str, str]
    kind: str = "clinical"
    anonymous: bool = False
    own_names: tuple[str, ...] = ()

    def text(self, *names: str) -> str:
        """The texts of some fields, one after the other."""
        return "\n".join(self.texts[name] for name in names if self.texts.get(name))

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been written."""
        return not self.text(*EVERYWHERE, "contact").strip()


@dataclass(frozen=True)
class Found:
    """Where a rule applies, and the words that set it off, if there are any."""

    field: str
    words: str = ""


# A figure, also in Chinese numerals with a unit; 一种, 一个 and 一次性 count nothing.
NUMBER = re.compile(
    r"\d|[一二三四五六七八九十两几百千半]+(?:百|千|万|成|例|台|次|分钟|小时|天|周|个月|毫米|厘米|毫升|倍)(?!性)|百分之|过半|每[天周月年台例次]"
)
OFTEN = re.compile(r"经常|偶尔|总是|几乎|每(?:天|周|月|年|台|例|次|个)|大多|多数|少数|常常|时常|从不|罕见|全部")
CHECKABLE = re.compile(
    r"\d|不(?:超过|低于|高于|少于|大于|小于|移位|滑|漏|再|用|需|必|影响|增加|依赖|靠|掉|断|起雾|出现)|无(?:需|须)|可以?(?:在|调|单手|重复|回收|追溯|看到|直接)"
    r"|能(?:在|够|调|单手|看清|一次|重复)|以内|以下|以上|之内|一次|单人|一个人|小于|大于|低于|高于|达到"
)
VAGUE = re.compile(
    r"(?:更|比较|尽量|尽可能)?(?:好用|好一点|方便|先进|智能化?|高效|高质量|高性能|国际领先|国内领先|更好|更快|更准|更安全|完善|优化|提升|提高|改善|改进)"
)
TROUBLE = re.compile(
    r"不[能便准稳清动好够住了]|难|无法|没有|没法|容易|导致|引起|造成|缺|太|总|经常|反复|漏|痛|疼|滑|堵|断|误|伤|怕|慢|费|风险|并发症|感染|出血"
    r"|希望|需要|想|求|找|能否|最好|要求|必须|应"
)
SCENE = re.compile(
    r"术|检查|穿刺|置管|护理|门诊|病房|急诊|手术室|监护|化验|检验|影像|透析|康复|查房|给药|麻醉|筛查|随访|转运|分娩|内镜|介入|超声|操作|导管|车间|实验室|送检|注册"
)
PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)")
IDENTITY = re.compile(r"(?<![\dA-Za-z])\d{17}[\dXx](?![\dA-Za-z])")
RECORD = re.compile(
    r"(?:住院号?|病历号|病案号|门诊号|就诊卡号?|登记号|床号|医保卡?号)\s*(?:为|是)?\s*[:：]?\s*[A-Za-z]{0,3}\d{4,}"
)
_SURNAME = (
    "(?:欧阳|上官|司马|诸葛|[王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘蒋蔡余杜叶程苏"
    "魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤])"
)
PERSON = re.compile(
    rf"(?:患者|病人|病员)?姓名\s*(?:为|是)?\s*[:：]?\s*{_SURNAME}(?!某)[\u4e00-\u9fff]{{1,2}}"
    rf"|(?:患者|病人|病员)\s*[:：]?\s*{_SURNAME}(?!某)[\u4e00-\u9fff]{{1,2}}\s*[，,、（(]\s*(?:男|女|\d{{1,3}}\s*岁)"
)
HOSPITAL = re.compile(
    r"(?<![\u4e00-\u9fff])?[\u4e00-\u9fff·]{2,12}?(?:医院|卫生院|卫生服务中心|研究所|大学|学院|有限公司|股份公司)"
)
_NO_NAME = re.compile(
    r"^(?:我们?|本|各|该|多家|几家|两家|其他|其它|别的|同级|上级|下级|基层|县级|市级|区级|三甲|三级|二级|综合|专科|大|小|普通|所有|不少|部分|一家|外地|兄弟|合作|国内|国外|社区|教学|公立|民营|到|在|去|和|与|由|从|对|请|让|给|找)"
)
_END = re.compile(r"[。；;！!？?\n]")
SHORT_PROBLEM = 20
SHORT_ALL = 30
REPEATED = 14
"""A passage of the brief of so many characters in the teaser is a repetition and no chance."""


def missing(
    name: str, *, unless: re.Pattern[str] | None = None, within: Sequence[str] = ()
) -> Callable[[Draft], Found | None]:
    def find(draft: Draft) -> Found | None:
        if draft.texts.get(name, "").strip() or (unless is not None and unless.search(draft.text(*within))):
            return None
        return Found(name)

    return find


def first(pattern: re.Pattern[str], names: Sequence[str]) -> Callable[[Draft], Found | None]:
    def find(draft: Draft) -> Found | None:
        for name in names:
            match = pattern.search(draft.texts.get(name, ""))
            if match:
                return Found(name, match[0])
        return None

    return find


def problem_short(draft: Draft) -> Found | None:
    text = draft.texts.get("problem", "").strip()
    return Found("problem", text) if 0 < len(text) < SHORT_PROBLEM else None


def frequency_vague(draft: Draft) -> Found | None:
    text = draft.texts.get("frequency", "").strip()
    return Found("frequency", text[:20]) if text and not NUMBER.search(text) else None


def no_number(draft: Draft) -> Found | None:
    situation = draft.text(*SITUATION, "summary")
    if draft.texts.get("frequency", "").strip() or len(situation) < SHORT_ALL or NUMBER.search(situation):
        return None
    return Found("frequency")


def aim_vague(draft: Draft) -> Found | None:
    text = draft.texts.get("acceptance_criteria", "").strip()
    if not text or CHECKABLE.search(text):
        return None
    vague = VAGUE.search(text)
    return Found("acceptance_criteria", vague[0] if vague else "")


def only_a_name(draft: Draft) -> Found | None:
    """A product and no word of what goes wrong or is wanted."""
    text = draft.text(*EVERYWHERE)
    if not text or len(text) > SHORT_ALL or TROUBLE.search(text):
        return None
    return Found("title" if draft.texts.get("title") else "problem", text.split("\n")[0])


def identity(draft: Draft) -> Found | None:
    for name in (*EVERYWHERE, "contact"):
        for match in IDENTITY.finditer(draft.texts.get(name, "")):
            try:
                ric.validate(match[0])
            except ValidationError:
                continue
            return Found(name, _masked(match[0]))
    return None


def phone(draft: Draft) -> Found | None:
    found = first(PHONE, EVERYWHERE)(draft)
    return Found(found.field, _masked(found.words)) if found else None


def _masked(number: str) -> str:
    """Enough to find it again: the panel need not repeat it."""
    return f"{number[:3]}……{number[-2:]}"


def organisation_named(draft: Draft) -> Found | None:
    if not draft.anonymous:
        return None
    for name in TEASER:
        text = draft.texts.get(name, "")
        for own in draft.own_names:
            if own in text:
                return Found(name, own)
        for match in HOSPITAL.finditer(text):
            if not _NO_NAME.match(match[0]) and len(match[0]) > 4:
                return Found(name, match[0])
    return None


def brief_in_teaser(draft: Draft) -> Found | None:
    """Facts of the closed part that stand word by word in the open one: how it is done today, figures, limits."""
    for name in ("frequency", "current_practice", "constraints", "offers_note"):
        for sentence in _END.split(draft.texts.get(name, "")):
            passage = sentence.strip()
            if len(passage) < REPEATED and not (NUMBER.search(passage) and len(passage) >= REPEATED // 2):
                continue
            for teaser in ("summary", "title", "teaser_requirements"):
                if passage in draft.texts.get(teaser, ""):
                    return Found(teaser, passage[:30])
    return None
