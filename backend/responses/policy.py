"""Who may do what with calls, responses and reviews. Unknown means no.

Responses are confidential. Before the date only the responder reads one; after it the author's organisation, the broker
of the region and reviewers who have accepted, and none of them who is a member of an organisation that has answered.
"""

from dataclasses import dataclass
from datetime import datetime

from backend.disclosure.policy import Subject, can_propose, can_release
from backend.errors import Conflict, Forbidden, NotFound
from backend.organisations.models import OrganisationKind
from backend.organisations.policy import MembershipFacts, Viewer
from backend.responses.states import CallStatus, ReviewStatus
from backend.transitions import Actor

READABLE = frozenset({CallStatus.CLOSED, CallStatus.DECIDED})


class ConflictOfInterest(Forbidden):
    """A member of an organisation that has answered, on the other side of the table."""

    zh = "您是应征单位的成员，不能查看或评审其他单位的应征内容。"
    en = "You are a member of an organisation that has responded, and may not read or review the responses of others."


@dataclass(frozen=True)
class CallFacts:
    """What the policy needs to know of a call. `responders` are the organisations with a response that counts,
    `answering` those with any response at all; `reviews` leads from users to where their review stands."""

    id: str
    status: CallStatus
    until: datetime
    need: Subject
    responders: frozenset[str] = frozenset()
    answering: frozenset[str] = frozenset()
    reviews: tuple[tuple[str, ReviewStatus], ...] = ()

    def review_of(self, viewer: Viewer) -> ReviewStatus | None:
        """Where the viewer's review stands; None for somebody who has not been asked."""
        return dict(self.reviews).get(viewer.user_id or "")


def is_of_author(viewer: Viewer, call: CallFacts) -> bool:
    """Whether the viewer is of the organisation that has posted the need."""
    return call.need.organisation_id in viewer.organisation_ids


def is_broker(viewer: Viewer, call: CallFacts) -> bool:
    """Whether the viewer looks after the need's region; a member of the author's organisation does not."""
    return call.need.region in viewer.jurisdictions and not is_of_author(viewer, call)


def has_conflict(viewer: Viewer, call: CallFacts) -> bool:
    """Whether the viewer is a member of an organisation that has answered."""
    return bool(call.responders & set(viewer.organisation_ids))


def roles(viewer: Viewer | None, call: CallFacts) -> frozenset[Actor]:
    """In which roles the viewer acts on the call itself. None is the system."""
    if viewer is None:
        return frozenset({Actor.SYSTEM})
    found = set()
    if viewer.may_write_for(call.need.organisation_id) and not has_conflict(viewer, call):
        found.add(Actor.AUTHOR)
    if is_broker(viewer, call) and call.need.region in viewer.acting_jurisdictions and not has_conflict(viewer, call):
        found.add(Actor.BROKER)
    return frozenset(found)


def check_can_see(viewer: Viewer, call: CallFacts, *, reads_teaser: bool) -> None:
    """Raise NotFound for those who may not know of the call.

    While it is proposed it is between author and broker. An open one is for whoever reads the teaser of the need; those
    who answered and those who were asked to review keep the page.
    """
    if is_of_author(viewer, call) or call.need.region in viewer.jurisdictions:
        return
    if call.status is CallStatus.PROPOSED or not viewer.is_signed_in:
        raise NotFound
    if call.answering & set(viewer.verified_organisation_ids):
        return
    if call.review_of(viewer) not in (None, ReviewStatus.REMOVED):
        return
    if not reads_teaser or call.status is CallStatus.WITHDRAWN:
        raise NotFound


def can_see(viewer: Viewer, call: CallFacts, *, reads_teaser: bool) -> bool:
    """Whether the viewer may know of the call."""
    try:
        check_can_see(viewer, call, reads_teaser=reads_teaser)
    except NotFound:
        return False
    return True


def role_to_begin(viewer: Viewer, need: Subject) -> Actor | None:
    """As whom the viewer may open a need to responses, or propose it; None for nobody."""
    if can_release(viewer, need):
        return Actor.AUTHOR
    return Actor.BROKER if can_propose(viewer, need) else None


def check_can_begin(viewer: Viewer, need: Subject) -> Actor:
    """Raise Forbidden for those who may neither open the need to responses nor propose it."""
    role = role_to_begin(viewer, need)
    if role is None:
        raise Forbidden
    return role


def responding_memberships(viewer: Viewer, call: CallFacts) -> tuple[MembershipFacts, ...]:
    """The memberships in which the viewer may answer: verified, writing, neither the author's nor an agency."""
    return tuple(
        m
        for m in viewer.memberships
        if m.verified
        and m.may_write
        and m.kind is not OrganisationKind.AGENCY
        and m.organisation_id != call.need.organisation_id
    )


