"""The second factor: set up with a real authenticator's arithmetic, asked for at sign-in, each code taken once."""

import base64
import re
import time
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from fastapi import FastAPI
from sqlmodel import col, select, update
from starlette.testclient import TestClient

from backend.accounts import second_factor, sessions
from backend.accounts.models import AccountToken, RecoveryCode, SecondFactor, User, UserSession
from backend.api import service as tokens
from backend.api.scopes import Scope
from backend.audit.models import AuditEvent
from backend.config import Settings
from backend.db import Database, new_id, utc_now
from backend.main import create_app
from backend.matching.index_sync import SearchEngine
from backend.organisations.models import OrganisationKind
from tests.conftest import SignIn
from tests.factories import PASSWORD, PUTUO, Factory, Party
from tests.postbox import Postbox
from tests.web.pages import read

OWN = "/account/second-factor"
Moved = Callable[[int], None]


@pytest.fixture
def member(make: Factory) -> Party:
    """A member of an enterprise."""
    return make.party()


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch) -> Moved:
    """Moves the clock of the second factor on by seconds."""

    def to(seconds: int) -> None:
        monkeypatch.setattr(second_factor, "utc_now", lambda: utc_now() + timedelta(seconds=seconds))

    return to


class Phone:
    """An authenticator, with the recovery codes that were noted beside it."""

    def __init__(self, key: str, codes: list[str]) -> None:
        self.totp, self.codes = pyotp.TOTP(key), codes

    def code(self, seconds: int = 0) -> str:
        """What it shows so many seconds from now."""
        return self.totp.at(int(time.time()) + seconds)


def begin(here: TestClient) -> Phone:
    """Begin the set-up and read the page."""
    assert here.post(OWN, data={"password": PASSWORD}).headers["location"] == f"{OWN}/set-up"
    page = read(here.get(f"{OWN}/set-up").text)
    codes = [item.text for item in page.all("code") if "key" not in item.attributes.get("class", "")]
    return Phone(page.all("code", "key")[0].text.replace(" ", ""), codes)


def set_up(here: TestClient) -> Phone:
    """Set the second factor up."""
    phone = begin(here)
    done = here.post(f"{OWN}/set-up", data={"code": phone.code()})
    assert (done.status_code, done.headers["location"]) == (303, OWN)
    return phone


def sign_in_by_password(visitor: TestClient, party: Party, url: str = "/needs") -> str:
    answer = visitor.post("/sign-in", data={"email": party.user.email, "password": PASSWORD, "next": url})
    assert answer.status_code == 303
    return answer.headers["location"]


def enter(visitor: TestClient, code: str, url: str = "/needs") -> int:
    return visitor.post("/sign-in/code", data={"code": code, "next": url}).status_code


def test_setting_up_by_a_picture_and_a_first_code(postbox: Postbox, member: Party, sign_in: SignIn) -> None:
    here = sign_in(member)
    assert "开始设置" in read(here.get(OWN).text)["main"].text
    phone = begin(here)
    page = read(here.get(f"{OWN}/set-up").text)
    picture = page.all("img", "qr")[0].attributes["src"]
    assert picture.startswith("data:image/svg+xml")
    assert len(set(phone.codes)) == 10
    assert len(base64.b32decode(phone.totp.secret)) >= 20
    wrong = here.post(f"{OWN}/set-up", data={"code": "000000"})
    assert wrong.status_code == 422
    assert "不正确" in read(wrong.text).error("code")
    before = here.cookies[sessions.COOKIE]
    assert here.post(f"{OWN}/set-up", data={"code": f" {phone.code()[:3]} {phone.code()[3:]} "}).status_code == 303
    assert here.cookies[sessions.COOKIE] != before
    assert "二次验证已启用" in read(here.get(OWN).text)["flash"].text
    assert "剩余恢复码 10 个" in here.get(OWN).text
    assert "Two-step sign-in is on" in postbox.the_one(member.user.email).subject


def test_the_set_up_can_be_looked_at_again_until_it_is_finished_and_not_after(member: Party, sign_in: SignIn) -> None:
    here = sign_in(member)
    first = begin(here)
    second = begin(here)
    assert (first.totp.secret, first.codes) == (second.totp.secret, second.codes)
    assert here.post(f"{OWN}/set-up", data={"code": first.code()}).status_code == 303
    assert here.get(f"{OWN}/set-up").headers["location"] == OWN
    assert here.post(OWN).headers["location"] == OWN
    again = here.post(f"{OWN}/set-up", data={"code": first.code(30)})
    assert again.status_code == 409


