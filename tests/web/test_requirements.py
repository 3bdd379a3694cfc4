"""The requirements of a need: proposed from its text, edited by its author, shown by tiers."""

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.db import Database
from backend.disclosure.models import Audience, Tier
from backend.needs import service as needs
from backend.needs.models import Requirement, RequirementSource
from backend.needs.requirements import Point
from backend.organisations.models import MemberRole
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.web.need_steps import Fields, events, filled, page_of, stored
from tests.web.pages import read
from tests.web.review_steps import publish_from

SUMMARY = (
    "经房间隔进入左心房的手术里，现有的穿刺针抵住间隔以后容易往上滑，穿刺点跟着移位，还要退出来重新塑形。\n"
    "希望有能在心脏内调弯的针。"
)
CRITERIA = "外径不超过8F。一次性使用。"
PROPOSED = ["希望有能在心脏内调弯的针", "外径不超过8F", "一次性使用"]
AUTHOR, TEASER, BRIEF = RequirementSource.AUTHOR, Tier.TEASER, Tier.BRIEF


@pytest.fixture
def hospital(make: Factory) -> Party:
    """A hospital with a cardiology department."""
    return make.hospital()


@pytest.fixture
def author(hospital: Party, sign_in: SignIn) -> TestClient:
    """A signed-in member of the hospital."""
    return sign_in(hospital)


def new(author: TestClient, **changes: str | list[str]) -> str:
    """Save a need as its author; its address."""
    fields = filled(author, summary=SUMMARY, acceptance_criteria=CRITERIA, requirements="", **changes)
    return publish_from(author, "/needs", fields)


def form(author: TestClient, url: str, **changes: str) -> Fields:
    """The form of a stored need as a browser sends it."""
    return {**page_of(author, f"{url}/edit").fields, **changes}


def points(database: Database) -> list[Point]:
    """The stored requirements in their order."""
    with database.session() as session:
        rows = session.exec(select(Requirement).order_by(col(Requirement.position))).all()
        return [Point(row.text, row.tier, row.source) for row in rows]


def texts(database: Database) -> list[str]:
    """Their texts."""
    return [point.text for point in points(database)]


def test_they_are_proposed_from_the_text_of_their_tier(author: TestClient, database: Database) -> None:
    url = new(author)
    assert texts(database) == PROPOSED
    assert [point.tier for point in points(database)] == [TEASER, BRIEF, BRIEF]
    assert {point.source for point in points(database)} == {RequirementSource.PROPOSED}
    page = page_of(author, url)
    assert all(text in page["requirements"].parent.text for text in PROPOSED)  # type: ignore[union-attr]
    assert "按正文自动拆分，随正文更新" in page.text
    assert page_of(author, f"{url}/edit").fields["teaser_requirements"] == PROPOSED[0]


def test_proposals_follow_the_text(author: TestClient, database: Database) -> None:
    url = new(author)
    author.post(f"{url}/edit", data=form(author, url, acceptance_criteria="外径不超过6F。", summary="希望能调弯。"))
    assert texts(database) == ["希望能调弯", "外径不超过6F"]
    assert events(database) == ["need:create", "need:submit", "need:publish", "need:edit"]


def test_what_the_author_writes_stays(author: TestClient, database: Database) -> None:
    url = new(author)
    written = form(author, url, teaser_requirements="能调弯", requirements="2. 一次性使用\n1. 外径不超过8F\n停得住")
    assert author.post(f"{url}/edit", data=written).status_code == 303
    expected = [
        Point("能调弯", TEASER, AUTHOR),
        Point("一次性使用", BRIEF, AUTHOR),
        Point("外径不超过8F", BRIEF, AUTHOR),
        Point("停得住", BRIEF, AUTHOR),
    ]
    assert points(database) == expected
    assert events(database)[3:] == ["need:requirements:edit", "need:edit"]
    assert stored(database)[0].version == 2
    author.post(f"{url}/edit", data=form(author, url, acceptance_criteria="外径不超过6F。"))
    assert points(database) == expected
    author.post(f"{url}/edit", data=form(author, url))
    assert stored(database)[0].version == 3
    assert "由本单位填写" in page_of(author, url).text


def test_points_can_be_deleted_and_reordered(author: TestClient, database: Database) -> None:
    url = new(author)
    author.post(f"{url}/edit", data=form(author, url, requirements="一次性使用\n外径不超过8F"))
    assert texts(database) == [PROPOSED[0], "一次性使用", "外径不超过8F"]
    author.post(f"{url}/edit", data=form(author, url, requirements="一次性使用", teaser_requirements=""))
    assert texts(database) == ["一次性使用"]


def test_the_author_can_have_them_split_again(author: TestClient, database: Database) -> None:
    url = new(author)
    assert "按正文重新拆分" not in page_of(author, url).text
    author.post(f"{url}/edit", data=form(author, url, requirements="停得住"))
    page = page_of(author, url)
    assert f"{url}/requirements/split" in [f.attributes["action"] for f in page.all("form")]
    assert "不能撤销" in page.text
    version = stored(database)[0].version
    answer = author.post(f"{url}/requirements/split")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{url}#requirements")
    assert texts(database) == PROPOSED
    assert events(database)[-2:] == ["need:requirements:split", "need:edit"]
    assert stored(database)[0].version == version + 1


def test_all_deleted_means_that_they_follow_the_text_again(author: TestClient, database: Database) -> None:
    url = new(author)
    author.post(f"{url}/edit", data=form(author, url, requirements="停得住"))
    author.post(f"{url}/edit", data=form(author, url, requirements=" \n", teaser_requirements=""))
    assert texts(database) == PROPOSED
    assert "need:requirements:split" in events(database)


