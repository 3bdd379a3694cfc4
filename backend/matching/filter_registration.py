"""Registration of devices, certificates by name, and domestic or imported: what a need demands, what a capability has.

The number of a Chinese registration certificate says the class and the origin of a device: ×1械注×2××××3×4××5××××6.
×1 is the authority (国 or a province), ×2 the origin (准 domestic, 进 imported, 许 from Hong Kong, Macao or Taiwan),
×3 the year, ×4 the class, ×5 the category, ×6 a serial number; ×1械备… is the filing of a first-class device.
Source: grammar of the NMPA, in the 医疗器械注册管理办法 of 2014, article 76.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.capabilities.models import CapabilityKind, Stage
from backend.matching.filter_facts import (
    CapabilityFacts,
    Filter,
    FilterName,
    NeedFacts,
    State,
    clauses,
    decisive,
    is_demand,
    is_stressed,
    is_wish,
    quote,
    worst,
)
from backend.needs.models import NeedKind
from embeddings.passages import normalise

_DEVICES = frozenset({CapabilityKind.PRODUCT, CapabilityKind.TECHNOLOGY, CapabilityKind.RESEARCH})
_ASKERS = frozenset({NeedKind.CLINICAL, NeedKind.TECHNICAL, NeedKind.SUPPLY, NeedKind.SCENARIO})
_ORDER = {stage: number for number, stage in enumerate(Stage)}

_NUMBER = re.compile(r"[\u4e00-\u9fff]械注([准进许])\s?(\d{4})([123])(\d{2})(\d{4,5})(?!\d)")
_FILING = re.compile(r"([\u4e00-\u9fff]{1,3})械备(?:案)?(?:号)?\s?(\d{4})(\d{4,6})(?!\d)")
_DIGITS = {"一": 1, "二": 2, "三": 3, "1": 1, "2": 2, "3": 3, "I": 1, "II": 2, "III": 3}
_CLASS = re.compile(
    r"第([一二三])类|(?<![分第])([一二三]|I{1,3})类(?=(?:医疗)?器械|(?:注册)?证|注册|产品|设备|及以上|以上)|"
    r"(?:类别|属于?|按)[：:为是]?\s*([一二三])类|\bclass\s*(I{1,3}|[123])\b(?!00)",
    re.IGNORECASE,
)

# What a demand names, the farthest first: "已获证上市的" asks for both, and the farther decides.
_DEMANDED: tuple[tuple[Stage, re.Pattern[str]], ...] = tuple(
    (stage, re.compile(pattern, re.IGNORECASE))
    for stage, pattern in (
        (
            Stage.MARKETED,
            r"已(?:经)?(?:获批|获证)?上市|在售|已挂网|市售|on the market|\bmarketed\b|commercially available",
        ),
        (
            Stage.APPROVED,
            r"(?:已|有|具备|具有|持有|取得|获得|拿到|提供).{0,14}?(?:注册证|备案凭证)|[一二三]类证|"
            r"已(?:经)?(?:注册|获批|取证|拿证|获证)|获证产品|持证产品|有证的|证照齐全|"
            r"(?:NMPA|CFDA)[- ]?(?:approved|registered|approval|registration|批准|注册)|"
            r"registration certificate|(?:approved|registered|licensed) (?:product|device)",
        ),
        (Stage.CLINICAL, r"(?:已|完成|通过|做完|进入).{0,4}临床(?:试验|评价)|completed clinical"),
        (Stage.TYPE_TEST, r"(?:已|完成|通过|做完).{0,4}(?:型式检验|注册检验|型检)|completed type test"),
        (Stage.ANIMAL, r"(?:已|完成|通过|做完).{0,4}动物(?:实验|试验)|completed animal"),
        (Stage.PROTOTYPE, r"(?:已|有|做出).{0,4}(?:样机|工程样品)|working prototype"),
    )
)
_UNREGISTERED = re.compile(r"不(?:接受|考虑|要).{0,6}(?:未|没有?|无)(?:获证|注册|取证|上市|批|证)")
_TO_COME = re.compile(r"协助|帮助|配合|辅导|争取|力争|计划|预计|以便|将来|今后|\bhelp\b", re.IGNORECASE)
_COMPLAINT = re.compile(r"都|均|无法|不能|不满|不足|太|难|\b(?:too|cannot|fail)\b", re.IGNORECASE)
_NOT_BEFORE_MARKET = re.compile(r"上市(?:前|后|公司|许可)")

# What a text states of itself, the least far first: "注册申请已受理" is not yet a certificate.
_STATED: tuple[tuple[Stage, re.Pattern[str]], ...] = tuple(
    (stage, re.compile(pattern, re.IGNORECASE))
    for stage, pattern in (
        (Stage.TYPE_TEST, r"型式检验|型检|注册检验|送检"),
        (Stage.CLINICAL, r"临床试验(?!机构)|确证性试验|临床评价|入组"),
        (Stage.REGISTRATION, r"受理|审评|发补|递交|补充资料|申报中|under review|submitted"),
        (
            Stage.APPROVED,
            r"(?:已|持有?|有|取得|获).{0,10}注册证|注册证.{0,10}(?:有效|齐备|下发|包含|写入)|已(?:获批|注册|备案|获证)|获批|"
            r"通过注册|registration certificate|\b(?:approved|registered)\b|\bcleared\b",
        ),
        (Stage.MARKETED, r"已.{0,6}上市|挂网|中选|在售|\bmarketed\b|on the market"),
    )
)
_PLANNED = re.compile(
    r"拟|计划|预计|准备|尚未|还未|未取得|没有注册证|无注册证|申请中|申报中|申请已|"
    r"\b(?:planned|pending|not yet|will|expected|under review)\b",
    re.IGNORECASE,
)

_CERTIFICATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![A-Za-z])FDA(?![A-Za-z])|510\s?\([kK]\)",
        r"(?<![A-Za-z])CE(?![A-Za-z])",
        r"PMDA",
        r"CNAS",
        r"(?<![A-Za-z])CMA(?![A-Za-z])|检验检测机构资质",
        r"(?<![A-Za-z])GLP(?![A-Za-z])|良好实验室规范",
        r"(?<![A-Za-z])GCP(?![A-Za-z])|临床试验(?:机构)?备案|试验机构备案",
        r"(?<![A-Za-z])GMP(?![A-Za-z])|生产质量管理规范",
        r"ISO\s?13485|YY/T\s?0287",
        r"ISO(?:/IEC)?\s?17025",
    )
)
_WITHHELD = re.compile(
    r"不含|不具备|没有|未(?:取得|通过|获)|尚未|申报中|申请中|拟|计划|\b(?:pending|not yet|planned|without)\b",
    re.IGNORECASE,
)
_DOMESTIC_ASKED = re.compile(
    r"(?:限|只要|须|要求|优先|最好|考虑|是|为).{0,4}国产|国产.{0,6}优先|domestic(?:ally)?", re.IGNORECASE
)
_IMPORTED_ASKED = re.compile(
    r"(?:限|只要|须|要求|优先|最好|考虑).{0,4}进口(?!替代)|进口.{0,6}优先|imported only", re.IGNORECASE
)
_IMPORTED = re.compile(
    r"(?<!替代)(?<!媲美)(?<!对标)(?<!优于)(?:原装)?进口(?!替代|同类|产品|器械|设备|件|品牌)|\bimported\b", re.IGNORECASE
)
_DOMESTIC = re.compile(r"国产(?!替代)|自主生产|境内生产|made in China", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Registration:
    """What registration numbers and a certificate text state: classes 1 to 3, whether domestic, the clause itself.

    `is_planned` says that there is no certificate yet, whatever the stage.
    """

    classes: frozenset[int] = frozenset()
    stage: Stage | None = None
    domestic: bool | None = None
    clause: str = ""
    is_planned: bool = False


def registration_of(text: str) -> Registration:
    """Read a certificate text: its registration numbers and filings first, else its words."""
    text = normalise(text)
    numbers, filings = list(_NUMBER.finditer(text)), list(_FILING.finditer(text))
    if numbers or filings:
        classes = {int(number[3]) for number in numbers} | ({1} if filings else set())
        origins = {number[1] == "准" for number in numbers} | {filing[1] != "国" for filing in filings}
        domestic = origins.pop() if len(origins) == 1 else None
        return Registration(frozenset(classes), Stage.APPROVED, domestic, (numbers or filings)[0][0])
    classes = set(_classes(text))
    stage, clause, is_planned = _stated(text)
    return Registration(frozenset(classes), stage, None, clause or (text if classes else ""), is_planned)


def registration(need: NeedFacts, capability: CapabilityFacts) -> list[Filter]:
    """The line on stage and class of a device; none for services, spaces and money, or without a demand."""
    if need.kind not in _ASKERS or capability.kind not in _DEVICES:
        return []
    demands = [(clause, *_demand(clause)) for clause in clauses(need.texts)]
    demands = [demand for demand in demands if demand[1] is not None or demand[2]]
    if not demands:
        return []
    has = _registration(capability)
    answers = []
    for clause, stage, classes in demands:
        states = []
        if stage is not None:
            states.append(_reached(stage, has))
        if classes:
            # A certificate of a higher class is no lesser one.
            enough = max(has.classes, default=0) >= min(classes)
            states.append(State.UNKNOWN if not has.classes else State.PASSED if enough else State.FAILED)
        answers.append(
            Filter(
                FilterName.REGISTRATION,
                worst(states),
                quote(clause),
                quote(has.clause),
                code=capability.stage,
                hard=not is_wish(clause),
            )
        )
    line = decisive(answers)
    return [line] if line else []


def certification(need: NeedFacts, capability: CapabilityFacts) -> list[Filter]:
    """A line for each certificate that the need names: FDA, CE, CNAS, GLP and others."""
    demanded = [(normalise(clause), clause) for clause in clauses(need.texts)]
    offered = [(normalise(clause), clause) for clause in clauses((*capability.texts, capability.certificate))]
    found = []
    for pattern in _CERTIFICATES:
        asked = [clause for text, clause in demanded if pattern.search(text) and is_demand(clause)]
        if not asked:
            continue
        clause = min(asked, key=lambda c: (is_wish(c), c))
        stated = [clause for text, clause in offered if pattern.search(text)]
        held = [c for c in stated if not _WITHHELD.search(c)]
        state = State.PASSED if held else State.FAILED if stated else State.UNKNOWN
        text = (held or stated or [""])[0]
        found.append(Filter(FilterName.CERTIFICATION, state, quote(clause), quote(text), hard=not is_wish(clause)))
    return found


def origin(need: NeedFacts, capability: CapabilityFacts) -> list[Filter]:
    """The line on domestic or imported devices."""
    if need.kind not in _ASKERS or capability.kind not in _DEVICES:
        return []
    answers = []
    for clause in clauses(need.texts):
        wants_domestic = bool(_DOMESTIC_ASKED.search(clause))
        if (not wants_domestic and not _IMPORTED_ASKED.search(clause)) or not is_demand(clause):
            continue
        domestic, text = _origin(capability)
        state = State.UNKNOWN if domestic is None else State.PASSED if domestic is wants_domestic else State.FAILED
        answers.append(Filter(FilterName.ORIGIN, state, quote(clause), quote(text), hard=not is_wish(clause)))
    line = decisive(answers)
    return [line] if line else []


def _demand(clause: str) -> tuple[Stage | None, list[int]]:
    """The stage and the classes that a clause of a need demands."""
    text = normalise(clause)
    if _UNREGISTERED.search(text):
        return Stage.APPROVED, _classes(text)
    stressed = is_stressed(text)
    if not is_demand(text) or (_COMPLAINT.search(text) and not stressed) or _TO_COME.search(text):
        return None, []
    text = _NOT_BEFORE_MARKET.sub("", text)
    stage = next((stage for stage, pattern in _DEMANDED if pattern.search(text)), None)
    if stage is not None and _ORDER[stage] < _ORDER[Stage.APPROVED] and not stressed:
        stage = None  # "样机已完成动物实验" tells what the author has.
    return stage, _classes(text)


def _classes(text: str) -> list[int]:
    return [_DIGITS[next(filter(None, match.groups())).upper()] for match in _CLASS.finditer(text)]


def _stated(text: str) -> tuple[Stage | None, str, bool]:
    """The stage that a certificate text states, its clause, and whether it only plans: a plan is no certificate."""
    best: tuple[Stage | None, str] = (None, "")
    plan = ""
    for clause in clauses([text]):
        stages = [stage for stage, pattern in _STATED if pattern.search(clause)]
        if _PLANNED.search(clause):
            plan = plan or clause
            stages = [stage for stage in stages if _ORDER[stage] < _ORDER[Stage.APPROVED]]
        if not stages:
            continue
        # "注册证申请已受理": within one clause the application goes before the certificate that it is for.
        stage = Stage.REGISTRATION if Stage.REGISTRATION in stages else stages[-1]
        if best[0] is None or _ORDER[stage] > _ORDER[best[0]]:
            best = (stage, clause)
    is_approved = best[0] is not None and _ORDER[best[0]] >= _ORDER[Stage.APPROVED]
    return best[0], best[1] or plan, bool(plan) and not is_approved


def _registration(capability: CapabilityFacts) -> Registration:
    """What a capability states of its registration: a number first, then its stage field, then its words."""
    by_certificate = registration_of(capability.certificate)
    by_number = registration_of("\n".join([*_numbers([capability.certificate]), *_numbers(capability.texts)]))
    if by_number.clause:
        known = [stage for stage in (by_number.stage, Stage(capability.stage) if capability.stage else None) if stage]
        return replace(by_number, stage=max(known, key=_ORDER.__getitem__))
    if capability.stage:
        return replace(by_certificate, stage=Stage(capability.stage), is_planned=False)
    return by_certificate


def _numbers(texts: Sequence[str]) -> list[str]:
    return [match[0] for text in texts for pattern in (_NUMBER, _FILING) for match in pattern.finditer(normalise(text))]


def _reached(wanted: Stage, has: Registration) -> State:
    if has.is_planned and _ORDER[wanted] >= _ORDER[Stage.APPROVED]:
        return State.FAILED
    if has.stage is None:
        return State.UNKNOWN
    if wanted is Stage.MARKETED and has.stage is Stage.APPROVED:
        return State.UNKNOWN  # Approved devices may or may not be on sale yet.
    return State.PASSED if _ORDER[has.stage] >= _ORDER[wanted] else State.FAILED


def _origin(capability: CapabilityFacts) -> tuple[bool | None, str]:
    numbered = _registration(capability)
    if numbered.domestic is not None:
        return numbered.domestic, numbered.clause
    stated = clauses((capability.certificate, *capability.texts))
    imported = [clause for clause in stated if _IMPORTED.search(clause)]
    domestic = [clause for clause in stated if _DOMESTIC.search(clause)]
    if bool(imported) == bool(domestic):
        return None, ""
    return (True, domestic[0]) if domestic else (False, imported[0])