def test_the_password_is_asked_before_the_set_up_begins(member: Party, sign_in: SignIn, database: Database) -> None:
    here = sign_in(member)
    for password, message in (("", "请填写密码。"), ("wrong", "密码不正确。")):
        answer = here.post(OWN, data={"password": password})
        assert answer.status_code == 422
        assert read(answer.text).error("password") == message
    with database.session() as session:
        assert session.get(SecondFactor, member.user.id) is None
    statuses = [here.post(OWN, data={"password": "wrong"}).status_code for _ in range(8)]
    assert statuses == [422] * 7 + [429]


def test_a_set_up_that_somebody_else_may_have_seen_is_begun_anew(member: Party, sign_in: SignIn, move: Moved) -> None:
    here = sign_in(member)
    seen = begin(here)
    move(60)
    own = begin(here)
    assert own.totp.secret != seen.totp.secret
    assert not set(own.codes) & set(seen.codes)
    assert here.post(f"{OWN}/set-up", data={"code": seen.code(60)}).status_code == 422
    assert here.post(f"{OWN}/set-up", data={"code": own.code(60)}).status_code == 303


def test_nothing_that_is_stored_opens_anything(
    member: Party, sign_in: SignIn, database: Database, settings: Settings
) -> None:
    phone = begin(sign_in(member))
    with database.session() as session:
        begun = session.exec(select(SecondFactor)).one()
    assert phone.totp.secret not in begun.secret
    assert settings.data_dir.joinpath("secret.key").stat().st_mode & 0o777 == 0o600
    here = sign_in(member)
    here.post(f"{OWN}/set-up", data={"code": phone.code()})
    with database.session() as session:
        done = session.exec(select(SecondFactor)).one()
        stored = [row.code_digest for row in session.exec(select(RecoveryCode)).all()]
    assert done.codes_seed is None
    assert len(stored) == 10
    assert not [d for d in stored for code in phone.codes if code in d or code.replace("-", "") in d]


def test_signing_in_takes_two_steps(
    client: TestClient, member: Party, sign_in: SignIn, move: Moved, database: Database
) -> None:
    phone = set_up(sign_in(member))
    assert client.get("/sign-in/code?next=/needs").headers["location"] == "/sign-in?next=/needs"
    assert sign_in_by_password(client, member) == "/sign-in/code?next=/needs"
    assert client.get("/needs").status_code == 303
    page = read(client.get("/sign-in/code?next=/needs").text)
    assert page.fields["next"] == "/needs"
    wrong = client.post("/sign-in/code", data={"code": "123", "next": "/needs"})
    assert wrong.status_code == 422
    assert read(wrong.text).error("code")
    assert read(client.post("/sign-in/code", data={"code": ""}).text).error("code") == "请填写验证码。"
    move(30)
    assert enter(client, phone.code(30)) == 303
    assert client.get("/needs").status_code == 200
    assert client.post("/sign-in/code", data={"code": phone.code(60)}).headers["location"].startswith("/sign-in")
    with database.session() as session:
        events = [e.event for e in session.exec(select(AuditEvent).order_by(col(AuditEvent.id))).all()]
    assert events[-2:] == ["account:second-factor:refuse", "account:session:start"]


def test_a_code_is_taken_once(app: FastAPI, member: Party, sign_in: SignIn, move: Moved) -> None:
    phone = set_up(sign_in(member))
    spent = phone.code()
    move(30)
    fresh = phone.code(30)
    for code, status in ((spent, 422), (fresh, 303), (fresh, 422)):
        visitor = TestClient(app, follow_redirects=False)
        sign_in_by_password(visitor, member)
        assert enter(visitor, code) == status


