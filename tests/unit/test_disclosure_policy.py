"""Who reads which tier: the table of tiers, cell by cell, and the SQL condition that has to agree with it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.db import Database, utc_now
from backend.disclosure.models import Audience, Release, SubjectKind, Tier
from backend.disclosure.policy import (
    Subject,
    can_create,
    can_give_reason,
    can_propose,
    can_release,
    can_review,
    can_write,
    check_can_give_reason,
    check_can_read,
    check_can_write,
    knows_author,
    oversees,
    readable_tiers,
)
from backend.disclosure.service import released_tiers
from backend.errors import Conflict, Forbidden, NotFound
from backend.needs import policy
from backend.needs.models import Need
from backend.needs.states import OPEN, NeedStatus
from backend.organisations.models import MemberRole, OrganisationKind
from backend.organisations.policy import VISITOR, MembershipFacts, Viewer
from tests.factories import JIADING, PUTUO, Factory

TEASER, BRIEF, ANNEX = Tier.TEASER, Tier.BRIEF, Tier.ANNEX
AUTHOR = "0000000000000001"
PUBLIC, MEMBERS = Audience.PUBLIC, Audience.MEMBERS
NONE: set[Tier] = set()


def member(
    organisation_id: str = "0000000000000002",
    *,
    role: MemberRole = MemberRole.EDITOR,
    verified: bool = True,
    jurisdiction: str | None = None,
    kind: OrganisationKind | None = None,
) -> Viewer:
    """A user with one membership."""
    found = kind or (OrganisationKind.AGENCY if jurisdiction else OrganisationKind.ENTERPRISE)
    facts = MembershipFacts(organisation_id, "单位", found, role, verified, PUTUO, jurisdiction)
    return Viewer(user_id="0000000000000009", memberships=(facts,))


VIEWERS = {
    "visitor": VISITOR,
    "without organisation": Viewer(user_id="0000000000000009"),
    "unverified member": member(verified=False),
    "verified member": member(),
    "author": member(AUTHOR),
    "author's reader": member(AUTHOR, role=MemberRole.VIEWER),
    "author unverified": member(AUTHOR, verified=False),
    "broker here": member(jurisdiction=PUTUO),
    "broker elsewhere": member(jurisdiction=JIADING),
    "unverified broker": member(jurisdiction=PUTUO, verified=False),
    "enterprise with a jurisdiction": member(jurisdiction=PUTUO, kind=OrganisationKind.ENTERPRISE),
    "admin": Viewer(user_id="0000000000000009", is_admin=True),
}

# For an open subject: what is read if its audience is public, what if it is members only, what a release of brief
# and annex adds. The words of the design: its table in section 4.
TABLE: list[tuple[str, set[Tier], set[Tier], set[Tier]]] = [
    ("visitor", {TEASER}, NONE, NONE),
    ("without organisation", {TEASER}, NONE, NONE),
    ("unverified member", {TEASER}, NONE, NONE),
    ("verified member", {TEASER}, {TEASER}, {BRIEF, ANNEX}),
    ("author", {TEASER, BRIEF, ANNEX}, {TEASER, BRIEF, ANNEX}, NONE),
    ("author's reader", {TEASER, BRIEF, ANNEX}, {TEASER, BRIEF, ANNEX}, NONE),
    ("author unverified", {TEASER, BRIEF, ANNEX}, {TEASER, BRIEF, ANNEX}, NONE),
    ("broker here", {TEASER, BRIEF}, {TEASER, BRIEF}, {ANNEX}),
    ("broker elsewhere", {TEASER}, {TEASER}, {BRIEF, ANNEX}),
    ("unverified broker", {TEASER}, NONE, NONE),
    ("enterprise with a jurisdiction", {TEASER}, {TEASER}, {BRIEF, ANNEX}),
    ("admin", {TEASER}, {TEASER}, NONE),
]


def subject(audience: Audience = MEMBERS, *, is_open: bool = True) -> Subject:
    """A need in Putuo."""
    return Subject(SubjectKind.NEED, "00000000000000aa", AUTHOR, PUTUO, audience, is_open)


@pytest.mark.parametrize(("name", "public", "members", "released"), TABLE)
def test_the_table_of_tiers(name: str, public: set[Tier], members: set[Tier], released: set[Tier]) -> None:
    viewer = VIEWERS[name]
    assert readable_tiers(viewer, subject(PUBLIC)) == public
    assert readable_tiers(viewer, subject(MEMBERS)) == members
    assert readable_tiers(viewer, subject(PUBLIC), {BRIEF, ANNEX}) == public | released
    assert readable_tiers(viewer, subject(MEMBERS), {BRIEF, ANNEX}) == members | released


def test_the_table_names_every_viewer() -> None:
    assert [row[0] for row in TABLE] == list(VIEWERS)


@pytest.mark.parametrize("name", VIEWERS)
@pytest.mark.parametrize("audience", Audience)
def test_what_is_not_open_is_for_its_own_organisation(name: str, audience: Audience) -> None:
    """Drafts and withdrawn texts: neither a release, nor a jurisdiction, nor the administrator opens them."""
    found = readable_tiers(VIEWERS[name], subject(audience, is_open=False), {TEASER, BRIEF, ANNEX})
    assert found == (set(Tier) if AUTHOR in VIEWERS[name].organisation_ids else NONE)


@pytest.mark.parametrize("name", VIEWERS)
@pytest.mark.parametrize("audience", Audience)
def test_what_is_submitted_is_besides_for_the_broker_of_the_region(name: str, audience: Audience) -> None:
    """Summary and details, as is needed for a review; neither an audience nor a release opens it to others."""
    waiting = replace(subject(audience, is_open=False), is_submitted=True)
    found = readable_tiers(VIEWERS[name], waiting, {TEASER, BRIEF, ANNEX})
    own = AUTHOR in VIEWERS[name].organisation_ids
    assert found == (set(Tier) if own else {TEASER, BRIEF} if name == "broker here" else NONE)
    assert knows_author(VIEWERS[name], waiting, anonymous=True) is (own or name == "broker here")
    assert oversees(VIEWERS[name], waiting) is (own or name == "broker here")


@pytest.mark.parametrize("name", VIEWERS)
def test_only_brokers_of_the_region_review_and_propose_and_only_editors_of_the_author_open(name: str) -> None:
    waiting, draft = replace(subject(is_open=False), is_submitted=True), subject(is_open=False)
    viewer = VIEWERS[name]
    assert can_review(viewer, waiting) is can_review(viewer, subject()) is (name == "broker here")
    assert not can_review(viewer, draft)
    assert not can_review(viewer, replace(waiting, submitted_by=viewer.user_id))
    assert can_propose(viewer, subject()) is (name == "broker here")
    assert not can_propose(viewer, waiting)
    assert can_release(viewer, subject()) is (name in ("author", "author unverified"))
    assert not can_release(viewer, draft)


def test_a_broker_who_only_reads_does_not_review() -> None:
    reader = member(jurisdiction=PUTUO, role=MemberRole.VIEWER)
    assert readable_tiers(reader, subject()) == {TEASER, BRIEF}
    assert not can_review(reader, subject())


@pytest.mark.parametrize("name", VIEWERS)
def test_a_tier_that_may_not_be_read_does_not_exist(name: str) -> None:
    readable = readable_tiers(VIEWERS[name], subject())
    for tier in Tier:
        if tier in readable:
            check_can_read(VIEWERS[name], subject(), tier)
        else:
            with pytest.raises(NotFound):
                check_can_read(VIEWERS[name], subject(), tier)


@pytest.mark.parametrize("name", VIEWERS)
def test_only_editors_of_the_author_write(name: str) -> None:
    viewer = VIEWERS[name]
    allowed = name in ("author", "author unverified")
    assert can_write(viewer, subject()) is allowed
    if not allowed:
        with pytest.raises(Forbidden if name == "author's reader" else NotFound):
            check_can_write(viewer, subject())


@pytest.mark.parametrize("name", VIEWERS)
def test_only_editors_of_verified_organisations_post(name: str) -> None:
    allowed = {"verified member", "author", "broker here", "broker elsewhere", "enterprise with a jurisdiction"}
    assert can_create(VIEWERS[name]) is (name in allowed)


@pytest.mark.parametrize("name", VIEWERS)
def test_an_anonymous_author_is_known_to_colleagues_and_the_broker_of_the_district(name: str) -> None:
    viewer = VIEWERS[name]
    own = AUTHOR in viewer.organisation_ids
    assert knows_author(viewer, subject(PUBLIC), anonymous=False)
    assert knows_author(viewer, subject(PUBLIC), anonymous=True) is (own or name == "broker here")
    assert knows_author(viewer, subject(is_open=False), anonymous=True) is own


def test_nobody_gains_by_an_unknown_jurisdiction() -> None:
    viewer = member(jurisdiction="999999")
    assert readable_tiers(viewer, subject()) == {TEASER}


@dataclass(frozen=True)
class Row:
    """One stored need and the facts about it."""

    id: str
    facts: Subject
    status: NeedStatus


@pytest.fixture
def rows(make: Factory, database: Database) -> list[Row]:
    """A need in every status, audience, and in two districts, of an author whose id the viewers know."""
    parties = [make.hospital(), make.hospital(region=JIADING)]
    found = []
    for party, status, audience in product(parties, NeedStatus, Audience):
        need = make.need(party, publish=False, audience=audience)
        with database.session(write=True) as session:
            need.status = status
            session.add(need)
        found.append(Row(need.id, policy.subject_of(need), status))
    return found


def test_lists_show_exactly_what_the_policy_lets_read(rows: list[Row], database: Database) -> None:
    """`visible_to` in SQL and `readable_tiers` in Python name the same rows, for every viewer.

    The one difference is meant: what an author has discarded stays readable by its address, and is in no list.
    """
    author = rows[0].facts.organisation_id
    viewers = [*VIEWERS.values(), member(author), member(author, verified=False), member(author, jurisdiction=JIADING)]
    with database.session() as session:
        for viewer in viewers:
            listed = set(session.exec(select(Need.id).where(policy.visible_to(viewer))).all())
            readable = {row.id for row in rows if TEASER in readable_tiers(viewer, row.facts)}
            assert listed == {row.id for row in rows if row.id in readable and row.status not in policy.GONE}


def test_open_is_what_others_may_find() -> None:
    assert {NeedStatus.PUBLISHED, NeedStatus.MATCHED} == OPEN


def test_a_reason_opens_the_brief_to_administrators_alone_and_of_open_subjects_alone() -> None:
    subject = Subject(SubjectKind.NEED, "0" * 16, AUTHOR, PUTUO, MEMBERS, is_open=True)
    admin = Viewer(user_id="0000000000000009", is_admin=True)
    assert readable_tiers(admin, subject) == {TEASER}
    assert readable_tiers(admin, subject, reasoned=True) == {TEASER, BRIEF}
    for is_submitted in (False, True):
        closed = replace(subject, is_open=False, is_submitted=is_submitted)
        assert readable_tiers(admin, closed, reasoned=True) == NONE
    for name, viewer in VIEWERS.items():
        if not viewer.is_admin:
            assert readable_tiers(viewer, subject, reasoned=True) == readable_tiers(viewer, subject), name


def test_who_may_give_a_reason() -> None:
    subject = Subject(SubjectKind.NEED, "0" * 16, AUTHOR, PUTUO, PUBLIC, is_open=True)
    admin = Viewer(user_id="0000000000000009", is_admin=True)
    assert can_give_reason(admin, subject)
    for viewer in VIEWERS.values():
        if not viewer.is_admin:
            assert not can_give_reason(viewer, subject)
            with pytest.raises(NotFound):
                check_can_give_reason(viewer, subject)
    closed = replace(subject, is_open=False)
    assert not can_give_reason(admin, closed)
    with pytest.raises(NotFound):
        check_can_give_reason(admin, closed)
    own = replace(member(AUTHOR), is_admin=True)
    with pytest.raises(Conflict):
        check_can_give_reason(own, closed)


def release(session: Session, subject_id: str, organisation_id: str, **fields: Any) -> None:
    """Open the brief of a need to an organisation."""
    session.add(
        Release(
            subject_kind=SubjectKind.NEED,
            subject_id=subject_id,
            tier=BRIEF,
            organisation_id=organisation_id,
            version=1,
            **fields,
        )
    )
    session.flush()


def test_a_release_counts_for_its_organisation_while_it_lasts(make: Factory, database: Database) -> None:
    now = utc_now()
    need, reader = make.need(make.hospital()), make.party()
    own, other = reader.organisation.id, make.party().organisation.id
    with database.session(write=True) as session:

        def found() -> frozenset[Tier]:
            return released_tiers(session, reader.viewer, SubjectKind.NEED, need.id)

        release(session, need.id, other)
        release(session, make_id(need.id), own)
        release(session, need.id, own, revoked_at=now)
        release(session, need.id, own, expires_at=now - timedelta(seconds=1))
        assert found() == frozenset()
        assert released_tiers(session, VISITOR, SubjectKind.NEED, need.id) == frozenset()
        release(session, need.id, own, expires_at=now + timedelta(days=1))
        assert found() == {BRIEF}


def make_id(other: str) -> str:
    """An id that differs from another."""
    return other[::-1] if other != other[::-1] else "f" * 16
