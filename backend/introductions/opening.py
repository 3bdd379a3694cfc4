"""What an accepted introduction opens, and what its end closes.

The briefs of both sides are released to each other; contacts are those that the parties gave on accepting, so that the
annex of a text, with its files, stays a release of its own.
"""

from sqlmodel import Session, col, select

from backend.disclosure import releases
from backend.disclosure.models import Tier
from backend.disclosure.policy import Subject
from backend.introductions.cases import Case, accepted, capability_facts, need_facts
from backend.introductions.models import Introduction
from backend.introductions.states import OPENED
from backend.needs import service as needs
from backend.needs.states import NeedAction, NeedStatus


def open_briefs(session: Session, case: Case) -> None:
    """Release the briefs of both sides to every other party that has accepted; what is open already stays as it is."""
    subjects = [s for s in (need_facts(case), capability_facts(session, case)) if s is not None and s.is_open]
    ids = list(case.row.release_ids)
    for subject in subjects:
        for party in accepted(case.parties):
            if party.organisation_id != subject.organisation_id and not _is_open_to(
                session, subject, party.organisation_id
            ):
                release = releases.grant(session, None, subject, Tier.BRIEF, party.organisation_id, None)
                ids.append(release.id)
    case.row.release_ids = ids
    session.add(case.row)


def _is_open_to(session: Session, subject: Subject, organisation_id: str) -> bool:
    live = releases.of_subject(session, subject.kind, subject.id, live=True)
    return any(r.organisation_id == organisation_id for r in live)


def close_briefs(session: Session, case: Case, organisation_id: str | None = None) -> None:
    """End the releases that this case has opened: all of them, or those to one party that leaves."""
    kept = []
    for subject in (need_facts(case), capability_facts(session, case)):
        if subject is None:
            continue
        for release in releases.of_subject(session, subject.kind, subject.id, live=True):
            if release.id not in case.row.release_ids:
                continue
            concerns = organisation_id is None or organisation_id in (release.organisation_id, subject.organisation_id)
            if concerns:
                releases.revoke(session, None, subject, release.id)
            else:
                kept.append(release.id)
    case.row.release_ids = kept
    session.add(case.row)


def follow_need(session: Session, case: Case) -> None:
    """A need with an introduction that both sides accepted is matched; without any it is published again."""
    need = case.need
    if case.row.status in OPENED:
        if need.status is NeedStatus.PUBLISHED:
            needs.act(session, None, need.id, NeedAction.MATCH)
        return
    query = select(Introduction.id).where(
        Introduction.need_id == need.id, col(Introduction.status).in_(OPENED), Introduction.id != case.row.id
    )
    if need.status is NeedStatus.MATCHED and session.exec(query).first() is None:
        needs.act(session, None, need.id, NeedAction.REOPEN)
