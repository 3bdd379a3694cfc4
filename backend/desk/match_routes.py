"""The page of the match desk."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.background import BackgroundTask
from starlette.responses import Response

from backend.capabilities.models import CapabilityKind
from backend.deps import DatabaseDep, SessionDep
from backend.desk import match_desk
from backend.desk.match_desk import MatchDesk, Wanted
from backend.headers import method_of
from backend.matching import shown
from backend.matching.deps import EngineDep
from backend.matching.pace import spending
from backend.matching.ranker import Grade
from backend.organisations.deps import SignedInDep
from backend.templating import render

router = APIRouter(prefix="/desk")


@dataclass(frozen=True)
class MatchDeskPage:
    """Context of desk/match_desk.html. `chosen` are the cards that were ticked, however many."""

    desk: MatchDesk
    wanted: Wanted
    chosen: frozenset[str]


@router.get("/needs/{need_id}")
def page(
    request: Request,
    need_id: str,
    session: SessionDep,
    viewer: SignedInDep,
    engine: EngineDep,
    database: DatabaseDep,
    compare: Annotated[list[str], Query(default_factory=list)],
    grade: str = "",
    kind: str = "",
    near: str = "",
    clear: str = "",
    fresh: str = "",
) -> Response:
    """The cards of a need. Values that no link of the page makes are taken as not given."""
    wanted = Wanted(
        grade=grade if grade in list(Grade) else "",
        kind=kind if kind in list(CapabilityKind) else "",
        near=near == "1",
        clear=clear == "1",
        fresh=fresh == "1",
    )
    found = match_desk.read(session, engine, viewer, need_id, wanted, compare, spending(request, viewer))
    context = MatchDeskPage(found, wanted, frozenset(compare))
    response = render(request, "desk/match_desk.html", context)
    if shown.looks(method_of(request), request.headers):
        response.background = BackgroundTask(shown.note_shown, database, viewer, found.suggested)
    return response
