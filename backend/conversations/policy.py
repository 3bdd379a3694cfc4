"""Who reads and writes in the conversation of a case. Unknown means no.

It opens to the parties once both main sides have accepted; a further party comes in by accepting. Before that there is
no word from one side to the other but the messages of their consent. Brokers of the case read it all along, and keep
notes of their own, which their agency alone reads, from the first day to the last.
"""

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, or_, select

from backend.conversations.models import CaseMessage
from backend.errors import Conflict, Forbidden, NotFound
from backend.introductions import policy as introductions
from backend.introductions.models import CaseBroker, CaseParty, Introduction, PartyState
from backend.introductions.policy import MAIN, OUTSIDE, CaseFacts
from backend.organisations.policy import Viewer


class NotOpenYet(Conflict):
    """The two sides have not both accepted."""

    zh = "双方均接受引荐后开放沟通。"
    en = "The conversation opens once both sides have accepted the introduction."


def agencies(viewer: Viewer) -> frozenset[str]:
    """The agencies for which the viewer is a broker."""
    return frozenset(m.organisation_id for m in viewer.memberships if m.jurisdiction and m.verified)


def is_inside(viewer: Viewer, case: CaseFacts, *, introduced: bool) -> bool:
    """Whether the viewer is of a party that has come in, once both main sides had accepted."""
    own = introductions.own_parties(viewer, case)
    return introduced and any(p.side in MAIN or p.state is PartyState.ACCEPTED for p in own)


def check_can_read(viewer: Viewer, case: CaseFacts, *, introduced: bool) -> None:
    """Raise NotFound for strangers, NotOpenYet for parties that have not come in."""
    introductions.check_can_see(viewer, case)
    if not introductions.sees_as_broker(viewer, case) and not is_inside(viewer, case, introduced=introduced):
        raise NotOpenYet


def can_read(viewer: Viewer, case: CaseFacts, *, introduced: bool) -> bool:
    """Whether the viewer reads the conversation."""
    try:
        check_can_read(viewer, case, introduced=introduced)
    except (NotFound, NotOpenYet):
        return False
    return True


def check_can_write(viewer: Viewer, case: CaseFacts, *, is_open: bool) -> None:
    """Raise NotFound for strangers, NotOpenYet or Conflict while the case is not open, Forbidden for readers.

    `is_open` says that both sides have accepted and nothing has ended since.
    """
    check_can_read(viewer, case, introduced=is_open)
    introductions.check_can_speak(viewer, case)
    if not is_open:
        raise NotOpenYet


def can_write(viewer: Viewer, case: CaseFacts, *, is_open: bool) -> bool:
    """Whether the viewer writes to all in the case."""
    try:
        check_can_write(viewer, case, is_open=is_open)
    except (NotFound, Conflict, Forbidden):
        return False
    return True


def check_can_note(viewer: Viewer, case: CaseFacts) -> None:
    """Raise NotFound for strangers, Forbidden for everybody but brokers of the case."""
    introductions.check_can_broker(viewer, case)


def can_note(viewer: Viewer, case: CaseFacts) -> bool:
    """Whether the viewer keeps notes in the case."""
    return introductions.can_broker(viewer, case)


def shown_to(viewer: Viewer) -> ColumnElement[bool]:
    """The SQL condition for the messages of a case that a viewer of its conversation reads."""
    return or_(col(CaseMessage.is_note).is_(False), col(CaseMessage.organisation_id).in_(agencies(viewer)))


def readable_to(viewer: Viewer) -> ColumnElement[bool]:
    """The SQL condition for the cases whose conversation the viewer reads: the row-wise twin of `can_read`."""
    case = col(Introduction.id)
    asked = select(CaseParty.introduction_id).where(_of_mine(viewer))
    as_broker = and_(introductions.visible_to(viewer), case.not_in(asked))
    return or_(_inside(viewer), as_broker)


def addressed_to(viewer: Viewer) -> ColumnElement[bool]:
    """The SQL condition for the cases whose messages are meant for the viewer: those of their own organisations, and
    those that are theirs as a broker. Brokers read more than that, and need not."""
    own = select(CaseBroker.introduction_id).where(
        CaseBroker.user_id == viewer.user_id, col(CaseBroker.organisation_id).in_(agencies(viewer))
    )
    return and_(or_(_inside(viewer), col(Introduction.id).in_(own)), readable_to(viewer))


def _of_mine(viewer: Viewer) -> ColumnElement[bool]:
    return and_(
        col(CaseParty.organisation_id).in_(viewer.verified_organisation_ids), col(CaseParty.state).not_in(OUTSIDE)
    )


def _inside(viewer: Viewer) -> ColumnElement[bool]:
    come_in = select(CaseParty.introduction_id).where(
        _of_mine(viewer), or_(col(CaseParty.side).in_(MAIN), col(CaseParty.state) == PartyState.ACCEPTED)
    )
    return and_(col(Introduction.id).in_(come_in), col(Introduction.introduced_at).is_not(None))
