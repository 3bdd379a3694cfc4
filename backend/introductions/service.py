"""Beginning a case, taking its actions, and lists of cases. One lock on the row of the case orders all that is done."""

from collections.abc import Sequence

from sqlmodel import Session, col, func, select

from backend.capabilities import policy as capability_policy
from backend.capabilities.models import Capability
from backend.db import utc_now
from backend.decisions.models import DecisionKind
from backend.decisions.service import NOT_SUGGESTED, Suggested
from backend.disclosure.service import BadNote
from backend.errors import Conflict, Forbidden, NotFound
from backend.introductions import brokers, cases, policy, signing
from backend.introductions.cases import Case
from backend.introductions.models import CaseBroker, CaseEvent, CaseParty, Introduction, Origin, PartyState, Side
from backend.introductions.moving import ACCEPTING, accepted, proposed, step_to
from backend.introductions.pairs import Pair as Pair
from backend.introductions.pairs import Unsuitable as Unsuitable
from backend.introductions.pairs import begin, check_suitable, open_case
from backend.introductions.pairs import check_can_ask as check_can_ask
from backend.introductions.pairs import open_with as open_with
from backend.introductions.pairs import pair_of as pair_of
from backend.introductions.signing import Consent
from backend.introductions.states import OPEN, TABLE, WAITING, DeclineReason, IntroductionAction, IntroductionStatus
from backend.needs import policy as need_policy
from backend.needs.models import Need
from backend.notifications.models import Notice
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer
from backend.transitions import Actor, actions, transition

PAGE_SIZE = 30
SIDE_OF = {Actor.NEED_SIDE: Side.NEED, Actor.CAPABILITY_SIDE: Side.CAPABILITY}


def ask(
    session: Session,
    viewer: Viewer,
    need_id: str,
    capability_id: str,
    message: str,
    consent: Consent,
    suggested: Suggested = NOT_SUGGESTED,
) -> Introduction:
    """Ask the broker for an introduction to the other side, which does not learn of it before the broker proposes.

    Whoever asks has opted in, and accepts the undertaking with it. A pair that has an open case keeps it: where a
    broker has proposed it already, asking is accepting, and where the other side has asked before, both have opted in.
    Raises NotFound, Forbidden, Unsuitable or BadConsent.
    """
    pair = pair_of(session, need_id, capability_id)
    actor = check_can_ask(session, viewer, pair)
    present = open_case(session, pair, lock=True)
    if present is not None:
        if present.row.status in WAITING and ACCEPTING[actor] in TABLE[present.row.status]:
            return answer(session, viewer, present.row.id, consent)
        if present.side(SIDE_OF[actor]).state is not PartyState.PROSPECT:
            return present.row
    origin = Origin.NEED_SIDE if actor is Actor.NEED_SIDE else Origin.CAPABILITY_SIDE
    case = present or begin(session, viewer, pair, origin, message, suggested)
    party = case.side(SIDE_OF[actor])
    signing.accept(session, viewer, case, party, consent)
    cases.note(session, case, "introduction:ask", actor, viewer, organisation_id=party.organisation_id, text=message)
    cases.decided(session, case, DecisionKind.ASKED, viewer, side=actor, organisation_id=party.organisation_id)
    cases.announce(session, case, Notice.INTRODUCTION_ASKED, viewer.user_id, brokers=True)
    session.flush()
    return case.row


def propose(
    session: Session,
    viewer: Viewer,
    need_id: str,
    capability_id: str,
    message: str,
    suggested: Suggested = NOT_SUGGESTED,
    follows_id: str | None = None,
) -> Introduction:
    """A broker introduces the two sides: both are asked. A case that one side has asked for is taken on.

    Proposing a pair that has an open case changes nothing. Raises NotFound, Forbidden or Unsuitable.
    """
    pair = pair_of(session, need_id, capability_id)
    policy.check_can_begin(viewer, {pair.need.region, pair.region}, {pair.need.organisation_id, pair.organisation_id})
    case = open_case(session, pair, lock=True)
    if case is not None and case.row.status is not IntroductionStatus.SUGGESTED:
        return case.row
    if case is None:
        case = begin(session, viewer, pair, Origin.BROKER, message, suggested)
        case.row.follows_id = follows_id
    return _propose(session, viewer, case, message)


