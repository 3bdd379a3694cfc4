"""The lists of the site as tables, as far as their viewer may read them, with the filters that they had.

Of texts of one's own all tiers, under the headings of the template, so that the file can be changed and imported again;
of others what their cards show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, or_, select

from backend.audit import events
from backend.capabilities import service as capabilities
from backend.capabilities.forms import STATUSES as CAPABILITY_STATUSES
from backend.disclosure.cards import Card
from backend.disclosure.filters import Filters
from backend.disclosure.forms import AUDIENCES
from backend.disclosure.models import SubjectKind
from backend.errors import DomainError
from backend.i18n import gettext as _
from backend.introductions import lists
from backend.introductions import policy as introduction_policy
from backend.introductions.lists import Tab
from backend.introductions.models import CaseParty, Introduction, PartyState, Side
from backend.introductions.states import OPENED, IntroductionStatus
from backend.matching import searching
from backend.matching.index_sync import SearchEngine
from backend.needs import service as needs
from backend.needs.forms import OFFERS
from backend.needs.forms import STATUSES as NEED_STATUSES
from backend.needs.requirements import stored
from backend.organisations import service as organisations
from backend.organisations.forms import KINDS as ORGANISATION_KINDS
from backend.organisations.forms import STATUSES as ORGANISATION_STATUSES
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer, can_read_contact
from backend.organisations.states import OrganisationStatus
from backend.taxonomies import device_categories, regions, specialties
from backend.transfers.columns import CAPABILITIES, NEEDS, ORGANISATIONS
from backend.transfers.headings import Table
from backend.transfers.words import REASONS, RESULTS
from backend.transfers.world import portions

KIND = "list"
MOST = 10_000
"""Rows of an export; of a search by words those that fit best."""
MOST_FOUND = 500
RESULT_NAMES = {
    **RESULTS,
    IntroductionStatus.SUGGESTED: _("待撮合员处理"),
    IntroductionStatus.PROPOSED: _("等待双方答复"),
    IntroductionStatus.ACCEPTED_BY_NEED: _("需求方已同意"),
    IntroductionStatus.ACCEPTED_BY_CAPABILITY: _("能力方已同意"),
    IntroductionStatus.INTRODUCED: _("已引荐"),
    IntroductionStatus.MEETING: _("洽谈中"),
}


class EngineMissing(DomainError):
    """A search by words cannot be exported while the engine is not at hand."""

    status = 503
    zh = "检索引擎暂不可用，请稍后再导出。"
    en = "The search engine is not available. Please export again later."


@dataclass(frozen=True)
class Exported:
    """A table: its name, headings, rows, and how wide the columns are."""

    name: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    widths: Sequence[int] = ()


@dataclass(frozen=True)
class _Side:
    table: Table
    statuses: Mapping[Any, str]
    rows: Any


SIDES = {
    SubjectKind.NEED: _Side(NEEDS, NEED_STATUSES, needs.rows),
    SubjectKind.CAPABILITY: _Side(CAPABILITIES, CAPABILITY_STATUSES, capabilities.rows),
}
FURTHER = (_("状态"), _("发布日期"), _("链接"))
NOT_EXPORTED = frozenset({"key", "contact_name", "contact_phone", "date"})


def own(session: Session, viewer: Viewer, kind: SubjectKind, site_url: str) -> Exported:
    """What the viewer's organisations have written."""
    listed = needs.own(session, viewer) if kind is SubjectKind.NEED else capabilities.own(session, viewer)
    return _subjects(session, viewer, kind, listed[:MOST], site_url)


def in_jurisdiction(session: Session, viewer: Viewer, site_url: str) -> Exported:
    """What is open in a broker's regions, beside what their own organisations have written."""
    listed, _total = needs.listing(session, viewer, Filters(jurisdictions=viewer.jurisdictions, limit=MOST))
    mine = needs.own(session, viewer)
    known = {card.id for card in listed}
    return _subjects(session, viewer, SubjectKind.NEED, [*listed, *(c for c in mine if c.id not in known)], site_url)


