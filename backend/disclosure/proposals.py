"""Proposals: a broker suggests to open a tier to an organisation, and the author's side decides."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from backend.audit import events
from backend.audit.events import Event
from backend.db import utc_now
from backend.disclosure import releases
from backend.disclosure.announcing import announce
from backend.disclosure.models import ReleaseProposal, SubjectKind, Tier, TieredSubject
from backend.disclosure.policy import Subject, check_can_propose, check_can_release
from backend.errors import Conflict, NotFound
from backend.notifications.models import Notice
from backend.organisations.policy import Viewer

PROPOSE: Mapping[SubjectKind, Event] = {
    SubjectKind.NEED: Event.NEED_RELEASE_PROPOSE,
    SubjectKind.CAPABILITY: Event.CAPABILITY_RELEASE_PROPOSE,
}
DECLINE: Mapping[SubjectKind, Event] = {
    SubjectKind.NEED: Event.NEED_RELEASE_DECLINE,
    SubjectKind.CAPABILITY: Event.CAPABILITY_RELEASE_DECLINE,
}


def waiting(session: Session, kind: SubjectKind, subject_id: str) -> Sequence[ReleaseProposal]:
    """The proposals that nobody has decided, oldest first."""
    query = select(ReleaseProposal).where(
        ReleaseProposal.subject_kind == kind,
        ReleaseProposal.subject_id == subject_id,
        col(ReleaseProposal.decided_at).is_(None),
    )
    return session.exec(query.order_by(col(ReleaseProposal.created_at))).all()


def propose(
    session: Session,
    viewer: Viewer,
    subject: TieredSubject,
    facts: Subject,
    tier: Tier,
    organisation_id: str,
    note: str,
) -> ReleaseProposal:
    """Suggest a release; a second one for the same organisation renews the first.

    Raises NotFound, Forbidden, Conflict, or NotToThisOrganisation.
    """
    check_can_propose(viewer, facts)
    releases.check_recipient(session, facts, organisation_id)
    same = [p for p in waiting(session, facts.kind, facts.id) if p.organisation_id == organisation_id]
    proposal = (
        same[0]
        if same
        else ReleaseProposal(subject_kind=facts.kind, subject_id=facts.id, tier=tier, organisation_id=organisation_id)
    )
    proposal.tier, proposal.note, proposal.proposed_by = tier, note, viewer.user_id
    session.add(proposal)
    session.flush()
    _record(session, PROPOSE[facts.kind], proposal, viewer)
    if not same:
        announce(session, subject, facts, Notice.RELEASE_PROPOSED, viewer.user_id)
    return proposal


def decide(
    session: Session,
    viewer: Viewer,
    facts: Subject,
    proposal_id: str,
    *,
    accept: bool,
    expires_at: datetime | None,
) -> ReleaseProposal:
    """Accept a proposal, which grants the release, or decline it. Raises NotFound, Forbidden or Conflict."""
    check_can_release(viewer, facts)
    proposal = session.get(ReleaseProposal, proposal_id)
    if proposal is None or (proposal.subject_kind, proposal.subject_id) != (facts.kind, facts.id):
        raise NotFound
    if proposal.decided_at is not None:
        if proposal.accepted is accept:
            return proposal
        raise Conflict
    proposal.decided_at, proposal.accepted = utc_now(), accept
    session.add(proposal)
    if accept:
        releases.grant(session, viewer, facts, proposal.tier, proposal.organisation_id, expires_at)
    else:
        _record(session, DECLINE[facts.kind], proposal, viewer)
    return proposal


def _record(session: Session, event: Event, proposal: ReleaseProposal, viewer: Viewer) -> None:
    events.record(
        session,
        event,
        proposal.subject_kind,
        proposal.subject_id,
        actor_id=viewer.user_id,
        organisation=proposal.organisation_id,
        tier=proposal.tier.value,
    )
