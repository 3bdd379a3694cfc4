"""One's own data: taken along whole, and gone at the end of the account, except what others rely on."""

import json
from collections.abc import Sequence

import pytest
from sqlmodel import SQLModel, col, delete, select, update
from starlette.testclient import TestClient

from backend.accounts.models import SecondFactor, User
from backend.attachments.kinds import FileKind
from backend.attachments.models import Attachment, Holder
from backend.audit.models import AuditEvent
from backend.capabilities.models import Capability
from backend.db import Database
from backend.decisions.models import Decision, DecisionKind
from backend.desk.kinds import ItemKind
from backend.desk.models import DeskMark
from backend.disclosure.drafts import DraftCopy
from backend.disclosure.models import SubjectKind
from backend.models import TABLES
from backend.needs.models import Need
from backend.organisations.models import MemberRole, Membership
from backend.personal import service
from backend.transfers.models import Import
from tests.conftest import SignIn
from tests.factories import PASSWORD, Factory, Party
from tests.postbox import Postbox
from tests.web.pages import read
from tests.web.test_second_factor import set_up


@pytest.fixture
def doctor(make: Factory) -> Party:
    """An editor of a hospital that has an owner as well."""
    party = make.hospital()
    make.join(party, MemberRole.OWNER)
    return party


def columns(references: Sequence[service.Reference]) -> set[str]:
    return {f"{model.__tablename__}.{name}" for model, name in references}


def test_every_column_that_refers_to_a_user_is_thought_of() -> None:
    """Whoever adds a table decides what becomes of its rows: see backend/personal/service.py."""
    assert TABLES
    found = {
        f"{table.name}.{key.parent.name}"
        for table in SQLModel.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == User.__tablename__
    }
    listed = [columns(part) for part in (service.CLEARED, service.REMOVED, service.KEPT)]
    assert set.union(*listed) == found
    assert sum(map(len, listed)) == len(found)


def test_the_download_holds_everything_and_no_secret(
    postbox: Postbox, make: Factory, doctor: Party, sign_in: SignIn
) -> None:
    here = sign_in(doctor)
    phone = set_up(here)
    make.need(doctor, "本人写的需求", requirements=("弯度不小于 30 度",))
    make.need(make.hospital(), "别人写的需求")
    make.capability(doctor, "本人写的能力")
    assert "/account/data/download" in read(here.get("/account/data").text).links
    answer = here.get("/account/data/download")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"] == "no-store"
    data = json.loads(answer.content)
    assert data["account"]["email"] == doctor.user.email
    assert [m["organisation_name"] for m in data["memberships"]] == [doctor.organisation.name]
    assert len(data["sessions"]) == 2
    assert [(t["title"], t["requirements"]) for t in data["texts"]["needs"]] == [("本人写的需求", ["弯度不小于 30 度"])]
    assert [t["title"] for t in data["texts"]["capabilities"]] == ["本人写的能力"]
    assert {"need:submit", "account:second-factor:on", "account:export"} <= {e["event"] for e in data["audit"]}
    assert [mail["event"] for mail in data["mails"] if mail["event"] != "notification"] == ["second-factor-on"]
    for secret in ("password_hash", "token_digest", "argon2", phone.totp.secret, "别人写的"):
        assert secret not in answer.text