def found(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    kind: SubjectKind,
    text: str,
    filters: Filters,
    site_url: str,
) -> Exported:
    """What a search finds, in its order; raises EngineMissing where words cannot be searched for."""
    result = searching.search(session, engine, viewer, kind, text, filters)
    if text and result.state != "ready":
        raise EngineMissing
    return _subjects(session, viewer, kind, result.cards, site_url)


def _subjects(session: Session, viewer: Viewer, kind: SubjectKind, cards: Sequence[Card], site_url: str) -> Exported:
    side = SIDES[kind]
    columns = [column for column in side.table.columns if column.name not in NOT_EXPORTED]
    full: dict[str, Any] = {}
    for some in portions(card.id for card in cards if card.is_own):
        full |= {row.id: row for row in side.rows(session, some)}
    rows = []
    for card in cards:
        shown = _of_card(card) | (_of_own(session, full[card.id]) if card.id in full else {})
        rows.append(
            [
                *(shown.get(column.name) for column in columns),
                side.statuses[card.status],
                card.published_at,
                f"{site_url}{card.url}",
            ]
        )
    widths = [*(column.width for column in columns), 10, 12, 44]
    return Exported(side.table.label, [*(column.label for column in columns), *FURTHER], rows, widths)


def _of_card(card: Card) -> dict[str, Any]:
    kind_name = "need_kind" if card.subject_kind is SubjectKind.NEED else "capability_kind"
    table = SIDES[card.subject_kind].table
    kinds = dict(zip(_values_of(card.subject_kind), table.column(kind_name).listed, strict=True))
    return {
        "organisation": card.organisation_name or _("匿名发布"),
        "department": card.department_name,
        "title": card.title,
        kind_name: kinds[card.kind],
        "specialty": specialties().name(card.specialty),
        "device_category": device_categories().name(card.device_category),
        "region": regions().name(card.region),
        "summary": card.summary,
    }


def _values_of(kind: SubjectKind) -> list[str]:
    from backend.capabilities.forms import KINDS as CAPABILITY_KINDS
    from backend.needs.forms import KINDS as NEED_KINDS

    return [str(value) for value in (NEED_KINDS if kind is SubjectKind.NEED else CAPABILITY_KINDS)]


def _of_own(session: Session, subject: Any) -> dict[str, Any]:
    from backend.capabilities.forms import STAGES
    from backend.capabilities.models import Capability

    shown = {
        "audience": AUDIENCES[subject.audience],
        "anonymous": _("是") if subject.anonymous else _("否"),
        "contact": subject.contact,
        # By their codes where two terms of the taxonomy have one name.
        "specialty": _coded(subject.specialty, specialties().name(subject.specialty)),
        "device_category": _coded(subject.device_category, device_categories().name(subject.device_category)),
    }
    texts: tuple[str, ...]
    if isinstance(subject, Capability):
        texts = ("composition", "principle", "indications", "certificate", "performance", "cooperation")
        shown["stage"] = STAGES[subject.stage] if subject.stage else None
    else:
        texts = (
            *("problem", "procedure", "current_practice", "frequency", "acceptance_criteria", "constraints"),
            "offers_note",
        )
        labels = {str(value): label for value, label in OFFERS.items()}
        shown["offers"] = "、".join(labels[value] for value in subject.offers if value in labels)
        points = [p.text for p in stored(session, subject.id) if p.tier == "brief" and p.source == "author"]
        shown["requirements"] = "\n".join(points)
    return shown | {name: getattr(subject, name) for name in texts}


def _coded(code: str | None, name: str) -> str:
    return f"{code} {name}" if code else ""


