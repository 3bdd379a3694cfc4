"""Commands that run the site: `serve`, `worker`, `migrate`."""

import os
import tempfile
from typing import Annotated

import typer

from backend.cli_accounts import check_demo_accounts
from backend.cli_common import fail, open_database, open_engine
from backend.config import Settings
from backend.labels import LABELS
from backend.sealing import make_sealer
from backend.templating import make_environment

FACTORY = "backend.serving:make"
HEALTH_SECONDS = 120
"""A process that does not answer its parent for so long is replaced. Loading an encoder on a busy machine takes a part
of that, in which Python does nothing else; uvicorn's five seconds would end it again and again."""
STOP_SECONDS = 10


def check(settings: Settings) -> None:
    """Raises ValueError for settings that no site can be started with."""
    from backend.mailer import make_mailer
    from backend.matching import remote, vocabulary

    make_mailer(settings)
    make_sealer(settings)
    vocabulary.use(settings.vocabulary)
    remote.check_address(settings.index or None)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=32, help="Web processes; several want PostgreSQL.")
    ] = None,
) -> None:
    """Start the site; tables are brought up to date first."""
    import uvicorn

    from backend.observing import MULTIPROCESS

    settings = Settings()
    count = processes or settings.processes
    try:
        # Said here once and in one line, not by every process with a traceback.
        check(settings)
    except ValueError as error:
        raise fail(str(error)) from error
    with open_database(settings) as database:
        if count > 1 and database.is_sqlite:
            raise fail("Several web processes want PostgreSQL: set YIQIAO_DATABASE_URL.")
        check_demo_accounts(settings, database)
    with tempfile.TemporaryDirectory(prefix="yiqiao-figures-") as folder:
        if count > 1:
            # Read by prometheus-client when the processes import it.
            os.environ.setdefault(MULTIPROCESS, folder)
        uvicorn.run(
            FACTORY,
            factory=True,
            host=host or settings.host,
            port=port or settings.port,
            workers=count,
            timeout_worker_healthcheck=HEALTH_SECONDS,
            # The live lines of conversations are open for minutes; a stop does not wait for them.
            timeout_graceful_shutdown=STOP_SECONDS,
            log_config=None,
            log_level=settings.log_level.lower(),
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )


def worker() -> None:
    """Do the work beside the requests: mails, indexing, terms. The web processes have YIQIAO_WORKER=apart."""
    from backend import worker as working
    from backend.attachments.storage import make_storage
    from backend.jobs import import_task, index_task, make_tasks, shortlist_task

    settings = Settings()
    with open_engine(settings) as (database, engine):
        try:
            tasks = make_tasks(settings, database, make_environment(LABELS), make_storage(settings))
        except ValueError as error:
            raise fail(str(error)) from error
        tasks += [import_task(database, engine), index_task(engine), shortlist_task(engine, database)]
        working.run(settings, tasks)


def migrate() -> None:
    """Bring the tables to the newest migration; of several that are started at once one does it."""
    with open_database(Settings()):
        pass
    typer.echo("The tables are up to date.")