def check_can_respond(viewer: Viewer, call: CallFacts, now: datetime) -> tuple[MembershipFacts, ...]:
    """Raise Conflict once the date has passed, Forbidden for those without an organisation that may answer.

    Whoever sits on the author's side, as its member or broker, does not answer for another organisation.
    """
    found = responding_memberships(viewer, call)
    if not found:
        raise Forbidden(
            "只有已核验单位的编辑成员可以应征，发布单位和政府部门除外。",
            "Only editors of a verified organisation may respond; the author and government agencies may not.",
        )
    if is_of_author(viewer, call) or call.need.region in viewer.jurisdictions:
        raise Forbidden(
            "您是发布单位的成员或本区撮合员，请由本单位其他成员应征。",
            "You are of the author's organisation or its broker; a colleague has to respond.",
        )
    if call.status is not CallStatus.OPEN or now >= call.until or not call.need.is_open:
        raise Conflict("应征已经截止，不能再提交或修改。", "The call has closed; responses can no longer change.")
    return found


def can_respond(viewer: Viewer, call: CallFacts, now: datetime) -> bool:
    """Whether the viewer may answer now."""
    try:
        check_can_respond(viewer, call, now)
    except (Conflict, Forbidden):
        return False
    return True


def check_can_read_response(viewer: Viewer, call: CallFacts, organisation_id: str) -> None:
    """Raise NotFound for those who may not read the response of an organisation."""
    if organisation_id in viewer.verified_organisation_ids:
        return
    check_can_read_all(viewer, call, organisation_id=organisation_id)


def check_can_read_all(viewer: Viewer, call: CallFacts, *, organisation_id: str | None = None) -> None:
    """Raise NotFound before the date and for strangers, ConflictOfInterest for members of one that answered.

    With `organisation_id` it is about that response alone, which has to count.
    """
    overseer = is_of_author(viewer, call) or is_broker(viewer, call)
    reviews = call.review_of(viewer) in (ReviewStatus.ACCEPTED, ReviewStatus.SUBMITTED)
    if not (overseer or reviews) or call.status not in READABLE:
        raise NotFound
    if organisation_id is not None and organisation_id not in call.responders:
        raise NotFound
    if has_conflict(viewer, call):
        raise ConflictOfInterest


def can_read_all(viewer: Viewer, call: CallFacts) -> bool:
    """Whether the viewer reads the responses."""
    try:
        check_can_read_all(viewer, call)
    except (NotFound, Forbidden):
        return False
    return True


def check_can_read_scores(viewer: Viewer, call: CallFacts) -> None:
    """Raise as `check_can_read_all`; Forbidden besides for a reviewer who has not handed in their own scores."""
    check_can_read_all(viewer, call)
    if call.review_of(viewer) in (ReviewStatus.INVITED, ReviewStatus.ACCEPTED):
        raise Forbidden(
            "提交本人的评分后才能查看其他评审的评分。", "Submit your own scores first; then you see those of others."
        )


def can_read_scores(viewer: Viewer, call: CallFacts) -> bool:
    """Whether the viewer sees what reviewers gave."""
    try:
        check_can_read_scores(viewer, call)
    except (NotFound, Forbidden):
        return False
    return True


def check_can_count(viewer: Viewer, call: CallFacts) -> None:
    """Raise NotFound for those who do not learn how many have answered."""
    if not is_of_author(viewer, call) and not is_broker(viewer, call):
        raise NotFound


def can_count(viewer: Viewer, call: CallFacts) -> bool:
    """Whether the viewer learns how many have answered."""
    try:
        check_can_count(viewer, call)
    except NotFound:
        return False
    return True


def check_can_invite(viewer: Viewer, call: CallFacts) -> Actor:
    """Raise NotFound or Forbidden for those who do not choose reviewers, Conflict before the date and after the
    decision: earlier a refusal for conflict of interest would tell who has answered."""
    check_can_count(viewer, call)
    held = roles(viewer, call)
    if not held:
        raise Forbidden
    if call.status is not CallStatus.CLOSED:
        raise Conflict
    return Actor.AUTHOR if Actor.AUTHOR in held else Actor.BROKER


def can_invite(viewer: Viewer, call: CallFacts) -> bool:
    """Whether the viewer chooses reviewers now."""
    try:
        check_can_invite(viewer, call)
    except (NotFound, Forbidden, Conflict):
        return False
    return True


def check_can_review(viewer: Viewer, call: CallFacts) -> None:
    """Raise NotFound for those who were not asked, ConflictOfInterest for members of one that answered, Conflict
    after the decision."""
    if call.review_of(viewer) in (None, ReviewStatus.REMOVED):
        raise NotFound
    if has_conflict(viewer, call):
        raise ConflictOfInterest
    if call.status is not CallStatus.CLOSED:
        raise Conflict


def can_review(viewer: Viewer, call: CallFacts) -> bool:
    """Whether the viewer's review can go on."""
    try:
        check_can_review(viewer, call)
    except (NotFound, Forbidden, Conflict):
        return False
    return True
