"""Versions: every save is kept, the organisation sees all of them, the broker those that came before brokers."""

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.capabilities.models import Stage
from backend.db import Database
from backend.disclosure.models import SubjectVersion
from backend.needs.models import Need
from tests.conftest import SignIn
from tests.factories import PUTUO, Factory, Party
from tests.web.need_steps import page_of


@pytest.fixture
def hospital(make: Factory) -> Party:
    return make.hospital()


@pytest.fixture
def author(hospital: Party, sign_in: SignIn) -> TestClient:
    return sign_in(hospital)


def edit(author: TestClient, url: str, **changes: str) -> None:
    """Save a changed text by its form."""
    fields = page_of(author, f"{url}/edit").fields
    assert author.post(f"{url}/edit", data={**fields, **changes}).status_code == 303


def numbers(database: Database) -> list[tuple[int, bool]]:
    with database.session() as session:
        return [(row.number, row.shown) for row in session.exec(select(SubjectVersion)).all()]


def test_every_save_is_kept_with_all_tiers_and_who_made_it(
    author: TestClient, make: Factory, hospital: Party, database: Database
) -> None:
    need = make.need(hospital, requirements=("弯度可调",), contact="甲")
    url = f"/needs/{need.id}"
    edit(author, url, problem="针尖上滑，每年约20台。", contact="乙", requirements="弯度可调\n不上滑")
    assert numbers(database) == [(1, True), (2, True)]
    page = page_of(author, f"{url}/versions")
    assert f"{url}/versions/2" in page.links and hospital.user.name in page["main"].text
    page = page_of(author, f"{url}/versions/2")
    assert "第 2 版与第 1 版比较" in page.text
    assert ("每年约20台" in "".join(e.text for e in page.all("ins"))) and "甲" in [e.text for e in page.all("del")]
    assert "不上滑" in "".join(e.text for e in page.all("ins"))
    assert "甲" in [e.text for e in page_of(author, f"{url}/versions/1").all("ins")]
    assert page_of(author, f"{url}/versions/1?since=2").all("ins") != []


def test_a_broker_sees_neither_drafts_nor_the_annex(
    author: TestClient, make: Factory, hospital: Party, sign_in: SignIn, database: Database
) -> None:
    """What an author wrote and took out again before submitting stays with the author."""
    need = make.need(hospital, publish=False, problem="不该给人看的半成品。", contact="甲")
    url, broker = f"/needs/{need.id}", sign_in(make.reviewer(PUTUO))
    edit(author, url, problem="定稿的问题。", contact="乙")
    author.post(f"{url}/submit")
    broker.post(f"{url}/return", data={"note": "请补充。"})
    edit(author, url, problem="又一份半成品。")
    edit(author, url, problem="定稿的问题，已补充。", contact="丙")
    author.post(f"{url}/submit")
    broker.post(f"{url}/publish")
    assert numbers(database) == [(1, False), (2, True), (3, False), (4, True)]
    page = page_of(broker, f"{url}/versions")
    assert [link for link in page.links if "/versions/" in link] == [f"{url}/versions/4", f"{url}/versions/2"]
    assert hospital.user.name not in page["main"].text
    page = page_of(broker, f"{url}/versions/4")
    assert "第 4 版与第 2 版比较" in page.text
    assert "半成品" not in page.text and "丙" not in page["main"].text and "已补充" in page.text
    for hidden in ("1", "3", "9", "x", "4?since=1"):
        assert broker.get(f"{url}/versions/{hidden}").status_code == 404
    with database.session() as session:
        assert session.exec(select(AuditEvent).where(AuditEvent.event == "need:brief:read")).first()


def test_strangers_and_readers_of_a_release_have_no_versions(
    author: TestClient, make: Factory, hospital: Party, sign_in: SignIn, client: TestClient
) -> None:
    company = make.party()
    url = f"/needs/{make.need(hospital).id}"
    author.post(f"{url}/releases", data={"organisation_id": company.organisation.id, "tier": "annex", "days": "0"})
    for stranger in (sign_in(company), sign_in(make.party())):
        assert stranger.get(f"{url}/versions").status_code == 404
        assert stranger.get(f"{url}/versions/1").status_code == 404
    assert client.get(f"{url}/versions").status_code == 303


def test_a_text_from_before_versions_were_kept_is_compared_with_as_well(
    author: TestClient, make: Factory, hospital: Party, database: Database
) -> None:
    need = make.need(hospital)
    with database.session(write=True) as session:
        for row in session.exec(select(SubjectVersion)).all():
            session.delete(row)
    url = f"/needs/{need.id}"
    assert "还没有保存过的版本" in page_of(author, f"{url}/versions").text
    edit(author, url, problem="针尖上滑，穿刺点偏移。")
    assert numbers(database) == [(1, True), (2, True)]
    assert [e.text for e in page_of(author, f"{url}/versions/2").all("dd", "change")] != []


def test_choices_and_departments_are_worded(author: TestClient, make: Factory, hospital: Party) -> None:
    need = make.need(hospital, department_id=hospital.viewer.memberships[0].department_id or "")
    url = f"/needs/{need.id}"
    edit(author, url, department_id="", kind="technical", audience="public")
    text = page_of(author, f"{url}/versions/2")["main"].text
    for words in ("心血管内科", "临床需求", "技术攻关", "所有访客"):
        assert words in text
    assert "clinical" not in text


def test_splitting_again_is_a_version_and_capabilities_are_kept_too(
    author: TestClient, make: Factory, hospital: Party, sign_in: SignIn, database: Database
) -> None:
    need = make.need(hospital, requirements=("弯度可调",))
    author.post(f"/needs/{need.id}/requirements/split")
    assert numbers(database) == [(1, True), (2, True)]
    with database.session() as session:
        assert session.exec(select(Need)).one().version == 2
    company = make.party()
    url = f"/capabilities/{make.capability(company, stage=Stage.PROTOTYPE).id}"
    client = sign_in(company)
    edit(client, url, stage="clinical")
    page = page_of(client, f"{url}/versions/2")
    assert "样机" in "".join(e.text for e in page.all("del"))
