"""Reviews: whom to ask, answering, scoring, handing in. Nobody sees the scores of others before that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from backend.accounts.models import User
from backend.accounts.users import find_by_email
from backend.audit import events
from backend.audit.events import Event
from backend.db import utc_now
from backend.disclosure import readings
from backend.disclosure.service import BadNote
from backend.errors import Conflict, DomainError, NotFound
from backend.needs.models import Need
from backend.notifications.models import Notice
from backend.organisations.models import Membership
from backend.organisations.policy import Viewer
from backend.responses import answers, calls, policy
from backend.responses.calls import Call
from backend.responses.models import NOTE_LENGTH, POINTS, Review, Score
from backend.responses.states import REVIEWS, RefusalReason, ReviewAction, ReviewStatus
from backend.transitions import transition
from backend.working_days import deadline

SUBJECT = "review"
"""The name of a review in the audit trail."""
REVIEW_DAYS = 10
"""Working days that a reviewer has."""
BRIEF = (
    *("summary", "problem", "procedure", "current_practice", "frequency"),
    *("acceptance_criteria", "constraints", "offers_note"),
)
"""The fields of a need that a reviewer reads: teaser and brief, no contact and no file."""


class NoSuchAccount(DomainError):
    """Nobody has registered with the address."""

    status = 422
    zh = "没有使用这个邮箱的账号，请核对；如对方尚未注册，请先请其注册。"
    en = "There is no account with this address. Check it, or ask them to register first."


class ReviewerHasConflict(DomainError):
    """A member of an organisation that has answered cannot be asked."""

    status = 422
    zh = "这位用户是应征单位的成员，存在利益冲突，不能担任评审。"
    en = "This user is a member of an organisation that has responded, and cannot review."


class NotAllScored(Conflict):
    """Scores are missing."""

    status = 422
    zh = "还有应征没有评完，每项标准都要打分后才能提交。"
    en = "Some responses are not scored yet; every criterion needs points before you hand in."


@dataclass(frozen=True)
class Given:
    """Points and remark by one criterion, as a form brings them."""

    points: int
    remark: str


def invite(session: Session, viewer: Viewer, call_id: str, email: str = "", user_id: str = "") -> Review:
    """Ask a user to review, by e-mail or as a colleague; somebody who was asked before is asked no second time.

    Raises NotFound, Forbidden, Conflict, NoSuchAccount or ReviewerHasConflict.
    """
    call = calls.get(session, viewer, call_id, lock=True)
    policy.check_can_invite(viewer, call.facts)
    user = session.get(User, user_id) if user_id else find_by_email(session, email)
    if user is None or not user.is_active or (user_id and user_id not in dict(colleagues(session, viewer, call))):
        raise NoSuchAccount
    check_without_conflict(session, call, user.id)
    row = of_user(session, call, user.id)
    if row is not None and row.status is not ReviewStatus.REMOVED:
        return row
    now = utc_now()
    row = row or Review(call_id=call_id, user_id=user.id, due_at=now)
    row.status, row.invited_by, row.invited_at = ReviewStatus.INVITED, viewer.user_id, now
    row.due_at, row.reminded_at = deadline(now, REVIEW_DAYS), None
    session.add(row)
    session.flush()
    _record(session, Event.REVIEW_INVITE, row, viewer.user_id)
    calls.announce(session, call, Notice.EXPERT_INVITED, viewer, also=[user])
    return row


def check_without_conflict(session: Session, call: Call, user_id: str) -> None:
    """Raise ReviewerHasConflict for a member of an organisation that has answered."""
    query = select(Membership.id).where(
        Membership.user_id == user_id, col(Membership.organisation_id).in_(call.facts.responders)
    )
    if session.exec(query).first() is not None:
        raise ReviewerHasConflict


def colleagues(session: Session, viewer: Viewer, call: Call) -> Sequence[tuple[str, str]]:
    """(id, name) of the members of the organisation for which the viewer chooses reviewers."""
    homes = {m.organisation_id for m in viewer.memberships if m.may_write and m.verified} & _sides(viewer, call)
    query = (
        select(User.id, User.name)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(col(Membership.organisation_id).in_(homes), col(User.is_active).is_(True))
        .distinct()
    )
    return [(id_, name) for id_, name in session.exec(query.order_by(col(User.name))).all()]


def _sides(viewer: Viewer, call: Call) -> set[str]:
    agencies = {m.organisation_id for m in viewer.memberships if m.jurisdiction == call.need.region}
    return agencies | {call.need.organisation_id}


def of_user(session: Session, call: Call, user_id: str) -> Review | None:
    """The review of a user."""
    return session.exec(select(Review).where(Review.call_id == call.row.id, Review.user_id == user_id)).first()


def listing(session: Session, call: Call) -> Sequence[tuple[Review, str]]:
    """The reviews of a call with the names of their reviewers; the caller has asked the policy."""
    query = select(Review, User.name).join(User, col(User.id) == col(Review.user_id))
    rows = session.exec(query.where(Review.call_id == call.row.id).order_by(col(Review.invited_at))).all()
    return [(review, name) for review, name in rows]


def remove(session: Session, viewer: Viewer, call_id: str, review_id: str) -> Review:
    """Take an invitation or a review that is not handed in back; raises NotFound, Forbidden or Conflict."""
    call = calls.get(session, viewer, call_id, lock=True)
    policy.check_can_invite(viewer, call.facts)
    row = session.get(Review, review_id)
    if row is None or row.call_id != call_id:
        raise NotFound
    if row.status is ReviewStatus.REMOVED:
        return row
    _step(session, call, row, ReviewAction.REMOVE, viewer)
    user = session.get(User, row.user_id)
    calls.announce(session, call, Notice.EXPERT_REMOVED, viewer, also=[user] if user and user.is_active else [])
    return row


def mine(session: Session, viewer: Viewer, call_id: str, *, lock: bool = False) -> tuple[Call, Review]:
    """The viewer's review of a call; raises NotFound, ConflictOfInterest, or Conflict after the decision."""
    call = calls.load(session, call_id, lock=lock)
    policy.check_can_review(viewer, call.facts)
    row = of_user(session, call, str(viewer.user_id))
    assert row is not None
    return call, row


