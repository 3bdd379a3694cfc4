"""The command line, over a data folder of the test's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from backend.accounts import second_factor, sessions
from backend.accounts import service as accounts
from backend.accounts.models import User
from backend.accounts.passwords import verify
from backend.audit.models import AuditEvent
from backend.cli import app
from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import Audience
from backend.mailer import Mail
from backend.organisations.models import MemberRole, Membership
from tests.factories import Factory
from tests.steps import use_settings
from tests.unit.test_seed_data import write

Run = Callable[..., Result]
PASSWORD = "long-enough-password"
COMMON = "The password is too common, or holds the name or address. Take some words that have no connection."


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command against the data folder of the test; no model is at hand there."""
    use_settings(monkeypatch, settings)
    monkeypatch.setenv("YIQIAO_MODEL", str(settings.data_dir / "no-model-here"))

    def start(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=typed)

    return start


def users(database: Database) -> list[User]:
    """All accounts."""
    with database.session() as session:
        return list(session.exec(select(User)).all())


def test_a_user_is_created_and_can_sign_in(run: Run, database: Database) -> None:
    done = run("user", "create", "Doctor@Example.org", "--name", "张医生", "--password", PASSWORD)
    assert (done.exit_code, done.stdout) == (0, "Created doctor@example.org.\n")
    user = users(database)[0]
    assert (user.name, user.is_admin) == ("张医生", False)
    assert verify(PASSWORD, user.password_hash)[0]


def test_name_and_password_are_asked_for(run: Run, database: Database) -> None:
    done = run("user", "create", "a@b.example", typed=f"张医生\n{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0
    assert PASSWORD not in done.output
    assert users(database)[0].name == "张医生"


def test_a_user_joins_an_organisation(run: Run, database: Database, make: Factory) -> None:
    name = make.hospital().organisation.name
    common = ("--name", "甲", "--password", PASSWORD, "--organisation", name, "--role", "owner", "--admin")
    assert run("user", "create", "a@b.example", *common).exit_code == 0
    with database.session() as session:
        user = session.exec(select(User).where(User.email == "a@b.example")).one()
        membership = session.exec(select(Membership).where(Membership.user_id == user.id)).one()
    assert (membership.role, user.is_admin) == (MemberRole.OWNER, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody", "--password", PASSWORD), "This is not an e-mail address."),
        (("a@b.example", "--password", "short"), "The password needs at least 12 characters."),
        (("a@b.example", "--password", "password1234"), COMMON),
        (("a@b.example", "--password", PASSWORD, "--role", "boss"), "The role is owner, editor or viewer."),
        (
            ("a@b.example", "--password", PASSWORD, "--organisation", "没有"),
            "There is no organisation of the name 没有.",
        ),
    ],
)
def test_a_user_that_cannot_be_created(arguments: tuple[str, ...], message: str, run: Run, database: Database) -> None:
    done = run("user", "create", *arguments, "--name", "甲")
    assert (done.exit_code, done.stderr) == (1, f"{message}\n")
    assert users(database) == []


def test_an_address_is_given_once(run: Run, database: Database) -> None:
    arguments = ("user", "create", "a@b.example", "--name", "甲", "--password", PASSWORD)
    assert run(*arguments).exit_code == 0
    done = run(*arguments)
    assert (done.exit_code, done.stderr) == (1, "A user with this e-mail address exists already.\n")
    assert len(users(database)) == 1


def test_signing_a_user_out(run: Run, make: Factory) -> None:
    assert "Ended 0 sessions." in run("user", "sign-out", make.party().user.email).stdout
    done = run("user", "sign-out", "nobody@b.example")
    assert (done.exit_code, done.stderr) == (1, "There is no user with this e-mail address.\n")


