"""Undoing an import: what it made and nobody has touched since goes, what it changed becomes what it was.

Whatever has been worked with since stays, and the row says why.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, delete, select

from backend.audit import events
from backend.audit.events import Event
from backend.capabilities.models import Capability, CapabilityKind, Stage
from backend.capabilities.states import CapabilityStatus
from backend.decisions.models import Decision
from backend.disclosure.models import Audience, Release, SubjectVersion, Tier
from backend.i18n import gettext as _
from backend.introductions.cases import KIND as CASE
from backend.introductions.models import CaseEvent, Introduction
from backend.needs.models import Need, NeedKind, Requirement
from backend.needs.requirements import of_tier, proposed
from backend.needs.states import NeedStatus
from backend.needs.texts import POINTS
from backend.organisations import service as organisations
from backend.organisations.models import Membership, MembershipRequest, Organisation
from backend.organisations.states import OrganisationStatus
from backend.transfers.models import Import, ImportRow, RowAction, RowKind, RowOutcome
from backend.transfers.plan_subjects import EDITABLE, OPEN
from backend.transfers.policy import Scope
from backend.transfers.world import portions, referenced
from backend.transfers.writing import SIDES, Side, Writer
from backend.transitions import Actor

REFUSAL = "批量导入已撤销。"
NOTE = "批量导入已撤销。"
ENUMS: Mapping[RowKind, Mapping[str, Any]] = {
    RowKind.NEED: {"kind": NeedKind, "audience": Audience},
    RowKind.CAPABILITY: {"kind": CapabilityKind, "audience": Audience, "stage": Stage},
}


def undo(session: Session, scope: Scope, batch: Import) -> None:
    """Undo the rows of an import, the last kinds first: what names others goes before them."""
    query = select(ImportRow).where(ImportRow.import_id == batch.id, ImportRow.outcome == RowOutcome.DONE)
    rows = list(session.exec(query.order_by(col(ImportRow.number))).all())
    by_kind = {kind: [row for row in rows if row.kind is kind] for kind in RowKind}
    _cases(session, scope, by_kind[RowKind.INTRODUCTION])
    writer = Writer(session, scope, batch.id, proposed)
    for kind in (RowKind.CAPABILITY, RowKind.NEED):
        _subjects(writer, SIDES[kind], kind, by_kind[kind])
    _organisations(session, scope, by_kind[RowKind.ORGANISATION])
    session.flush()


def _done(session: Session, row: ImportRow) -> None:
    row.outcome, row.note = RowOutcome.UNDONE, ""
    session.add(row)


def _left(session: Session, row: ImportRow, why: str) -> None:
    row.outcome, row.note = RowOutcome.KEPT, why
    session.add(row)


def _cases(session: Session, scope: Scope, rows: Sequence[ImportRow]) -> None:
    for row in rows:
        case = session.get(Introduction, row.subject_id)
        if case is None:
            _done(session, row)
            continue
        lines = session.exec(select(CaseEvent).where(CaseEvent.introduction_id == case.id)).all()
        if case.status != row.after_status or any("by_import" not in line.detail for line in lines):
            _left(session, row, _("导入以后有过新的进展，保留。"))
            continue
        session.exec(delete(Decision).where(col(Decision.introduction_id) == case.id))
        session.delete(case)
        events.record(session, Event.INTRODUCTION_WITHDRAW, CASE, case.id, actor_id=scope.user_id, undone=row.import_id)
        _done(session, row)
    session.flush()


def _subjects(writer: Writer, side: Side, kind: RowKind, rows: Sequence[ImportRow]) -> None:
    session = writer.session
    found: dict[str, Any] = {}
    for some in portions(str(row.subject_id) for row in rows):
        query = select(side.model).where(col(side.model.id).in_(some)).with_for_update()
        found |= {subject.id: subject for subject in session.exec(query).all()}
    used = referenced(session, list(found))
    released: set[str] = set()
    for some in portions(found):
        live = select(Release.subject_id).where(col(Release.subject_id).in_(some), col(Release.revoked_at).is_(None))
        released |= set(session.exec(live).all())
    for row in rows:
        subject = found.get(str(row.subject_id))
        if subject is None:
            _done(session, row)
        elif subject.version != row.after or str(subject.status) != row.after_status:
            _left(session, row, _("导入以后有人修改过，保留。"))
        elif row.action is RowAction.CREATE and (subject.id in used or subject.id in released):
            _left(session, row, _("已用于引荐或已向其他单位开放，保留。"))
        elif row.action is RowAction.CREATE:
            _discard(writer, side, subject)
            _done(session, row)
        else:
            _take_back(writer, side, kind, subject, row)
    writer.bulk.flush()


def _discard(writer: Writer, side: Side, subject: Any) -> None:
    """Withdrawn and discarded, as by hand: it can be restored by its organisation."""
    was_open = subject.status in OPEN
    gone = NeedStatus.DISCARDED if side.model is Need else CapabilityStatus.DISCARDED
    withdrawn = NeedStatus.WITHDRAWN if side.model is Need else CapabilityStatus.WITHDRAWN
    steps = (("withdraw", withdrawn), ("discard", gone)) if was_open else (("discard", gone),)
    actor = Actor.BROKER if writer.scope.is_office else Actor.AUTHOR
    for action, status in steps:
        event = side.of.table[subject.status][action].event
        subject.status, subject.updated_at = status, writer.now
        writer.step(side, subject, action, actor, NOTE)
        writer.record(event, side.kind, subject.id, version=subject.version)
    writer.session.add(subject)
    if was_open:
        writer.index(side.kind, subject.id)


def _take_back(writer: Writer, side: Side, kind: RowKind, subject: Any, row: ImportRow) -> None:
    """Write the former version once more, as a new one."""
    session = writer.session
    query = select(SubjectVersion).where(
        SubjectVersion.subject_kind == side.kind,
        SubjectVersion.subject_id == subject.id,
        SubjectVersion.number == row.before,
    )
    former = session.exec(query).first()
    if former is None or subject.status not in EDITABLE:
        _left(session, row, _("原来的文字无法取回，保留。"))
        return
    enums = ENUMS[kind]
    for name, value in former.fields.items():
        if name not in POINTS:
            setattr(subject, name, enums[name](value) if name in enums and value is not None else value)
    subject.version, subject.updated_at = subject.version + 1, writer.now
    session.add(subject)
    if isinstance(subject, Need):
        _points(session, subject, former.fields)
    shown = subject.status in OPEN
    writer.version(side, subject, former.fields, writer.scope.user_id, writer.now, shown=shown)
    writer.record(side.of.edit_event, side.kind, subject.id, version=subject.version)
    if shown:
        writer.index(side.kind, subject.id)
    _done(session, row)


def _points(session: Session, need: Need, fields: Mapping[str, Any]) -> None:
    written = [point for name, tier in POINTS.items() for point in of_tier(fields.get(name) or (), Tier(tier))]
    session.exec(delete(Requirement).where(col(Requirement.need_id) == need.id))
    session.add_all(
        Requirement(need_id=need.id, position=n, text=p.text, tier=p.tier, source=p.source)
        for n, p in enumerate(written or proposed(need))
    )


def _organisations(session: Session, scope: Scope, rows: Sequence[ImportRow]) -> None:
    """An organisation that was made is no longer verified, so that nobody sees it; one that was changed stays.

    It is not deleted: what hangs on it in the trail would lead nowhere, and its name would be free for others.
    """
    for row in rows:
        organisation = session.get(Organisation, row.subject_id)
        if row.action is RowAction.CHANGE:
            _left(session, row, _("单位信息的修改不随撤销恢复，请核对。"))
        elif organisation is None or organisation.status is not OrganisationStatus.VERIFIED:
            _done(session, row)
        elif _is_in_use(session, organisation.id):
            _left(session, row, _("该单位已有成员或有在用的内容，保留。"))
        else:
            organisation.status, organisation.refusal = OrganisationStatus.REFUSED, REFUSAL
            session.add(organisation)
            events.record(
                session, Event.ORGANISATION_REFUSE, organisations.SUBJECT, organisation.id, actor_id=scope.user_id
            )
            _done(session, row)


def _is_in_use(session: Session, organisation_id: str) -> bool:
    uses = (
        select(Membership.id).where(Membership.organisation_id == organisation_id),
        select(MembershipRequest.id).where(MembershipRequest.organisation_id == organisation_id),
        select(Need.id).where(Need.organisation_id == organisation_id, Need.status != NeedStatus.DISCARDED),
        select(Capability.id).where(
            Capability.organisation_id == organisation_id, Capability.status != CapabilityStatus.DISCARDED
        ),
    )
    return any(session.exec(query).first() is not None for query in uses)
