"""A call for responses with everybody who has to do with it, for the tests of the room."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from backend.db import Database, utc_now
from backend.introductions import undertaking
from backend.introductions.signing import Consent
from backend.notifications.models import Notice, Notification
from backend.organisations.models import OrganisationKind
from backend.responses import answers, calling, calls, clock, deciding, reviewing
from backend.responses.deciding import Verdict
from backend.responses.forms import DEFAULT_CRITERIA
from backend.responses.models import CallResponse, ResponseCall, Review
from backend.responses.reviewing import Given
from backend.working_days import add_working_days, today
from tests.factories import Factory, Party

Result = TypeVar("Result")
CONSENT = Consent(undertaking.PRESENT.digest, "示例签署人", "021-0000 0000", "请多指教。")
ANSWER: Mapping[str, Any] = {
    "solution": "用可调弯的鞘管，弯度在心脏内调节。",
    "stage": "prototype",
    "evidence": "离体猪心试验 20 例。",
    "team": "结构工程师 3 人。",
    "schedule": "样机 6 个月。",
    "price": "80 万至 120 万元",
    "asks": "参与动物实验设计。",
    "capability_id": "",
}


class Scene:
    """A published need of a hospital, its broker, two companies and an expert; calls in transactions of their own."""

    def __init__(self, make: Factory, database: Database, *, anonymous: bool = False) -> None:
        self.make, self.database = make, database
        self.hospital = make.hospital(name="示例·夜莺医院")
        self.need = make.need(self.hospital, anonymous=anonymous, problem="针尖上滑的详情。")
        self.broker = make.reviewer(self.need.region)
        self.company, self.rival = make.party(name="示例·甲器械公司"), make.party(name="示例·乙器械公司")
        self.expert = make.party(OrganisationKind.UNIVERSITY, name="示例·评审所在大学")
        self.stranger = make.party(name="示例·旁观公司")

    def do(self, work: Callable[[Session], Result]) -> Result:
        with self.database.session(write=True) as session:
            return work(session)

    def begin(self, party: Party | None = None, days: int = 20) -> ResponseCall:
        """Open the need to responses; as the broker it is a proposal."""
        viewer, until = (party or self.hospital).viewer, add_working_days(today(), days)
        return self.do(
            lambda s: calling.begin(s, viewer, self.need.id, until, DEFAULT_CRITERIA, "须有质量体系。", "值得。")
        )

    def answer(self, party: Party, call: ResponseCall, *, submit: bool = True, **values: Any) -> CallResponse:
        def work(session: Session) -> CallResponse:
            row = answers.find(session, calls.load(session, call.id), party.organisation.id)
            return answers.save(
                session,
                party.viewer,
                call.id,
                party.organisation.id,
                {**ANSWER, **values},
                submit=submit,
                version=row.version if row else 0,
            )

        return self.do(work)

    def answer_id(self, call: ResponseCall) -> str:
        """The id of the only response to a call."""
        return self.do(lambda s: s.exec(select(CallResponse.id).where(CallResponse.call_id == call.id)).one())

    def let_close(self, call: ResponseCall) -> None:
        """The date passes: it is moved into the past, and the clock runs."""

        def work(session: Session) -> None:
            row = session.get_one(ResponseCall, call.id)
            row.until = utc_now() - timedelta(minutes=1)
            session.add(row)
            session.flush()
            clock.run(session, 15)

        self.do(work)

    def closed(self) -> tuple[ResponseCall, CallResponse, CallResponse]:
        """A call that has closed with two responses."""
        call = self.begin()
        mine, other = self.answer(self.company, call), self.answer(self.rival, call, solution="改用激光穿刺。")
        self.let_close(call)
        return call, mine, other

    def invite(self, call: ResponseCall, party: Party | None = None, by: Party | None = None) -> Review:
        email = (party or self.expert).user.email
        return self.do(lambda s: reviewing.invite(s, (by or self.hospital).viewer, call.id, email))

    def score_all(self, call: ResponseCall, party: Party, points: Mapping[str, int]) -> None:
        """Accept, give each response the same points by all criteria, and hand in."""
        self.do(lambda s: reviewing.accept(s, party.viewer, call.id))
        for response_id, number in points.items():
            self.give(call, party, response_id, number)
        self.do(lambda s: reviewing.submit(s, party.viewer, call.id))

    def give(self, call: ResponseCall, party: Party, response_id: str, number: int) -> None:
        def work(session: Session) -> None:
            given = {c.id: Given(number, "有依据。") for c in calls.load(session, call.id).criteria}
            reviewing.score(session, party.viewer, call.id, response_id, given)

        self.do(work)

    def decide(self, call: ResponseCall, picked: set[str], party: Party | None = None) -> ResponseCall:
        def work(session: Session) -> ResponseCall:
            rows = answers.of_call(session, call.id)
            verdicts = {r.id: Verdict(r.id in picked, "") for r in rows}
            consent = CONSENT if picked else None
            return deciding.decide(
                session, (party or self.hospital).viewer, call.id, verdicts, "以成熟度为先。", consent
            )

        return self.do(work)

    def stored(self, response: CallResponse) -> CallResponse:
        return self.do(lambda s: s.get_one(CallResponse, response.id))

    def call(self, call: ResponseCall) -> ResponseCall:
        return self.do(lambda s: s.get_one(ResponseCall, call.id))

    def told(self, party: Party) -> list[Notice]:
        """What a user was told of calls, in order."""
        query = select(Notification.notice).where(
            Notification.user_id == party.user.id, Notification.subject_kind == "call"
        )
        return self.do(
            lambda s: [Notice(notice) for notice in s.exec(query.order_by(col(Notification.created_at))).all()]
        )
