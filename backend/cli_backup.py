"""Commands `backup` and `restore`."""

from pathlib import Path
from typing import Annotated

import typer

from backend.backup import service
from backend.backup.archive import BadArchive
from backend.backup.service import NotEmpty, Summary
from backend.cli_common import fail
from backend.config import Settings
from backend.db import Database


def backup(
    path: Annotated[Path, typer.Argument(help="The .tar file to write.")],
    key: Annotated[bool, typer.Option(help="Put secret.key in; without it, keep it elsewhere.")] = True,
) -> None:
    """Save the whole site while it runs: tables, attachments, weights of the ranker, key of the site."""
    settings = Settings()
    database = Database(settings.resolved_database_url)
    try:
        done = service.save(settings, database, path, with_key=key)
    except (BadArchive, OSError) as error:
        raise fail(str(error)) from error
    finally:
        database.dispose()
    typer.echo(f"Saved {_said(done)} to {path}. It holds everything that is confidential on this site.")


def restore(
    path: Annotated[Path, typer.Argument(help="The .tar file that `backup` wrote.", exists=True, dir_okay=False)],
    replace: Annotated[bool, typer.Option(help="Replace what the site holds; it is gone then.")] = False,
) -> None:
    """Bring the site back as a backup has it, on either database. Stop the site before."""
    settings = Settings()
    database = Database(settings.resolved_database_url)
    try:
        done = service.restore(settings, database, path, replace=replace)
    except NotEmpty as error:
        raise fail(f"{error} Nothing was changed. With --replace it is replaced.") from error
    except (BadArchive, OSError) as error:
        raise fail(f"{error} Nothing was restored.") from error
    finally:
        database.dispose()
    typer.echo(f"Restored {_said(done)}. Everybody signs in again; indexes are built at the next start.")


def _said(done: Summary) -> str:
    rows = sum(done.rows.values())
    return f"{rows} rows of {len(done.rows)} tables, {done.attachments} attachments and {done.files} files"
