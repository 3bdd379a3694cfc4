"""Pages of a broker with much on them: the desk with 500 things, the board with 200 cases, results of 2,000 decisions.

Over HTTP; none of these pages asks the encoder. Each is measured beside the same page with
next to nothing on it, in the same run, and the questions to the database are counted in both.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import event
from sqlmodel import Session
from starlette.testclient import TestClient

from backend.accounts import sessions
from backend.config import Settings
from backend.db import Database, utc_now
from backend.decisions.models import Decision, DecisionKind
from backend.introductions.models import CaseBroker, CaseParty, Introduction, Origin, PartyState, Side
from backend.introductions.states import IntroductionStatus
from backend.ledger import service as ledger
from backend.ledger.states import StepKind, StepStatus
from backend.main import create_app
from backend.matching.engine import make_engine
from backend.needs.models import Need, NeedKind
from backend.needs.states import NeedStatus
from tests.factories import PUTUO, Factory, Party

THINGS, CASES, DECISIONS = 500, 200, 2_000
ROUNDS = 15
PAGES = ("/desk", "/ledger", "/results")


def waiting(session: Session, hospital: Party, count: int) -> None:
    """Needs that wait for their review."""
    for number in range(count):
        session.add(
            Need(
                organisation_id=hospital.organisation.id,
                kind=NeedKind.CLINICAL,
                title=f"待审核的需求 {number:03d}",
                region=PUTUO,
                status=NeedStatus.SUBMITTED,
                submitted_at=utc_now() - timedelta(hours=number),
            )
        )


def cases(session: Session, broker: Party, hospital: Party, company: Party, count: int) -> list[Introduction]:
    """Agreed cases with two steps of their ledger moved, each of a need of its own."""
    made = []
    for number in range(count):
        need = Need(
            organisation_id=hospital.organisation.id,
            kind=NeedKind.CLINICAL,
            title=f"已达成合作的需求 {number:03d}",
            region=PUTUO,
            status=NeedStatus.MATCHED,
            published_at=utc_now() - timedelta(days=90),
        )
        session.add(need)
        session.flush()
        case = Introduction(
            need_id=need.id,
            status=IntroductionStatus.AGREED,
            origin=Origin.BROKER,
            created_by=broker.user.id,
            agreed_at=utc_now(),
        )
        session.add(case)
        session.flush()
        for side, party in ((Side.NEED, hospital), (Side.CAPABILITY, company)):
            session.add(
                CaseParty(
                    introduction_id=case.id,
                    organisation_id=party.organisation.id,
                    side=side,
                    state=PartyState.ACCEPTED,
                    region=PUTUO,
                )
            )
        session.add(
            CaseBroker(
                introduction_id=case.id,
                organisation_id=broker.organisation.id,
                user_id=broker.user.id,
                is_lead=True,
                agreed_at=utc_now(),
            )
        )
        for kind, status in ((StepKind.ORDER, StepStatus.DONE), (StepKind.PROTOTYPE, StepStatus.RUNNING)):
            step = ledger.untouched(case.id, kind)
            step.status = status
            session.add(step)
        made.append(case)
    session.flush()
    return made


def decisions(session: Session, found: list[Introduction], count: int) -> None:
    """What became of suggestions, over two quarters."""
    kinds = [kind for kind in DecisionKind if kind is not DecisionKind.STEP]
    for number in range(count):
        case = found[number % len(found)]
        session.add(
            Decision(
                kind=kinds[number % len(kinds)],
                need_id=case.need_id,
                introduction_id=case.id,
                at=utc_now() - timedelta(days=number % 180),
            )
        )


def measure(client: TestClient, database: Database, path: str) -> tuple[float, int]:
    """The median in milliseconds, and the questions of one page to the database."""
    asked: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    event.listen(database.engine, "before_cursor_execute", count)
    client.get(path)
    event.remove(database.engine, "before_cursor_execute", count)
    times = []
    for _n in range(ROUNDS):
        start = time.perf_counter()
        client.get(path)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), len([s for s in asked if s.startswith("SELECT")])


def main() -> None:
    """Measure the pages with next to nothing and with much on them; print both."""
    with tempfile.TemporaryDirectory() as folder:
        # A worker apart: nothing else asks the database meanwhile.
        settings = Settings(data_dir=Path(folder), hosts="testserver", demo=True, worker="apart", _env_file=None)
        database = Database(settings.resolved_database_url)
        database.upgrade()
        make = Factory(database)
        broker, hospital, company = make.reviewer(PUTUO), make.hospital(), make.party()

        def do(work: Callable[[Session], None]) -> None:
            with database.session(write=True) as session:
                work(session)

        def fill(things: int, agreed: int, decided: int) -> None:
            do(lambda s: waiting(s, hospital, things))
            do(lambda s: decisions(s, cases(s, broker, hospital, company, agreed), decided))

        fill(1, 1, 10)
        with database.session(write=True) as session:
            token = sessions.start(session, broker.user, days=1, user_agent="benchmark")
        app = create_app(settings, database=database, engine=make_engine(settings, database))
        with TestClient(app, cookies={sessions.COOKIE: token}, headers={"Origin": settings.site_url}) as client:
            few = {path: measure(client, database, path) for path in PAGES}
            fill(THINGS - 1, CASES - 1, DECISIONS - 10)
            for path, what in zip(
                PAGES, (f"{THINGS} things", f"{CASES} cases", f"{DECISIONS:,} decisions"), strict=True
            ):
                (base, asked), (much, more) = few[path], measure(client, database, path)
                print(f"{path:<9} with one {base:7.1f} ms {asked:4} questions", end="   ")
                print(f"with {what:<15} {much:7.1f} ms {more:4} questions   {much / base:5.1f} x", flush=True)
        database.dispose()