def take_on(session: Session, viewer: Viewer, introduction_id: str, message: str) -> Introduction:
    """A broker proposes to the other side what one side has asked for. Proposing it again changes nothing.

    Raises NotFound, Forbidden, Conflict where the case has ended, or Unsuitable.
    """
    case = cases.get(session, viewer, introduction_id, lock=True)
    policy.check_can_broker(viewer, case.facts)
    if case.row.status in OPEN and case.row.status is not IntroductionStatus.SUGGESTED:
        return case.row
    transition(TABLE, case.row.status, IntroductionAction.PROPOSE)
    if case.row.capability_id is not None:
        pair_of(session, case.row.need_id, case.row.capability_id)
    return _propose(session, viewer, case, message)


def propose_response(
    session: Session,
    viewer: Viewer,
    need_id: str,
    organisation_id: str,
    capability_id: str | None,
    consent: Consent,
    brokers_first: Sequence[str | None] = (),
) -> Introduction:
    """The department has picked a response to its need: a case between the two, accepted by the need's side already.

    The first of `brokers_first` who is a broker of the need's region looks after it; see `brokers.appoint`.
    Raises NotFound, Forbidden, Unsuitable or BadConsent.
    """
    need = session.get(Need, need_id)
    organisation = session.get(Organisation, organisation_id)
    if need is None or organisation is None:
        raise NotFound
    need_policy_facts = need_policy.subject_of(need)
    if not viewer.may_write_for(need.organisation_id):
        raise Forbidden
    capability = session.get(Capability, capability_id) if capability_id else None
    facts = capability_policy.subject_of(capability) if capability else None
    pair = Pair(need, need_policy_facts, capability, facts, organisation_id, organisation.region)
    check_suitable(session, pair)
    present = open_case(session, pair, lock=True)
    if present is not None:
        return present.row
    case = begin(session, viewer, pair, Origin.RESPONSE, "", NOT_SUGGESTED)
    case = brokers.appoint(session, case, brokers_first)
    signing.accept(session, viewer, case, case.side(Side.NEED), consent)
    return proposed(session, viewer, Actor.NEED_SIDE, case, "")


def _propose(session: Session, viewer: Viewer, case: Case, message: str) -> Introduction:
    agency = policy.agency_for(viewer, case.facts)
    if agency is not None and all(b.organisation_id != agency for b in case.brokers):
        session.add(
            CaseBroker(
                introduction_id=case.row.id,
                organisation_id=agency,
                user_id=viewer.user_id,
                is_lead=not case.brokers,
                agreed_at=utc_now(),
            )
        )
        session.flush()
        case = cases.of(session, case.row)
    case.row.message = message
    return proposed(session, viewer, Actor.BROKER, case, message)


def answer(session: Session, viewer: Viewer, introduction_id: str, consent: Consent) -> Introduction:
    """Accept an introduction for the viewer's side, with the undertaking; when both have, briefs and contacts open.

    Accepting twice changes nothing. Raises NotFound, Forbidden, Conflict or BadConsent.
    """
    case = cases.get(session, viewer, introduction_id, lock=True)
    party = _acting_party(viewer, case)
    if party.side is Side.PARTNER or case.row.status not in WAITING | {IntroductionStatus.SUGGESTED}:
        if party.state is PartyState.ACCEPTED:
            return case.row
        raise Conflict
    if party.state is PartyState.ACCEPTED:
        return case.row
    transition(TABLE, case.row.status, ACCEPTING[policy.ACTORS[party.side]])
    signing.accept(session, viewer, case, party, consent)
    accepted(session, viewer, case, party)
    session.flush()
    return case.row


def _acting_party(viewer: Viewer, case: Case) -> CaseParty:
    party = case.party_of(viewer)
    if party is None or not viewer.may_write_for(party.organisation_id):
        raise Forbidden
    return party


