"""What the people of a case do on its pages, and time that passes between: steps that several stories share."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect
from sqlmodel import Session, SQLModel, select

from backend.config import Settings
from backend.db import Database, utc_now
from backend.introductions.models import CaseEvent, CaseParty, Introduction
from backend.jobs import follow_cases
from backend.meetings.models import CaseMeeting
from backend.working_days import today, working_days_between
from tests.browser.site import Site

UNDERTAKING = "已阅读并代表本单位接受以上保密承诺"


def introduce(broker: Page, organisation: str) -> str:
    """From a list of suggestions: introduce the organisation; returns the address of the case."""
    card = broker.locator(".match").filter(has=broker.get_by_role("heading", name=organisation)).first
    card.get_by_role("link", name="引荐双方").click()
    expect(broker.get_by_role("heading", name="引荐双方", level=1)).to_be_visible()
    broker.get_by_role("button", name="提出引荐").click()
    broker.wait_for_url(re.compile(r"/introductions/(?!new)\w+"))
    return broker.url.split("?")[0].split("#")[0]


def accept(page: Page, case: str, contact: str) -> None:
    """Accept an introduction by name."""
    page.goto(case)
    page.get_by_label(UNDERTAKING).check()
    page.get_by_label("承诺人姓名").fill("示例签署人")
    page.get_by_label("联系方式").fill(contact)
    page.get_by_role("button", name="接受引荐").click()
    expect(page.locator("#answer")).to_have_count(0)


def agree(broker: Page, case: str, words: str) -> None:
    """Write down what the two sides have agreed on; the ledger begins with it."""
    broker.goto(case)
    broker.locator("summary", has_text="达成合作意向").click()
    broker.get_by_label("达成的意向").fill(words)
    broker.get_by_role("button", name="确认达成合作意向").click()
    expect(broker.locator(".case-agreed")).to_be_visible()


def finish(page: Page, case: str, step: str, evidence: str) -> None:
    """Begin a step of the ledger and say that it is done."""
    page.goto(f"{case}/ledger/{step}")
    page.get_by_role("button", name="开始", exact=True).click()
    page.goto(f"{case}/ledger/{step}")
    page.locator("summary", has_text="完成").click()
    if evidence:
        page.get_by_label("完成依据").fill(evidence)
    page.get_by_role("button", name="确认完成").click()
    expect(page.locator("#flash")).to_be_visible()


def working_days_ago(count: int, now: datetime) -> date:
    """The last day in China after which so many working days have passed, up to and with this one."""
    day = today(now)
    while working_days_between(day, today(now)) < count:
        day -= timedelta(days=1)
    return day


def let_wait(site: Site, case: str, days: int) -> None:
    """So many working days have passed since the present answer was asked for: all that the case has stored is moved
    back, and the task of the worker runs. Nothing in the site is told another time."""
    with _database(site) as (database, settings):
        with database.session(write=True) as session:
            _move_back(session, case.rsplit("/", 1)[1], days)
        follow_cases(database, settings)


def let_meeting_come(site: Site, case: str) -> None:
    """The meeting of the case that has been fixed began an hour ago."""
    with _database(site) as (database, _), database.session(write=True) as session:
        meetings = select(CaseMeeting).where(CaseMeeting.introduction_id == case.rsplit("/", 1)[1])
        for meeting in session.exec(meetings).all():
            meeting.starts_at = utc_now() - timedelta(hours=1)
            session.add(meeting)


@contextmanager
def _database(site: Site) -> Iterator[tuple[Database, Settings]]:
    settings = Settings(data_dir=site.data_dir, _env_file=None)
    database = Database(settings.resolved_database_url)
    try:
        yield database, settings
    finally:
        database.dispose()


def _move_back(session: Session, introduction_id: str, days: int) -> None:
    case = session.get_one(Introduction, introduction_id)
    assert case.waiting_since is not None
    by = timedelta(days=(today(case.waiting_since) - working_days_ago(days, utc_now())).days)
    of_case: list[Any] = [case]
    for model in (CaseParty, CaseEvent):
        of_case += session.exec(select(model).where(model.introduction_id == introduction_id)).all()
    for row in of_case:
        _shift(row, by)
        session.add(row)


def _shift(row: SQLModel, by: timedelta) -> None:
    for name in type(row).model_fields:
        moment = getattr(row, name)
        if isinstance(moment, datetime):
            setattr(row, name, moment - by)
