"""All work that is done beside the requests: by a thread of the web process, or by `yiqiao worker`."""

from functools import partial

from jinja2 import Environment

from backend import mailer
from backend.accounts import cleaning
from backend.attachments import sweep
from backend.attachments.models import Holder
from backend.attachments.storage import Storage
from backend.capabilities import service as capabilities
from backend.config import Settings
from backend.conversations import service as conversations
from backend.db import Database
from backend.desk import service as desk
from backend.disclosure.lapsing import lapse
from backend.introductions import clock
from backend.ledger import clock as ledger_clock
from backend.matching import shown
from backend.matching.index_sync import SearchEngine
from backend.meetings import clock as meeting_clock
from backend.meetings import docking_sending
from backend.meetings.calendar import Sender
from backend.needs import service as needs
from backend.organisations import invitations, merging
from backend.references import REFERENCES
from backend.responses import clock as calls_clock
from backend.shortlists.refresh import refresh
from backend.tasks import Task
from backend.transfers import service as transfers
from backend.transfers import work as imports

MAIL_SECONDS = 30
CLEANING_SECONDS = 3600
INDEX_SECONDS = 60
REMOVAL_SECONDS = 300
SWEEP_SECONDS = 6 * 3600
LAPSE_SECONDS = 3600
CASES_SECONDS = 60
CALLS_SECONDS = 60
IMPORT_SECONDS = 30
LEDGERS_SECONDS = 3600
SHORTLIST_SECONDS = 60

HELD = {Holder.MESSAGE: conversations.existing}
"""Who answers for files of higher floors."""


def make_tasks(settings: Settings, database: Database, environment: Environment, storage: Storage) -> list[Task]:
    """The tasks of a site; raises ValueError where a setting makes one of them impossible."""
    post = mailer.make_mailer(settings)
    return [
        Task("mail", MAIL_SECONDS, partial(mailer.deliver, database, settings, environment, post), after_writes=True),
        Task("accounts", CLEANING_SECONDS, partial(cleaning.clean, database)),
        Task("old invitations", CLEANING_SECONDS, partial(invitations.forget, database)),
        Task("merged organisations", CLEANING_SECONDS, partial(merging.collect_strays, database, REFERENCES)),
        Task("old suggestions", SWEEP_SECONDS, partial(shown.forget, database)),
        Task("old mails", CLEANING_SECONDS, partial(mailer.forget_old, database)),
        Task(
            "removed attachments", REMOVAL_SECONDS, partial(sweep.delete_removed, database, storage), after_writes=True
        ),
        Task("attachments without a row", SWEEP_SECONDS, partial(sweep.sweep, database, storage, HELD)),
        Task("lapse", LAPSE_SECONDS, partial(lapse_texts, database, settings)),
        Task("calls", CALLS_SECONDS, partial(calls_clock.follow, database, settings)),
        Task("old imports", CLEANING_SECONDS, partial(transfers.forget, database)),
        Task("cases", CASES_SECONDS, partial(follow_cases, database, settings)),
        Task("ledgers", LEDGERS_SECONDS, partial(follow_ledgers, database, settings)),
        Task("old marks of the desk", CLEANING_SECONDS, partial(desk.forget, database)),
    ]


def index_task(engine: SearchEngine) -> Task:
    """Indexing as work of its own: what web processes have left, above all imports of thousands."""
    return Task("index", INDEX_SECONDS, engine.follow, after_writes=True)


def import_task(database: Database, engine: SearchEngine) -> Task:
    """Imports that have been confirmed, and those that are to be undone; the index follows each."""
    run = partial(imports.run, database, engine.follow_if_possible)
    return Task("imports", IMPORT_SECONDS, run, after_writes=True)


def shortlist_task(engine: SearchEngine, database: Database) -> Task:
    """Keeping the short lists of needs, which the desk and the assignment read."""
    return Task("short lists", SHORTLIST_SECONDS, partial(refresh, database, engine), after_writes=True)


def lapse_texts(database: Database, settings: Settings) -> None:
    """Remind authors of needs and capabilities that are about to lapse, and let lapse what is due."""
    for of, days in ((needs.LAPSING, settings.need_days), (capabilities.LAPSING, settings.capability_days)):
        with database.session(write=True) as session:
            lapse(session, of, days)


def follow_cases(database: Database, settings: Settings) -> None:
    """Run the response clock of introductions, end those whose need or capability has gone, remind of meetings."""
    with database.session(write=True) as session:
        clock.follow_subjects(session)
        clock.run(session, clock.Clock.of(settings))
    with database.session(write=True) as session:
        meeting_clock.follow(session, Sender.of(settings))
        docking_sending.follow(session)


def follow_ledgers(database: Database, settings: Settings) -> None:
    """Tell owners and brokers of steps that are due, of ledgers that stall, and of needs that steps waited for."""
    with database.session(write=True) as session:
        ledger_clock.run(session, ledger_clock.LedgerClock.of(settings))