def of_organisations(session: Session, viewer: Viewer) -> Exported:
    """The organisations of a broker's regions and those that the viewer is a member of."""
    mine = or_(col(Organisation.region).in_(viewer.jurisdictions), col(Organisation.id).in_(viewer.organisation_ids))
    query = select(Organisation).where(mine, Organisation.status != OrganisationStatus.MERGED)
    listed = session.exec(query.order_by(col(Organisation.region), col(Organisation.name)).limit(MOST)).all()
    columns = [column for column in ORGANISATIONS.columns if column.name != "key"]
    rows = []
    for one in listed:
        contact = can_read_contact(viewer, one)
        shown = {
            "name": one.name,
            "credit_code": one.credit_code,
            "kind": ORGANISATION_KINDS[one.kind],
            "region": regions().name(one.region),
            "contact_name": one.contact_name if contact else None,
            "contact_phone": one.contact_phone if contact else None,
            "contact_email": one.contact_email if contact else None,
            "summary": one.summary,
        }
        rows.append([*(shown[column.name] for column in columns), ORGANISATION_STATUSES[one.status], one.created_at])
    heads = [*(column.label for column in columns), _("核验状态"), _("登记日期")]
    return Exported(ORGANISATIONS.label, heads, rows, [*(column.width for column in columns), 12, 12])


def of_introductions(session: Session, viewer: Viewer, tab: str, site_url: str) -> Exported:
    """The cases of a viewer; until both sides have accepted, the other is named as its card names it."""
    may_see = introduction_policy.visible_to(viewer)
    query = select(Introduction).where(lists.condition(viewer, Tab(tab)) if tab in list(Tab) else may_see)
    listed = session.exec(query.order_by(col(Introduction.updated_at).desc()).limit(MOST)).all()
    parties: dict[str, dict[Side, CaseParty]] = {}
    for some in portions(case.id for case in listed):
        found_parties = select(CaseParty).where(col(CaseParty.introduction_id).in_(some))
        for party in session.exec(found_parties).all():
            parties.setdefault(party.introduction_id, {})[party.side] = party
    cards: dict[str, Card] = {}
    for some in portions({case.need_id for case in listed}):
        cards |= needs.cards(session, viewer, some)
    for some in portions({case.capability_id for case in listed if case.capability_id}):
        cards |= capabilities.cards(session, viewer, some)
    names = organisations.authors(session, (p.organisation_id for sides in parties.values() for p in sides.values()))
    rows = [_of_case(viewer, case, parties.get(case.id, {}), cards, names, site_url) for case in listed]
    heads = [
        *(_("需求名称"), _("需求单位"), _("对接单位"), _("能力名称"), _("引荐日期"), _("结果"), _("结束日期")),
        *(_("未达成的原因"), _("链接")),
    ]
    return Exported(_("引荐记录"), heads, rows, [34, 28, 28, 34, 12, 14, 12, 16, 44])


def _of_case(
    viewer: Viewer,
    case: Introduction,
    sides: Mapping[Side, CaseParty],
    cards: Mapping[str, Card],
    names: Mapping[str, Any],
    site_url: str,
) -> list[Any]:
    def name(side: Side, card: Card | None) -> str | None:
        party = sides.get(side)
        if party is None:
            return None
        opened = case.status in OPENED and party.state is PartyState.ACCEPTED
        is_own = party.organisation_id in viewer.organisation_ids
        if opened or is_own or party.region in viewer.jurisdictions or (card and card.organisation_name):
            return str(names[party.organisation_id].name)
        return _("匿名发布") if card else None

    need, capability = cards.get(case.need_id), cards.get(case.capability_id or "")
    ended: datetime | None = case.agreed_at or case.closed_at
    return [
        need.title if need else None,
        name(Side.NEED, need),
        name(Side.CAPABILITY, capability),
        capability.title if capability else None,
        case.proposed_at,
        RESULT_NAMES[case.status],
        ended,
        REASONS[case.reason] if case.reason else None,
        f"{site_url}/introductions/{case.id}",
    ]


def record(session: Session, viewer: Viewer, what: str, rows: int) -> None:
    """Write down that a list was taken out of the site."""
    events.record(
        session, events.Event.LIST_EXPORT, KIND, viewer.user_id or "", actor_id=viewer.user_id, what=what, rows=rows
    )
