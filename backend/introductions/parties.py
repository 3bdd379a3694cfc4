"""Further parties of a case (产学研医): proposed by a broker, admitted by the need's side, accepted by themselves.

A partner learns of the case once the need's side has admitted it, and reads the briefs once it has accepted too.
"""

from sqlmodel import Session, col, select

from backend.capabilities.models import Capability
from backend.db import utc_now
from backend.errors import Conflict, Forbidden, NotFound
from backend.introductions import cases, opening, policy, signing
from backend.introductions.cases import Case
from backend.introductions.models import ROLE_LENGTH, CaseParty, PartyState, Side
from backend.introductions.signing import Consent
from backend.introductions.states import OPENED, DeclineReason
from backend.notifications.models import Notice
from backend.organisations import service as organisations
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer
from backend.transitions import Actor

FOUND = 10
PRESENT = frozenset({PartyState.PROSPECT, PartyState.INVITED, PartyState.ACCEPTED})


class NotAPartner(Conflict):
    """The named organisation cannot join the case."""

    status = 422
    zh = "请选择一家已核验、尚未参与本次引荐的单位，并写明其作用。"
    en = "Choose a verified organisation that is not in this case yet, and say what it is to do."


def candidates(session: Session, viewer: Viewer, introduction_id: str, text: str) -> list[tuple[str, str]]:
    """(id, name) of verified organisations whose name holds the text and that are not in the case yet, for brokers.

    Raises NotFound or Forbidden.
    """
    case = cases.get(session, viewer, introduction_id)
    policy.check_can_broker(viewer, case.facts)
    inside = {p.organisation_id for p in case.parties if p.side is not Side.PARTNER or p.state in PRESENT}
    found = [o for o in organisations.named(session, text, FOUND + len(inside)) if o.id not in inside][:FOUND]
    names = organisations.authors(session, (o.id for o in found))
    return [(o.id, names[o.id].name) for o in found]


def propose(
    session: Session,
    viewer: Viewer,
    introduction_id: str,
    organisation_id: str,
    role: str,
    capability_id: str | None = None,
) -> CaseParty:
    """A broker proposes a further party; proposing it again changes its role.

    Raises NotFound, Forbidden, Conflict where the two sides have not accepted, or NotAPartner.
    """
    case = cases.get(session, viewer, introduction_id, lock=True)
    policy.check_can_broker(viewer, case.facts)
    if case.row.status not in OPENED:
        raise Conflict
    role = role.strip()
    organisation = session.get(Organisation, organisation_id)
    present = next((p for p in case.parties if p.organisation_id == organisation_id), None)
    if present is not None and (present.side is not Side.PARTNER or present.state is PartyState.ACCEPTED):
        raise NotAPartner
    capability = session.get(Capability, capability_id) if capability_id else None
    is_foreign = capability is not None and capability.organisation_id != organisation_id
    if organisation is None or not organisation.is_verified or not 0 < len(role) <= ROLE_LENGTH or is_foreign:
        raise NotAPartner
    party = present or CaseParty(
        introduction_id=case.row.id,
        organisation_id=organisation_id,
        side=Side.PARTNER,
        state=PartyState.PROSPECT,
        region=organisation.region,
    )
    if party.state in (PartyState.DECLINED, PartyState.LEFT):
        party.state = PartyState.PROSPECT
    party.role, party.capability_id = role, capability_id
    session.add(party)
    cases.note(
        session, case, "introduction:party:propose", Actor.BROKER, viewer, organisation_id=organisation_id, text=role
    )
    cases.announce(session, case, Notice.INTRODUCTION_PARTY, viewer.user_id, parties=[case.side(Side.NEED)])
    session.flush()
    return party