def test_what_was_shown_and_put_off_is_in_the_download_and_loses_its_name_with_the_account(
    doctor: Party, make: Factory, sign_in: SignIn, database: Database
) -> None:
    need = make.need(doctor, "本人的需求")
    capability = make.capability(make.party(), "别家的能力")
    with database.session(write=True) as session:
        session.add(
            Decision(
                kind=DecisionKind.OPENED,
                need_id=need.id,
                capability_id=capability.id,
                user_id=doctor.user.id,
                position=2,
                probability=0.7,
            )
        )
        session.add(
            DeskMark(
                organisation_id=doctor.organisation.id,
                kind=ItemKind.REVIEW_NEED,
                subject_id=need.id,
                reason="等补充材料",
                deferred_by=doctor.user.id,
            )
        )
        session.add(Import(organisation_id=doctor.organisation.id, user_id=doctor.user.id, file_name="需求.xlsx"))
    here = sign_in(doctor)
    data = json.loads(here.get("/account/data/download").content)
    shown = [(d["kind"], d["need_id"], d["capability_id"], d["position"]) for d in data["decisions"]]
    assert shown == [("opened", need.id, capability.id, 2)] and "probability" not in data["decisions"][0]
    assert [mark["reason"] for mark in data["desk"]] == ["等补充材料"]
    assert [batch["file_name"] for batch in data["imports"]] == ["需求.xlsx"]
    with database.session(write=True) as session:
        user = session.get(User, doctor.user.id)
        assert user
        service.delete_account(session, user, actor_id=user.id, forced=True)
    with database.session() as session:
        decision = session.exec(select(Decision)).one()
        mark, batch = session.exec(select(DeskMark)).one(), session.exec(select(Import)).one()
        assert decision.user_id is None and mark.deferred_by is None and batch.user_id is None
        assert decision.kind is DecisionKind.OPENED, "the event itself stays for learning, without the user"


def copy_beside(need: Need, party: Party, problem: str) -> DraftCopy:
    """What a form has saved of a need by itself."""
    return DraftCopy(
        subject_kind=SubjectKind.NEED,
        subject_id=need.id,
        user_id=party.user.id,
        editing="0" * 16,
        version=1,
        data={"problem": problem},
    )


def test_whoever_has_left_takes_nothing_along_that_was_written_since(
    make: Factory, doctor: Party, sign_in: SignIn, database: Database
) -> None:
    here = sign_in(doctor)
    need = make.need(doctor, publish=False, problem="离开之前所写", contact="示例联系人")
    offer = make.capability(doctor, publish=False, summary="离开之前的能力")
    with database.session(write=True) as session:
        session.add(
            Attachment(
                subject_kind=Holder.NEED,
                subject_id=need.id,
                name="内部图纸.pdf",
                kind=FileKind.PDF,
                size=1,
                digest="0" * 64,
                stored_name="0" * 32,
                stripped=False,
                uploaded_by=doctor.user.id,
            )
        )
    assert "内部图纸" in here.get("/account/data/download").text
    with database.session(write=True) as session:
        session.exec(delete(Membership).where(col(Membership.user_id) == doctor.user.id))
        session.add(copy_beside(need, doctor, "表单里的副本"))
        session.exec(update(Need).where(col(Need.id) == need.id).values(problem="同事后来所写"))
    answer = here.get("/account/data/download")
    for text in ("离开之前", "同事后来所写", "表单里的副本", "示例联系人", "内部图纸", need.title):
        assert text not in answer.text
    texts = json.loads(answer.content)["texts"]
    assert [(t["id"], t["left_with_the_organisation"]) for t in texts["needs"]] == [(need.id, True)]
    assert [t["id"] for t in texts["capabilities"]] == [offer.id]


def test_a_visitor_gets_nothing(client: TestClient) -> None:
    for url in ("/account/data", "/account/data/download", "/account/delete"):
        assert client.get(url).headers["location"].startswith("/sign-in")
    assert client.post("/account/delete", data={"password": PASSWORD}).status_code == 303


