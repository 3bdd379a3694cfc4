"""A sign-in from a new place is told of; what a user does every day is not."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from backend.accounts import throttle
from backend.accounts.models import ThrottleHit
from backend.db import Database, utc_now
from tests.factories import PASSWORD, Factory, Party
from tests.postbox import Postbox

OFFICE, PHONE, ELSEWHERE = "192.0.2.1", "198.51.100.7", "203.0.113.9"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
NEWER_CHROME = CHROME.replace("140", "141")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def member(make: Factory) -> Party:
    """A member of an enterprise."""
    return make.party()


def sign_in_from(app: FastAPI, member: Party, address: str, user_agent: str, password: str = PASSWORD) -> int:
    visitor = TestClient(app, follow_redirects=False, client=(address, 50000), headers={"User-Agent": user_agent})
    return visitor.post("/sign-in", data={"email": member.user.email, "password": password}).status_code


def test_a_new_browser_in_a_new_network_is_told_of_once(postbox: Postbox, app: FastAPI, member: Party) -> None:
    with TestClient(app):
        assert sign_in_from(app, member, OFFICE, CHROME) == 303
        assert postbox.collect() == []
        assert sign_in_from(app, member, ELSEWHERE, FIREFOX) == 303
        letter = postbox.the_one(member.user.email)
        assert "Sign-in from a new place" in letter.subject
        assert "Firefox（Linux）" in letter.text
        assert ELSEWHERE not in letter.text
        assert sign_in_from(app, member, ELSEWHERE, FIREFOX) == 303
        assert postbox.collect() == []


@pytest.mark.parametrize(("address", "user_agent"), [(OFFICE, FIREFOX), (PHONE, NEWER_CHROME)])
def test_a_known_network_or_a_known_browser_is_no_news(
    address: str, user_agent: str, postbox: Postbox, app: FastAPI, member: Party
) -> None:
    with TestClient(app):
        for where, what in ((OFFICE, CHROME), (address, user_agent)):
            assert sign_in_from(app, member, where, what) == 303
        assert postbox.collect() == []


def test_a_refused_sign_in_makes_no_place_known(postbox: Postbox, app: FastAPI, member: Party) -> None:
    with TestClient(app):
        assert sign_in_from(app, member, OFFICE, CHROME) == 303
        assert sign_in_from(app, member, ELSEWHERE, FIREFOX, password="wrong") == 422
        assert postbox.collect() == []
        assert sign_in_from(app, member, ELSEWHERE, FIREFOX) == 303
        assert "Sign-in from a new place" in postbox.the_one(member.user.email).subject


def test_places_are_kept_as_digests_and_for_a_time(app: FastAPI, member: Party, database: Database) -> None:
    assert sign_in_from(app, member, OFFICE, CHROME) == 303
    with database.session() as session:
        hits = session.exec(select(ThrottleHit.key)).all()
        assert hits and not [key for key in hits if OFFICE in key or member.user.id in key]
        assert throttle.is_known_place(session, member.user.id, OFFICE)
        assert not throttle.is_known_place(session, member.user.id, ELSEWHERE)
    with pytest.MonkeyPatch.context() as patch, database.session() as session:
        patch.setattr(throttle, "utc_now", lambda: utc_now() + timedelta(days=throttle.KNOWN_DAYS + 1))
        assert not throttle.is_known_place(session, member.user.id, OFFICE)
