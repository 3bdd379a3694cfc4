"""Random lives of a need: whatever its author, broker and time do, nobody reads what the design keeps from them.

After each step every reader asks for the page, the form, versions, releases, suggestions, lists and a search; the words
of all versions are looked for. What may be read is kept by a model of its own, a few lines long.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import Session, col, select

from backend.db import utc_now
from backend.disclosure import releases
from backend.disclosure.models import Audience, Release, SubjectKind, Tier
from backend.errors import DomainError
from backend.needs import policy
from backend.needs import service as needs
from backend.needs.models import Need, NeedKind
from backend.organisations.models import OrganisationKind
from backend.organisations.policy import Viewer
from tests.access.world import WORDS, Reader, World
from tests.factories import Factory, Party

pytestmark = pytest.mark.access_matrix

EXAMPLES, STEPS = 3, 8
READERS = ("visitor", "unverified member", "verified member", "released", "broker here", "broker elsewhere", "admin")
OUTSIDERS = ("verified member", "released", "broker elsewhere")
ALL = frozenset(Tier)
OPEN = {"published", "matched"}
# Who acts, from where, to where: the life of a need as the design tells it.
LIFE: dict[str, tuple[str, frozenset[str], str]] = {
    "submit": ("author", frozenset({"draft", "returned", "withdrawn"}), "submitted"),
    "take-back": ("author", frozenset({"submitted"}), "draft"),
    "publish": ("broker", frozenset({"submitted"}), "published"),
    "return": ("broker", frozenset({"submitted"}), "returned"),
    "reject": ("broker", frozenset({"submitted"}), "closed"),
    "match": ("broker", frozenset({"published"}), "matched"),
    "withdraw": ("author", frozenset({"published", "matched"}), "withdrawn"),
    "expire": ("system", frozenset({"published"}), "expired"),
    "extend": ("author", frozenset({"published", "expired"}), "published"),
    "discard": ("author", frozenset({"draft", "returned", "withdrawn", "expired", "closed"}), "discarded"),
    "restore": ("author", frozenset({"discarded", "closed"}), "draft"),
}


@dataclass
class Model:
    """What is known of a need: its status, to whom which tier is open, and how often its text has been written."""

    status: str = "draft"
    version: int = 0
    opened: dict[str, frozenset[Tier]] = field(default_factory=dict)

    def readable(self, role: str) -> frozenset[Tier]:
        """The table of the design for a need that is for members, and anonymous."""
        if role == "broker here" and self.status == "submitted":
            return frozenset({Tier.TEASER, Tier.BRIEF})
        if self.status not in OPEN or role in ("visitor", "unverified member"):
            return frozenset()
        tiers = {Tier.TEASER} | self.opened.get(role, frozenset())
        if role == "broker here":
            tiers.add(Tier.BRIEF)
        return frozenset(tiers)


class Lives(RuleBasedStateMachine):
    """One need, and everybody around it."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.make = Factory(self.world.database)

    @initialize()
    def write(self) -> None:
        """The author writes a draft."""
        self.author: Party = self.make.party(OrganisationKind.HOSPITAL, department="示例科室")
        self.number = self.author.organisation.id[:6]
        values: dict[str, Any] = {"audience": Audience.MEMBERS, "anonymous": True, **self.texts()}
        self.need_id = self.make.need(self.author, WORDS, publish=False, **values).id

    def canary(self, tier: Tier, version: int) -> str:
        """A word that stands in one tier of one version and nowhere else."""
        return f"{tier}life{self.number}v{version:02d}z"

    def texts(self) -> dict[str, str]:
        """The fields of the present version."""
        words = {tier: f"{WORDS}。{self.canary(tier, self.model.version)}。" for tier in Tier}
        return {"summary": words[Tier.TEASER], "problem": words[Tier.BRIEF], "contact": words[Tier.ANNEX]}

    def change(self, work: Callable[[Session, Need], object]) -> None:
        """A transaction of its own, and what follows from it."""
        with self.world.database.session(write=True) as session:
            need = session.get(Need, self.need_id)
            assert need is not None
            work(session, need)
        self.world.app.state.engine.follow()

    def viewer(self, who: str) -> Viewer | None:
        """Whose action it is."""
        if who == "system":
            return None
        party = self.author if who == "author" else self.world.readers["broker here"].party
        assert party is not None
        return party.viewer

    @rule(action=st.sampled_from(sorted(LIFE)))
    def act(self, action: str) -> None:
        """Somebody takes an action; one that the status does not know is refused and changes nothing."""
        who, sources, target = LIFE[action]
        if self.model.status not in sources:
            with pytest.raises(DomainError):
                self.change(lambda s, need: needs.act(s, self.viewer(who), need.id, action, "理由"))
            return
        self.change(lambda s, need: needs.act(s, self.viewer(who), need.id, action, "理由"))
        self.model.status = target

    @precondition(lambda self: self.model.status in {"draft", "returned", "published", "matched", "withdrawn"})
    @rule()
    def edit(self) -> None:
        """The author rewrites all tiers."""
        self.model.version += 1

        def write(session: Session, need: Need) -> None:
            values = {"title": WORDS, "kind": NeedKind.CLINICAL, **self.texts()}
            needs.save(session, self.author.viewer, need.id, values, (), expected_version=need.version)

        self.change(write)

    @precondition(lambda self: self.model.status in OPEN)
    @rule(role=st.sampled_from(OUTSIDERS), tier=st.sampled_from([Tier.BRIEF, Tier.ANNEX]))
    def release(self, role: str, tier: Tier) -> None:
        """The author opens a tier to an organisation."""
        organisation_id = self.organisation_of(role)

        def grant(session: Session, need: Need) -> None:
            until = utc_now() + timedelta(days=30)
            releases.grant(session, self.author.viewer, policy.subject_of(need), tier, organisation_id, until)

        self.change(grant)
        self.model.opened[role] = ALL if tier is Tier.ANNEX else frozenset({Tier.BRIEF})

    @rule(role=st.sampled_from(OUTSIDERS), expires=st.booleans())
    def close(self, role: str, expires: bool) -> None:
        """A release is revoked, or its time runs out."""
        organisation_id = self.organisation_of(role)

        def end(session: Session, need: Need) -> None:
            query = select(Release).where(Release.subject_id == need.id, Release.organisation_id == organisation_id)
            for row in session.exec(query.where(col(Release.revoked_at).is_(None))).all():
                if expires:
                    row.expires_at = utc_now() - timedelta(seconds=1)
                    session.add(row)
                else:
                    releases.revoke(session, self.author.viewer, policy.subject_of(need), row.id)

        self.change(end)
        self.model.opened.pop(role, None)

    def organisation_of(self, role: str) -> str:
        """The organisation of a reader."""
        party = self.world.readers[role].party
        assert party is not None
        return party.organisation.id

    @invariant()
    def nobody_reads_what_is_sealed(self) -> None:
        """By no address that a need has."""
        if not hasattr(self, "need_id"):
            return
        url = f"/needs/{self.need_id}"
        for role in READERS:
            reader = self.world.readers[role]
            readable = self.model.readable(role)
            page = reader.client.get(url)
            assert page.status_code == (200 if readable else 404), (role, self.model)
            now = {tier for tier in Tier if self.canary(tier, self.model.version) in page.text}
            assert now == readable, (role, self.model)
            self.look(
                reader, readable, [url, f"{url}/edit", f"{url}/versions", f"{url}/releases", f"{url}/suggestions"]
            )

    @invariant()
    def no_list_shows_what_is_sealed(self) -> None:
        """Searches for the words themselves, lists, and what is shown beside texts of one's own."""
        if not hasattr(self, "need_id"):
            return
        for role in READERS:
            reader = self.world.readers[role]
            urls = [f"/search?side=need&q={quote(WORDS)}", "/needs", "/reviews", "/released", "/notifications"]
            urls += [f"/organisations/{self.author.organisation.id}/needs"]
            if SubjectKind.CAPABILITY in reader.own:
                urls.append(f"/capabilities/{reader.own[SubjectKind.CAPABILITY]}/suggestions")
            self.look(reader, self.model.readable(role), urls)

    def look(self, reader: Reader, readable: frozenset[Tier], urls: list[str]) -> None:
        """Ask for the pages; a version that has been is as sealed as the present one."""
        sealed = [
            self.canary(tier, version)
            for tier in Tier
            if tier not in readable
            for version in range(self.model.version + 1)
        ]
        for url in urls:
            answer = reader.client.get(url)
            assert answer.status_code < 500, (reader.role, url)
            assert [word for word in sealed if word in answer.text] == [], (reader.role, url, self.model)


def test_no_life_of_a_need_shows_what_is_sealed(world: World) -> None:
    """A few lives of a dozen steps; more by raising EXAMPLES."""
    machine = type("LivesHere", (Lives,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