def admit(session: Session, viewer: Viewer, introduction_id: str, party_id: str, *, agree: bool) -> CaseParty:
    """The need's side lets a partner be asked, or does not. Raises NotFound, Forbidden or Conflict."""
    case, party = _partner(session, viewer, introduction_id, party_id)
    if not viewer.may_write_for(case.side(Side.NEED).organisation_id):
        raise Forbidden
    if party.state is not PartyState.PROSPECT:
        if (party.state is PartyState.DECLINED) is not agree:
            return party
        raise Conflict
    party.state = PartyState.INVITED if agree else PartyState.DECLINED
    party.asked_at = utc_now() if agree else None
    session.add(party)
    what = "introduction:party:admit" if agree else "introduction:party:decline"
    cases.note(session, case, what, Actor.NEED_SIDE, viewer, organisation_id=party.organisation_id)
    told = [party] if agree else []
    cases.announce(session, case, Notice.INTRODUCTION_PROPOSED, viewer.user_id, parties=told)
    cases.announce(session, case, Notice.INTRODUCTION_PARTY, viewer.user_id, brokers=True)
    session.flush()
    return party


def accept(session: Session, viewer: Viewer, introduction_id: str, consent: Consent) -> CaseParty:
    """A partner accepts, with the undertaking; the briefs open to it.

    Raises NotFound, Forbidden, Conflict or BadConsent.
    """
    case = cases.get(session, viewer, introduction_id, lock=True)
    party = _own(viewer, case)
    if party.state is PartyState.ACCEPTED:
        return party
    if case.row.status not in OPENED or party.state is not PartyState.INVITED:
        raise Conflict
    signing.accept(session, viewer, case, party, consent)
    opening.open_briefs(session, case)
    cases.note(session, case, "introduction:party:accept", Actor.PARTNER, viewer, organisation_id=party.organisation_id)
    cases.announce(session, case, Notice.INTRODUCTION_PARTY, viewer.user_id, parties=case.parties, brokers=True)
    session.flush()
    return party


def leave(
    session: Session, viewer: Viewer, introduction_id: str, reason: DeclineReason | None = None, note: str = ""
) -> CaseParty:
    """A partner declines, or leaves a case that it had accepted; what was open to it closes. Doing so again changes
    nothing.

    Raises NotFound, Forbidden or Conflict.
    """
    case = cases.get(session, viewer, introduction_id, lock=True)
    party = _own(viewer, case)
    if party.state is PartyState.DECLINED:
        return party
    was_in = party.state is PartyState.ACCEPTED
    party.answered_at, party.answered_by = utc_now(), viewer.user_id
    what = "introduction:party:leave" if was_in else "introduction:party:decline"
    cases.note(
        session,
        case,
        what,
        Actor.PARTNER,
        viewer,
        organisation_id=party.organisation_id,
        text=note.strip(),
        for_brokers=True,
        reason=reason.value if reason else "",
    )
    party.state = PartyState.LEFT if was_in else PartyState.DECLINED
    session.add(party)
    opening.close_briefs(session, case, party.organisation_id)
    told = cases.accepted(case.parties)
    cases.announce(session, case, Notice.INTRODUCTION_PARTY, viewer.user_id, parties=told, brokers=True)
    session.flush()
    return party


def has_left(session: Session, viewer: Viewer, introduction_id: str) -> bool:
    """Whether the viewer's organisation has left the case as a further party, and sees it no more."""
    mine = [m.organisation_id for m in viewer.memberships if m.verified and m.may_write]
    query = select(CaseParty.id).where(
        CaseParty.introduction_id == introduction_id,
        CaseParty.side == Side.PARTNER,
        CaseParty.state == PartyState.LEFT,
        col(CaseParty.organisation_id).in_(mine),
    )
    return session.exec(query).first() is not None


def _partner(session: Session, viewer: Viewer, introduction_id: str, party_id: str) -> tuple[Case, CaseParty]:
    case = cases.get(session, viewer, introduction_id, lock=True)
    party = next((p for p in case.parties if p.id == party_id and p.side is Side.PARTNER), None)
    if party is None:
        raise NotFound
    return case, party


def _own(viewer: Viewer, case: Case) -> CaseParty:
    party = case.party_of(viewer)
    if party is None or party.side is not Side.PARTNER or not viewer.may_write_for(party.organisation_id):
        raise Forbidden
    return party
