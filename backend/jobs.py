"""All work that is done beside the requests: by a thread of the web process, or by `yiqiao worker`."""

from functools import partial

from jinja2 import Environment

from backend import mailer
from backend.accounts import cleaning
from backend.config import Settings
from backend.db import Database
from backend.tasks import Task

MAIL_SECONDS = 30
CLEANING_SECONDS = 3600


def make_tasks(settings: Settings, database: Database, environment: Environment) -> list[Task]:
    """The tasks of a site; raises ValueError where a setting makes one of them impossible."""
    post = mailer.make_mailer(settings)
    return [
        Task("mail", MAIL_SECONDS, partial(mailer.deliver, database, settings, environment, post), after_writes=True),
        Task("accounts", CLEANING_SECONDS, partial(cleaning.clean, database)),
        Task("old mails", CLEANING_SECONDS, partial(mailer.forget_old, database)),
    ]
