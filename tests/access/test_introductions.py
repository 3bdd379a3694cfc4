"""What a case shows to whom: every tier of both sides bears a canary, and every reader opens every page of the case.

Who may read what is written out here in the words of the design: before both sides have accepted the teaser alone,
after it the briefs, and never an annex.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO

import pytest
from pypdf import PdfReader
from starlette.testclient import TestClient

from backend.db import Database
from backend.introductions import parties, service
from backend.introductions.signing import Consent
from backend.introductions.states import DeclineReason
from backend.introductions.undertaking import PRESENT
from backend.organisations.models import MemberRole, OrganisationKind
from tests.conftest import SignIn
from tests.factories import JIADING, Factory, Party
from tests.unit.test_introductions import Scene

pytestmark = pytest.mark.access_matrix

HOSPITAL, COMPANY, LAB = "示例·画眉鸟医院", "示例·啄木鸟公司", "示例·百灵鸟平台"
NEED_BRIEF, CAPABILITY_BRIEF = "needbriefcanary", "capabilitybriefcanary"
NEED_ANNEX, CAPABILITY_ANNEX = "needannexcanary", "capabilityannexcanary"
NEED_CONTACT, CAPABILITY_CONTACT, LAB_CONTACT = "needcontactcanary", "capabilitycontactcanary", "labcontactcanary"
FOR_BROKERS, RECOMMENDED = "forbrokerscanary", "roleofthelabcanary"
SEALED = (NEED_BRIEF, CAPABILITY_BRIEF, NEED_ANNEX, CAPABILITY_ANNEX)
READERS = (
    *("need", "need's reader", "capability", "broker", "other city's broker"),
    *("partner", "stranger", "admin", "without organisation"),
)


class Stage(Scene):
    """Two anonymous sides in two districts, a platform, and somebody of every role."""

    def __init__(self, make: Factory, database: Database, sign_in: SignIn) -> None:
        self.make, self.database = make, database
        self.hospital = make.hospital(name=HOSPITAL)
        self.company = make.party(name=COMPANY, region=JIADING)
        self.lab = make.party(OrganisationKind.PLATFORM, name=LAB)
        self.need = make.need(self.hospital, anonymous=True, problem=NEED_BRIEF, contact=NEED_ANNEX)
        self.capability = make.capability(
            self.company, anonymous=True, performance=CAPABILITY_BRIEF, contact=CAPABILITY_ANNEX
        )
        self.broker = make.reviewer(self.need.region)
        people: dict[str, Party] = {
            "need": self.hospital,
            "need's reader": make.join(self.hospital, MemberRole.VIEWER),
            "capability": self.company,
            "broker": self.broker,
            "other city's broker": make.reviewer(JIADING),
            "partner": self.lab,
            "stranger": make.party(),
            "admin": make.somebody(is_admin=True),
            "without organisation": make.somebody(),
        }
        assert tuple(people) == READERS
        self.clients = {role: sign_in(party) for role, party in people.items()}

    def accept(self, party: Party, row_id: str, contact: str) -> None:
        consent = Consent(PRESENT.digest, "示例承诺人", contact)
        self.do(lambda s: service.answer(s, party.viewer, row_id, consent))

    def told(self, role: str, row_id: str) -> str:  # type: ignore[override]
        """All that a reader finds about the case, in pages and files."""
        client = self.clients[role]
        return "\n".join(_answers(client, row_id))


def _answers(client: TestClient, row_id: str) -> Iterator[str]:
    page = f"/introductions/{row_id}"
    for url in (
        *("/introductions", "/introductions?tab=open", "/introductions?tab=ended", "/introductions?tab=waiting"),
        *(page, f"{page}?q=示例", "/notifications"),
    ):
        answer = client.get(url)
        assert answer.status_code in (200, 404), url
        # What the broker looked for by its name is their own finding.
        yield answer.text if "?q=" not in url else ""
    answer = client.get(f"{page}/undertaking.pdf")
    assert answer.status_code in (200, 404)
    if answer.status_code == 200:
        yield "".join(p.extract_text() for p in PdfReader(BytesIO(answer.content)).pages)


def check(stage: Stage, row_id: str, expected: Mapping[str, tuple[str, ...]], *, brief: bool) -> None:
    """Each reader finds these words and none of the others; those without an entry find no case at all."""
    words = (HOSPITAL, COMPANY, LAB, NEED_CONTACT, CAPABILITY_CONTACT, LAB_CONTACT, FOR_BROKERS, RECOMMENDED)
    for role in READERS:
        told = stage.told(role, row_id)
        is_there = stage.clients[role].get(f"/introductions/{row_id}").status_code == 200
        assert is_there == (role in expected), role
        frame = {"need": HOSPITAL, "need's reader": HOSPITAL, "capability": COMPANY, "partner": LAB}
        found = {word for word in words if word in told} - {frame.get(role)}
        assert found == set(expected.get(role, ())) - {frame.get(role)}, role
        assert [canary for canary in SEALED if canary in told] == [], role
    for role, url, canary in (
        ("capability", f"/needs/{stage.need.id}", NEED_BRIEF),
        ("need", f"/capabilities/{stage.capability.id}", CAPABILITY_BRIEF),
    ):
        text = stage.clients[role].get(url).text
        assert (canary in text) == brief, role
        assert NEED_ANNEX not in text and (role == "capability" or CAPABILITY_ANNEX not in text)


@pytest.fixture
def stage(make: Factory, database: Database, sign_in: SignIn) -> Stage:
    return Stage(make, database, sign_in)


def test_before_both_have_accepted_nobody_learns_who_the_other_is(stage: Stage) -> None:
    row = stage.propose()
    near = {
        # A broker knows the authors of their own district.
        "broker": (HOSPITAL,),
        "other city's broker": (COMPANY,),
        "need": (),
        "need's reader": (),
        "capability": (),
    }
    check(stage, row.id, near, brief=False)
    stage.accept(stage.hospital, row.id, NEED_CONTACT)
    own = {**near, "need": (NEED_CONTACT,), "need's reader": (NEED_CONTACT,)}
    check(stage, row.id, own, brief=False)


def test_what_was_asked_for_is_not_known_to_the_other_side(stage: Stage) -> None:
    consent = Consent(PRESENT.digest, "示例承诺人", CAPABILITY_CONTACT)
    row = stage.do(
        lambda s: service.ask(s, stage.company.viewer, stage.need.id, stage.capability.id, "愿意合作。", consent)
    )
    expected = {
        "capability": (CAPABILITY_CONTACT,),
        "broker": (HOSPITAL,),
        "other city's broker": (COMPANY,),
    }
    check(stage, row.id, expected, brief=False)


def test_after_it_parties_and_brokers_know_each_other_and_partners_once_they_have_come_in(stage: Stage) -> None:
    row = stage.propose()
    stage.accept(stage.hospital, row.id, NEED_CONTACT)
    stage.accept(stage.company, row.id, CAPABILITY_CONTACT)
    both = (HOSPITAL, COMPANY, NEED_CONTACT, CAPABILITY_CONTACT)
    main = dict.fromkeys(READERS[:5], both)
    check(stage, row.id, main, brief=True)
    lab = stage.lab.organisation.id
    party = stage.do(lambda s: parties.propose(s, stage.broker.viewer, row.id, lab, RECOMMENDED))
    # The platform is proposed: the need's side and the brokers know, it does not itself, nor the company.
    of_lab = (LAB, RECOMMENDED)
    proposed = {role: both + (of_lab if role != "capability" else ()) for role in main}
    check(stage, row.id, proposed, brief=True)
    stage.do(lambda s: parties.admit(s, stage.hospital.viewer, row.id, party.id, agree=True))
    check(stage, row.id, {**proposed, "partner": of_lab}, brief=True)
    consent = Consent(PRESENT.digest, "示例承诺人", LAB_CONTACT)
    stage.do(lambda s: parties.accept(s, stage.lab.viewer, row.id, consent))
    everybody = (*both, *of_lab, LAB_CONTACT)
    check(stage, row.id, dict.fromkeys((*main, "partner"), everybody), brief=True)
    # Who leaves sees no more of it; why stays with the brokers, that they left does not.
    stage.do(lambda s: parties.leave(s, stage.lab.viewer, row.id, DeclineReason.CAPACITY, FOR_BROKERS))
    left: dict[str, tuple[str, ...]] = dict.fromkeys(main, (*both, *of_lab))
    left["broker"] = left["other city's broker"] = (*both, *of_lab, FOR_BROKERS)
    left["capability"] = both
    check(stage, row.id, left, brief=True)


def test_a_decline_shows_its_words_to_brokers_alone_and_closes_contacts(stage: Stage) -> None:
    row = stage.propose()
    stage.accept(stage.hospital, row.id, NEED_CONTACT)
    stage.accept(stage.company, row.id, CAPABILITY_CONTACT)
    stage.do(lambda s: service.decline(s, stage.company.viewer, row.id, DeclineReason.TERMS, FOR_BROKERS))
    names = (HOSPITAL, COMPANY)
    expected: dict[str, tuple[str, ...]] = {
        "need": (*names, NEED_CONTACT),
        "need's reader": (*names, NEED_CONTACT),
        "capability": (*names, CAPABILITY_CONTACT),
        "broker": (*names, FOR_BROKERS),
        "other city's broker": (*names, FOR_BROKERS),
    }
    check(stage, row.id, expected, brief=False)
