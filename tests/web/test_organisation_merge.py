"""Merging duplicates: what moves, who may do it, and that nobody reads more than before who should not."""

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import Audience, Release, SubjectKind, Tier
from backend.needs.models import Need
from backend.needs.support import NeedSupport
from backend.organisations import service
from backend.organisations.models import (
    Department,
    Invitation,
    MemberRole,
    Membership,
    MembershipRequest,
    Organisation,
    OrganisationKind,
)
from backend.organisations.states import OrganisationStatus
from tests.conftest import SignIn
from tests.factories import JIADING, PUTUO, Factory, Party
from tests.unit.test_credit_code import code
from tests.web.mails import mails, text, to
from tests.web.pages import read
from tests.web.test_organisation_members import invite


@pytest.fixture
def kept(make: Factory) -> Party:
    """A verified hospital, and its owner."""
    return make.owner(OrganisationKind.HOSPITAL, name="示例中心医院")


@pytest.fixture
def duplicate(make: Factory) -> Party:
    """The same hospital, registered once more."""
    return make.owner(OrganisationKind.HOSPITAL, name="示例医院（中心）", code=code(1))


def url(party: Party, *parts: str) -> str:
    """An address below the organisation."""
    return "/".join([f"/organisations/{party.organisation.id}", *parts])


def merge(client: TestClient, duplicate: Party, kept: Party) -> int:
    """Confirm the merge; returns the status."""
    return client.post(url(duplicate, "merge"), data={"kept_id": kept.organisation.id}).status_code


def department(database: Database, party: Party, name: str) -> str:
    """A department of the organisation; returns its id."""
    with database.session(write=True) as session:
        return service.add_department(session, party.organisation.id, name=name).id


