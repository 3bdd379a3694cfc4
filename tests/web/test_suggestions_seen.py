"""What a user was shown and opened from suggestions: noted once a day, with the ranker's version and the position."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import col, select
from starlette.testclient import TestClient

from backend.capabilities.models import Capability
from backend.config import Settings
from backend.db import Database, utc_now
from backend.decisions.models import Decision, DecisionKind
from backend.matching import ranker, shown
from backend.needs.models import Need
from tests.conftest import SignIn, wait_for_engine
from tests.factories import Factory, Party
from tests.web.pages import read

TITLE = "房间隔穿刺针不能弯曲"


class Scene:
    """A need, two capabilities that fit it, and who may look."""

    def __init__(self, make: Factory, database: Database, app: FastAPI) -> None:
        self.database = database
        self.hospital, self.company = make.hospital(), make.party(name="示例·可调弯器械公司")
        self.need: Need = make.need(self.hospital, TITLE)
        self.capability: Capability = make.capability(self.company, "可调弯房间隔穿刺针")
        make.capability(make.party(), "房间隔穿刺针可在心脏内弯曲")
        self.broker = make.reviewer(self.need.region)
        self.url = f"/needs/{self.need.id}/suggestions"
        self.opening = f"{self.url}/{self.capability.id}"
        wait_for_engine(app)

    def rows(self, *kinds: DecisionKind) -> Sequence[Decision]:
        with self.database.session() as session:
            return session.exec(select(Decision).where(col(Decision.kind).in_(kinds)).order_by(col(Decision.id))).all()

    @property
    def shown(self) -> Sequence[Decision]:
        return self.rows(DecisionKind.SHOWN)

    @property
    def opened(self) -> Sequence[Decision]:
        return self.rows(DecisionKind.OPENED)


@pytest.fixture
def scene(make: Factory, database: Database, settings: Settings, app: FastAPI, client: TestClient) -> Scene:
    """With weights of the installation that call every candidate possible: the encoder of the tests has no meaning."""
    own = ranker.own_file(settings.data_dir)
    own.parent.mkdir()
    weights = replace(ranker.packaged(), strong=1.0, possible=0.0)
    own.write_text(json.dumps({"weights": asdict(weights)}), encoding="utf-8")
    return Scene(make, database, app)


def test_each_suggestion_is_noted_once_a_day_for_each_user(scene: Scene, sign_in: SignIn) -> None:
    reader = sign_in(scene.hospital)
    page = read(reader.get(scene.url).text)
    listed = [a for a in page.links if a.startswith(f"{scene.url}/")]
    assert len(listed) == len(page.all("h3", "match-org")) > 1
    rows = scene.shown
    assert [f"{scene.url}/{row.capability_id}" for row in rows] == listed
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    assert {row.ranker for row in rows} == {ranker.weights().version}
    assert {(row.user_id, row.side, row.organisation_id) for row in rows} == {
        (scene.hospital.user.id, "need_side", scene.hospital.organisation.id)
    }
    assert all(row.grade and 0 <= (row.probability or -1) <= 1 for row in rows)
    reader.get(scene.url)
    assert len(scene.shown) == len(rows)
    sign_in(scene.broker).get(scene.url)
    assert [row.side for row in scene.shown[len(rows) :]] == ["broker"] * len(rows)
    # The next day it counts again.
    with scene.database.session(write=True) as session:
        for row in session.exec(select(Decision)).all():
            row.at -= timedelta(days=1)
            session.add(row)
    reader.get(scene.url)
    assert len(scene.shown) == 3 * len(rows)


@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}])
def test_what_nobody_looks_at_is_not_noted(scene: Scene, sign_in: SignIn, headers: dict[str, str]) -> None:
    reader = sign_in(scene.hospital)
    assert reader.head(scene.url).status_code == 200 == reader.get(scene.url, headers=headers).status_code
    assert scene.shown == []
    reader.get(scene.url)
    assert reader.head(scene.opening).status_code == 303 == reader.get(scene.opening, headers=headers).status_code
    assert scene.opened == []


def test_the_other_side_is_shown_its_own_and_opens_it(scene: Scene, sign_in: SignIn) -> None:
    reader = sign_in(scene.company)
    reader.get(f"/capabilities/{scene.capability.id}/suggestions")
    (row,) = scene.shown
    assert (row.need_id, row.capability_id, row.side) == (scene.need.id, scene.capability.id, "capability_side")
    answer = reader.get(f"/capabilities/{scene.capability.id}/suggestions/{scene.need.id}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/needs/{scene.need.id}")
    (opened,) = scene.opened
    assert (opened.ranker, opened.position, opened.probability) == (row.ranker, row.position, row.probability)
    reader.get(f"/capabilities/{scene.capability.id}/suggestions/{scene.need.id}")
    assert len(scene.opened) == 1


def test_what_was_not_shown_is_not_opened_from_a_suggestion(
    scene: Scene, sign_in: SignIn, client: TestClient, make: Factory
) -> None:
    stranger: Party = make.party()
    for reader in (sign_in(scene.hospital), sign_in(stranger), client):
        answer = reader.get(scene.opening)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/capabilities/{scene.capability.id}")
    assert scene.opened == []


def test_of_old_suggestions_the_first_of_each_pair_stays_without_a_user(scene: Scene, sign_in: SignIn) -> None:
    for reader in (sign_in(scene.hospital), sign_in(scene.broker)):
        reader.get(scene.url)
        reader.get(scene.opening)
    count = len(scene.shown) // 2
    assert (len(scene.shown), len(scene.opened)) == (2 * count, 2)
    assert shown.forget(scene.database, utc_now() + shown.KEPT - timedelta(minutes=5)) == 0
    assert shown.forget(scene.database, utc_now() + shown.KEPT + timedelta(minutes=5)) == count + 1
    left = [*scene.shown, *scene.opened]
    assert (len(scene.shown), len(scene.opened)) == (count, 1)
    assert {(row.user_id, row.organisation_id) for row in left} == {(None, None)}
    assert {row.position for row in scene.shown} == set(range(1, count + 1))
    assert shown.forget(scene.database, utc_now() + shown.KEPT + timedelta(minutes=5)) == 0


def test_the_match_desk_notes_what_it_shows_and_what_is_opened_from_it(scene: Scene, sign_in: SignIn) -> None:
    broker, path = sign_in(scene.broker), f"/desk/needs/{scene.need.id}"
    broker.head(path)
    broker.get(path, headers={"Sec-Purpose": "prefetch"})
    assert list(scene.shown) == []
    page = read(broker.get(path).text)
    listed = [a for a in page.links if a.startswith(f"{scene.url}/")]
    rows = scene.shown
    assert [f"{scene.url}/{row.capability_id}" for row in rows] == listed and len(rows) > 1
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    assert {(row.ranker, row.user_id, row.side, row.organisation_id) for row in rows} == {
        (ranker.weights().version, scene.broker.user.id, "broker", None)
    }
    broker.get(scene.url)
    assert len(scene.shown) == len(rows), "the page of the need shows the same suggestions"
    answer = broker.get(scene.opening)
    assert answer.headers["location"] == f"/capabilities/{scene.capability.id}"
    [opened] = scene.opened
    was = next(row for row in rows if row.capability_id == scene.capability.id)
    assert (opened.position, opened.ranker, opened.grade) == (was.position, was.ranker, was.grade)


def test_what_a_filter_of_the_match_desk_leaves_out_was_not_shown(scene: Scene, sign_in: SignIn) -> None:
    sign_in(scene.broker).get(f"/desk/needs/{scene.need.id}?kind=capital")
    assert list(scene.shown) == []
    sign_in(scene.broker).get(f"/desk/needs/{scene.need.id}?kind={scene.capability.kind.value}")
    assert {row.position for row in scene.shown} == set(range(1, len(scene.shown) + 1))
