"""Which suggestions a user was shown, and which pages were opened from one: it teaches the ranker.

A suggestion is noted once for each user, pair and day in China, with the ranker's version and the position. What a
program fetches ahead, or asks for with HEAD, was seen by nobody; visitors are shown no suggestions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, func, select, update

from backend.db import Database, utc_now
from backend.decisions import service as decisions
from backend.decisions.models import Decision, DecisionKind
from backend.decisions.service import Suggested
from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind
from backend.matching import ranker
from backend.matching.service import Match
from backend.organisations.policy import Viewer
from backend.tasks import Task, run_one
from backend.transitions import Actor
from backend.working_days import CHINA, today

KEPT = timedelta(days=400)
"""So long it is known who was shown what; of what is older the first row of each pair stays, without the user."""
FOLLOWED = timedelta(days=30)
"""A page that is opened by the link of an older suggestion was not opened because of it."""
SEEN = (DecisionKind.SHOWN, DecisionKind.OPENED)
AHEAD = ("sec-purpose", "purpose", "x-moz")


@dataclass(frozen=True)
class Line:
    """One suggestion as it was shown."""

    need_id: str
    capability_id: str
    side: Actor
    organisation_id: str | None
    suggested: Suggested


def looks(method: str, headers: Mapping[str, str]) -> bool:
    """Whether somebody looks at the answer: a browser that fetches ahead says so in a header, HEAD asks for no page."""
    return method == "GET" and not any("prefetch" in headers.get(name, "").lower() for name in AHEAD)


def lines(kind: SubjectKind, card: Card, matches: Sequence[Match]) -> list[Line]:
    """The suggestions of a page, in their order."""
    version = ranker.weights().version
    found = []
    for place, match in enumerate(matches, 1):
        need, capability = (card, match.card) if kind is SubjectKind.NEED else (match.card, card)
        found.append(line_of(need, capability, Suggested(version, place, match.grade, match.probability)))
    return found


def line_of(need: Card, capability: Card, suggested: Suggested) -> Line:
    """One suggestion, as it is shown to the side of which a card is one's own, else to a broker."""
    own = next((c for c in (need, capability) if c.is_own), None)
    side = Actor.BROKER if own is None else Actor.NEED_SIDE if own is need else Actor.CAPABILITY_SIDE
    return Line(need.id, capability.id, side, own.organisation_id if own else None, suggested)


def _of_user(viewer: Viewer, *kinds: DecisionKind) -> tuple[ColumnElement[bool], ...]:
    return (col(Decision.kind).in_(kinds), col(Decision.user_id) == viewer.user_id)


def _today() -> datetime:
    return datetime.combine(today(), time(), CHINA)


def new(session: Session, viewer: Viewer, found: Sequence[Line]) -> list[Line]:
    """Those suggestions that this user has not been shown yet today."""
    if not found or viewer.user_id is None:
        return []
    needs, capabilities = {line.need_id for line in found}, {line.capability_id for line in found}
    query = select(Decision.need_id, Decision.capability_id).where(
        *_of_user(viewer, DecisionKind.SHOWN),
        col(Decision.at) >= _today(),
        col(Decision.need_id).in_(needs),
        col(Decision.capability_id).in_(capabilities),
    )
    known = set(session.exec(query).all())
    return [line for line in found if (line.need_id, line.capability_id) not in known]


def record_shown(session: Session, viewer: Viewer, found: Sequence[Line]) -> int:
    """Note the suggestions that this user has not been shown yet today; returns how many."""
    fresh = new(session, viewer, found)
    for line in fresh:
        decisions.record(
            session,
            DecisionKind.SHOWN,
            line.need_id,
            line.capability_id,
            organisation_id=line.organisation_id,
            user_id=viewer.user_id,
            side=line.side,
            suggested=line.suggested,
        )
    session.flush()
    return len(fresh)


def record_opened(session: Session, viewer: Viewer, need_id: str, capability_id: str) -> bool:
    """Note that a page was opened from a suggestion, as it was shown last; False where there was none, or it is noted.

    Nobody can note what was not shown to them: the address alone makes no decision.
    """
    if viewer.user_id is None:
        return False
    pair = (col(Decision.need_id) == need_id, col(Decision.capability_id) == capability_id)
    shown = session.exec(
        select(Decision)
        .where(*_of_user(viewer, DecisionKind.SHOWN), *pair, col(Decision.at) >= utc_now() - FOLLOWED)
        .order_by(col(Decision.id).desc())
    ).first()
    if shown is None:
        return False
    before = select(Decision.id).where(*_of_user(viewer, DecisionKind.OPENED), *pair, col(Decision.at) >= _today())
    if session.exec(before).first() is not None:
        return False
    decisions.record(
        session,
        DecisionKind.OPENED,
        need_id,
        capability_id,
        organisation_id=shown.organisation_id,
        user_id=viewer.user_id,
        side=shown.side,
        suggested=Suggested(shown.ranker, shown.position, shown.grade, shown.probability),
    )
    session.flush()
    return True


def note_shown(database: Database, viewer: Viewer, found: Sequence[Line]) -> None:
    """Note what a page has shown, in a transaction of its own; a failure is logged and costs no page."""

    def work() -> None:
        # Whoever looks at the same page again takes no lock.
        with database.session() as session:
            fresh = new(session, viewer, found)
        if fresh:
            with database.session(write=True) as session:
                record_shown(session, viewer, fresh)

    _run("shown suggestions", work)


def note_opened(database: Database, viewer: Viewer, need_id: str, capability_id: str) -> None:
    """Note what was opened, likewise."""

    def work() -> None:
        with database.session(write=True) as session:
            record_opened(session, viewer, need_id, capability_id)

    _run("opened suggestion", work)


def _run(name: str, work: Callable[[], None]) -> None:
    run_one(Task(name, 0, work))


def forget(database: Database, now: datetime | None = None) -> int:
    """Sum up what is older than `KEPT`: the first row of each pair stays for the figures of the year, without the user
    and the organisation that looked. Returns how many rows went."""
    before = (now or utc_now()) - KEPT
    gone = 0
    with database.session(write=True) as session:
        for kind in SEEN:
            old = (col(Decision.kind) == kind, col(Decision.at) < before)
            first = (
                select(func.min(Decision.id))
                .where(col(Decision.kind) == kind)
                .group_by(col(Decision.need_id), col(Decision.capability_id))
            )
            gone += session.exec(delete(Decision).where(*old, col(Decision.id).not_in(first))).rowcount
            session.exec(
                update(Decision)
                .where(*old, (col(Decision.user_id).is_not(None)) | (col(Decision.organisation_id).is_not(None)))
                .values(user_id=None, organisation_id=None)
            )
    return gone
