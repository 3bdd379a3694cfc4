"""Whom to introduce to whom this week: the assignment over all open needs of the viewer's regions, and doing it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from backend.capabilities import service as capabilities
from backend.desk import policy
from backend.desk.assigning import Edge, assign, expected
from backend.desk.histories import conflicts
from backend.desk.sources import partners
from backend.disclosure.cards import Card
from backend.errors import DomainError
from backend.i18n import gettext as _
from backend.introductions import service as introductions
from backend.introductions.models import CaseParty, Introduction, Side
from backend.introductions.policy import check_can_begin, visible_to
from backend.introductions.states import OPEN
from backend.matching.ranker import Grade
from backend.needs import service as needs
from backend.needs.models import Need
from backend.organisations.models import Organisation
from backend.organisations.policy import Viewer
from backend.organisations.states import OrganisationStatus
from backend.shortlists import service as shortlists
from backend.shortlists.service import Pair
from backend.working_days import CHINA, today

CAP, CAP_MOST = 3, 20
PER_NEED, PER_NEED_MOST = 1, 5
GOOD = (Grade.STRONG, Grade.POSSIBLE)
AT_ONCE = 50
"""So many pairs are introduced in one go."""


@dataclass(frozen=True)
class Row:
    """A proposed introduction. `is_second` says that the need's best organisation has reached its cap."""

    need: Card
    capability: Card
    pair: Pair
    is_second: bool

    @property
    def value(self) -> str:
        """How a form names the pair."""
        return f"{self.need.id}:{self.capability.id}"


@dataclass(frozen=True)
class Plan:
    """What is proposed. `expected` counts expected successes, `uncapped` those without a cap per organisation.

    `left_out` are needs with candidates that nothing is proposed for, because of the cap. `most` is the organisation
    that would get most without the cap, with how many.
    """

    rows: Sequence[Row]
    expected: float
    uncapped: float
    left_out: Sequence[Card]
    needs: int
    most: tuple[str, int] | None

    @property
    def cost(self) -> float:
        """Expected successes that the cap costs."""
        return max(0.0, self.uncapped - self.expected)


def plan(session: Session, viewer: Viewer, cap: int = CAP, per_need: int = PER_NEED) -> Plan:
    """The assignment for this week; raises Forbidden for those who make no introductions.

    Counted against the caps are the cases that an organisation was proposed for since Monday, and the open cases of a
    need. What the viewer must not know does not group: an anonymous capability is an organisation of its own here.
    """
    policy.check_can_assign(viewer)
    pairs = _candidates(session, viewer)
    cards = needs.cards(session, viewer, {p.need_id for p in pairs})
    others = capabilities.cards(session, viewer, {p.capability_id for p in pairs})
    best: dict[tuple[str, str], Pair] = {}
    for pair in pairs:
        if pair.need_id in cards and pair.capability_id in others:
            known = others[pair.capability_id].organisation_id or pair.capability_id
            former = best.get((pair.need_id, known))
            if former is None or pair.probability > former.probability:
                best[(pair.need_id, known)] = pair
    edges = [Edge(need, known, pair.probability) for (need, known), pair in best.items()]
    found = list(best.values())
    places = {need: per_need - busy for need, busy in _open_cases(session, {e.need for e in edges}).items()}
    held = _this_week(session, viewer, {e.organisation for e in edges})
    room = {e.organisation: cap - held[e.organisation] for e in edges}
    chosen, free = assign(edges, places, room), assign(edges, places, None)
    served = {edges[place].need for place in chosen}
    return Plan(
        rows=[_row(edges, found, cards, others, place, free) for place in _by_probability(edges, chosen)],
        expected=expected(edges, chosen),
        uncapped=expected(edges, free),
        left_out=[cards[need] for need in sorted({edges[p].need for p in free} - served)],
        needs=len({e.need for e in edges}),
        most=_most(edges, free, found, others),
    )


def _by_probability(edges: Sequence[Edge], chosen: Sequence[int]) -> list[int]:
    return sorted(chosen, key=lambda place: (-edges[place].probability, edges[place].need))


def _row(
    edges: Sequence[Edge],
    found: Sequence[Pair],
    cards: Mapping[str, Card],
    others: Mapping[str, Card],
    place: int,
    free: Sequence[int],
) -> Row:
    pair = found[place]
    return Row(cards[pair.need_id], others[pair.capability_id], pair, place not in free)


def _most(
    edges: Sequence[Edge], free: Sequence[int], found: Sequence[Pair], others: Mapping[str, Card]
) -> tuple[str, int] | None:
    names = {edges[place].organisation: others[found[place].capability_id].organisation_name for place in free}
    counted = Counter(edges[place].organisation for place in free if names[edges[place].organisation])
    return next(((str(names[o]), count) for o, count in counted.most_common(1) if count > 1), None)


