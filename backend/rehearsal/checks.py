"""The check-up of a need before others see it: what is missing, vague, or should not be there.

The rules are data. Each looks at the form as it stands and answers with the words that set it off, or with nothing;
whoever writes the need decides. What it finds is shown and forgotten.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from backend.i18n import gettext as _

TEASER = ("title", "summary", "teaser_requirements")
SITUATION = ("procedure", "current_practice", "problem", "frequency")
AIM = ("acceptance_criteria", "constraints", "requirements")
BRIEF = (*SITUATION, *AIM, "offers_note")
EVERYWHERE = (*TEASER, *BRIEF)


class Weight(StrEnum):
    """How much a finding matters: `warning` should not be sent, `advice` makes the match better."""

    WARNING = "warning"
    ADVICE = "advice"


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


@dataclass(frozen=True)
class Finding:
    """A line of the check-up: the field that it leads to, what was found, and what to write."""

    code: str
    weight: Weight
    field: str
    message: str
    advice: str
    words: str = ""


@dataclass(frozen=True)
class Rule:
    """One thing that is looked for. It counts for needs of all kinds, or of some."""

    code: str
    weight: Weight
    message: str
    advice: str
    find: Callable[[Draft], Found | None]
    kinds: frozenset[str] = field(default=frozenset())


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


def _missing(
    name: str, *, unless: re.Pattern[str] | None = None, within: Sequence[str] = ()
) -> Callable[[Draft], Found | None]:
    def find(draft: Draft) -> Found | None:
        if draft.texts.get(name, "").strip() or (unless is not None and unless.search(draft.text(*within))):
            return None
        return Found(name)

    return find


def _first(pattern: re.Pattern[str], names: Sequence[str]) -> Callable[[Draft], Found | None]:
    def find(draft: Draft) -> Found | None:
        for name in names:
            match = pattern.search(draft.texts.get(name, ""))
            if match:
                return Found(name, match[0])
        return None

    return find


def _problem_short(draft: Draft) -> Found | None:
    text = draft.texts.get("problem", "").strip()
    return Found("problem", text) if 0 < len(text) < SHORT_PROBLEM else None


def _frequency_vague(draft: Draft) -> Found | None:
    text = draft.texts.get("frequency", "").strip()
    return Found("frequency", text[:20]) if text and not NUMBER.search(text) else None


def _no_number(draft: Draft) -> Found | None:
    situation = draft.text(*SITUATION, "summary")
    if draft.texts.get("frequency", "").strip() or len(situation) < SHORT_ALL or NUMBER.search(situation):
        return None
    return Found("frequency")


def _aim_vague(draft: Draft) -> Found | None:
    text = draft.texts.get("acceptance_criteria", "").strip()
    if not text or CHECKABLE.search(text):
        return None
    vague = VAGUE.search(text)
    return Found("acceptance_criteria", vague[0] if vague else "")


def _only_a_name(draft: Draft) -> Found | None:
    """A product and no word of what goes wrong or is wanted."""
    text = draft.text(*EVERYWHERE)
    if not text or len(text) > SHORT_ALL or TROUBLE.search(text):
        return None
    return Found("title" if draft.texts.get("title") else "problem", text.split("\n")[0])


def _identity(draft: Draft) -> Found | None:
    for name in (*EVERYWHERE, "contact"):
        for match in IDENTITY.finditer(draft.texts.get(name, "")):
            try:
                ric.validate(match[0])
            except ValidationError:
                continue
            return Found(name, _masked(match[0]))
    return None


def _phone(draft: Draft) -> Found | None:
    found = _first(PHONE, EVERYWHERE)(draft)
    return Found(found.field, _masked(found.words)) if found else None


def _masked(number: str) -> str:
    """Enough to find it again: the panel need not repeat it."""
    return f"{number[:3]}……{number[-2:]}"


def _organisation_named(draft: Draft) -> Found | None:
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


def _brief_in_teaser(draft: Draft) -> Found | None:
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


CLINICAL = frozenset({"clinical"})

RULES: tuple[Rule, ...] = (
    Rule(
        "identity-number",
        Weight.WARNING,
        _("有疑似身份证号的数字"),
        _("请删去。患者个人信息不得写入需求，附件中也要先去掉。"),
        _identity,
    ),
    Rule(
        "record-number",
        Weight.WARNING,
        _("有疑似住院号、病历号的内容"),
        _("请删去，只写病种、年龄段和例数。"),
        _first(RECORD, (*EVERYWHERE, "contact")),
    ),
    Rule(
        "person",
        Weight.WARNING,
        _("有疑似患者姓名的内容"),
        _("请改为“1 例 60 多岁患者”一类的写法。"),
        _first(PERSON, EVERYWHERE),
    ),
    Rule(
        "phone",
        Weight.WARNING,
        _("正文中有手机号码"),
        _("患者电话请删去；本科室的联系电话写在“联系方式”一栏。"),
        _phone,
    ),
    Rule(
        "organisation-named",
        Weight.WARNING,
        _("选择了匿名发布，但摘要中有单位名称"),
        _("请删去单位名称，或改写为“某三级医院”。"),
        _organisation_named,
    ),
    Rule(
        "brief-in-teaser",
        Weight.WARNING,
        _("摘要中照抄了详情里的内部情况"),
        _("摘要会先被其他单位看到。数量、现行做法和条件请只写在详情中。"),
        _brief_in_teaser,
    ),
    Rule(
        "only-a-name",
        Weight.ADVICE,
        _("只写了产品名称"),
        _("写明用在哪里、现在哪里不行、希望达到什么，能解决的不一定是同名产品。"),
        _only_a_name,
    ),
    Rule(
        "no-problem",
        Weight.ADVICE,
        _("还没有写遇到的问题"),
        _("写明什么情况下发生、有什么表现和后果。"),
        _missing("problem"),
    ),
    Rule(
        "problem-short",
        Weight.ADVICE,
        _("遇到的问题写得较短"),
        _("补充发生在哪一步、原因可能是什么、造成什么后果。"),
        _problem_short,
    ),
    Rule(
        "no-scene",
        Weight.ADVICE,
        _("没有写术式或场景"),
        _("写明在哪种手术、检查或护理环节中遇到。"),
        _missing("procedure", unless=SCENE, within=("title", "summary", "problem", "current_practice")),
        CLINICAL,
    ),
    Rule(
        "no-practice",
        Weight.ADVICE,
        _("没有写目前的做法"),
        _("写明现在用什么器械或办法，差在哪里，避免对方推荐已经用过的。"),
        _missing("current_practice"),
        CLINICAL,
    ),
    Rule(
        "no-number",
        Weight.ADVICE,
        _("没有数量或频度"),
        _("写一个大致的数，例如每年多少台、其中几成出现。"),
        _no_number,
    ),
    Rule(
        "frequency-vague",
        Weight.ADVICE,
        _("发生频度没有数字"),
        _("“经常”各人理解不同，写大致数量即可，例如每 10 台约 3 台。"),
        _frequency_vague,
    ),
    Rule(
        "no-aim",
        Weight.ADVICE,
        _("没有写怎样算解决"),
        _("写一两条可以检验的结果，对方据此判断能否做到。"),
        _missing("acceptance_criteria"),
    ),
    Rule(
        "aim-vague",
        Weight.ADVICE,
        _("“怎样算解决”还不能检验"),
        _("把“更好”“更方便”换成看得见的结果，例如“一次到位，不需要退出重来”“10 分钟以内”。"),
        _aim_vague,
    ),
    Rule(
        "no-summary",
        Weight.ADVICE,
        _("没有写摘要"),
        _("其他单位先看到的是摘要，用两三句写明问题和期望。"),
        _missing("summary"),
    ),
)


def check(draft: Draft) -> list[Finding]:
    """What there is to say about a need, warnings first; nothing about an empty form."""
    if draft.is_empty:
        return []
    findings = []
    for rule in RULES:
        if rule.kinds and draft.kind not in rule.kinds:
            continue
        found = rule.find(draft)
        if found is not None:
            findings.append(Finding(rule.code, rule.weight, found.field, rule.message, rule.advice, found.words))
    return sorted(findings, key=lambda f: f.weight is not Weight.WARNING)
