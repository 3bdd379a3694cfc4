"""Who may write needs: strangers, readers, unverified organisations and visitors are kept out."""

import pytest
from starlette.testclient import TestClient

from backend.db import Database
from backend.needs.states import NeedStatus
from backend.organisations.models import MemberRole
from tests.conftest import SignIn
from tests.factories import Factory, Party
from tests.web.need_steps import filled, page_of, stored
from tests.web.pages import read


@pytest.fixture
def hospital(make: Factory) -> Party:
    """A hospital with a cardiology department."""
    return make.hospital()


@pytest.fixture
def author(hospital: Party, sign_in: SignIn) -> TestClient:
    """A signed-in member of the hospital."""
    return sign_in(hospital)


@pytest.mark.parametrize("path", ["", "/edit", "/suggestions"])
def test_a_strangers_draft_is_not_found(path: str, sign_in: SignIn, hospital: Party, make: Factory) -> None:
    draft = make.need(hospital, publish=False)
    stranger = sign_in(make.party())
    assert stranger.get(f"/needs/{draft.id}{path}").status_code == 404


@pytest.mark.parametrize("path", ["edit", "submit", "publish", "withdraw", "discard"])
def test_a_stranger_writes_nothing(
    path: str, sign_in: SignIn, hospital: Party, make: Factory, database: Database
) -> None:
    need = make.need(hospital)
    stranger = sign_in(make.party())
    assert stranger.post(f"/needs/{need.id}/{path}", data={"title": "改写"}).status_code == 404
    assert (stored(database)[0].title, stored(database)[0].status) == (need.title, NeedStatus.PUBLISHED)


def test_a_strangers_id_in_a_new_form_touches_nothing(
    sign_in: SignIn, hospital: Party, make: Factory, database: Database
) -> None:
    need = make.need(hospital)
    stranger = sign_in(make.hospital())
    answer = stranger.post("/needs", data=filled(stranger, subject_id=need.id))
    assert answer.status_code == 404
    assert [n.title for n in stored(database)] == [need.title]


def test_nobody_posts_in_the_name_of_another_organisation(
    author: TestClient, make: Factory, database: Database
) -> None:
    answer = author.post("/needs", data=filled(author, organisation_id=make.hospital().organisation.id))
    assert answer.status_code == 422
    assert "发布单位：请从列表中选择一项。" in read(answer.text)["error-summary"].text
    assert stored(database) == []


def test_an_edit_does_not_move_a_need_to_another_organisation(
    author: TestClient, hospital: Party, make: Factory, database: Database
) -> None:
    need = make.need(hospital)
    fields = page_of(author, f"/needs/{need.id}/edit").fields
    author.post(f"/needs/{need.id}/edit", data={**fields, "organisation_id": make.party().organisation.id})
    assert stored(database)[0].organisation_id == hospital.organisation.id


def test_a_member_who_only_reads_sees_the_draft_and_changes_nothing(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    reader = make.party(role=MemberRole.VIEWER)
    editor = make.join(reader, MemberRole.EDITOR)
    need = make.need(editor, publish=False)
    client = sign_in(reader)
    page = page_of(client, f"/needs/{need.id}")
    assert page.all("form", "confirm-panel") == []
    assert f"/needs/{need.id}/edit" not in page.links
    for method, path in (("GET", "edit"), ("POST", "edit"), ("POST", "submit"), ("POST", "discard")):
        assert client.request(method, f"/needs/{need.id}/{path}").status_code == 403
    assert client.get("/needs/new").status_code == 403
    assert stored(database)[0].status is NeedStatus.DRAFT


def test_an_unverified_organisation_cannot_post(make: Factory, sign_in: SignIn, database: Database) -> None:
    client = sign_in(make.party(verified=False))
    assert "/needs/new" not in page_of(client, "/needs").links
    for answer in (client.get("/needs/new"), client.post("/needs", data={"title": "标题"})):
        assert answer.status_code == 403
        assert "只有已核验单位的成员可以发布" in answer.text
    assert stored(database) == []


@pytest.mark.parametrize("url", ["/needs", "/needs/new", "/capabilities", "/needs/0123456789abcdef/edit"])
def test_a_visitor_is_led_to_sign_in_and_back(url: str, client: TestClient) -> None:
    answer = client.get(url)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?next={url}"
