"""What pages show of calls: the block of a need, the page of a call, one's own lists, titles of notifications."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select

from backend.db import utc_now
from backend.disclosure.policy import knows_author
from backend.needs import policy as need_policy
from backend.needs.models import Need
from backend.organisations import service as organisations
from backend.organisations.policy import MembershipFacts, Viewer
from backend.responses import answers, calls, policy, reviewing
from backend.responses.calls import Call
from backend.responses.models import CallResponse, Criterion, ResponseCall, Review
from backend.responses.states import CallStatus, ReviewStatus
from backend.transitions import Actor

LISTED = 100


@dataclass(frozen=True)
class Shown:
    """A call in a list: the title of its need, and the author where the viewer may learn it."""

    id: str
    title: str
    status: CallStatus
    until: datetime
    region: str
    organisation_name: str | None
    need_url: str | None
    is_own: bool

    @property
    def last(self) -> datetime:
        """The last moment at which a response is taken; its date is the date of the call."""
        return self.until - timedelta(seconds=1)

    @property
    def url(self) -> str:
        """The page of the call."""
        return calls.path_of(self.id)


@dataclass(frozen=True)
class CallPage:
    """A call as its page and the block on its need show it. `count` is None for those who do not learn it."""

    shown: Shown
    row: ResponseCall
    criteria: Sequence[Criterion]
    weights: int
    count: int | None
    actions: tuple[str, ...]
    own: Sequence[CallResponse]
    may_respond_for: Sequence[MembershipFacts]
    review: Review | None
    may_review: bool
    reviews: Sequence[tuple[Review, str]]
    may_invite: bool
    colleagues: Sequence[tuple[str, str]]
    responses: Sequence[tuple[CallResponse, str]]
    may_read_scores: bool
    may_decide: bool
    is_overseer: bool


@dataclass(frozen=True)
class Mine:
    """The viewer's lists: calls of their need or region, responses, reviews, and calls that are open to them."""

    overseen: Sequence[Shown]
    answered: Sequence[tuple[Shown, CallResponse, str]]
    reviewing: Sequence[tuple[Shown, Review]]
    open: Sequence[Shown]


def shown(session: Session, viewer: Viewer, call: Call) -> Shown:
    """A call for a viewer who may know of it."""
    need = call.need
    known = knows_author(viewer, call.facts.need, anonymous=need.anonymous)
    name = organisations.authors(session, [need.organisation_id])[need.organisation_id].name if known else None
    readable = calls.reads_teaser(session, viewer, call)
    return Shown(
        id=call.row.id,
        title=need.title,
        status=call.row.status,
        until=call.row.until,
        region=need.region,
        organisation_name=name,
        need_url=f"/needs/{need.id}" if readable else None,
        is_own=policy.is_of_author(viewer, call.facts),
    )


def page(session: Session, viewer: Viewer, call: Call) -> CallPage:
    """The page of a call for a viewer who may know of it."""
    facts, now = call.facts, utc_now()
    counts = policy.can_count(viewer, facts)
    may_invite = policy.can_invite(viewer, facts)
    review = reviewing.of_user(session, call, viewer.user_id) if viewer.user_id else None
    if review is not None and review.status is ReviewStatus.REMOVED:
        review = None
    reads = policy.can_read_all(viewer, facts)
    responses = answers.of_call(session, call.row.id) if reads else []
    names = organisations.authors(session, [r.organisation_id for r in responses])
    may_respond = policy.responding_memberships(viewer, facts) if policy.can_respond(viewer, facts, now) else ()
    may_read_scores = policy.can_read_scores(viewer, facts)
    is_author = Actor.AUTHOR in policy.roles(viewer, facts)
    return CallPage(
        shown=shown(session, viewer, call),
        row=call.row,
        criteria=call.criteria,
        weights=sum(c.weight for c in call.criteria),
        count=call.count if counts else None,
        actions=calls.available(viewer, call),
        own=answers.own(session, viewer, call),
        may_respond_for=may_respond,
        review=review,
        may_review=review is not None and policy.can_review(viewer, facts),
        reviews=reviewing.listing(session, call) if counts and not policy.has_conflict(viewer, facts) else [],
        may_invite=may_invite,
        colleagues=reviewing.colleagues(session, viewer, call) if may_invite else [],
        responses=[(r, names[r.organisation_id].name) for r in responses],
        may_read_scores=may_read_scores,
        may_decide=may_read_scores and is_author and call.row.status is CallStatus.CLOSED,
        is_overseer=counts,
    )


def invitation(session: Session, call: Call) -> Sequence[tuple[CallResponse, str]]:
    """The responses of a call with the names of their organisations, by which a reviewer knows of a conflict; the
    texts themselves are on pages of their own, for those who have accepted."""
    responses = answers.of_call(session, call.row.id)
    names = organisations.authors(session, [r.organisation_id for r in responses])
    return [(r, names[r.organisation_id].name) for r in responses]


def cards(session: Session, viewer: Viewer, ids: Collection[str]) -> dict[str, Shown]:
    """The calls among these ids of which the viewer may know: titles of notifications."""
    rows = session.exec(select(ResponseCall).where(col(ResponseCall.id).in_(list(ids)))).all()
    return {row.id: found for row in rows if (found := _if_seen(session, viewer, row)) is not None}


def _if_seen(session: Session, viewer: Viewer, row: ResponseCall) -> Shown | None:
    call = calls.of(session, row)
    reads = calls.reads_teaser(session, viewer, call)
    return shown(session, viewer, call) if policy.can_see(viewer, call.facts, reads_teaser=reads) else None


def mine(session: Session, viewer: Viewer) -> Mine:
    """The viewer's lists, what changed last first; each is cut at a hundred."""
    recent = col(ResponseCall.updated_at).desc()
    of_need = select(ResponseCall).join(Need, col(Need.id) == col(ResponseCall.need_id))
    own = or_(col(Need.organisation_id).in_(viewer.organisation_ids), col(Need.region).in_(viewer.jurisdictions))
    overseen = session.exec(of_need.where(own).order_by(recent).limit(LISTED)).all()
    answered = session.exec(
        select(CallResponse, ResponseCall)
        .join(ResponseCall, col(ResponseCall.id) == col(CallResponse.call_id))
        .where(col(CallResponse.organisation_id).in_(viewer.verified_organisation_ids))
        .order_by(col(CallResponse.updated_at).desc())
        .limit(LISTED)
    ).all()
    asked = session.exec(
        select(Review, ResponseCall)
        .join(ResponseCall, col(ResponseCall.id) == col(Review.call_id))
        .where(Review.user_id == viewer.user_id, Review.status != ReviewStatus.REMOVED)
        .order_by(col(Review.invited_at).desc())
        .limit(LISTED)
    ).all()
    has_answered = {row.id for _response, row in answered}
    visible = need_policy.visible_to(viewer)
    open_rows = session.exec(
        of_need.where(ResponseCall.status == CallStatus.OPEN, ResponseCall.until > utc_now(), visible, ~own)
        .order_by(col(ResponseCall.until))
        .limit(LISTED)
    ).all()
    names = organisations.authors(session, {r.organisation_id for r, _row in answered})
    return Mine(
        overseen=[_shown(session, viewer, row) for row in overseen],
        answered=[(_shown(session, viewer, row), r, names[r.organisation_id].name) for r, row in answered],
        reviewing=[(_shown(session, viewer, row), review) for review, row in asked],
        open=[_shown(session, viewer, row) for row in open_rows if row.id not in has_answered],
    )


def _shown(session: Session, viewer: Viewer, row: ResponseCall) -> Shown:
    return shown(session, viewer, calls.of(session, row))
