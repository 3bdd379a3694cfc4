"""Members of an organisation that nobody has verified see public teasers, as a visitor does, and nothing else."""

import pytest
from starlette.testclient import TestClient

from backend.db import Database
from backend.disclosure.models import Audience, Release, SubjectKind, Tier
from backend.organisations import service
from backend.organisations.models import MemberRole, OrganisationKind
from tests.conftest import SignIn
from tests.factories import PUTUO, Factory, Party
from tests.web.pages import read

LISTS = ("/", "/search", "/search?side=need", "/search?q=穿刺", "/search?q=穿刺&side=need", "/needs", "/capabilities")
SEALED = ("只给成员的摘要", "详情里的一句话", "密件里的电话")


@pytest.fixture
def unverified(make: Factory) -> Party:
    """An enterprise that waits for verification."""
    return make.owner(verified=False, name="示例未核验公司")


def world(make: Factory) -> list[str]:
    """A need and a capability for members, one of each for everybody; returns the addresses of the former."""
    hospital, company = make.hospital(), make.party()
    need = make.need(hospital, "只给成员的穿刺需求", summary=SEALED[0], problem=SEALED[1], contact=SEALED[2])
    capability = make.capability(
        company, "只给成员的穿刺能力", summary=SEALED[0], principle=SEALED[1], contact=SEALED[2]
    )
    make.need(hospital, "公开的穿刺需求", audience=Audience.PUBLIC, problem=SEALED[1], contact=SEALED[2])
    make.capability(company, "公开的穿刺能力", audience=Audience.PUBLIC, principle=SEALED[1], contact=SEALED[2])
    return [f"/needs/{need.id}", f"/capabilities/{capability.id}"]


def lists(unverified: Party) -> list[str]:
    """Every address that lists texts of others."""
    return [
        "/",
        "/search",
        "/search?side=need",
        "/search?q=穿刺",
        "/search?q=穿刺&side=need",
        "/needs",
        "/capabilities",
    ]


def test_see_public_teasers_only(unverified: Party, make: Factory, sign_in: SignIn) -> None:
    closed = world(make)
    client = sign_in(unverified)
    for url in closed:
        assert client.get(url).status_code == 404
        assert client.get(f"{url}/suggestions").status_code == 404
    for url in LISTS:
        answer = client.get(url)
        assert answer.status_code == 200
        assert "只给成员的" not in answer.text
        for sealed in SEALED:
            assert sealed not in answer.text
    assert "公开的穿刺需求" in client.get("/search?q=穿刺&side=need").text
    assert "公开的穿刺能力" in client.get("/search?q=穿刺").text


def test_do_not_publish(unverified: Party, sign_in: SignIn) -> None:
    client = sign_in(unverified)
    for feature in ("needs", "capabilities"):
        assert client.get(f"/{feature}/new").status_code == 403
        assert client.post(f"/{feature}", data={"title": "标题"}).status_code == 403
        assert "您目前没有发布权限" in client.get(f"/{feature}").text


def test_read_nothing_that_was_opened_to_them_before(
    unverified: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    """Nor when they are members of a verified organisation besides: what is open to one is not open to the other."""
    need = make.need(make.hospital(), problem=SEALED[1])
    with database.session(write=True) as session:
        session.add(
            Release(
                subject_kind=SubjectKind.NEED,
                subject_id=need.id,
                tier=Tier.BRIEF,
                organisation_id=unverified.organisation.id,
                version=1,
            )
        )
    client = sign_in(unverified)
    assert client.get(f"/needs/{need.id}").status_code == 404
    with database.session(write=True) as session:
        service.add_member(session, unverified.user.id, make.party().organisation.id, MemberRole.EDITOR)
    answer = client.get(f"/needs/{need.id}")
    assert answer.status_code == 200
    assert SEALED[1] not in answer.text


def test_members_of_one_that_waits_again_match_with_public_teasers_only(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    owner = make.owner(OrganisationKind.HOSPITAL)
    need = make.need(owner, "穿刺针上滑")
    world(make)
    client = sign_in(owner)
    assert "只给成员的穿刺能力" in client.get(f"/needs/{need.id}/suggestions").text
    fields = {
        n: str(v) for n, v in read(client.get(f"/organisations/{owner.organisation.id}/edit").text).fields.items()
    }
    contact = {"contact_name": "甲", "contact_phone": "021-0000 0000", "contact_email": "a@test.example"}
    changed = {**fields, **contact, "name": "改名的示例医院"}
    assert client.post(f"/organisations/{owner.organisation.id}/edit", data=changed).status_code == 303
    text = client.get(f"/needs/{need.id}/suggestions").text
    assert "只给成员的" not in text
    for sealed in SEALED:
        assert sealed not in text
    assert "公开的穿刺能力" in text


def test_show_to_nobody_else(unverified: Party, make: Factory, sign_in: SignIn, client: TestClient) -> None:
    """Neither the page, nor a search for the name, nor what was published before."""
    member = sign_in(make.party())
    for stranger in (client, member, sign_in(make.owner(verified=False))):
        for part in ("", "/needs", "/capabilities"):
            assert stranger.get(f"/organisations/{unverified.organisation.id}{part}").status_code == 404
        assert unverified.organisation.id not in stranger.get("/search?q=示例未核验公司").text
    for knowing in (unverified, make.join(unverified, MemberRole.VIEWER), make.broker(PUTUO)):
        assert sign_in(knowing).get(f"/organisations/{unverified.organisation.id}").status_code == 200
    assert sign_in(make.somebody(is_admin=True)).get(f"/organisations/{unverified.organisation.id}").status_code == 200
    verified = make.party(name="示例已核验公司")
    assert verified.organisation.id in client.get("/search?q=示例已核验公司").text
