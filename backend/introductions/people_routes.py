"""Further parties of a case, and the brokers who share it."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend import flash
from backend.deps import FormDep, SessionDep
from backend.errors import DomainError, NotFound
from backend.htmx import redirect
from backend.introductions import brokers, cases, parties, policy, showing
from backend.introductions.brokers import BadShares, LegShare, NotAnAgency
from backend.introductions.case_page import (
    HAND_OVER,
    PARTNER,
    SHARES,
    Refused,
    clock_of,
    hand_over_form,
    render_case,
    shares_form,
)
from backend.introductions.forms import PartnerForm
from backend.introductions.models import Leg
from backend.introductions.parties import NotAPartner
from backend.organisations.deps import SignedInDep

router = APIRouter(prefix="/introductions")

SHARE = "share-"


@router.post("/{introduction_id}/parties")
def propose(
    request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """A broker proposes a further party."""
    policy.check_can_broker(viewer, cases.get(session, viewer, introduction_id).facts)
    form = PartnerForm.read(data, prefix=PARTNER)
    chosen = str(form.organisation_id.data or "")
    # Whether the organisation may be chosen is the service's to say.
    form.organisation_id.choices = [("", ""), (chosen, "")] if chosen else [("", "")]

    def work() -> None:
        parties.propose(session, viewer, introduction_id, chosen, form.role.data)

    refused = _tried(form, PARTNER, work, (NotAPartner,))
    if refused is None:
        return _back(request, introduction_id, "party-proposed")
    return render_case(request, session, viewer, introduction_id, refused, str(form.q.data or ""))


@router.post("/{introduction_id}/parties/{party_id}/{answer}")
def admit(
    request: Request, introduction_id: str, party_id: str, answer: str, session: SessionDep, viewer: SignedInDep
) -> Response:
    """The need's side lets a further party be asked, or does not."""
    if answer not in ("admit", "refuse"):
        raise NotFound
    agree = answer == "admit"
    parties.admit(session, viewer, introduction_id, party_id, agree=agree)
    return _back(request, introduction_id, "party-admitted" if agree else "party-refused")


@router.post("/{introduction_id}/brokers")
def share(request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """A broker invites a second agency, or proposes other legs and shares."""
    policy.check_can_broker(viewer, cases.get(session, viewer, introduction_id).facts)
    view = showing.show(session, viewer, introduction_id, clock_of(request))
    form = shares_form(session, viewer, view, formdata=data)

    def work() -> None:
        mine = int(str(form.my_share.data))
        own = LegShare(Leg(str(form.my_leg.data)), mine)
        theirs = LegShare(Leg(str(form.their_leg.data)), brokers.WHOLE - mine)
        brokers.share_case(session, viewer, introduction_id, str(form.agency_id.data), own, theirs)

    refused = _tried(form, SHARES, work, (BadShares, NotAnAgency))
    if refused is None:
        return _back(request, introduction_id, "broker-invited")
    return render_case(request, session, viewer, introduction_id, refused)


@router.post("/{introduction_id}/brokers/take")
def take_over(request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep) -> Response:
    """Look after a case that no broker has yet."""
    brokers.take_over(session, viewer, introduction_id)
    return _back(request, introduction_id, "broker-taken")


@router.post("/{introduction_id}/brokers/agree")
def agree(request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep) -> Response:
    """Agree to legs and shares as the page showed them."""
    texts = {name.removeprefix(SHARE): str(text) for name, text in data.items() if name.startswith(SHARE)}
    seen = {id_: int(text) for id_, text in texts.items() if text.isascii() and text.isdigit() and len(text) < 4}
    brokers.agree(session, viewer, introduction_id, seen)
    return _back(request, introduction_id, "broker-agreed")


@router.post("/{introduction_id}/brokers/{broker_id}/remove")
def remove(
    request: Request, introduction_id: str, broker_id: str, session: SessionDep, viewer: SignedInDep
) -> Response:
    """The leading agency takes the second one out, or the second one leaves."""
    case = brokers.remove(session, viewer, introduction_id, broker_id)
    if policy.can_see(viewer, case.facts):
        return _back(request, introduction_id, "broker-removed")
    return flash.put(redirect(request, "/introductions"), "broker-removed")


@router.post("/{introduction_id}/hand-over")
def hand_over(
    request: Request, introduction_id: str, session: SessionDep, viewer: SignedInDep, data: FormDep
) -> Response:
    """Give one's place in a case to a colleague."""
    policy.check_can_broker(viewer, cases.get(session, viewer, introduction_id).facts)
    view = showing.show(session, viewer, introduction_id, clock_of(request))
    form = hand_over_form(session, viewer, view, formdata=data)

    def work() -> None:
        brokers.hand_over(session, viewer, introduction_id, str(form.user_id.data))

    refused = _tried(form, HAND_OVER, work, ())
    if refused is None:
        return _back(request, introduction_id, "broker-handed-over")
    return render_case(request, session, viewer, introduction_id, refused)


def _tried(form: Any, name: str, work: Callable[[], None], refusals: tuple[type[DomainError], ...]) -> Refused | None:
    """Do the work of a form that is filled in well; returns the form where it or the service refuses."""
    if not form.validate():
        return Refused(name, form)
    try:
        work()
    except refusals as error:
        return Refused(name, form, error.zh)
    return None


def _back(request: Request, introduction_id: str, code: str) -> Response:
    return flash.put(redirect(request, cases.path_of(introduction_id)), code)