def _candidates(session: Session, viewer: Viewer) -> list[Pair]:
    """Good pairs of verified organisations that had no case with each other's need, without a mark of conflict."""
    pairs = shortlists.pairs(session, viewer.acting_jurisdictions, GOOD)
    met = partners(session, {p.need_id for p in pairs})
    pairs = [p for p in pairs if p.organisation_id not in met[p.need_id]]
    authors = dict(
        session.exec(select(Need.id, Need.organisation_id).where(col(Need.id).in_({p.need_id for p in pairs}))).all()
    )
    involved = {*authors.values(), *(p.organisation_id for p in pairs)}
    query = select(Organisation.id).where(
        col(Organisation.id).in_(involved), Organisation.status == OrganisationStatus.VERIFIED
    )
    suitable = set(session.exec(query).all()) - set(viewer.organisation_ids)
    pairs = [p for p in pairs if {authors[p.need_id], p.organisation_id} <= suitable]
    marks = {
        author: conflicts(session, viewer, author, {p.organisation_id for p in pairs if authors[p.need_id] == author})
        for author in {authors[p.need_id] for p in pairs}
    }
    return [p for p in pairs if not marks[authors[p.need_id]][p.organisation_id]]


def _open_cases(session: Session, need_ids: set[str]) -> dict[str, int]:
    """By need, how many cases are open; all needs are there."""
    query = (
        sa.select(col(Introduction.need_id), func.count())
        .where(col(Introduction.need_id).in_(need_ids), col(Introduction.status).in_(OPEN))
        .group_by(col(Introduction.need_id))
    )
    return dict.fromkeys(need_ids, 0) | {row[0]: row[1] for row in session.execute(query).all()}


def _this_week(session: Session, viewer: Viewer, organisation_ids: set[str]) -> Counter[str]:
    """By organisation, how many cases of the viewer's regions it was proposed for since Monday."""
    day = today()
    monday = datetime.combine(day - timedelta(days=day.weekday()), time(), CHINA).astimezone(UTC)
    query = (
        sa.select(col(CaseParty.organisation_id), func.count())
        .join(Introduction, col(Introduction.id) == col(CaseParty.introduction_id))
        .where(
            col(CaseParty.organisation_id).in_(organisation_ids),
            col(CaseParty.side) == Side.CAPABILITY,
            col(Introduction.proposed_at) >= monday,
            visible_to(viewer),
        )
        .group_by(col(CaseParty.organisation_id))
    )
    return Counter({row[0]: row[1] for row in session.execute(query).all()})


def introduce(session: Session, viewer: Viewer, chosen: Sequence[tuple[str, str]], message: str) -> int:
    """Propose each of the pairs with the same message; returns for how many there is a case now.

    Each stands for itself: where one cannot be made, the others are. Sent twice it changes nothing. Raises Forbidden.
    """
    policy.check_can_assign(viewer)
    made = 0
    for need_id, capability_id in chosen[:AT_ONCE]:
        suggested = shortlists.said_of(session, need_id, capability_id)
        try:
            with session.begin_nested():
                introductions.propose(session, viewer, need_id, capability_id, message, suggested)
        except DomainError:
            continue
        made += 1
    return made


@dataclass(frozen=True)
class Done:
    """What became of one pair: its case, or why there is none. Cards are None for what the viewer may not read."""

    need: Card | None
    capability: Card | None
    case: Introduction | None
    refusal: str = ""


def outcomes(session: Session, viewer: Viewer, chosen: Sequence[tuple[str, str]]) -> list[Done]:
    """What has become of pairs, as it stands now; raises Forbidden."""
    policy.check_can_assign(viewer)
    chosen = chosen[:AT_ONCE]
    cards = needs.cards(session, viewer, {need_id for need_id, _id in chosen})
    others = capabilities.cards(session, viewer, {capability_id for _id, capability_id in chosen})
    found = []
    for need_id, capability_id in chosen:
        rows = introductions.of_need(session, viewer, need_id)
        case = next((r for r in rows if r.capability_id == capability_id and r.status in OPEN), None)
        refusal = "" if case else _refusal(session, viewer, need_id, capability_id)
        found.append(Done(cards.get(need_id), others.get(capability_id), case, refusal))
    return found


def _refusal(session: Session, viewer: Viewer, need_id: str, capability_id: str) -> str:
    """Why a pair cannot be introduced, in the words that proposing it would answer with."""
    try:
        pair = introductions.pair_of(session, need_id, capability_id)
        check_can_begin(viewer, {pair.need.region, pair.region}, {pair.need.organisation_id, pair.organisation_id})
    except DomainError as error:
        return error.zh
    return _("尚未引荐，该单位可能已有其他能力在此需求的引荐中。")