def test_proposals_left_alone_in_an_old_form_do_not_become_the_authors(author: TestClient, database: Database) -> None:
    """The text has moved on in another window; the conflict page brings the old proposals back."""
    url = new(author)
    first, second = form(author, url), form(author, url, title="改了标题")
    author.post(f"{url}/edit", data={**first, "acceptance_criteria": "外径不超过6F。"})
    answer = author.post(f"{url}/edit", data=second)
    assert answer.status_code == 409
    assert author.post(f"{url}/edit", data=read(answer.text).fields).status_code == 303
    assert texts(database) == PROPOSED
    assert {point.source for point in points(database)} == {RequirementSource.PROPOSED}


def test_too_many_or_too_long_keeps_what_was_typed(author: TestClient, database: Database) -> None:
    url = new(author)
    many = "\n".join(f"第{n}个要求" for n in range(12))
    answer = author.post(f"{url}/edit", data=form(author, url, requirements=many))
    page = read(answer.text)
    assert answer.status_code == 422
    assert page.error("requirements") == "需求要点最多 12 条，请合并或删减。"
    assert page.fields["requirements"] == many
    answer = author.post(f"{url}/edit", data=form(author, url, teaser_requirements=f"短\n{'长' * 201}"))
    assert answer.status_code == 422
    assert read(answer.text).error("teaser_requirements") == "第 2 条超过 200 字，请拆分或删减。"
    assert texts(database) == PROPOSED
    fitting = form(author, url, requirements=many, teaser_requirements="")
    assert author.post(f"{url}/edit", data=fitting).status_code == 303
    assert len(texts(database)) == 12
    alone = form(author, url, requirements="", teaser_requirements="\n".join(f"要求{n}" for n in range(13)))
    assert read(author.post(f"{url}/edit", data=alone).text).error("teaser_requirements").startswith("需求要点最多")


def test_only_authors_split_again(author: TestClient, hospital: Party, make: Factory, sign_in: SignIn) -> None:
    url = new(author)
    assert sign_in(make.join(hospital, MemberRole.VIEWER)).post(f"{url}/requirements/split").status_code == 403
    assert sign_in(make.party()).post(f"{url}/requirements/split").status_code == 404
    assert sign_in(make.broker()).post(f"{url}/requirements/split").status_code == 404
    assert author.post("/needs/0123456789abcdef/requirements/split").status_code == 404


def test_a_reader_of_the_teaser_sees_no_requirement_of_the_brief(
    make: Factory, hospital: Party, sign_in: SignIn, client: TestClient, database: Database, author: TestClient
) -> None:
    url = new(author, audience=Audience.PUBLIC.value)
    author.post(f"{url}/edit", data=form(author, url, teaser_requirements="公开的要点", requirements="保密的要点"))
    need_id = stored(database)[0].id
    for viewer in (client, sign_in(make.party()), sign_in(make.broker(JIADING))):
        page = page_of(viewer, url)
        assert "公开的要点" in page.text
        assert "保密的要点" not in page.text
        assert "修改要点" not in page.text
    assert "保密的要点" in page_of(sign_in(make.broker()), url).text
    with database.session() as session:
        assert needs.requirements_for(session, need_id, TEASER) == ("公开的要点",)
        assert needs.requirements_for(session, need_id, BRIEF) == ("公开的要点", "保密的要点")
        assert needs.requirements_for(session, "0123456789abcdef", BRIEF) == ()
        text = needs.text_of(session, need_id)
    assert text and "公开的要点" in text.teaser and "保密的要点" not in text.teaser and "保密的要点" in text.brief


def test_without_requirements_of_the_teaser_those_of_its_text_stand(
    make: Factory, hospital: Party, database: Database
) -> None:
    need = make.need(hospital, summary=SUMMARY, requirements=("保密的要点",))
    bare = make.need(hospital, "针", summary="")
    with database.session() as session:
        assert needs.requirements_for(session, need.id, TEASER) == (PROPOSED[0],)
        assert needs.requirements_for(session, need.id, BRIEF) == ("保密的要点",)
        assert needs.requirements_for(session, bare.id, TEASER) == ("针",)


def test_a_title_without_words_does_not_give_the_points_of_the_brief(
    make: Factory, hospital: Party, database: Database
) -> None:
    need = make.need(hospital, "？？？", summary="！", requirements=("保密的要点",))
    with database.session() as session:
        assert needs.requirements_for(session, need.id, TEASER) == ()
        assert needs.requirements_for(session, need.id, BRIEF) == ("保密的要点",)


def test_proposals_are_not_searched_twice(make: Factory, hospital: Party, database: Database) -> None:
    need = make.need(hospital, summary=SUMMARY)
    with database.session() as session:
        text = needs.text_of(session, need.id)
    assert text and text.teaser == (SUMMARY,)


def test_requirements_go_with_their_need(make: Factory, hospital: Party, database: Database) -> None:
    need = make.need(hospital, requirements=("停得住",))
    with database.session(write=True) as session:
        found = needs.find(session, need.id)
        assert found
        session.delete(found)
    assert points(database) == []


def test_the_edit_is_recorded_with_who_did_it(author: TestClient, hospital: Party, database: Database) -> None:
    url = new(author)
    author.post(f"{url}/edit", data=form(author, url, requirements="停得住\n不漏"))
    with database.session() as session:
        event = session.exec(select(AuditEvent).where(AuditEvent.event == "need:requirements:edit")).one()
    assert (event.actor_id, event.detail) == (hospital.user.id, {"count": 3})
