"""附议: others who lack the same are counted for all, and named to the author and the broker alone."""

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import Audience
from backend.needs.support import NeedSupport
from backend.notifications.models import Notice, Notification
from backend.organisations.models import MemberRole, OrganisationKind
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.unit.test_credit_code import code
from tests.web.mails import mails, text, to
from tests.web.need_steps import events, page_of


@pytest.fixture
def hospital(make: Factory) -> Party:
    """The author's hospital."""
    return make.hospital()


def supports(database: Database) -> list[NeedSupport]:
    """All rows."""
    with database.session() as session:
        return list(session.exec(select(NeedSupport)).all())


def test_a_department_joins_once_and_can_take_it_back(
    hospital: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    need = make.need(hospital)
    other = make.hospital(name="示例·附议医院")
    client = sign_in(other)
    assert f"/needs/{need.id}/support" in [
        f.attributes["action"] for f in page_of(client, f"/needs/{need.id}").all("form")
    ]
    for _ in range(2):
        assert client.post(f"/needs/{need.id}/support").headers["location"] == f"/needs/{need.id}#support"
    colleague = make.join(other, MemberRole.EDITOR)
    row = supports(database)[0]
    assert (len(supports(database)), row.department_id) == (1, other.viewer.memberships[0].department_id)
    assert events(database)[-1] == "need:support:add"
    page = page_of(client, f"/needs/{need.id}")
    assert "已附议" in page.text and "另有 1 家" in page.text
    # A colleague without a department joins for the hospital itself.
    sign_in(colleague).post(f"/needs/{need.id}/support")
    assert len(supports(database)) == 2
    for _ in range(2):
        assert client.post(f"/needs/{need.id}/support/undo").status_code == 303
    assert len(supports(database)) == 1 and events(database)[-1] == "need:support:remove"


def test_the_number_is_for_all_and_the_names_are_not(
    hospital: Party, make: Factory, sign_in: SignIn, client: TestClient
) -> None:
    need = make.need(hospital, audience=Audience.PUBLIC, anonymous=True)
    sign_in(make.hospital(name="示例·附议医院")).post(f"/needs/{need.id}/support")
    url = f"/needs/{need.id}"
    others = [client, sign_in(make.party()), sign_in(make.broker(JIADING)), sign_in(make.hospital())]
    for other in others:
        text = page_of(other, url).text
        assert "另有 1 家" in text and "示例·附议医院" not in text
    for near in (sign_in(hospital), sign_in(make.broker())):
        assert "示例·附议医院" in page_of(near, url).text
    listed = page_of(client, "/search?side=need").text
    assert "另有 1 家有同样需求" in listed and "示例·附议医院" not in listed


def test_who_cannot_join(hospital: Party, make: Factory, sign_in: SignIn, database: Database) -> None:
    need, draft = make.need(hospital), make.need(hospital, publish=False)
    other = make.hospital()
    cannot = [
        (hospital, 403),
        (make.join(other, MemberRole.VIEWER), 403),
        (make.broker(), 403),
        (make.party(verified=False), 404),
    ]
    for party, status in cannot:
        client = sign_in(party)
        assert client.post(f"/needs/{need.id}/support").status_code == status, party.organisation.kind
    assert sign_in(other).post(f"/needs/{draft.id}/support").status_code == 404
    assert sign_in(other).post("/needs/0123456789abcdef/support").status_code == 404
    assert supports(database) == []


def test_a_second_department_of_the_authors_hospital_may_join(
    hospital: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    need = make.need(hospital, department_id=hospital.viewer.memberships[0].department_id or "")
    assert sign_in(make.join(hospital, MemberRole.EDITOR)).post(f"/needs/{need.id}/support").status_code == 403
    second = make.join(hospital, MemberRole.EDITOR, department="心脏外科")
    assert sign_in(second).post(f"/needs/{need.id}/support").status_code == 303
    assert [row.department_id for row in supports(database)] == [second.viewer.memberships[0].department_id]


def test_what_is_withdrawn_takes_its_supporters_out_of_sight(hospital: Party, make: Factory, sign_in: SignIn) -> None:
    need = make.need(hospital)
    client = sign_in(make.hospital())
    client.post(f"/needs/{need.id}/support")
    sign_in(hospital).post(f"/needs/{need.id}/withdraw")
    assert client.get(f"/needs/{need.id}").status_code == 404
    assert client.post(f"/needs/{need.id}/support/undo").status_code == 404


def test_a_merged_organisation_is_counted_once_and_not_for_its_own_need(
    hospital: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    need = make.need(hospital)
    kept, duplicate = make.owner(OrganisationKind.HOSPITAL), make.owner(OrganisationKind.HOSPITAL, code=code(1))
    own = make.need(kept, "留下的单位自己的需求")
    for party, joined in ((kept, need), (duplicate, need), (duplicate, own)):
        assert sign_in(party).post(f"/needs/{joined.id}/support").status_code == 303
    merged = sign_in(make.somebody(is_admin=True)).post(
        f"/organisations/{duplicate.organisation.id}/merge", data={"kept_id": kept.organisation.id}
    )
    assert merged.status_code == 303
    assert [(row.need_id, row.party) for row in supports(database)] == [(need.id, kept.organisation.id)]


SUPPORTED = "有单位或科室附议了您的需求"


def told(database: Database, party: Party) -> int:
    """How often a user has been told that somebody joined."""
    with database.session() as session:
        query = select(Notification).where(
            Notification.user_id == party.user.id, Notification.notice == Notice.SUPPORTED
        )
        return len(session.exec(query).all())


def test_the_author_is_told_of_each_who_joins_and_of_no_name(
    hospital: Party, make: Factory, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    need = make.need(hospital, "会弯的穿刺针")
    colleague, joining = make.join(hospital, MemberRole.EDITOR), make.hospital(name="示例·附议医院")
    client = sign_in(joining)
    for action in ("support", "support", "support/undo", "support"):
        assert client.post(f"/needs/{need.id}/{action}").status_code == 303
    assert told(database, hospital) == 1
    second = make.hospital(name="示例·第二医院")
    sign_in(second).post(f"/needs/{need.id}/support")
    assert [told(database, party) for party in (hospital, colleague, joining, second)] == [2, 0, 0, 0]
    sent = [m for m in to(mails(database, settings), hospital.user.email) if SUPPORTED in m["Subject"]]
    assert len(sent) == 2
    for mail in sent:
        assert "会弯的穿刺针" in text(mail) and "has joined your need" in text(mail)
        assert f"/needs/{need.id}" in text(mail)
        assert "附议医院" not in mail.as_string() and "附议医院" not in text(mail) and "第二医院" not in text(mail)
    page = page_of(sign_in(hospital), "/notifications").text
    assert page.count(SUPPORTED) == 2 and "会弯的穿刺针" in page and "附议医院" not in page
    assert SUPPORTED not in page_of(client, "/notifications").text


def test_whoever_wants_no_mail_of_it_reads_it_on_the_page(
    hospital: Party, make: Factory, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    need, author = make.need(hospital), sign_in(hospital)
    offered = [e.attributes["value"] for e in page_of(author, "/notifications/preferences").all("input")]
    assert "supported" in offered
    chosen = [name for name in offered if name != "supported"]
    assert author.post("/notifications/preferences", data={"mail": chosen}).status_code == 303
    sign_in(make.hospital()).post(f"/needs/{need.id}/support")
    assert told(database, hospital) == 1
    assert [m for m in to(mails(database, settings), hospital.user.email) if SUPPORTED in m["Subject"]] == []


def test_all_who_write_are_told_where_the_author_has_left(
    hospital: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    owner, reader = make.join(hospital, MemberRole.OWNER), make.join(hospital, MemberRole.VIEWER)
    need = make.need(hospital)
    assert (
        sign_in(hospital)
        .post(f"/organisations/{hospital.organisation.id}/members/{hospital.user.id}/remove")
        .status_code
        == 303
    )
    sign_in(make.hospital()).post(f"/needs/{need.id}/support")
    assert [told(database, party) for party in (hospital, owner, reader)] == [0, 1, 0]
