"""Past introductions: cases that ended before the platform knew of them, kept for the record and for learning.

Nobody is told, nothing is released, and no answer is awaited.
"""

from collections.abc import Sequence
from datetime import date, datetime, time

from sqlmodel import col, select

from backend.audit.events import Event
from backend.capabilities.models import Capability
from backend.db import new_id
from backend.decisions.models import Decision, DecisionKind
from backend.introductions.cases import KIND
from backend.introductions.models import (
    CaseBroker,
    CaseEvent,
    CaseParty,
    Introduction,
    Origin,
    PartyState,
    Side,
)
from backend.introductions.states import TABLE, IntroductionAction, IntroductionStatus
from backend.needs.models import Need
from backend.organisations.models import Organisation, name_key_of
from backend.templating import LOCAL_ZONE
from backend.transfers.models import RowKind
from backend.transfers.planning import Planned
from backend.transfers.values import folded
from backend.transfers.writing import Writer, Written
from backend.transitions import Actor

S = IntroductionStatus
ENDED_BY = {
    S.AGREED: IntroductionAction.AGREE,
    S.DECLINED: IntroductionAction.DECLINE,
    S.WITHDRAWN: IntroductionAction.WITHDRAW,
    S.EXPIRED: IntroductionAction.EXPIRE,
}
FROM = {S.AGREED: S.MEETING, S.DECLINED: S.PROPOSED, S.WITHDRAWN: S.PROPOSED, S.EXPIRED: S.PROPOSED}
DECISIONS = {
    S.AGREED: DecisionKind.AGREED,
    S.DECLINED: DecisionKind.DECLINED,
    S.WITHDRAWN: DecisionKind.WITHDRAWN,
    S.EXPIRED: DecisionKind.EXPIRED,
}


def write_cases(writer: Writer, rows: Sequence[Planned]) -> list[Written]:
    """Cases with their parties, their broker, and a line for their beginning and their end."""
    written = [_case(writer, planned) for planned in rows]
    writer.bulk.flush()
    return written


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), LOCAL_ZONE)


def _case(writer: Writer, planned: Planned) -> Written:
    session, values = writer.session, planned.values
    need = _subject(writer, RowKind.NEED, "need_organisation", "need_title", planned)
    capability = _subject(writer, RowKind.CAPABILITY, "capability_organisation", "capability_title", planned)
    assert isinstance(need, Need)
    owner = _organisation(writer, values["capability_organisation"])
    began, ended = _noon(values["date"]), _noon(values.get("end_date", values["date"]))
    status: IntroductionStatus = values["result"]
    agreed, declined = status is S.AGREED, status is S.DECLINED
    row = Introduction(
        id=new_id(),
        need_id=need.id,
        capability_id=capability.id if isinstance(capability, Capability) else None,
        status=status,
        origin=Origin.BROKER,
        created_by=writer.scope.user_id,
        created_at=began,
        updated_at=ended,
        proposed_at=began,
        introduced_at=began if agreed else None,
        agreed_at=ended if agreed else None,
        closed_at=None if agreed else ended,
        declined_by=Side.CAPABILITY if declined else None,
        reason=values.get("reason") if declined else None,
    )
    session.add(row)
    session.flush()
    for side, organisation_id, region, refused in (
        (Side.NEED, need.organisation_id, need.region, False),
        (Side.CAPABILITY, owner.id, capability.region if capability else owner.region, declined),
    ):
        answered = agreed or refused
        session.add(
            CaseParty(
                introduction_id=row.id,
                organisation_id=organisation_id,
                side=side,
                state=PartyState.ACCEPTED if agreed else PartyState.DECLINED if refused else PartyState.INVITED,
                region=region,
                capability_id=row.capability_id if side is Side.CAPABILITY else None,
                created_at=began,
                asked_at=began,
                answered_at=ended if answered else None,
            )
        )
    session.add(
        CaseBroker(
            introduction_id=row.id,
            organisation_id=writer.scope.organisation_id,
            user_id=writer.scope.user_id,
            is_lead=True,
            invited_at=began,
            agreed_at=began,
        )
    )
    _lines(writer, planned, row, owner.id, began, ended)
    return Written(planned, row.id, status=status)


def _lines(
    writer: Writer, planned: Planned, row: Introduction, owner_id: str, began: datetime, ended: datetime
) -> None:
    """Its line and what it teaches: proposed, and how it ended. What was noted is for brokers alone."""
    end = TABLE[FROM[row.status]][ENDED_BY[row.status]].event
    declined = row.status is S.DECLINED
    steps = (
        (began, Event.INTRODUCTION_PROPOSE, S.PROPOSED, DecisionKind.PROPOSED, ""),
        (ended, end, row.status, DECISIONS[row.status], planned.values.get("note", "")),
    )
    for at, what, status, decision, note in steps:
        is_end = what == end
        writer.session.add(
            CaseEvent(
                introduction_id=row.id,
                at=at,
                actor=(Actor.CAPABILITY_SIDE if declined and is_end else Actor.BROKER).value,
                actor_id=writer.scope.user_id,
                organisation_id=owner_id if declined and is_end else None,
                what=what,
                status=status,
                note=note,
                note_for_brokers=bool(note),
                detail={"by_import": writer.import_id},
            )
        )
        writer.session.add(
            Decision(
                at=at,
                kind=decision,
                need_id=row.need_id,
                capability_id=row.capability_id,
                introduction_id=row.id,
                organisation_id=owner_id if is_end else None,
                user_id=writer.scope.user_id,
                side=Actor.CAPABILITY_SIDE if declined and is_end else Actor.BROKER,
                reason=row.reason or "" if is_end else "",
            )
        )
    writer.record(end, KIND, row.id)


def _organisation(writer: Writer, name: str) -> Organisation:
    made = writer.organisation_ids.get(name_key_of(name))
    found = writer.session.get(Organisation, made) if made else None
    if found is None:
        query = select(Organisation).where(Organisation.name_key == name_key_of(name))
        found = writer.session.exec(query.order_by(col(Organisation.created_at))).first()
        if found is not None and found.merged_into_id:
            found = writer.session.get(Organisation, found.merged_into_id)
    assert found is not None
    return found


def _subject(writer: Writer, kind: RowKind, owner: str, title: str, planned: Planned) -> Need | Capability | None:
    """The text that the plan has found: by its organisation and title, those of this import among them."""
    if title not in planned.values:
        return None
    there = planned.parties.get(title)
    if there is None:
        home = _organisation(writer, planned.values[owner])
        there = writer.subject_ids[kind, home.id, folded(planned.values[title])]
    if kind is RowKind.NEED:
        return writer.session.get(Need, there)
    return writer.session.get(Capability, there)