def decline(
    session: Session, viewer: Viewer, introduction_id: str, reason: DeclineReason, note: str = ""
) -> Introduction:
    """Decline for the viewer's side with a reason of the list; what was said besides is for the brokers alone.

    A main side that declines ends the case, and what it had opened. Declining twice changes nothing.
    Raises NotFound, Forbidden, Conflict or BadNote.
    """
    case = cases.get(session, viewer, introduction_id, lock=True)
    party = _acting_party(viewer, case)
    if party.side is Side.PARTNER:
        raise Conflict
    if case.row.status is IntroductionStatus.DECLINED and case.row.declined_by is party.side:
        return case.row
    if reason is DeclineReason.OTHER and not note.strip():
        raise BadNote
    case.row.declined_by, case.row.reason = party.side, reason
    step_to(session, viewer, case, IntroductionAction.DECLINE, policy.ACTORS[party.side], note, for_brokers=True)
    party.state, party.answered_at, party.answered_by = PartyState.DECLINED, utc_now(), viewer.user_id
    session.add(party)
    session.flush()
    return case.row


def act(session: Session, viewer: Viewer | None, introduction_id: str, action: str, note: str = "") -> Introduction:
    """Take an action that needs no more than a note, as the system where `viewer` is None.

    The same form sent twice acts once. Raises NotFound, Forbidden, Conflict where the status does not allow it, or
    BadNote.
    """
    if viewer is None:
        case = cases.load(session, introduction_id, lock=True)
    else:
        case = cases.get(session, viewer, introduction_id, lock=True)
        if _has_done(session, viewer, case, action, note.strip()):
            return case.row
    step = transition(TABLE, case.row.status, action)
    if action not in BY_NOTE:
        raise Conflict
    held = policy.roles(viewer, case.facts)
    actor = next((who for who in step.who if who in held), None)
    if actor is None:
        raise Forbidden
    step_to(session, viewer, case, action, actor, note)
    session.flush()
    return case.row


def _has_done(session: Session, viewer: Viewer, case: Case, action: str, note: str) -> bool:
    """Whether the last step of the case is this action, by this user in the same words: a button pressed twice."""
    if action in TABLE.get(case.row.status, {}):
        return False
    query = select(CaseEvent).where(CaseEvent.introduction_id == case.row.id).order_by(col(CaseEvent.id).desc())
    last = session.exec(query).first()
    if last is None or (last.actor_id, last.note) != (viewer.user_id, note):
        return False
    return any(last.what == steps[action].event for steps in TABLE.values() if action in steps)


BY_NOTE = frozenset(
    {
        IntroductionAction.MEET,
        IntroductionAction.AGREE,
        IntroductionAction.TURN_DOWN,
        IntroductionAction.WITHDRAW,
        IntroductionAction.EXPIRE,
    }
)


def available(viewer: Viewer, case: Case) -> tuple[str, ...]:
    """The actions that the viewer may take now; accepting is offered to a side that has not accepted."""
    held = policy.roles(viewer, case.facts)
    return tuple(actions(TABLE, case.row.status, held))


def rows(
    session: Session, viewer: Viewer, *, statuses: Sequence[IntroductionStatus] = (), page: int = 1
) -> tuple[Sequence[Introduction], int]:
    """A page of the viewer's cases, the one that changed last first, and how many there are in all."""
    condition = policy.visible_to(viewer)
    wanted = col(Introduction.status).in_(list(statuses) or list(IntroductionStatus))
    total = session.exec(select(func.count()).select_from(Introduction).where(condition, wanted)).one()
    query = (
        select(Introduction)
        .where(condition, wanted)
        .order_by(col(Introduction.updated_at).desc(), col(Introduction.id))
    )
    return session.exec(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all(), total


def of_need(session: Session, viewer: Viewer, need_id: str) -> Sequence[Introduction]:
    """The cases of a need in which the viewer has a part, newest first."""
    query = select(Introduction).where(Introduction.need_id == need_id, policy.visible_to(viewer))
    return session.exec(query.order_by(col(Introduction.created_at).desc())).all()


def open_organisations(session: Session, need_id: str) -> frozenset[str]:
    """The organisations that have an open case with a need; for brokers of its region."""
    query = select(Introduction.open_key).where(
        Introduction.need_id == need_id, col(Introduction.status).in_(OPEN), col(Introduction.open_key).is_not(None)
    )
    return frozenset(str(key).partition(":")[2] for key in session.exec(query).all())
