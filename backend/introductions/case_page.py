"""The page of a case with all its forms; a form that was refused comes back as it was sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from backend.forms import clean_line
from backend.introductions import brokers, parties, showing
from backend.introductions.clock import Clock
from backend.introductions.forms import (
    CHOOSE,
    NOTE_WORDS,
    Consents,
    DeclineForm,
    HandOverForm,
    NoteForm,
    PartnerForm,
    SharesForm,
    TakeOnForm,
)
from backend.introductions.showing import CaseView
from backend.introductions.states import TABLE, IntroductionAction, IntroductionStatus
from backend.introductions.undertaking import PRESENT, Undertaking
from backend.notifications import service as notifications
from backend.notifications.deps import seen
from backend.organisations.policy import Viewer
from backend.templating import render

DECLINE, TAKE_ON, PARTNER, SHARES, HAND_OVER, ACCEPT = "decline", "propose", "partner", "shares", "hand-over", "accept"
SEARCH_LENGTH = 100


@dataclass(frozen=True)
class Panel:
    """A part of the page that a higher floor gives: the last word of its address, and from which status on it is there.

    The room that has the route names it to the application; `backend.main` holds the list.
    """

    name: str
    heading: str
    loading: str
    statuses: frozenset[IntroductionStatus]


@dataclass(frozen=True)
class Refused:
    """A form that came back: which one, as it was sent, and what it is refused for as a whole."""

    name: str
    form: Any
    message: str = ""


@dataclass(frozen=True)
class CasePage:
    """Context of introductions/detail.html. `refused` is the name of the form that came back, if one did."""

    case: CaseView
    undertaking: Undertaking
    accept: Consents
    decline: DeclineForm
    take_on: TakeOnForm
    notes: Mapping[str, NoteForm]
    note_words: Mapping[IntroductionAction, tuple[str, str]]
    needing_notes: frozenset[str]
    partner: PartnerForm
    found: Sequence[tuple[str, str]]
    q: str
    shares: SharesForm
    hand_over: HandOverForm
    panels: Sequence[Panel]
    refused: str = ""
    message: str = ""


def needing_notes(case: CaseView) -> frozenset[str]:
    """The actions for which the table asks for a note now."""
    return frozenset(action for action, step in TABLE.get(case.row.status, {}).items() if step.needs_note)


def clock_of(request: Request) -> Clock:
    """The response clock of this site."""
    return Clock.of(request.app.state.settings)


def render_case(
    request: Request,
    session: Session,
    viewer: Viewer,
    introduction_id: str,
    refused: Refused | None = None,
    q: str = "",
) -> Response:
    """The page of a case; whoever opens it has seen what they were told of it. Raises NotFound."""
    case = showing.show(session, viewer, introduction_id, clock_of(request))
    seen(request, notifications.mark_subject_read(session, viewer, introduction_id))
    text = clean_line(q)[:SEARCH_LENGTH]
    accept = Consents(data={"signed_name": viewer.name, "contact": viewer.email})
    page = CasePage(
        case=case,
        undertaking=PRESENT,
        accept=accept,
        decline=DeclineForm(prefix=DECLINE),
        take_on=TakeOnForm(prefix=TAKE_ON),
        notes={action: NoteForm(prefix=action) for action in NOTE_WORDS},
        note_words=NOTE_WORDS,
        needing_notes=needing_notes(case),
        partner=PartnerForm(prefix=PARTNER),
        found=parties.candidates(session, viewer, introduction_id, text) if case.is_broker and text else (),
        q=text,
        shares=shares_form(session, viewer, case),
        hand_over=hand_over_form(session, viewer, case),
        panels=[p for p in request.app.state.case_panels if case.row.status in p.statuses],
    )
    if refused is not None:
        page = _with(page, refused)
    return render(request, "introductions/detail.html", page, status=422 if refused else 200)


def _with(page: CasePage, refused: Refused) -> CasePage:
    names = {
        ACCEPT: "accept",
        DECLINE: "decline",
        TAKE_ON: "take_on",
        PARTNER: "partner",
        SHARES: "shares",
        HAND_OVER: "hand_over",
    }
    if refused.name in names:
        changed: dict[str, Any] = {names[refused.name]: refused.form}
    else:
        changed = {"notes": {**page.notes, refused.name: refused.form}}
    return replace(page, **changed, refused=refused.name, message=refused.message)


def shares_form(session: Session, viewer: Viewer, case: CaseView, **data: Any) -> SharesForm:
    """The form of legs and shares, with the agencies that can be chosen."""
    form = SharesForm(prefix=SHARES, **data)
    others = brokers.agencies(session, case.own_broker.organisation_id) if case.own_broker and case.is_broker else []
    form.agency_id.choices = [("", CHOOSE), *others]
    return form


def hand_over_form(session: Session, viewer: Viewer, case: CaseView, **data: Any) -> HandOverForm:
    """The form to hand a case over, with the colleagues who can take it."""
    form = HandOverForm(prefix=HAND_OVER, **data)
    place = case.own_broker
    others = brokers.colleagues(session, viewer, place.organisation_id) if place and case.is_broker else []
    form.user_id.choices = [("", CHOOSE), *others]
    return form