def test_the_end_of_an_account(
    postbox: Postbox, make: Factory, doctor: Party, sign_in: SignIn, database: Database
) -> None:
    here, elsewhere = sign_in(doctor), sign_in(doctor)
    need, capability = make.need(doctor), make.capability(doctor)
    # Broker and author have been told by mail of the review; what is written by a request wakes the thread that sends.
    assert here.post("/notifications/read").status_code == 303
    postbox.collect()
    assert read(here.post("/account/delete", data={"password": "wrong"}).text).error("password") == "密码不正确。"
    assert read(here.post("/account/delete", data={"password": ""}).text).error("password") == "请填写密码。"
    done = here.post("/account/delete", data={"password": PASSWORD})
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "账号已注销" in read(here.get("/").text)["flash"].text
    assert elsewhere.get("/account").status_code == 303
    assert "Your account was deleted" in postbox.the_one(doctor.user.email).subject
    again = here.post("/sign-in", data={"email": doctor.user.email, "password": PASSWORD})
    assert again.status_code == 422
    with database.session() as session:
        user = session.get(User, doctor.user.id)
        assert user is not None and user.deleted_at and not user.is_active
        assert (user.name, user.password_hash) == ("已注销", "")
        assert doctor.user.email not in user.email
        for row in (session.exec(select(Need)).one(), session.exec(select(Capability)).one()):
            assert row.id in (need.id, capability.id) and row.author_id is None
        assert not session.exec(select(Membership).where(Membership.user_id == user.id)).all()
        trail = session.exec(select(AuditEvent).where(AuditEvent.actor_id == user.id)).all()
        assert trail[-1].event == "account:delete"


def test_the_address_is_free_again_and_leads_to_a_new_account(
    postbox: Postbox, doctor: Party, sign_in: SignIn, database: Database
) -> None:
    here = sign_in(doctor)
    here.post("/account/delete", data={"password": PASSWORD})
    postbox.collect()
    form = {"name": "新人", "email": doctor.user.email, "password": "three-quiet-lanterns", "next": "/"}
    here.post("/register", data=form)
    assert "confirm your e-mail" in postbox.the_one(doctor.user.email).subject
    with database.session() as session:
        assert session.exec(select(User.id).where(User.email == doctor.user.email)).one() != doctor.user.id


def test_with_a_second_factor_its_code_is_asked_for_too(doctor: Party, sign_in: SignIn, database: Database) -> None:
    here = sign_in(doctor)
    phone = set_up(here)
    assert "code" in read(here.get("/account/delete").text)
    assert read(here.post("/account/delete", data={"password": PASSWORD}).text).error("code")
    wrong = here.post("/account/delete", data={"password": PASSWORD, "code": "000000"})
    assert (wrong.status_code, here.get("/account").status_code) == (422, 200)
    assert here.post("/account/delete", data={"password": PASSWORD, "code": phone.codes[0]}).status_code == 303
    with database.session() as session:
        assert session.get(SecondFactor, doctor.user.id) is None


def test_the_only_owner_hands_over_first(make: Factory, sign_in: SignIn, database: Database) -> None:
    owner = make.party(role=MemberRole.OWNER)
    colleague = make.join(owner, MemberRole.EDITOR)
    here = sign_in(owner)
    assert owner.organisation.name in read(here.get("/account/delete").text)["error-summary"].text
    answer = here.post("/account/delete", data={"password": PASSWORD})
    assert answer.status_code == 409
    assert "唯一的管理成员" in read(answer.text)["error-summary"].text
    assert here.get("/account").status_code == 200
    with database.session(write=True) as session:
        statement = update(Membership).where(col(Membership.user_id) == colleague.user.id)
        session.exec(statement.values(role=MemberRole.OWNER))
    assert here.post("/account/delete", data={"password": PASSWORD}).status_code == 303


def test_whoever_is_alone_in_an_organisation_may_leave_it_empty(make: Factory, sign_in: SignIn) -> None:
    here = sign_in(make.party(role=MemberRole.OWNER))
    assert here.post("/account/delete", data={"password": PASSWORD}).status_code == 303


def test_wrong_passwords_are_limited_here_as_well(doctor: Party, sign_in: SignIn) -> None:
    here = sign_in(doctor)
    statuses = [here.post("/account/delete", data={"password": "wrong"}).status_code for _ in range(9)]
    assert statuses == [422] * 8 + [429]
