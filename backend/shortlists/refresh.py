"""Keeping the lists: a task that follows what has changed, and makes some lists anew at a time.

A need that has changed is looked at again. A capability that has changed is held against the needs from its own side,
and those that it fits, or that had it on their list, are looked at again. After a change of the ranker all are.
"""

import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, func, or_, select, update

from backend.capabilities import states as capability_states
from backend.capabilities.models import Capability
from backend.db import Database, utc_now
from backend.disclosure.models import SubjectKind
from backend.errors import NotFound
from backend.matching import changes, ranker
from backend.matching import service as matching
from backend.matching.filters import fails
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.models import SearchTier
from backend.matching.ranker import Grade
from backend.matching.service import Match
from backend.needs import states as need_states
from backend.needs.models import Need
from backend.organisations.models import MemberRole, OrganisationKind
from backend.organisations.policy import MembershipFacts, Viewer
from backend.shortlists.models import Shortlist, ShortlistCursor, Shortlisted

SECONDS = 8.0
"""So long one run works: other tasks of the same thread wait for it."""
REVERSE = 40
"""More changed capabilities than this at once, as an import brings them, and all lists are made anew."""
REACHED = 30
"""So many needs that a changed capability fits best are looked at again."""
OLDEST = timedelta(days=7)
"""A list that old is made anew whatever happened: dates and stages count in rankings too."""


def desk_of(region: str) -> Viewer:
    """The eyes of a broker of a region who only reads: lists are made from what the brokers there may read."""
    place = MembershipFacts(
        organisation_id="",
        organisation_name="",
        kind=OrganisationKind.AGENCY,
        role=MemberRole.VIEWER,
        verified=True,
        region=region,
        jurisdiction=region,
    )
    return Viewer(memberships=(place,))


def refresh(database: Database, engine: SearchEngine, seconds: float = SECONDS) -> int:
    """Bring lists up to date as far as the time allows; returns how many were made. Without an engine nothing is."""
    with database.session() as session:
        if _is_current(session):
            return 0
    with database.session(write=True, lock="shortlist") as session:
        purge(session)
    if engine.state is not EngineState.READY:
        return 0
    _follow(database, engine)
    made, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        with database.session() as session:
            wanted = _next(session)
        if wanted is None:
            break
        if not _make(database, engine, *wanted):
            # The vectors cannot be searched: words alone make no list.
            break
        made += 1
    return made


def _is_current(session: Session) -> bool:
    """Whether nothing has happened since the lists were made: then nobody is kept from writing."""
    cursor = session.get(ShortlistCursor, 1)
    if cursor is None or (cursor.sequence, cursor.ranker) != (changes.newest(session), ranker.weights().version):
        return False
    return session.exec(select(Shortlist.need_id).where(_is_due()).limit(1)).first() is None


def _is_due() -> ColumnElement[bool]:
    """Lists that are wanted, those of another version of their need (its kind may have changed and no word of it), and
    old ones."""
    version = select(Need.version).where(col(Need.id) == col(Shortlist.need_id)).scalar_subquery()
    outdated = or_(col(Shortlist.need_version) != version, col(Shortlist.made_at) < utc_now() - OLDEST)
    return or_(col(Shortlist.wanted_at).is_not(None), outdated)


def purge(session: Session) -> None:
    """Drop the lists of needs that are not open any more, and capabilities that are not from all lists."""
    closed = select(Need.id).where(col(Need.status).not_in(need_states.OPEN))
    session.exec(delete(Shortlist).where(col(Shortlist.need_id).in_(closed)))
    session.exec(delete(Shortlisted).where(col(Shortlisted.need_id).in_(closed)))
    gone = select(Capability.id).where(col(Capability.status).not_in(capability_states.OPEN))
    touched = select(Shortlisted.need_id).where(col(Shortlisted.capability_id).in_(gone))
    need_ids = session.exec(touched.distinct()).all()
    if need_ids:
        _want(session, need_ids)
        session.exec(delete(Shortlisted).where(col(Shortlisted.capability_id).in_(gone)))


def _follow(database: Database, engine: SearchEngine) -> None:
    """Find out which lists have to be made anew, and take note of it."""
    version = ranker.weights().version
    with database.session() as session:
        cursor = session.get(ShortlistCursor, 1)
        after, known = (cursor.sequence, cursor.ranker) if cursor else (0, "")
        upto = changes.newest(session)
        changed = {row.subject_id for row in changes.since(session, (SubjectKind.NEED, SearchTier.FULL), after)}
        moved = {row.subject_id for row in changes.since(session, (SubjectKind.CAPABILITY, SearchTier.FULL), after)}
        everything = known != version or len(moved) > REVERSE
        reached = set() if everything else _reached(session, engine, moved)
    with database.session(write=True, lock="shortlist") as session:
        _take_in_new(session)
        open_ids = _open_ids(session)
        if everything:
            _want(session, open_ids)
        else:
            had = select(Shortlisted.need_id).where(col(Shortlisted.capability_id).in_(moved))
            _want(session, (changed | reached | set(session.exec(had).all())) & set(open_ids))
        _want_outdated(session)
        cursor = session.get(ShortlistCursor, 1) or ShortlistCursor()
        cursor.sequence, cursor.ranker = upto, version
        session.add(cursor)


