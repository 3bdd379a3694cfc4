"""Accepting for an organisation: consent to the introduction, and the undertaking by name."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from backend.audit import events
from backend.db import utc_now
from backend.errors import DomainError
from backend.introductions import undertaking
from backend.introductions.cases import KIND, Case
from backend.introductions.models import (
    CONTACT_LENGTH,
    MESSAGE_LENGTH,
    NAME_LENGTH,
    CaseParty,
    PartyState,
    Signature,
)
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer


class BadConsent(DomainError):
    """The undertaking was not accepted as it stands now, or name or contact are missing."""

    status = 422
    zh = "请阅读并接受保密承诺，填写承诺人姓名和联系方式。"
    en = "Read and accept the undertaking, and give the name of who accepts it and a contact."


@dataclass(frozen=True)
class Consent:
    """What a side says when it accepts. `digest` is that of the undertaking as its form showed it."""

    digest: str
    signed_name: str
    contact: str
    message: str = ""


def accept(session: Session, viewer: Viewer, case: Case, party: CaseParty, consent: Consent) -> Signature:
    """Sign the undertaking for a party and set it to accepted; raises BadConsent."""
    name, contact, message = consent.signed_name.strip(), consent.contact.strip(), consent.message.strip()
    present = undertaking.PRESENT
    too_long = len(name) > NAME_LENGTH or len(contact) > CONTACT_LENGTH or len(message) > MESSAGE_LENGTH
    if consent.digest != present.digest or not name or not contact or too_long:
        raise BadConsent
    now = utc_now()
    author = organisations.authors(session, [party.organisation_id])[party.organisation_id]
    signature = Signature(
        introduction_id=case.row.id,
        organisation_id=party.organisation_id,
        organisation_name=author.name,
        user_id=viewer.user_id,
        signed_name=name,
        version=present.version,
        digest=present.digest,
        signed_at=now,
    )
    session.add(signature)
    party.state, party.answered_at, party.answered_by = PartyState.ACCEPTED, now, viewer.user_id
    party.contact, party.message = contact, message
    session.add(party)
    events.record(
        session,
        events.Event.INTRODUCTION_SIGN,
        KIND,
        case.row.id,
        actor_id=viewer.user_id,
        organisation=party.organisation_id,
        version=present.version,
    )
    session.flush()
    return signature


def signatures(session: Session, introduction_id: str) -> Sequence[Signature]:
    """What was signed in a case, in order."""
    query = select(Signature).where(Signature.introduction_id == introduction_id)
    return session.exec(query.order_by(col(Signature.signed_at))).all()