@pytest.mark.parametrize("kind", ["time", "recovery"])
def test_the_holder_is_told_of_a_code_that_is_used_again(
    kind: str, postbox: Postbox, app: FastAPI, member: Party, sign_in: SignIn, move: Moved
) -> None:
    """Refused, written down, and told (ASVS 2.8.5); a wrong code is no reason for a mail."""
    here = sign_in(member)
    phone = set_up(here)
    move(30)
    code = phone.code(30) if kind == "time" else phone.codes[2]
    visitor = TestClient(app, follow_redirects=False)
    sign_in_by_password(visitor, member)
    assert enter(visitor, code) == 303
    postbox.collect()
    sign_in_by_password(visitor, member)
    assert enter(visitor, "000 000") == 422
    assert postbox.collect() == []
    assert enter(visitor, code) == 422
    assert "A code was used again" in postbox.the_one(member.user.email).subject
    assert here.post(f"{OWN}/off", data={"password": PASSWORD, "code": code}).status_code == 422
    assert "A code was used again" in postbox.the_one(member.user.email).subject


def test_a_clock_may_be_off_by_one_step_and_no_more(app: FastAPI, member: Party, sign_in: SignIn, move: Moved) -> None:
    phone = set_up(sign_in(member))
    move(300)
    for off, status in ((-60, 422), (60, 422), (-30, 303), (30, 303)):
        visitor = TestClient(app, follow_redirects=False)
        sign_in_by_password(visitor, member)
        assert enter(visitor, phone.code(300 + off)) == status


def test_a_recovery_code_stands_in_once(app: FastAPI, member: Party, sign_in: SignIn) -> None:
    phone = set_up(sign_in(member))
    visitor = TestClient(app, follow_redirects=False)
    sign_in_by_password(visitor, member)
    assert enter(visitor, f" {phone.codes[3].upper()} ") == 303
    assert "已用恢复码登录" in read(visitor.get("/needs").text)["flash"].text
    assert "剩余恢复码 9 个" in visitor.get("/account").text
    sign_in_by_password(visitor, member)
    assert enter(visitor, phone.codes[3]) == 422
    assert enter(visitor, phone.codes[4].replace("-", "")) == 303


