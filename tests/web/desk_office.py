"""An agency with a broker who is signed in, and what lands on the desk, made by the services of the site."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from fastapi import FastAPI
from sqlmodel import Session, update
from starlette.testclient import TestClient

from backend.capabilities import service as capabilities
from backend.capabilities.models import Capability
from backend.db import Database, utc_now
from backend.introductions import service as introductions
from backend.introductions import undertaking
from backend.introductions.models import Introduction
from backend.introductions.signing import Consent
from backend.needs import service as needs
from backend.needs.models import Need
from backend.shortlists.refresh import refresh
from backend.working_days import today, working_days_between
from tests.conftest import SignIn
from tests.factories import PUTUO, Factory, Party
from tests.web.pages import Page, read

Result = TypeVar("Result")
CONSENT = Consent(undertaking.PRESENT.digest, "示例签署人", "021-0000 0000", "请多指教。")
WORDS = "可调弯的房间隔穿刺针，防止上滑，弯度可以在心脏内调节。穿刺时针尖抵住房间隔不移位。"
POINTS = ("弯度可以在心脏内调节", "针尖抵住房间隔不移位")


class Office:
    """The broker of Putuo at the desk, and calls in transactions of their own."""

    def __init__(self, app: FastAPI, make: Factory, database: Database, sign_in: SignIn) -> None:
        self.app, self.make, self.database, self.sign_in = app, make, database, sign_in
        self.broker = make.reviewer(PUTUO)
        self.client = sign_in(self.broker)

    def do(self, work: Callable[[Session], Result]) -> Result:
        """In a transaction of its own."""
        with self.database.session(write=True) as session:
            return work(session)

    def page(self, query: str = "", client: TestClient | None = None) -> Page:
        """The desk."""
        answer = (client or self.client).get(f"/desk{query}")
        assert answer.status_code == 200, answer.text
        return read(answer.text)

    def titles(self, query: str = "", client: TestClient | None = None) -> list[str]:
        """What is on a page of the desk, in its order."""
        return [e.text.strip() for e in self.page(query, client).all("a", "desk-title")]

    def strong_need(self, title: str = "房间隔穿刺针") -> Need:
        """A need that `strong_capability` answers."""
        hospital = self.make.hospital()
        return self.make.need(hospital, title, problem=WORDS, summary=WORDS, requirements=POINTS)

    def strong_capability(self, party: Party | None = None, title: str = "房间隔穿刺针") -> Capability:
        """A capability that answers `strong_need`."""
        return self.make.capability(party or self.make.party(), title, summary=WORDS)

    def match(self) -> None:
        """What the tasks of the site do after a write."""
        self.app.state.engine.follow()
        refresh(self.database, self.app.state.engine, 60)

    def submitted_need(self, title: str = "待审核的需求", region: str = PUTUO) -> Need:
        """A need that waits for its review."""
        hospital = self.make.hospital(region=region)
        need = self.make.need(hospital, title, publish=False)
        return self.do(lambda s: needs.act(s, hospital.viewer, need.id, "submit"))

    def submitted_capability(self, title: str = "待审核的能力") -> Capability:
        """A capability that waits for its review."""
        company = self.make.party()
        capability = self.make.capability(company, title, publish=False)
        return self.do(lambda s: capabilities.act(s, company.viewer, capability.id, "submit"))

    def case(self, days: int = 0, title: str = "引荐中的需求") -> Introduction:
        """A case whose parties were asked so many working days ago."""
        need = self.make.need(self.make.hospital(), title)
        capability = self.make.capability(self.make.party())
        row = self.do(lambda s: introductions.propose(s, self.broker.viewer, need.id, capability.id, "值得一谈。"))
        then = utc_now()
        while working_days_between(today(then), today()) < days:
            then -= timedelta(days=1)
        self.do(lambda s: s.exec(update(Introduction).where(Introduction.id == row.id).values(waiting_since=then)))  # type: ignore[arg-type]
        return row

    def introduced(self, title: str = "已引荐的需求") -> Introduction:
        """A case that both sides have accepted."""
        hospital, company = self.make.hospital(), self.make.party()
        need, capability = self.make.need(hospital, title), self.make.capability(company)
        row = self.do(lambda s: introductions.propose(s, self.broker.viewer, need.id, capability.id, "值得一谈。"))
        self.do(lambda s: introductions.answer(s, hospital.viewer, row.id, CONSENT))
        return self.do(lambda s: introductions.answer(s, company.viewer, row.id, CONSENT))