def test_seeding_a_folder_once(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "seed"
    folder.mkdir()
    write(folder)
    arguments = ("seed", "--folder", str(folder), "--no-index")
    assert run(*arguments).stdout == "Loaded 1 organisations, 1 capabilities, 1 needs, 1 accounts.\n"
    assert run(*arguments).stdout == "The database holds data already; nothing was loaded.\n"
    status = run("index", "status").stdout
    assert "waiting   2" in status
    assert "subjects" not in status


@pytest.mark.sqlite
def test_the_first_command_makes_folder_and_tables(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIQIAO_DATA_DIR", str(tmp_path / "a" / "b"))
    done = run("index", "status")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "sequence  0"
    assert (tmp_path / "a" / "b" / "yiqiao.sqlite3").exists()


def test_without_a_model_texts_are_stored_and_the_command_says_what_to_do(run: Run, make: Factory) -> None:
    make.need(make.hospital(), audience=Audience.PUBLIC)
    done = run("index", "rebuild")
    assert done.exit_code == 1
    assert "no-model-here does not exist" in done.stderr
    assert "they are indexed as soon as a model is at hand" in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("  ",), "The text is empty."),
        (("针", "--kind", "surgical"), "Unknown kind of need: surgical."),
        (("针",), "no-model-here does not exist"),
    ],
)
def test_a_match_that_cannot_be_made(arguments: tuple[str, ...], message: str, run: Run) -> None:
    done = run("match", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert isinstance(done.exception, SystemExit)


def test_the_demo_sign_ins_are_printed(run: Run) -> None:
    done = run("demo-accounts")
    assert "yiqiao-demo" in done.stdout
    assert "cardiology@demo.yiqiao.example" in done.stdout


def test_a_lost_second_factor_is_reset_by_an_operator(run: Run, make: Factory, database: Database) -> None:
    broker = make.broker().user
    with database.session(write=True) as session:
        sessions.start(session, broker, days=1, user_agent="test")
    assert "The second factor is off" in run("user", "reset-second-factor", broker.email).stdout
    assert "There was no second factor." in run("user", "reset-second-factor", broker.email).stdout
    done = run("user", "reset-second-factor", "nobody@b.example")
    assert (done.exit_code, done.stderr) == (1, "There is no user with this e-mail address.\n")
    with database.session() as session:
        assert not second_factor.is_on(session, broker.id)
        assert not sessions.open_ones(session, broker.id)
        event = session.exec(select(AuditEvent).where(AuditEvent.event == "account:second-factor:off")).one()
        assert (event.actor_id, event.subject_id) == (None, broker.id)
        assert session.exec(select(Mail).where(Mail.recipient == broker.email)).one().event == "second-factor-off"


def seed_demo(database: Database) -> None:
    """Two demonstration accounts, of which one has got a password of its own."""
    with database.session(write=True) as session:
        emails = ("admin@demo.yiqiao.example", "putuo@demo.yiqiao.example")
        for email, password in zip(emails, ("yiqiao-demo", PASSWORD), strict=True):
            accounts.create_user(session, email=email, name="演示账号", password=password)


def test_a_site_does_not_start_while_the_public_password_lets_somebody_in(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_demo(database)
    started: list[str] = []
    monkeypatch.setattr("uvicorn.run", lambda *_arguments, **options: started.append(options["host"]))
    done = run("serve")
    assert (done.exit_code, started) == (1, [])
    assert "1 demonstration accounts" in done.stderr
    assert "admin@demo.yiqiao.example" in done.stderr and "yiqiao demo-accounts --remove" in done.stderr
    monkeypatch.setenv("YIQIAO_DEMO", "1")
    assert (run("serve").exit_code, started) == (0, ["127.0.0.1"])
    monkeypatch.delenv("YIQIAO_DEMO")
    assert run("demo-accounts", "--remove").stdout == "Removed 1 accounts.\n"
    assert (run("serve").exit_code, len(started)) == (0, 2)
    assert [user.email for user in users(database) if user.is_active] == ["putuo@demo.yiqiao.example"]


@pytest.mark.parametrize("arguments", [(), ("index",), ("user",), ("--help",)])
def test_help_is_shown(arguments: tuple[str, ...], run: Run) -> None:
    assert "Usage" in run(*arguments).output


def test_settings_that_make_no_sense_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIQIAO_SESSION_DAYS", "1000")
    done = run("index", "status")
    assert done.exit_code != 0
