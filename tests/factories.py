"""Makes records for tests through the services of the application."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from threading import Lock
from typing import TypeVar

from sqlmodel import Session

from backend.accounts import passwords
from backend.accounts.models import SecondFactor, User
from backend.again import repeated
from backend.capabilities import service as capabilities
from backend.capabilities.models import Capability, CapabilityKind
from backend.db import Database, new_id, utc_now
from backend.disclosure.models import Audience
from backend.needs import service as needs
from backend.needs.models import Need, NeedKind
from backend.organisations import service as organisations
from backend.organisations.models import MemberRole, Organisation, OrganisationKind
from backend.organisations.policy import Viewer

Made = TypeVar("Made")
PASSWORD = "a-long-test-password"
PUTUO, JIADING = "310107", "310114"
_numbers = count(1)


@lru_cache
def password_hash() -> str:
    """The hash of the password of every member; made once, as each takes half a second."""
    return passwords.hash_password(PASSWORD)


@dataclass(frozen=True)
class Party:
    """An organisation and one of its members."""

    organisation: Organisation
    user: User
    viewer: Viewer


class Factory:
    """Makes records, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._reviewers: dict[str, Party] = {}
        self._lock = Lock()

    def party(
        self,
        kind: OrganisationKind = OrganisationKind.ENTERPRISE,
        *,
        region: str = PUTUO,
        role: MemberRole = MemberRole.EDITOR,
        verified: bool = True,
        jurisdiction: str | None = None,
        department: str | None = None,
        name: str | None = None,
    ) -> Party:
        """An organisation of a kind with one member."""
        number = next(_numbers)
        with self.database.session(write=True) as session:
            organisation = organisations.create_organisation(
                session,
                name=name or f"示例·测试单位{number}",
                kind=kind,
                region=region,
                jurisdiction=jurisdiction,
                verified=verified,
            )
            user = self._user(session, f"member{number}@test.example", second_factor=jurisdiction is not None)
            room = organisations.add_department(session, organisation.id, name=department) if department else None
            organisations.add_member(session, user.id, organisation.id, role, room.id if room else None)
            return Party(organisation, user, organisations.viewer_of(session, user))

    def hospital(self, *, region: str = PUTUO, name: str | None = None) -> Party:
        """A hospital with one editor in its cardiology department."""
        return self.party(OrganisationKind.HOSPITAL, region=region, department="心血管内科", name=name)

    def broker(self, jurisdiction: str = PUTUO) -> Party:
        """An agency with a jurisdiction and one member."""
        return self.party(OrganisationKind.AGENCY, region=jurisdiction, jurisdiction=jurisdiction)

    def join(self, party: Party, role: MemberRole, *, department: str | None = None) -> Party:
        """One more member of the same organisation, in a department of their own if it is named."""
        with self.database.session(write=True) as session:
            broker = party.organisation.jurisdiction is not None
            user = self._user(session, f"member{next(_numbers)}@test.example", second_factor=broker)
            home = party.organisation.id
            room = organisations.add_department(session, home, name=department) if department else None
            organisations.add_member(session, user.id, home, role, room.id if room else None)
            return Party(party.organisation, user, organisations.viewer_of(session, user))

    def _user(self, session: Session, email: str, *, is_admin: bool = False, second_factor: bool = False) -> User:
        user = User(
            email=email, name="测试账号", password_hash=password_hash(), is_admin=is_admin, confirmed_at=utc_now()
        )
        session.add(user)
        session.flush()
        if second_factor or is_admin:
            # Brokers and administrators get nowhere without one; whoever tests it sets up one with a known key.
            session.add(SecondFactor(user_id=user.id, secret="not a key", confirmed_at=utc_now()))
        return user

    def admin(self) -> Viewer:
        """An administrator without an organisation."""
        return self.somebody(is_admin=True).viewer

    def somebody(self, *, is_admin: bool = False, email: str | None = None) -> Party:
        """A user without an organisation; that of the answer is one that they are no member of."""
        organisation = self.party().organisation
        with self.database.session(write=True) as session:
            user = self._user(session, email or f"somebody{next(_numbers)}@test.example", is_admin=is_admin)
            return Party(organisation, user, organisations.viewer_of(session, user))

    def join_all(self, parties: Iterable[Party], role: MemberRole) -> Party:
        """One user who is a member of several organisations."""
        wanted = [party.organisation for party in parties]
        with self.database.session(write=True) as session:
            user = self._user(session, f"member{next(_numbers)}@test.example")
            for organisation in wanted:
                organisations.add_member(session, user.id, organisation.id, role)
            return Party(wanted[0], user, organisations.viewer_of(session, user))

    def owner(
        self,
        kind: OrganisationKind = OrganisationKind.ENTERPRISE,
        *,
        region: str = PUTUO,
        verified: bool = True,
        name: str | None = None,
        code: str | None = None,
    ) -> Party:
        """An organisation with one owner."""
        party = self.party(kind, region=region, role=MemberRole.OWNER, verified=verified, name=name)
        if code is None:
            return party
        with self.database.session(write=True) as session:
            stored = session.get(Organisation, party.organisation.id)
            assert stored
            stored.credit_code = code
            session.add(stored)
            return Party(stored, party.user, party.viewer)

    def again(self, party: Party) -> Party:
        """The same as it is stored now: memberships and organisation may have changed."""
        with self.database.session() as session:
            organisation = session.get(Organisation, party.organisation.id)
            assert organisation
            return Party(organisation, party.user, organisations.viewer_of(session, party.user))

    def need(
        self,
        party: Party,
        title: str = "房间隔穿刺针不能弯曲",
        *,
        publish: bool = True,
        audience: Audience = Audience.MEMBERS,
        anonymous: bool = False,
        requirements: tuple[str, ...] = (),
        kind: NeedKind = NeedKind.CLINICAL,
        **texts: str,
    ) -> Need:
        """A need, published unless told otherwise."""
        values = {
            "organisation_id": party.organisation.id,
            "kind": kind,
            "title": title,
            "region": party.organisation.region,
            "audience": audience,
            "anonymous": anonymous,
            "summary": texts.pop("summary", f"{title}，希望改进。"),
            "problem": texts.pop("problem", "针尖上滑，穿刺点移位。"),
            **texts,
        }
        with self.database.session(write=True) as session:
            need = needs.save(session, party.viewer, new_id(), values, requirements, expected_version=None)
        return self.publish_need(party, need) if publish else need

    def reviewer(self, region: str) -> Party:
        """The broker who reviews what this factory publishes in a region; made when first asked for."""
        with self._lock:
            if region not in self._reviewers:
                self._reviewers[region] = self.broker(region)
            return self._reviewers[region]

    def _again(self, work: Callable[[Session], Made]) -> Made:
        """A transaction of its own, once more where it met another one, as requests are."""

        def once() -> Made:
            with self.database.session(write=True) as session:
                return work(session)

        return repeated(once)

    def publish_need(self, party: Party, need: Need) -> Need:
        """Submit a need, and let a broker of its region publish it."""
        reviewer = self.reviewer(need.region)
        submitted = self._again(lambda session: needs.act(session, party.viewer, need.id, "submit"))
        if needs.is_open(submitted):
            return submitted
        return self._again(lambda session: needs.act(session, reviewer.viewer, need.id, "publish"))

    def capability(
        self,
        party: Party,
        title: str = "可调弯射频房间隔穿刺系统",
        *,
        publish: bool = True,
        audience: Audience = Audience.MEMBERS,
        anonymous: bool = False,
        kind: CapabilityKind = CapabilityKind.PRODUCT,
        **texts: str,
    ) -> Capability:
        """A capability, published unless told otherwise."""
        values = {
            "organisation_id": party.organisation.id,
            "kind": kind,
            "title": title,
            "region": party.organisation.region,
            "audience": audience,
            "anonymous": anonymous,
            "summary": texts.pop("summary", f"{title}。弯度可以在心脏内调节。"),
            **texts,
        }
        with self.database.session(write=True) as session:
            capability = capabilities.save(session, party.viewer, new_id(), values, expected_version=None)
        return self.publish_capability(party, capability) if publish else capability

    def publish_capability(self, party: Party, capability: Capability) -> Capability:
        """Submit a capability, and let a broker of its region publish it."""
        reviewer = self.reviewer(capability.region)
        submitted = self._again(lambda session: capabilities.act(session, party.viewer, capability.id, "submit"))
        if capabilities.is_open(submitted):
            return submitted
        return self._again(lambda session: capabilities.act(session, reviewer.viewer, capability.id, "publish"))