def test_a_sign_in_that_waits_too_long_begins_anew(
    client: TestClient, member: Party, sign_in: SignIn, database: Database
) -> None:
    phone = set_up(sign_in(member))
    sign_in_by_password(client, member)
    with database.session(write=True) as session:
        session.exec(update(AccountToken).values(expires_at=utc_now() - timedelta(seconds=1)))
    answer = client.post("/sign-in/code", data={"code": phone.codes[0], "next": "/needs"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/needs")


def test_new_recovery_codes_replace_the_old_ones_once_they_are_noted(
    app: FastAPI, member: Party, sign_in: SignIn, move: Moved
) -> None:
    here = sign_in(member)
    phone = set_up(here)
    move(30)
    url = f"{OWN}/codes"
    assert read(here.post(url, data={"password": "wrong", "code": phone.code(30)}).text).error("password")
    assert read(here.post(url, data={"password": PASSWORD, "code": "000000"}).text).error("code")
    assert here.post(url, data={"password": PASSWORD, "code": phone.code(30)}).headers["location"] == url
    shown = [item.text for item in read(here.get(url).text).all("code")]
    assert len(set(shown) - set(phone.codes)) == 10
    visitor = TestClient(app, follow_redirects=False)
    sign_in_by_password(visitor, member)
    assert enter(visitor, phone.codes[0]) == 303
    assert here.post(f"{url}/noted").headers["location"] == OWN
    assert here.post(f"{url}/noted").status_code == 409
    assert not read(here.get(url).text).all("code")
    sign_in_by_password(visitor, member)
    assert enter(visitor, phone.codes[1]) == 422
    assert enter(visitor, shown[1]) == 303


def test_switching_off_asks_for_both_factors(
    postbox: Postbox, client: TestClient, member: Party, sign_in: SignIn
) -> None:
    here = sign_in(member)
    phone = set_up(here)
    postbox.collect()
    off = f"{OWN}/off"
    assert here.post(off, data={"password": "wrong", "code": phone.codes[0]}).status_code == 422
    assert here.post(off, data={"password": PASSWORD, "code": "wrong"}).status_code == 422
    assert here.get(off).status_code == 200
    before = here.cookies[sessions.COOKIE]
    assert here.post(off, data={"password": PASSWORD, "code": phone.codes[0]}).headers["location"] == OWN
    assert here.cookies[sessions.COOKIE] != before
    assert here.get(off).headers["location"] == OWN
    assert "Two-step sign-in is off" in postbox.the_one(member.user.email).subject
    assert sign_in_by_password(client, member) == "/needs"


def test_switching_off_ends_all_other_sessions_and_tokens(
    member: Party, sign_in: SignIn, database: Database, client: TestClient
) -> None:
    """Whoever has found the lost phone may be signed in somewhere (ASVS 2.8.6)."""
    here, there = sign_in(member), sign_in(member)
    phone = set_up(here)
    with database.session(write=True) as session:
        token = tokens.create(session, member.user, new_id(), name="test", scopes=[Scope.READ], days=1)
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/me", headers=bearer).status_code == 200
    assert here.post(f"{OWN}/off", data={"password": PASSWORD, "code": phone.codes[0]}).status_code == 303
    assert (here.get("/account").status_code, there.get("/account").status_code) == (200, 303)
    assert client.get("/api/v1/me", headers=bearer).status_code == 401


def bare(make: Factory, database: Database, *, admin: bool = False) -> Party:
    """A broker, or an administrator, who has not set up a second factor yet."""
    party = make.party() if admin else make.broker()
    with database.session(write=True) as session:
        found = session.get(SecondFactor, party.user.id)
        if found:
            session.delete(found)
        session.exec(update(User).where(col(User.id) == party.user.id).values(is_admin=admin))
    return party


@pytest.mark.parametrize("admin", [False, True])
def test_brokers_and_administrators_are_led_to_it_before_anything_else(
    admin: bool, make: Factory, database: Database, sign_in: SignIn
) -> None:
    here = sign_in(bare(make, database, admin=admin))
    for url in ("/", "/needs", "/search?q=针", "/needs/new", "/capabilities"):
        answer = here.get(url)
        assert (answer.status_code, answer.headers["location"]) == (303, OWN)
    assert here.post("/needs", data={"title": "标题"}).status_code == 403
    fragment = here.get("/needs", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["hx-redirect"]) == (403, OWN)
    assert "须先启用二次验证" in read(here.get(OWN).text)["main"].text
    set_up(here)
    assert here.get("/needs").status_code == 200


def test_an_agency_that_nobody_has_verified_makes_no_brokers(make: Factory, sign_in: SignIn) -> None:
    party = make.party(OrganisationKind.AGENCY, region=PUTUO, jurisdiction=PUTUO, verified=False)
    assert not party.viewer.is_broker
    assert sign_in(party).get("/needs").status_code == 200


def test_a_demonstration_offers_it_without_forcing_anybody(
    settings: Settings, database: Database, engine: SearchEngine, make: Factory, sign_in: SignIn
) -> None:
    party = bare(make, database)
    demo = TestClient(
        create_app(settings.model_copy(update={"demo": True}), database=database, engine=engine),
        follow_redirects=False,
        cookies=dict(sign_in(party).cookies),
    )
    assert demo.get("/needs").status_code == 200
    assert "开始设置" in demo.get(OWN).text


def test_the_error_page_of_somebody_without_it_has_a_frame_and_no_loop(
    make: Factory, database: Database, sign_in: SignIn
) -> None:
    party = bare(make, database)
    answer = sign_in(party).get("/no-such-page")
    assert answer.status_code == 404
    assert party.user.name in answer.text


def test_a_lost_site_key_lets_nobody_in_by_the_authenticator_and_breaks_nothing(
    client: TestClient, member: Party, sign_in: SignIn, database: Database, app: FastAPI, settings: Settings
) -> None:
    phone = set_up(sign_in(member))
    settings.data_dir.joinpath("secret.key").unlink()
    with TestClient(create_app(settings, database=database, engine=app.state.engine), follow_redirects=False) as other:
        sign_in_by_password(other, member)
        assert enter(other, phone.code(30)) == 422
        assert enter(other, phone.codes[0]) == 422


def test_a_set_up_that_is_never_finished_is_forgotten(member: Party, sign_in: SignIn, database: Database) -> None:
    begin(sign_in(member))
    with database.session(write=True) as session:
        assert second_factor.forget_stale(session, timedelta(days=1)) == 0
        assert second_factor.forget_stale(session, timedelta(seconds=-1)) == 1


def test_no_code_and_no_key_stands_in_the_audit_trail(member: Party, sign_in: SignIn, database: Database) -> None:
    phone = set_up(sign_in(member))
    with database.session() as session:
        trail = repr([(e.event, e.detail) for e in session.exec(select(AuditEvent)).all()])
        assert len(session.exec(select(UserSession)).all()) == 2
    assert "account:second-factor:on" in trail
    assert not re.search("|".join([phone.totp.secret, *phone.codes]), trail)
