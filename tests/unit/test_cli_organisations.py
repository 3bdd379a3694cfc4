"""The operator's commands on organisations."""

from sqlmodel import select

from backend.audit.models import AuditEvent
from backend.db import Database
from backend.mailer import Mail
from backend.organisations.models import Organisation
from backend.organisations.states import OrganisationStatus
from tests.factories import Factory
from tests.unit.conftest import Run
from tests.unit.test_credit_code import code


def test_waiting_organisations_are_listed_and_verified(run: Run, make: Factory, database: Database) -> None:
    waiting = make.owner(verified=False, name="示例待核验公司", code=code(1))
    make.owner(name="示例已核验公司")
    listed = run("organisation", "list", "--status", "waiting").stdout
    assert "示例待核验公司" in listed and code(1) in listed and "示例已核验公司" not in listed
    assert "示例已核验公司" in run("organisation", "list").stdout
    assert run("organisation", "verify", code(1)).stdout == "Verified 示例待核验公司.\n"
    with database.session() as session:
        stored = session.get(Organisation, waiting.organisation.id)
        assert stored
        assert stored.status is OrganisationStatus.VERIFIED
        assert session.exec(select(Mail.recipient)).all() == [waiting.user.email]
        event = session.exec(select(AuditEvent)).one()
        assert (event.event, event.actor_id) == ("organisation:verify", None)
    assert "present state" in run("organisation", "verify", "示例待核验公司", code=1).output


def test_what_is_not_there_is_said(run: Run, make: Factory) -> None:
    make.owner(name="示例公司")
    assert "no organisation" in run("organisation", "verify", "没有这家公司", code=1).output
    assert "Unknown status" in run("organisation", "list", "--status", "x", code=1).output
    assert "itself" in run("organisation", "merge", "示例公司", "示例公司", code=1).output


def test_a_merge_is_shown_and_asked_for(run: Run, make: Factory, database: Database) -> None:
    kept, duplicate = make.owner(name="示例甲公司"), make.owner(name="示例乙公司")
    make.capability(duplicate)
    asked = run("organisation", "merge", "示例乙公司", "示例甲公司", code=1)
    assert "能力 1" in asked.output and duplicate.user.email in asked.output
    with database.session() as session:
        stored = session.get(Organisation, duplicate.organisation.id)
        assert stored and stored.merged_into_id is None
    done = run("organisation", "merge", "示例乙公司", "示例甲公司", "--yes")
    assert "Merged into 示例甲公司." in done.stdout
    with database.session() as session:
        stored = session.get(Organisation, duplicate.organisation.id)
        assert stored and stored.merged_into_id == kept.organisation.id
