"""The moves of a case, made once the service has asked who may make them: status, line, decision, what opens or ends.

The caller holds the lock on the row of the case.
"""

from sqlmodel import Session

from backend.db import utc_now
from backend.decisions.models import DecisionKind
from backend.disclosure.service import BadNote
from backend.introductions import cases, opening, policy
from backend.introductions.cases import Case
from backend.introductions.models import NOTE_LENGTH, CaseParty, Introduction, PartyState
from backend.introductions.states import CLOSED, TABLE, IntroductionAction, IntroductionStatus
from backend.notifications.models import Notice
from backend.organisations.policy import Viewer
from backend.transitions import Actor, transition

ACCEPTING = {
    Actor.NEED_SIDE: IntroductionAction.ACCEPT_FOR_NEED,
    Actor.CAPABILITY_SIDE: IntroductionAction.ACCEPT_FOR_CAPABILITY,
}
DECISIONS = {
    IntroductionStatus.INTRODUCED: DecisionKind.INTRODUCED,
    IntroductionStatus.MEETING: DecisionKind.MET,
    IntroductionStatus.AGREED: DecisionKind.AGREED,
    IntroductionStatus.DECLINED: DecisionKind.DECLINED,
    IntroductionStatus.WITHDRAWN: DecisionKind.WITHDRAWN,
    IntroductionStatus.EXPIRED: DecisionKind.EXPIRED,
}


def proposed(session: Session, viewer: Viewer, actor: Actor, case: Case, message: str) -> Introduction:
    """Ask the parties that have not been asked; who has accepted already has done so in the same move."""
    step = transition(TABLE, case.row.status, IntroductionAction.PROPOSE)
    now = utc_now()
    case.row.status = IntroductionStatus(step.target)
    case.row.proposed_at = case.row.waiting_since = now
    asked = [p for p in case.parties if p.state is PartyState.PROSPECT]
    for party in asked:
        party.state, party.asked_at = PartyState.INVITED, now
        session.add(party)
    cases.note(session, case, step.event, actor, viewer, text=message)
    cases.decided(session, case, DecisionKind.PROPOSED, viewer, side=actor)
    cases.announce(session, case, Notice.INTRODUCTION_PROPOSED, viewer.user_id, parties=asked)
    # Whoever asked for it, or picked the response, has accepted.
    for party in [p for p in case.parties if p.state is PartyState.ACCEPTED]:
        accepted(session, None, case, party, is_news=False)
    session.flush()
    return case.row


def accepted(session: Session, viewer: Viewer | None, case: Case, party: CaseParty, *, is_news: bool = True) -> None:
    """A main side has accepted: with the second one, briefs and contacts open."""
    actor = policy.ACTORS[party.side]
    step = transition(TABLE, case.row.status, ACCEPTING[actor])
    case.row.status = IntroductionStatus(step.target)
    case.row.waiting_since = utc_now()
    case.row.reminded_at = case.row.overdue_at = None
    cases.note(session, case, step.event, actor, viewer, organisation_id=party.organisation_id, text=party.message)
    cases.decided(session, case, DecisionKind.ACCEPTED, viewer, side=actor, organisation_id=party.organisation_id)
    user_id = party.answered_by
    if case.is_opened:
        case.row.introduced_at, case.row.waiting_since = utc_now(), None
        opening.open_briefs(session, case)
        opening.follow_need(session, case)
        cases.decided(session, case, DecisionKind.INTRODUCED, None, side=Actor.SYSTEM)
    if is_news and step.notice is not None:
        cases.announce(session, case, Notice(step.notice), user_id, parties=case.parties, brokers=True)


def step_to(
    session: Session,
    viewer: Viewer | None,
    case: Case,
    action: str,
    actor: Actor,
    note: str,
    *,
    for_brokers: bool = False,
) -> None:
    """Take an action of the table with what was said to it; an end closes what the case had opened. Raises BadNote."""
    step = transition(TABLE, case.row.status, action)
    note = note.strip()
    if len(note) > NOTE_LENGTH or (step.needs_note and not note):
        raise BadNote
    row, now = case.row, utc_now()
    row.status = IntroductionStatus(step.target)
    if row.status in CLOSED:
        row.closed_at, row.open_key, row.waiting_since = now, None, None
        opening.close_briefs(session, case)
        opening.follow_need(session, case)
    if row.status is IntroductionStatus.AGREED:
        row.agreed_at = now
    party = case.party_of(viewer) if viewer else None
    organisation_id = party.organisation_id if party else None
    cases.note(
        session, case, step.event, actor, viewer, organisation_id=organisation_id, text=note, for_brokers=for_brokers
    )
    reason = row.reason.value if row.status is IntroductionStatus.DECLINED and row.reason else ""
    kind = DECISIONS[row.status]
    cases.decided(session, case, kind, viewer, side=actor, organisation_id=organisation_id, reason=reason)
    user_id = viewer.user_id if viewer else None
    if step.notice is not None:
        cases.announce(session, case, Notice(step.notice), user_id, parties=case.parties, brokers=True)
