"""Steps of an author of needs, as the browser takes them, and looks into the database."""

from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.db import Database
from backend.needs.models import Need
from tests.web.pages import Page, read

Fields = dict[str, str | list[str]]
TITLE = "房间隔穿刺针不能弯曲，容易上滑"


def filled(author: TestClient, **changes: str | list[str]) -> Fields:
    """The form of a new need as a browser sends it, filled in."""
    fields = read(author.get("/needs/new").text).fields
    texts = {
        "title": TITLE,
        "summary": "希望有能在心脏内调弯的针。",
        "problem": "抵住房间隔后上滑。",
        "requirements": "弯度可调",
    }
    return {**fields, **texts, **changes}


def stored(database: Database) -> list[Need]:
    """All needs in the database."""
    with database.session() as session:
        return list(session.exec(select(Need)).all())


def events(database: Database) -> list[str]:
    """The audit events about needs, in order."""
    with database.session() as session:
        query = select(AuditEvent.event).where(AuditEvent.subject_kind == "need").order_by(col(AuditEvent.id))
        return list(session.exec(query).all())


def page_of(client: TestClient, url: str) -> Page:
    """A page that has to be there."""
    answer = client.get(url)
    assert answer.status_code == 200
    return read(answer.text)
