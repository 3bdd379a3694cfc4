"""The command line: user accounts, and those of the demonstration."""

from typing import Annotated

import typer

from backend.accounts import passwords, second_factor, service
from backend.accounts.models import User
from backend.cli_common import fail, open_database
from backend.config import SEED_DIR, Settings
from backend.db import Database
from backend.errors import DomainError
from backend.seed_files import read_rows

user_app = typer.Typer(no_args_is_help=True, help="User accounts.")

UNKNOWN = "There is no user with this e-mail address."


@user_app.command("create")
def user_create(
    email: Annotated[str, typer.Argument(help="E-mail address, the name for signing in.")],
    name: Annotated[str, typer.Option(prompt=True, help="Name shown in the site.")],
    password: Annotated[
        str,
        typer.Option(
            prompt=True, confirmation_prompt=True, hide_input=True, help=f"At least {passwords.MINIMUM} characters."
        ),
    ],
    organisation: Annotated[str, typer.Option(help="Exact name of an organisation to join.")] = "",
    role: Annotated[str, typer.Option(help="owner, editor or viewer.")] = "editor",
    admin: Annotated[bool, typer.Option(help="Make the user an administrator.")] = False,
) -> None:
    """Create a user, whose address you vouch for."""
    from backend.organisations import service as organisations
    from backend.organisations.models import MemberRole

    if "@" not in email:
        raise fail("This is not an e-mail address.")
    if len(password) < passwords.MINIMUM:
        raise fail(f"The password needs at least {passwords.MINIMUM} characters.")
    if passwords.is_guessable(password, email, name):
        raise fail("The password is too common, or holds the name or address. Take some words that have no connection.")
    if role not in list(MemberRole):
        raise fail("The role is owner, editor or viewer.")
    with open_database(Settings()) as database:
        try:
            with database.session(write=True) as session:
                user = service.create_user(session, email=email, name=name, password=password, is_admin=admin)
                if organisation:
                    found = organisations.find_by_name(session, organisation)
                    if found is None:
                        raise fail(f"There is no organisation of the name {organisation}.")
                    organisations.join(session, user.id, found.id, MemberRole(role), actor_id=None)
        except DomainError as error:
            raise fail(error.en) from error
    typer.echo(f"Created {user.email}.")


@user_app.command("sign-out")
def user_sign_out(email: Annotated[str, typer.Argument(help="Whose sessions to end.")]) -> None:
    """End all sessions of a user."""
    with open_database(Settings()) as database, database.session(write=True) as session:
        user = service.find_by_email(session, email)
        if user is None:
            raise fail(UNKNOWN)
        count = service.sign_out_everywhere(session, user)
    typer.echo(f"Ended {count} sessions.")


@user_app.command("reset-second-factor")
def user_reset_second_factor(email: Annotated[str, typer.Argument(help="Who has lost phone and codes.")]) -> None:
    """Switch off the second factor of a user and end all sessions. Make sure first who is asking."""
    with open_database(Settings()) as database, database.session(write=True) as session:
        user = service.find_by_email(session, email)
        if user is None:
            raise fail(UNKNOWN)
        was_on = second_factor.switch_off(session, user, actor_id=None)
        service.sign_out_everywhere(session, user)
    typer.echo("The second factor is off; the user is told by mail." if was_on else "There was no second factor.")


def demo_accounts(
    remove: Annotated[bool, typer.Option("--remove", help="Delete those that still have the public password.")] = False,
) -> None:
    """Print the demo sign-ins, or remove them."""
    from backend import seeding
    from backend.personal import service as personal

    if remove:
        with open_database(Settings()) as database, database.session(write=True) as session:
            open_ones = _with_public_password(database)
            for user in open_ones:
                personal.delete_account(session, session.merge(user), actor_id=None, forced=True)
        typer.echo(f"Removed {len(open_ones)} accounts.")
        return
    typer.echo(f"Demo sign-ins (password of all: {seeding.DEMO_PASSWORD})")
    for row in read_rows(SEED_DIR, "accounts"):
        typer.echo(f"  {row['email']:<36} {row['name']}")


def check_demo_accounts(settings: Settings, database: Database) -> None:
    """Refuse to start a site that others may reach while anybody can sign in with the public password."""
    if settings.demo:
        return
    if found := _with_public_password(database):
        raise fail(
            f"{len(found)} demonstration accounts with the public password are active, {found[0].email} among them.\n"
            "Remove them by `yiqiao demo-accounts --remove`, or set YIQIAO_DEMO=1 for a demonstration that only you "
            "can reach."
        )


def _with_public_password(database: Database) -> list[User]:
    from backend import seeding

    emails = [row["email"] for row in read_rows(SEED_DIR, "accounts")]
    with database.session() as session:
        return service.active_among(session, emails, seeding.DEMO_PASSWORD)