def test_the_preview_says_what_moves_and_changes_nothing(
    kept: Party, duplicate: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    make.need(duplicate)
    make.need(duplicate, publish=False)
    make.capability(duplicate)
    for party, name in ((kept, "心血管内科"), (duplicate, "心血管 内科"), (duplicate, "神经外科")):
        department(database, party, name)
    client = sign_in(make.somebody(is_admin=True))
    assert url(duplicate, "merge") in read(client.get(url(duplicate)).text).links
    assert client.get(url(duplicate, "merge")).status_code == 200
    page = read(client.get(url(duplicate, "merge"), params={"into": "示例中心医院"}).text)
    said = page["main"].text
    for expected in (
        "需求：2 条",
        "能力：1 条",
        "附议：0 条",
        "已获得的披露授权：0 条",
        "科室：神经外科",
        "同名科室合为一个：心血管 内科",
        code(1),
        duplicate.user.email,
        "编辑成员",
    ):
        assert expected in said
    assert page.fields["kept_id"] == kept.organisation.id
    with database.session() as session:
        assert session.exec(select(Organisation).where(col(Organisation.merged_into_id).is_not(None))).all() == []


def test_everything_moves_in_one_step(
    kept: Party,
    duplicate: Party,
    make: Factory,
    sign_in: SignIn,
    database: Database,
    settings: Settings,
) -> None:
    both, person = make.join(duplicate, MemberRole.EDITOR), make.somebody()
    here, there, other = (
        department(database, duplicate, "心血管内科"),
        department(database, kept, "心血管内科"),
        department(database, duplicate, "神经外科"),
    )
    need = make.need(duplicate, department_id=here)
    capability = make.capability(duplicate)
    foreign = make.need(make.hospital())
    with database.session(write=True) as session:
        service.add_member(session, both.user.id, kept.organisation.id, MemberRole.VIEWER)
        session.add(
            Release(
                subject_kind=SubjectKind.NEED,
                subject_id=foreign.id,
                tier=Tier.BRIEF,
                organisation_id=duplicate.organisation.id,
                version=1,
            )
        )
    owners = sign_in(duplicate)
    fields = {name: str(v) for name, v in read(owners.get(url(duplicate, "members")).text).fields.items()}
    owners.post(url(duplicate, "members"), data={**fields, "email": "new@test.example", "role": "owner"})
    for asking in (person, kept):
        sign_in(asking).post("/organisations/join", data={"name": "示例医院（中心）"})
    broker = make.somebody(is_admin=True)
    client = sign_in(broker)
    assert merge(client, duplicate, kept) == 303
    assert merge(client, duplicate, kept) == 303

    with database.session() as session:
        members = session.exec(select(Membership).where(Membership.organisation_id == kept.organisation.id)).all()
        assert {m.user_id: m.role for m in members} == {
            kept.user.id: MemberRole.OWNER,
            duplicate.user.id: MemberRole.EDITOR,
            both.user.id: MemberRole.VIEWER,
        }
        departments = session.exec(select(Department).where(Department.organisation_id == kept.organisation.id)).all()
        assert {d.id for d in departments} == {there, other}
        assert session.get(Department, here) is None
        moved = session.get(Need, need.id)
        assert moved
        assert (moved.organisation_id, moved.department_id) == (kept.organisation.id, there)
        assert (moved.version, moved.status) == (need.version, "published")
        release = session.exec(select(Release)).one()
        assert release.organisation_id == kept.organisation.id
        invitation = session.exec(select(Invitation)).one()
        assert (invitation.organisation_id, invitation.role) == (kept.organisation.id, MemberRole.EDITOR)
        open_ = select(MembershipRequest).where(col(MembershipRequest.answered_at).is_(None))
        request = session.exec(open_).one()
        assert (request.user_id, request.organisation_id) == (person.user.id, kept.organisation.id)
        stored = session.get(Organisation, kept.organisation.id)
        gone = session.get(Organisation, duplicate.organisation.id)
        assert stored and gone
        assert (stored.credit_code, stored.status) == (code(1), OrganisationStatus.VERIFIED)
        assert (gone.credit_code, gone.status) == (None, OrganisationStatus.MERGED)
        trail = session.exec(select(AuditEvent).where(AuditEvent.event == "organisation:merge")).all()
        assert {(e.subject_id, e.actor_id) for e in trail} == {
            (duplicate.organisation.id, broker.user.id),
            (kept.organisation.id, broker.user.id),
        }

    reader = sign_in(make.party())
    assert "示例中心医院" in read(reader.get(f"/capabilities/{capability.id}").text)["main"].text
    assert "示例医院（中心）" not in reader.get("/search?q=穿刺").text
    assert sign_in(kept).get(f"/needs/{foreign.id}").text.count("针尖上滑") > 0
    sent = mails(database, settings)
    for party in (kept, duplicate, both):
        (mail,) = [m for m in to(sent, party.user.email) if "已并入" in m["Subject"]]
        assert "示例医院（中心）" in text(mail)


def test_who_lacks_the_same_is_counted_once_and_never_beside_his_own_need(
    kept: Party, duplicate: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    """Both have joined a third one's need, and each the need of the other."""
    here, there = department(database, duplicate, "心血管内科"), department(database, kept, "心血管内科")
    foreign, of_duplicate, of_kept = make.need(make.hospital()), make.need(duplicate), make.need(kept)
    other = make.need(make.hospital())
    with database.session(write=True) as session:
        for need, party, room in (
            (foreign, kept, there),
            (foreign, duplicate, here),
            (other, duplicate, here),
            (other, kept, there),
            (of_kept, duplicate, None),
            (of_duplicate, kept, None),
        ):
            id_ = party.organisation.id
            session.add(NeedSupport(need_id=need.id, party=room or id_, organisation_id=id_, department_id=room))
    assert merge(sign_in(make.somebody(is_admin=True)), duplicate, kept) == 303
    with database.session() as session:
        found = session.exec(select(NeedSupport)).all()
    assert {(row.need_id, row.organisation_id, row.department_id, row.party) for row in found} == {
        (foreign.id, kept.organisation.id, there, there),
        (other.id, kept.organisation.id, there, there),
    }
    assert len(found) == 2


def test_the_old_address_leads_to_the_other(
    kept: Party, duplicate: Party, make: Factory, sign_in: SignIn, client: TestClient
) -> None:
    admin = make.somebody(is_admin=True)
    assert merge(sign_in(admin), duplicate, kept) == 303
    for party in (kept, duplicate, make.broker(PUTUO), admin):
        answer = sign_in(party).get(url(duplicate))
        assert (answer.status_code, answer.headers["location"]) == (301, url(kept))
        assert answer.headers["cache-control"] == "no-store"
    for stranger in (client, sign_in(make.party()), sign_in(make.broker(JIADING))):
        assert stranger.get(url(duplicate)).status_code == 404
    for part in ("members", "edit", "departments", "needs", "capabilities", "merge"):
        assert sign_in(admin).get(url(duplicate, part)).status_code == 404


def test_a_chain_of_merges_leads_to_its_end(
    kept: Party, duplicate: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    third = make.owner(OrganisationKind.HOSPITAL, name="示例医院")
    client = sign_in(make.somebody(is_admin=True))
    merge(client, third, duplicate)
    merge(client, duplicate, kept)
    assert client.get(url(third)).headers["location"] == url(kept)
    registrant = sign_in(make.somebody())
    assert registrant.post("/organisations/join", data={"name": "示例医院"}).status_code == 303
    with database.session() as session:
        assert session.exec(select(MembershipRequest)).one().organisation_id == kept.organisation.id
    with database.session() as session:
        assert service.find_by_name(session, "示例医院") == session.get(Organisation, kept.organisation.id)


def test_the_name_of_the_merged_one_may_be_taken_over(
    kept: Party, duplicate: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    merge(sign_in(make.somebody(is_admin=True)), duplicate, kept)
    client = sign_in(kept)
    fields = {name: str(v) for name, v in read(client.get(url(kept, "edit")).text).fields.items()}
    contact = {"contact_name": "甲", "contact_phone": "021-0000 0000", "contact_email": "a@test.example"}
    answer = client.post(url(kept, "edit"), data={**fields, **contact, "name": "示例医院（中心）"})
    assert answer.status_code == 303
    assert make.again(kept).organisation.name == "示例医院（中心）"


def test_without_an_owner_on_the_other_side_the_owners_stay_owners(
    duplicate: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    kept = make.hospital(name="示例没有管理成员的医院")
    assert merge(sign_in(make.somebody(is_admin=True)), duplicate, kept) == 303
    with database.session() as session:
        found = service.membership(session, duplicate.user.id, kept.organisation.id)
        assert found
        assert found.role is MemberRole.OWNER


@pytest.mark.parametrize(
    ("into", "message"),
    [
        ("", "请填写要保留的单位"),
        ("没有这家医院", "没有找到这个名称或代码的单位"),
        ("示例医院（中心）", "这就是同一家单位"),
        (code(1), "这就是同一家单位"),
        ("示例未核验医院", "请保留已核验的单位"),
    ],
)
def test_what_cannot_stay_is_said_beside_the_field(
    into: str, message: str, kept: Party, duplicate: Party, make: Factory, sign_in: SignIn
) -> None:
    make.owner(OrganisationKind.HOSPITAL, name="示例未核验医院", verified=False)
    answer = sign_in(make.somebody(is_admin=True)).get(url(duplicate, "merge"), params={"into": into})
    assert answer.status_code == 422
    page = read(answer.text)
    assert message in page.error("into")
    assert page.fields["into"] == into
    assert "kept_id" not in page.fields


def test_both_have_to_lie_in_the_jurisdiction(
    kept: Party, duplicate: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    far = make.owner(OrganisationKind.HOSPITAL, region=JIADING, name="示例嘉定医院")
    hidden = make.owner(OrganisationKind.HOSPITAL, region=JIADING, verified=False, name="示例嘉定未核验医院")
    agency = make.party(OrganisationKind.AGENCY, name="示例机关")
    unverified = make.owner(OrganisationKind.HOSPITAL, verified=False, name="示例未核验医院")
    client = sign_in(make.broker(PUTUO))
    assert merge(client, unverified, far) == 403
    assert merge(client, far, kept) == 403
    assert merge(client, unverified, hidden) == 404
    assert merge(client, unverified, agency) == 403
    page = read(client.get(url(unverified, "merge"), params={"into": "示例嘉定未核验医院"}).text)
    assert "没有找到这个名称或代码的单位" in page.error("into")
    for stranger in (kept, duplicate, make.party()):
        assert merge(sign_in(stranger), duplicate, kept) == 403
    with database.session() as session:
        assert session.exec(select(Organisation).where(col(Organisation.merged_into_id).is_not(None))).all() == []
    assert merge(sign_in(make.somebody(is_admin=True)), duplicate, far) == 303


def test_the_members_of_an_unverified_duplicate_read_nothing_until_an_owner_lets_them_in(
    kept: Party, make: Factory, sign_in: SignIn
) -> None:
    """A broker could have had the duplicate registered, to let its members into any organisation of the region."""
    unverified = make.owner(OrganisationKind.HOSPITAL, name="示例重复医院", verified=False)
    draft = make.need(kept, publish=False, audience=Audience.MEMBERS)
    client, broker = sign_in(unverified), sign_in(make.broker(PUTUO))
    assert client.get(f"/needs/{draft.id}").status_code == 404
    assert merge(broker, unverified, kept) == 303
    assert client.get(f"/needs/{draft.id}").status_code == 404
    owners = sign_in(kept)
    page = read(owners.get(url(kept, "members")).text)
    assert "原为“示例重复医院”的成员" in page["main"].text
    (accept,) = [e.attributes["action"] for e in page.all("form") if "accept" in e.attributes.get("action", "")]
    for other in (client, broker, sign_in(make.party())):
        assert other.post(accept, data={"role": "owner"}).status_code == 403
    assert client.get(f"/needs/{draft.id}").status_code == 404
    assert owners.post(accept, data={"role": "viewer"}).status_code == 303
    assert client.get(f"/needs/{draft.id}").status_code == 200


@pytest.mark.parametrize("is_still_verified", [True, False])
def test_a_broker_does_not_hand_what_was_verified_to_others(
    is_still_verified: bool, kept: Party, duplicate: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    """Else the drafts of any hospital of the region could be read by an organisation of the broker's choice."""
    draft = make.need(duplicate, publish=False)
    if not is_still_verified:
        with database.session(write=True) as session:
            organisation = session.get(Organisation, duplicate.organisation.id)
            assert organisation
            organisation.status, organisation.verified_at = OrganisationStatus.WAITING, None
    client = sign_in(make.broker(PUTUO))
    assert merge(client, duplicate, kept) == 403
    refused = client.get(url(duplicate, "merge"))
    assert refused.status_code == 403 and "平台管理员" in refused.text
    assert url(duplicate, "merge") not in read(client.get(url(duplicate)).text).links
    assert sign_in(kept).get(f"/needs/{draft.id}").status_code == 404
    admin = sign_in(make.somebody(is_admin=True))
    assert url(duplicate, "merge") in read(admin.get(url(duplicate)).text).links
    assert merge(admin, duplicate, kept) == 303


class TestByABroker:
    """A broker may know who stands behind either organisation: nobody reads more by a merge that he decides."""

    @pytest.fixture
    def unverified(self, make: Factory, database: Database) -> Party:
        """The hospital, registered once more, not verified yet."""
        party = make.owner(OrganisationKind.HOSPITAL, name="示例重复医院", verified=False, code=code(1))
        department(database, party, "神经外科")
        return party

    @pytest.fixture
    def broker(self, make: Factory, sign_in: SignIn) -> TestClient:
        return sign_in(make.broker(PUTUO))

    def test_the_preview_says_that_members_ask_and_links_end(
        self, unverified: Party, kept: Party, broker: TestClient, sign_in: SignIn, make: Factory
    ) -> None:
        invite(sign_in(unverified), unverified, "new@test.example")
        page = read(broker.get(url(unverified, "merge"), params={"into": "示例中心医院"}).text)
        said = page["main"].text
        for expected in (
            "加入申请将自动提交",
            "转为加入申请",
            unverified.user.email,
            "邀请 1 份：合并后失效",
            "科室：神经外科",
        ):
            assert expected in said
        for untrue in ("将能查看保留的单位的全部内容", "编辑成员", "披露授权都归", "需求：0 条"):
            assert untrue not in said
        admin = read(
            sign_in(make.somebody(is_admin=True)).get(url(unverified, "merge"), params={"into": "示例中心医院"}).text
        )
        assert "将能查看保留的单位的全部内容" in admin["main"].text and "继续有效" in admin["main"].text

    def test_members_ask_and_who_belongs_to_both_stays(
        self,
        unverified: Party,
        kept: Party,
        broker: TestClient,
        make: Factory,
        sign_in: SignIn,
        database: Database,
        settings: Settings,
    ) -> None:
        both, waiting = make.join(unverified, MemberRole.OWNER), make.join(unverified, MemberRole.EDITOR)
        with database.session(write=True) as session:
            service.add_member(session, both.user.id, kept.organisation.id, MemberRole.VIEWER)
        person = make.somebody()
        sign_in(waiting).post("/organisations/join", data={"name": "示例中心医院"})
        for asking in (person, kept):
            sign_in(asking).post("/organisations/join", data={"name": "示例重复医院"})
        for _time in range(2):
            assert merge(broker, unverified, kept) == 303
        with database.session() as session:
            found = session.exec(select(Membership).where(Membership.organisation_id == kept.organisation.id)).all()
            assert {m.user_id: m.role for m in found} == {
                kept.user.id: MemberRole.OWNER,
                both.user.id: MemberRole.VIEWER,
            }
            gone = select(Membership).where(Membership.organisation_id == unverified.organisation.id)
            assert session.exec(gone).all() == []
            query = select(MembershipRequest).where(col(MembershipRequest.answered_at).is_(None))
            requests = session.exec(query).all()
            assert {r.organisation_id for r in requests} == {kept.organisation.id}
            assert sorted(r.user_id for r in requests) == sorted([unverified.user.id, waiting.user.id, person.user.id])
        sent = mails(database, settings)
        (told,) = [m for m in to(sent, kept.user.email) if "已并入" in m["Subject"]]
        assert "须经示例中心医院的管理成员同意后才能加入" in text(told) and url(kept, "members") in text(told)
        (own,) = [m for m in to(sent, unverified.user.email) if "已并入" in m["Subject"]]
        assert url(kept, "members") not in text(own)
        assert "示例中心医院" in read(sign_in(unverified).get("/organisations").text)["main"].text

    def test_links_of_the_duplicate_open_nothing(
        self,
        unverified: Party,
        kept: Party,
        broker: TestClient,
        make: Factory,
        sign_in: SignIn,
        database: Database,
        settings: Settings,
    ) -> None:
        invite(sign_in(unverified), unverified, "new@test.example")
        token = text(to(mails(database, settings), "new@test.example")[0]).partition("token=")[2].split()[0]
        assert merge(broker, unverified, kept) == 303
        client = sign_in(make.somebody(email="new@test.example"))
        assert client.get("/invitation", params={"token": token}).status_code == 410
        assert client.post("/invitation", data={"token": token}).status_code == 410
        with database.session() as session:
            found = session.exec(select(Membership).where(Membership.organisation_id == kept.organisation.id)).all()
        assert [m.user_id for m in found] == [kept.user.id]

    def test_texts_go_to_nobody(
        self, kept: Party, broker: TestClient, make: Factory, sign_in: SignIn, database: Database
    ) -> None:
        """Else the draft of a hospital that waits could be read by an organisation of the broker's choice."""
        unverified = make.owner(OrganisationKind.HOSPITAL, name="示例重复医院", verified=False)
        writer = make.join_all([make.party(), unverified], MemberRole.EDITOR)
        draft = make.need(Party(unverified.organisation, writer.user, writer.viewer), publish=False)
        assert merge(broker, unverified, kept) == 403
        refused = broker.get(url(unverified, "merge"))
        assert refused.status_code == 403
        assert "请联系平台管理员办理合并" in read(refused.text)["main"].text
        # Nothing comes of deleting it: it can be restored.
        sign_in(writer).post(f"/needs/{draft.id}/discard")
        assert merge(broker, unverified, kept) == 403
        assert sign_in(kept).get(f"/needs/{draft.id}").status_code == 404
        assert merge(sign_in(make.somebody(is_admin=True)), unverified, kept) == 303

    def test_what_is_written_meanwhile_goes_to_nobody(
        self, unverified: Party, kept: Party, broker: TestClient, make: Factory, database: Database
    ) -> None:
        writer = make.join_all([make.party(), unverified], MemberRole.EDITOR)
        assert merge(broker, unverified, kept) == 303
        with pytest.raises(service.MergedMeanwhile):
            make.need(Party(unverified.organisation, writer.user, writer.viewer), publish=False)
        with database.session() as session:
            assert session.exec(select(Need)).all() == []

    @pytest.mark.parametrize("verified", [True, False])
    def test_nobody_comes_into_an_organisation_without_an_owner(
        self, verified: bool, unverified: Party, broker: TestClient, make: Factory, database: Database
    ) -> None:
        """The broker himself would answer who asks to join it."""
        alone = make.party(OrganisationKind.HOSPITAL, name="示例没有管理成员的医院", verified=verified)
        answer = broker.get(url(unverified, "merge"), params={"into": "示例没有管理成员的医院"})
        assert answer.status_code == 422
        page = read(answer.text)
        assert "没有管理成员" in page.error("into") and "平台管理员" in page.error("into")
        assert "kept_id" not in page.fields
        assert merge(broker, unverified, alone) == 422
        with database.session() as session:
            assert session.exec(select(MembershipRequest)).all() == []