def accept(session: Session, viewer: Viewer, call_id: str) -> Review:
    """Accept an invitation; twice changes nothing. Raises NotFound, ConflictOfInterest or Conflict."""
    call, row = mine(session, viewer, call_id, lock=True)
    if row.status is ReviewStatus.ACCEPTED:
        return row
    _step(session, call, row, ReviewAction.ACCEPT, viewer)
    row.answered_at = utc_now()
    return row


def refuse(session: Session, viewer: Viewer, call_id: str, reason: RefusalReason, note: str) -> Review:
    """Refuse an invitation, or give a review back; raises NotFound, Conflict or BadNote. Twice changes nothing."""
    call = calls.load(session, call_id, lock=True)
    row = of_user(session, call, str(viewer.user_id))
    if row is None or row.status is ReviewStatus.REMOVED:
        raise NotFound
    if row.status is ReviewStatus.REFUSED:
        return row
    note = note.strip()
    if len(note) > NOTE_LENGTH or (reason is RefusalReason.OTHER and not note):
        raise BadNote
    _step(session, call, row, ReviewAction.REFUSE, viewer)
    row.refusal, row.note, row.answered_at = reason, note, utc_now()
    return row


def check_can_score(row: Review) -> None:
    """Raise Conflict unless the review is at work."""
    transition(REVIEWS, row.status, ReviewAction.SCORE)


def score(
    session: Session, viewer: Viewer, call_id: str, response_id: str, given: Mapping[str, Given]
) -> Sequence[Score]:
    """Keep what a reviewer gives a response, by the ids of criteria; some may be missing still.

    Raises NotFound, ConflictOfInterest, Conflict once handed in, or BadNote.
    """
    call, row = mine(session, viewer, call_id, lock=True)
    check_can_score(row)
    if response_id not in {r.id for r in answers.of_call(session, call_id)}:
        raise NotFound
    stored = {s.criterion_id: s for s in scores_of(session, row) if s.response_id == response_id}
    for criterion in call.criteria:
        found = given.get(criterion.id)
        if found is None:
            continue
        if found.points not in POINTS or len(found.remark) > NOTE_LENGTH:
            raise BadNote
        kept = stored.get(criterion.id) or Score(
            review_id=row.id, response_id=response_id, criterion_id=criterion.id, points=found.points
        )
        kept.points, kept.remark = found.points, found.remark
        session.add(kept)
    session.flush()
    _record(session, Event.REVIEW_SCORE, row, viewer.user_id, response=response_id)
    return scores_of(session, row)


def scores_of(session: Session, row: Review) -> Sequence[Score]:
    """What a reviewer has given so far."""
    return session.exec(select(Score).where(Score.review_id == row.id)).all()


def scored(session: Session, call: Call, row: Review) -> Mapping[str, int]:
    """How many criteria of each response the reviewer has scored."""
    query = select(Score.response_id, func.count()).where(
        Score.review_id == row.id, col(Score.criterion_id).in_([c.id for c in call.criteria])
    )
    return {str(id_): int(count) for id_, count in session.exec(query.group_by(col(Score.response_id))).all()}


def submit(session: Session, viewer: Viewer, call_id: str) -> Review:
    """Hand a review in; it stands from then on. Twice changes nothing. Raises as `score`, or NotAllScored."""
    call, row = mine(session, viewer, call_id, lock=True)
    if row.status is ReviewStatus.SUBMITTED:
        return row
    done = scored(session, call, row)
    if any(done.get(r.id, 0) < len(call.criteria) for r in answers.of_call(session, call_id)):
        raise NotAllScored
    _step(session, call, row, ReviewAction.SUBMIT, viewer)
    row.submitted_at = utc_now()
    return row


def _step(session: Session, call: Call, row: Review, action: ReviewAction, viewer: Viewer) -> None:
    found = transition(REVIEWS, row.status, action)
    row.status = ReviewStatus(found.target)
    session.add(row)
    session.flush()
    _record(session, found.event, row, viewer.user_id)
    if found.notice is not None and action is not ReviewAction.REMOVE:
        calls.announce(session, call, Notice(found.notice), viewer, author=True, broker=True)


def _record(session: Session, event: str, row: Review, actor_id: str | None, **detail: str) -> None:
    events.record(session, event, SUBJECT, row.id, actor_id=actor_id, call=row.call_id, **detail)


def brief_for(session: Session, viewer: Viewer, call: Call, row: Review) -> Mapping[str, str]:
    """The fields of the need that an accepted reviewer reads; reading them is recorded like that of a release."""
    if row.status not in (ReviewStatus.ACCEPTED, ReviewStatus.SUBMITTED):
        return {}
    need: Need = call.need
    if need.organisation_id not in viewer.organisation_ids:
        homes = [m.organisation_id for m in sorted(viewer.memberships, key=lambda m: not m.verified)]
        readings.record(session, Event.NEED_BRIEF_READ, viewer, call.facts.need, next(iter(homes), None))
    return {name: str(getattr(need, name)) for name in BRIEF if getattr(need, name)}
