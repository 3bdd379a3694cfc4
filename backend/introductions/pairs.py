"""The two sides of an introduction before there is one: whether they suit, who may ask, and the case that is open."""

from dataclasses import dataclass

from sqlmodel import Session, select

from backend.capabilities import policy as capability_policy
from backend.capabilities.models import Capability
from backend.db import new_id
from backend.decisions.service import Suggested
from backend.disclosure.models import SubjectKind, Tier
from backend.disclosure.policy import Subject, check_can_read
from backend.disclosure.service import released_tiers
from backend.errors import Conflict, Forbidden, NotFound
from backend.introductions import cases, policy
from backend.introductions.cases import Case
from backend.introductions.models import CaseParty, Introduction, Origin, PartyState, Side
from backend.matching.kinds import compatible
from backend.needs import policy as need_policy
from backend.needs.models import Need
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer
from backend.transitions import Actor


class Unsuitable(Conflict):
    """The two cannot be introduced to each other."""

    status = 422
    zh = "这两项内容不能相互引荐：须均在公开状态、类型相配，且属于不同的已核验单位。"
    en = "These cannot be introduced: both must be open, fit in kind, and belong to two verified organisations."


@dataclass(frozen=True)
class Pair:
    """A need and the other side of it, as they are stored, with what the policy knows of both."""

    need: Need
    need_facts: Subject
    capability: Capability | None
    capability_facts: Subject | None
    organisation_id: str
    region: str


def pair_of(session: Session, need_id: str, capability_id: str) -> Pair:
    """Both sides of a possible introduction; raises NotFound, or Unsuitable where they cannot be introduced."""
    need, capability = session.get(Need, need_id), session.get(Capability, capability_id)
    if need is None or capability is None:
        raise NotFound
    need_facts, facts = need_policy.subject_of(need), capability_policy.subject_of(capability)
    pair = Pair(need, need_facts, capability, facts, capability.organisation_id, capability.region)
    check_suitable(session, pair)
    if not facts.is_open or not compatible(SubjectKind.NEED, need.kind, capability.kind):
        raise Unsuitable
    return pair


def check_suitable(session: Session, pair: Pair) -> None:
    """Raise Unsuitable unless the need is open and both sides are verified organisations, and two."""
    sides = (pair.need.organisation_id, pair.organisation_id)
    found = [session.get(Organisation, organisation_id) for organisation_id in sides]
    if not pair.need_facts.is_open or len(set(sides)) < 2 or not all(o is not None and o.is_verified for o in found):
        raise Unsuitable


def check_can_ask(session: Session, viewer: Viewer, pair: Pair) -> Actor:
    """In which role the viewer asks for an introduction; raises NotFound or Forbidden."""
    for facts in (pair.need_facts, pair.capability_facts):
        assert facts is not None
        check_can_read(viewer, facts, Tier.TEASER, released_tiers(session, viewer, facts.kind, facts.id))
    if viewer.may_write_for(pair.need.organisation_id):
        return Actor.NEED_SIDE
    if viewer.may_write_for(pair.organisation_id):
        return Actor.CAPABILITY_SIDE
    raise Forbidden


def open_with(session: Session, viewer: Viewer, pair: Pair) -> Introduction | None:
    """The open case of a pair, where there is one in which the viewer has a part."""
    case = open_case(session, pair, lock=False)
    return case.row if case is not None and policy.can_see(viewer, case.facts) else None


def open_case(session: Session, pair: Pair, *, lock: bool) -> Case | None:
    """The open case of a pair, whoever may see it."""
    query = select(Introduction.id).where(Introduction.open_key == _key(pair.need.id, pair.organisation_id))
    found = session.exec(query).first()
    return cases.load(session, found, lock=lock) if found else None


def _key(need_id: str, organisation_id: str) -> str:
    return f"{need_id}:{organisation_id}"


def begin(session: Session, viewer: Viewer, pair: Pair, origin: Origin, message: str, suggested: Suggested) -> Case:
    """A new case with its two main sides, who do not know of it yet."""
    row = Introduction(
        id=new_id(),
        need_id=pair.need.id,
        capability_id=pair.capability.id if pair.capability else None,
        origin=origin,
        open_key=_key(pair.need.id, pair.organisation_id),
        message=message if origin is Origin.BROKER else "",
        created_by=viewer.user_id,
        ranker=suggested.ranker,
        position=suggested.position,
        grade=suggested.grade,
        probability=suggested.probability,
    )
    session.add(row)
    session.flush()
    sides = (
        (Side.NEED, pair.need.organisation_id, pair.need.region, None),
        (Side.CAPABILITY, pair.organisation_id, pair.region, row.capability_id),
    )
    for side, organisation_id, region, capability_id in sides:
        party = CaseParty(
            introduction_id=row.id,
            organisation_id=organisation_id,
            side=side,
            state=PartyState.PROSPECT,
            region=region,
            capability_id=capability_id,
        )
        session.add(party)
    session.flush()
    return cases.of(session, row)
