"""The state of this site for programs that watch it: whether it can answer, and what waits."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func
from sqlmodel import Session, col, select

from backend import observing
from backend.audit.events import Event
from backend.audit.models import AuditEvent
from backend.db import Database, migrations
from backend.mailer import Mail
from backend.matching import changes
from backend.matching.index_sync import EngineState, SearchEngine
from backend.outbox import OutboxRow, Topic
from backend.quiet import where

OK = "ok"


@dataclass(frozen=True)
class Readiness:
    """Whether this process can answer requests, part by part. Without an encoder it can: searches go by date."""

    database: str
    migrations: str
    encoder: str

    @property
    def is_ready(self) -> bool:
        """Whether all parts that a page needs are there."""
        return self.database == OK and self.migrations == OK


def readiness(database: Database, engine: SearchEngine) -> Readiness:
    """Ask the database; a failure is told by its kind alone."""
    encoder = engine.state.value
    try:
        with database.engine.connect() as connection:
            revisions = MigrationContext.configure(connection).get_current_heads()
    except Exception as error:
        return Readiness(type(error).__name__, "unknown", encoder)
    current = set(revisions) == set(_heads())
    return Readiness(OK, OK if current else "tables are not those of this program", encoder)


@lru_cache
def _heads() -> tuple[str, ...]:
    return tuple(ScriptDirectory.from_config(migrations()).get_heads())


@dataclass(frozen=True)
class Waiting:
    """What is told of the database."""

    outbox: dict[str, int]
    mails: int
    mails_given_up: int
    sequence: int
    refused: int


def waiting(session: Session) -> Waiting:
    """Count what waits."""
    topics = select(OutboxRow.topic, func.count()).where(col(OutboxRow.done_at).is_(None)).group_by(OutboxRow.topic)
    # Rows of topics that former versions wrote wait for nobody.
    topics = topics.where(col(OutboxRow.topic).in_(list(Topic)))
    mails = select(func.count()).select_from(Mail)
    refused = select(func.count()).select_from(AuditEvent).where(AuditEvent.event == Event.SESSION_REFUSE)
    unsent = col(Mail.sent_at).is_(None)
    return Waiting(
        outbox=dict(session.exec(topics).all()),
        mails=session.exec(mails.where(col(Mail.due_at).is_not(None), unsent)).one(),
        mails_given_up=session.exec(mails.where(col(Mail.due_at).is_(None), unsent)).one(),
        sequence=changes.newest(session),
        refused=session.exec(refused).one(),
    )


def figures(database: Database, engine: SearchEngine) -> bytes:
    """All figures in the text format of Prometheus: requests of all processes, and what the database says."""
    registry = CollectorRegistry()
    if observing.is_one_of_several():
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(_Requests())
    registry.register(_State(database, engine))
    return generate_latest(registry)


class _Requests(Collector):
    def collect(self) -> Iterator[Metric]:
        yield from observing.REGISTRY.collect()


class _State(Collector):
    """What is asked of the database at the moment of reading. When it does not answer, `yiqiao_database_up` says so."""

    def __init__(self, database: Database, engine: SearchEngine) -> None:
        self._database = database
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        ready = self._engine.state is EngineState.READY
        yield _gauge("yiqiao_search_ready", "Whether the encoder and the indexes of this process are loaded.", ready)
        try:
            with self._database.session() as session:
                found = waiting(session)
        except Exception as error:
            yield _gauge("yiqiao_database_up", "Whether the database answers.", False)
            observing.log.error("figures are without those of the database: %s", where(error))
            return
        yield _gauge("yiqiao_database_up", "Whether the database answers.", True)
        rows = GaugeMetricFamily("yiqiao_outbox_waiting", "Rows of the outbox that wait.", labels=["topic"])
        for topic in sorted({"index", *found.outbox}):
            rows.add_metric([topic], found.outbox.get(topic, 0))
        yield rows
        yield _gauge("yiqiao_mails_waiting", "Mails that are still to be sent.", found.mails)
        yield _gauge("yiqiao_mails_given_up", "Mails that could not be sent at all.", found.mails_given_up)
        lag = max(0, found.sequence - self._engine.sequence)
        yield _gauge("yiqiao_index_lag", "Changes of the index that this process has not applied yet.", lag)
        refusals = CounterMetricFamily("yiqiao_sign_in_refusals", "Sign-ins to existing accounts that were refused.")
        refusals.add_metric([], found.refused)
        yield refusals


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))
