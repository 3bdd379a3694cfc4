"""What the operations on a case share: loading it, writing its line, telling those in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from backend.accounts.models import User
from backend.audit import events
from backend.capabilities import policy as capability_policy
from backend.capabilities.models import Capability
from backend.db import utc_now
from backend.decisions import service as decisions
from backend.decisions.models import DecisionKind
from backend.decisions.service import Suggested
from backend.disclosure.policy import Subject
from backend.errors import NotFound
from backend.introductions import policy
from backend.introductions.models import CaseBroker, CaseEvent, CaseParty, Introduction, PartyState, Side
from backend.introductions.policy import OUTSIDE, CaseFacts
from backend.introductions.states import OPENED
from backend.needs import policy as need_policy
from backend.needs.models import Need
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations.models import Membership, Organisation
from backend.organisations.policy import WRITING_ROLES, Viewer
from backend.transitions import Actor

KIND = "introduction"
"""The name of a case in the audit trail and in notifications."""


@dataclass(frozen=True)
class Case:
    """A case with all that belongs to it, as it is stored."""

    row: Introduction
    need: Need
    parties: tuple[CaseParty, ...]
    brokers: tuple[CaseBroker, ...]

    @property
    def facts(self) -> CaseFacts:
        """What the policy asks for."""
        return policy.facts_of(self.row, self.parties, self.brokers)

    @property
    def is_opened(self) -> bool:
        """Whether both main sides have accepted and nothing has ended since."""
        return self.row.status in OPENED

    def side(self, side: Side) -> CaseParty:
        """The party of a main side."""
        return next(p for p in self.parties if p.side is side)

    def party_of(self, viewer: Viewer) -> CaseParty | None:
        """The party for which the viewer writes, else one for which they read; None for outsiders."""
        mine = [
            p for p in self.parties if p.organisation_id in viewer.verified_organisation_ids and p.state not in OUTSIDE
        ]
        return next((p for p in mine if viewer.may_write_for(p.organisation_id)), mine[0] if mine else None)


def path_of(introduction_id: str) -> str:
    """The address of a case."""
    return f"/introductions/{introduction_id}"


def load(session: Session, introduction_id: str, *, lock: bool = False) -> Case:
    """A case, whoever may see it; raises NotFound. With `lock` nobody else changes it meanwhile."""
    row = session.get(Introduction, introduction_id, with_for_update=True if lock else None)
    if row is None:
        raise NotFound
    return of(session, row)


def of(session: Session, row: Introduction) -> Case:
    """The case of a row."""
    need = session.get(Need, row.need_id)
    assert need is not None
    parties = select(CaseParty).where(CaseParty.introduction_id == row.id)
    brokers = select(CaseBroker).where(CaseBroker.introduction_id == row.id)
    return Case(
        row,
        need,
        tuple(session.exec(parties.order_by(col(CaseParty.created_at), col(CaseParty.id))).all()),
        tuple(session.exec(brokers.order_by(col(CaseBroker.is_lead).desc(), col(CaseBroker.invited_at))).all()),
    )


def get(session: Session, viewer: Viewer, introduction_id: str, *, lock: bool = False) -> Case:
    """A case in which the viewer has a part; raises NotFound."""
    case = load(session, introduction_id, lock=lock)
    policy.check_can_see(viewer, case.facts)
    return case


def capability_facts(session: Session, case: Case) -> Subject | None:
    """The facts of the capability of a case, if it has one."""
    found = session.get(Capability, case.row.capability_id) if case.row.capability_id else None
    return capability_policy.subject_of(found) if found else None


def need_facts(case: Case) -> Subject:
    """The facts of the need of a case."""
    return need_policy.subject_of(case.need)


def note(
    session: Session,
    case: Case,
    what: str,
    actor: Actor,
    viewer: Viewer | None,
    *,
    organisation_id: str | None = None,
    text: str = "",
    for_brokers: bool = False,
    **detail: Any,
) -> CaseEvent:
    """Write a step into the line of the case and into the audit trail; what was said stays out of the trail."""
    now = utc_now()
    user_id = viewer.user_id if viewer else None
    event = CaseEvent(
        introduction_id=case.row.id,
        at=now,
        actor=actor.value,
        actor_id=user_id,
        organisation_id=organisation_id,
        what=what,
        status=case.row.status,
        note=text,
        note_for_brokers=for_brokers,
        detail=detail,
    )
    session.add(event)
    case.row.updated_at = now
    session.add(case.row)
    events.record(session, what, KIND, case.row.id, actor_id=user_id, organisation=organisation_id)
    return event


def decided(
    session: Session,
    case: Case,
    kind: DecisionKind,
    viewer: Viewer | None,
    *,
    side: str,
    organisation_id: str | None = None,
    reason: str = "",
    step: str = "",
) -> None:
    """Record a decision about the pair of a case, with what the ranker had said of it."""
    row = case.row
    decisions.record(
        session,
        kind,
        row.need_id,
        row.capability_id,
        introduction_id=row.id,
        organisation_id=organisation_id,
        user_id=viewer.user_id if viewer else None,
        side=side,
        suggested=Suggested(row.ranker, row.position, row.grade, row.probability),
        reason=reason,
        step=step,
    )


def announce(
    session: Session,
    case: Case,
    notice: Notice,
    actor_id: str | None,
    *,
    parties: Iterable[CaseParty] = (),
    brokers: bool = False,
) -> None:
    """Tell parties that have been asked, and the brokers of the case. No mail bears a title: a case may end at any
    time, and what it was about is for those who may open its page then. A party that is being verified anew may not."""
    told: list[User] = []
    for party in parties:
        home = session.get(Organisation, party.organisation_id)
        if party.state not in OUTSIDE and home is not None and home.is_verified:
            told += recipients.writers_of(session, party.organisation_id)
    if brokers:
        told += brokers_of(session, case)
    tell(session, told, notice, KIND, case.row.id, path=path_of(case.row.id), actor_id=actor_id)


def brokers_of(session: Session, case: Case) -> list[User]:
    """Who is told as a broker: those of the case; where it has none yet, all brokers of the regions of both sides."""
    found: dict[str, User] = {}
    named = [b.user_id for b in case.brokers if b.user_id]
    if named:
        acting = select(Membership.user_id).where(
            col(Membership.organisation_id).in_([b.organisation_id for b in case.brokers]),
            col(Membership.role).in_(WRITING_ROLES),
        )
        query = select(User).where(col(User.id).in_(named), col(User.id).in_(acting), col(User.is_active).is_(True))
        found = {user.id: user for user in session.exec(query).all()}
    if not found:
        for region in sorted(case.facts.regions):
            found |= {user.id: user for user in recipients.brokers_of(session, region)}
    inside = select(Membership.user_id).where(col(Membership.organisation_id).in_(case.facts.organisation_ids))
    members = set(session.exec(inside).all())
    return [user for user in found.values() if user.id not in members]


def in_case(parties: Sequence[CaseParty]) -> list[CaseParty]:
    """The parties that know of the case."""
    return [p for p in parties if p.state not in OUTSIDE]


def accepted(parties: Sequence[CaseParty]) -> list[CaseParty]:
    """The parties that have accepted."""
    return [p for p in parties if p.state is PartyState.ACCEPTED]
