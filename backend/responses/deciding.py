"""The decision: one, several or none is picked, and everybody who answered learns the outcome and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session

from backend.audit import events
from backend.capabilities import service as capabilities
from backend.db import utc_now
from backend.decisions import service as decisions
from backend.decisions.models import DecisionKind
from backend.disclosure import service as disclosure
from backend.disclosure.models import SubjectKind
from backend.disclosure.service import BadNote
from backend.errors import Conflict, Forbidden
from backend.i18n import gettext as _
from backend.introductions import service as introductions
from backend.introductions.signing import BadConsent, Consent
from backend.introductions.states import DeclineReason
from backend.needs.states import NeedAction
from backend.notifications.models import Notice
from backend.organisations.policy import Viewer
from backend.responses import answers, calls, policy
from backend.responses.calls import Call
from backend.responses.models import NOTE_LENGTH, CallResponse, ResponseCall
from backend.responses.states import (
    RESPONSES,
    CallAction,
    CallStatus,
    ResponseAction,
    ResponseStatus,
    ReviewStatus,
)
from backend.transitions import Actor, transition

PICKED = _("经评审，贵单位的方案入选。我们已发起引荐，贵单位接受后双方详情和联系方式相互开放。")
NOT_PICKED = _("感谢贵单位应征。经评审，本次未选用贵单位的方案，期待今后有机会合作。")


@dataclass(frozen=True)
class Verdict:
    """What is decided of one response: `outcome` is told to its organisation, `reason` only where it is not picked."""

    picked: bool
    outcome: str
    reason: DeclineReason = DeclineReason.OTHER

    @property
    def words(self) -> str:
        """What the organisation is told; where the form's own words were left as they are, those that fit."""
        if self.outcome.strip() in ("", PICKED, NOT_PICKED):
            return PICKED if self.picked else NOT_PICKED
        return self.outcome.strip()


def decide(
    session: Session,
    viewer: Viewer,
    call_id: str,
    verdicts: Mapping[str, Verdict],
    summary: str,
    consent: Consent | None,
) -> ResponseCall:
    """Decide about all responses at once, for the author's organisation.

    A response that is picked becomes a case between the two, in which the author's side has accepted: `consent` is its
    acceptance, needed where any is picked. A call that has been decided stays as it is. Raises NotFound, Forbidden,
    Conflict, BadNote, BadConsent, or Unsuitable where one cannot be introduced.
    """
    call = calls.get(session, viewer, call_id, lock=True)
    policy.check_can_read_scores(viewer, call.facts)
    if Actor.AUTHOR not in policy.roles(viewer, call.facts):
        raise Forbidden
    if call.row.status is CallStatus.DECIDED:
        return call.row
    responses = answers.of_call(session, call_id)
    if {r.id for r in responses} != set(verdicts):
        raise Conflict
    if any(len(v.words) > NOTE_LENGTH for v in verdicts.values()):
        raise BadNote
    if consent is None and any(v.picked for v in verdicts.values()):
        raise BadConsent
    for response in responses:
        _conclude(session, viewer, call, response, verdicts[response.id], consent)
    calls.step(session, call, CallAction.DECIDE, viewer, summary)
    call.row.outcome = summary.strip()
    session.add(call.row)
    calls.announce(
        session, call, Notice.CALL_DECIDED, viewer, author=True, broker=True, responders=True, reviewers=True
    )
    session.flush()
    return call.row


def _conclude(
    session: Session, viewer: Viewer, call: Call, response: CallResponse, verdict: Verdict, consent: Consent | None
) -> None:
    step = transition(RESPONSES, response.status, ResponseAction.PICK if verdict.picked else ResponseAction.REJECT)
    response.status, response.outcome = ResponseStatus(step.target), verdict.words
    response.updated_at = utc_now()
    capability = response.capability_id
    if verdict.picked:
        assert consent is not None
        shown = capabilities.find(session, capability) if capability else None
        capability = capability if shown is not None and capabilities.is_open(shown) else None
        case = introductions.propose_response(
            session, viewer, call.need.id, response.organisation_id, capability, consent, _brokers(session, call)
        )
        response.introduction_id = case.id
    else:
        response.reason = verdict.reason
        decisions.record(
            session,
            DecisionKind.DECLINED,
            call.need.id,
            capability,
            organisation_id=response.organisation_id,
            user_id=viewer.user_id,
            side=Actor.NEED_SIDE,
            reason=verdict.reason,
        )
    session.add(response)
    events.record(
        session,
        step.event,
        answers.SUBJECT,
        response.id,
        actor_id=viewer.user_id,
        call=call.row.id,
        organisation=response.organisation_id,
    )


def _brokers(session: Session, call: Call) -> list[str | None]:
    """Who has had to do with the need or the call, for the case that comes of it: who proposed the call, who reviewed
    the responses, who let the need be published. Whether one of them is a broker of the region is asked there."""
    proposed = [call.row.created_by] if call.row.is_proposed else []
    reviewed = [user_id for user_id, status in call.facts.reviews if status is ReviewStatus.SUBMITTED]
    steps = disclosure.history(session, SubjectKind.NEED, call.need.id)
    return [*proposed, *reviewed, *(s.actor_id for s in steps if s.action == NeedAction.PUBLISH)]
