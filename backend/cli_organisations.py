"""The command line's part on organisations: `yiqiao organisation list | verify | merge`."""

from typing import Annotated

import typer
from sqlmodel import Session

from backend.cli_common import fail, open_database
from backend.config import Settings
from backend.errors import DomainError
from backend.organisations import merging, service, verification
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer
from backend.organisations.states import OrganisationStatus
from backend.references import REFERENCES

OPERATOR = Viewer(is_admin=True)
"""Whoever has the command line has the database; the audit trail names no user."""

app = typer.Typer(no_args_is_help=True, help="Organisations: what waits, verifying, merging.")


@app.command("list")
def list_organisations(
    status: Annotated[str, typer.Option(help="waiting, verified, refused or merged; empty for all.")] = "",
) -> None:
    """List organisations: status, code, kind, region, name."""
    if status and status not in list(OrganisationStatus):
        raise fail(f"Unknown status: {status}. Known are {', '.join(OrganisationStatus)}.")
    with open_database(Settings()) as database, database.session() as session:
        for o in service.listing(session, OrganisationStatus(status) if status else None):
            typer.echo(f"{o.status.value:<9} {o.credit_code or '-':<18} {o.kind.value:<11} {o.region}  {o.name}")


@app.command()
def verify(name: Annotated[str, typer.Argument(help="Name or code of a waiting organisation.")]) -> None:
    """Verify an organisation; its owners are told by mail."""
    with open_database(Settings()) as database:
        try:
            with database.session(write=True) as session:
                verified = verification.verify(session, OPERATOR, _find(session, name).id)
        except DomainError as error:
            raise fail(error.en) from error
    typer.echo(f"Verified {verified.name}.")


@app.command()
def merge(
    duplicate: Annotated[str, typer.Argument(help="Name or code of the organisation that is given up.")],
    into: Annotated[str, typer.Argument(help="Name or code of the organisation that stays.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make one organisation of two; what moves is shown first."""
    with open_database(Settings()) as database:
        try:
            with database.session() as session:
                ids = _find(session, duplicate).id, _find(session, into).id
                preview = merging.preview(session, OPERATOR, *ids, REFERENCES)
            typer.echo(f"{preview.duplicate.name} becomes a part of {preview.kept.name}:")
            for what, number in preview.things:
                typer.echo(f"  {what} {number}")
            for department in (*preview.departments, *preview.departments_joined):
                typer.echo(f"  {department}")
            for member in preview.members:
                typer.echo(f"  {member.name} <{member.email}> {member.role or 'has to ask'}")
            if not yes:
                typer.confirm("This cannot be undone. Merge?", abort=True)
            with database.session(write=True) as session:
                kept = merging.merge(session, OPERATOR, *ids, REFERENCES)
        except DomainError as error:
            raise fail(error.en) from error
    typer.echo(f"Merged into {kept.name}.")


def _find(session: Session, text: str) -> Organisation:
    try:
        return merging.find(session, OPERATOR, text)
    except DomainError as error:
        raise fail(f"There is no organisation of the name or code {text}.") from error