def _reached(session: Session, engine: SearchEngine, capability_ids: Collection[str]) -> set[str]:
    """The needs that capabilities fit best, seen from their side."""
    found: set[str] = set()
    rows = session.exec(select(Capability).where(col(Capability.id).in_(capability_ids))).all()
    for capability in rows:
        if capability.status not in capability_states.OPEN:
            continue
        try:
            viewer = desk_of(capability.region)
            _card, fits = matching.suggest(session, engine, viewer, SubjectKind.CAPABILITY, capability.id)
        except NotFound:
            continue
        found |= {r.card.id for r in fits.ranked[:REACHED]}
    return found


def _open_ids(session: Session) -> Sequence[str]:
    return session.exec(select(Need.id).where(col(Need.status).in_(need_states.OPEN))).all()


def _take_in_new(session: Session) -> None:
    known = select(Shortlist.need_id)
    new = select(Need.id).where(col(Need.status).in_(need_states.OPEN), col(Need.id).not_in(known))
    session.add_all([Shortlist(need_id=need_id) for need_id in session.exec(new).all()])
    session.flush()


def _want(session: Session, need_ids: Collection[str]) -> None:
    now = utc_now()
    ids = list(need_ids)
    for start in range(0, len(ids), 500):
        chosen = col(Shortlist.need_id).in_(ids[start : start + 500])
        session.exec(update(Shortlist).where(chosen).values(wanted_at=now))


def _want_outdated(session: Session) -> None:
    statement = update(Shortlist).where(col(Shortlist.wanted_at).is_(None), _is_due())
    session.exec(statement.values(wanted_at=utc_now()).execution_options(synchronize_session=False))


def _next(session: Session) -> tuple[str, str, int, datetime] | None:
    """Need, its region and version, and since when its list is wanted: the one that has waited longest."""
    query = (
        sa.select(col(Need.id), col(Need.region), col(Need.version), col(Shortlist.wanted_at))
        .join(Shortlist, col(Shortlist.need_id) == col(Need.id))
        .where(col(Need.status).in_(need_states.OPEN), col(Shortlist.wanted_at).is_not(None))
        .order_by(col(Shortlist.wanted_at), col(Need.id))
        .limit(1)
    )
    row = session.execute(query).first()
    return (row[0], row[1], row[2], row[3]) if row else None


def _make(
    database: Database, engine: SearchEngine, need_id: str, region: str, version: int, wanted_at: datetime
) -> bool:
    """Make one list; returns False where it cannot be made now."""
    model = ranker.weights().version
    with database.session() as session:
        try:
            _card, found = matching.suggest(session, engine, desk_of(region), SubjectKind.NEED, need_id)
        except NotFound:
            found = None
    if found is not None and (found.state is not EngineState.READY or found.by_words):
        return False
    matches = [*found.matches, *found.nearest] if found else []
    with database.session(write=True, lock="shortlist") as session:
        state = session.get(Shortlist, need_id)
        if state is not None:
            _store(session, state, matches, model)
            state.need_version = version
            # What has changed while the list was made is looked at once more.
            state.wanted_at = None if state.wanted_at == wanted_at else state.wanted_at
            session.add(state)
    return True


def _store(session: Session, state: Shortlist, matches: Sequence[Match], model: str) -> None:
    now = utc_now()
    query = select(Shortlisted).where(Shortlisted.need_id == state.need_id)
    former = {row.capability_id: row for row in session.exec(query).all()}
    open_ids = select(Capability.id).where(
        col(Capability.id).in_([m.card.id for m in matches]), col(Capability.status).in_(capability_states.OPEN)
    )
    still_open = set(session.exec(open_ids).all())
    for position, match in enumerate(matches, 1):
        if match.card.id not in still_open:
            continue
        row = former.pop(match.card.id, None)
        row = row or Shortlisted(
            need_id=state.need_id, capability_id=match.card.id, position=0, grade=match.grade, probability=0.0
        )
        if row.grade is not match.grade:
            row.grade, row.since = match.grade, now
        row.position, row.probability, row.ranker = position, match.probability, model
        row.fails = fails(match.filters)
        session.add(row)
    for row in former.values():
        session.delete(row)
    good = [m.grade for m in matches if m.card.id in still_open and not fails(m.filters)]
    best = next((grade for grade in Grade if grade in good), None)
    if state.made_at is None or state.best is not best:
        state.best, state.best_since = best, now
    state.made_at = now


def waiting(session: Session) -> int:
    """How many lists have to be made anew."""
    query = select(func.count()).select_from(Shortlist).where(col(Shortlist.wanted_at).is_not(None))
    return session.exec(query).one()
