"""What the ledger of a case shows to whom: every word that is written into it is looked for by everybody.

Who may read what is written out here in the words of the design: the sides of the case and partners that have come in
read all of it, each of two cities its own leg, nobody else anything.
"""

import pytest

from backend.db import Database
from backend.introductions.models import Introduction
from backend.ledger.service import Move, Plan
from backend.ledger.states import StepKind
from backend.needs.models import NeedKind
from backend.organisations.models import MemberRole
from tests.conftest import SignIn
from tests.factories import JIADING, Factory
from tests.unit.test_ledger import Landing

pytestmark = pytest.mark.access_matrix

BLOCKER, EVIDENCE, REASON, OWNER = "blockercanary", "evidencecanary", "reasoncanary", "ownercanary"
OF_RESEARCH, OF_PRODUCTION = (BLOCKER, OWNER), (EVIDENCE, REASON)
BRIEFS = ("needbriefcanary", "needannexcanary", "capabilityannexcanary")


class Told(Landing):
    """A case of two cities with a word of its own in everything that is written into its ledger."""

    def __init__(self, make: Factory, database: Database) -> None:
        super().__init__(make, database)
        self.need = make.need(self.hospital, "另一条需求", anonymous=True, problem=BRIEFS[0], contact=BRIEFS[1])
        self.capability = make.capability(self.company, "另一项能力", anonymous=True, contact=BRIEFS[2])

    def written(self) -> Introduction:
        row = self.agreed()
        self.plan(self.company, row, StepKind.ANIMAL, Plan(owner_name=OWNER))
        self.move(self.company, row, StepKind.ANIMAL, "block", Move(BLOCKER, NeedKind.SPACE))
        self.move(self.company, row, StepKind.TYPE_TEST, "finish", Move(evidence=EVIDENCE))
        self.move(self.company, row, StepKind.PILOT, "skip", Move(REASON))
        return row


def test_every_word_of_a_ledger_is_read_by_those_in_the_case_alone(
    make: Factory, database: Database, sign_in: SignIn
) -> None:
    scene = Told(make, database)
    row = scene.written()
    lab, waiting = scene.partner(row), scene.make.party(name="示例·尚未加入的平台")
    second = scene.divided(row)
    words = {*OF_RESEARCH, *OF_PRODUCTION}
    people = {
        "need": (scene.hospital, words),
        "need's reader": (make.join(scene.hospital, MemberRole.VIEWER), words),
        "capability": (scene.company, words),
        "partner": (lab, words),
        "city of research": (scene.broker, set(OF_RESEARCH)),
        "city of production": (second, set(OF_PRODUCTION)),
        "third city": (make.broker("310106"), set()),
        "stranger": (waiting, set()),
        "admin": (make.somebody(is_admin=True), set()),
    }
    url = f"/introductions/{row.id}"
    steps = [f"{url}/ledger/{kind}" for kind in StepKind]
    for role, (party, expected) in people.items():
        browser = sign_in(party)
        told = ""
        for path in (url, f"{url}/ledger", f"{url}/story", "/ledger", "/notifications", *steps):
            for headers in ({}, {"HX-Request": "true"}):
                answer = browser.get(path, headers=headers)
                assert answer.status_code in (200, 404), (role, path)
                told += answer.text
        assert {word for word in (*words, *BRIEFS) if word in told} == expected, role
        assert (scene.need.title in told) == bool(expected), role


def test_a_partner_that_has_not_come_in_reads_nothing(make: Factory, database: Database, sign_in: SignIn) -> None:
    scene = Told(make, database)
    row = scene.written()
    lab = sign_in(scene.partner(row, accepts=False))
    for path in ("ledger", "ledger/animal", "story"):
        assert lab.get(f"/introductions/{row.id}/{path}").status_code == 404
    assert scene.need.title not in lab.get("/ledger").text


def test_before_it_is_agreed_a_case_has_no_ledger(make: Factory, database: Database, sign_in: SignIn) -> None:
    scene = Told(make, database)
    row = scene.introduced()
    for party in (scene.hospital, scene.company, scene.broker, make.broker(JIADING)):
        browser = sign_in(party)
        for path in ("ledger", "ledger/animal", "story"):
            assert browser.get(f"/introductions/{row.id}/{path}").status_code == 404
