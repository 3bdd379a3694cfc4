"""Reading the lists: what fits well, what has nothing, and what the ranker said of a pair.

The lists were made from full texts, for brokers of the need's region. Whoever reads them is asked for the regions, and
cuts what is shown by the policy of tiers: a list may be a minute old.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from backend.capabilities import states as capability_states
from backend.capabilities.models import Capability
from backend.decisions.service import NOT_SUGGESTED, Suggested
from backend.matching.ranker import Grade
from backend.needs.models import Need
from backend.needs.states import NeedStatus
from backend.shortlists.models import Shortlist, Shortlisted


@dataclass(frozen=True)
class Pair:
    """A pair on a list; `organisation_id` is that of the capability, whether the viewer may know it or not."""

    need_id: str
    capability_id: str
    organisation_id: str
    need_region: str
    grade: Grade
    probability: float
    position: int
    ranker: str
    since: datetime

    @property
    def suggested(self) -> Suggested:
        """For the record of a decision."""
        return Suggested(self.ranker, self.position, self.grade, self.probability)


@dataclass(frozen=True)
class Unanswered:
    """A need for which nothing was found, and since when."""

    need_id: str
    region: str
    since: datetime


def pairs(session: Session, regions: Collection[str], grades: Collection[Grade]) -> Sequence[Pair]:
    """The pairs of these grades for published needs of regions, of two organisations, that nothing speaks against.

    Best first within a need. The caller is a broker of these regions.
    """
    query = (
        sa.select(
            *(col(Shortlisted.need_id), col(Shortlisted.capability_id), col(Capability.organisation_id)),
            *(col(Need.region), col(Shortlisted.grade), col(Shortlisted.probability), col(Shortlisted.position)),
            *(col(Shortlisted.ranker), col(Shortlisted.since)),
        )
        .join(Need, col(Need.id) == col(Shortlisted.need_id))
        .join(Capability, col(Capability.id) == col(Shortlisted.capability_id))
        .where(
            col(Need.region).in_(regions),
            col(Need.status) == NeedStatus.PUBLISHED,
            col(Capability.status).in_(capability_states.OPEN),
            col(Capability.organisation_id) != col(Need.organisation_id),
            col(Shortlisted.grade).in_(grades),
            col(Shortlisted.fails).is_(False),
        )
        .order_by(col(Shortlisted.need_id), col(Shortlisted.position))
    )
    return [Pair(*row) for row in session.execute(query).all()]


def unanswered(session: Session, regions: Collection[str]) -> Sequence[Unanswered]:
    """Published needs of regions for which nothing better than weak was found. The caller is their broker."""
    good = (Grade.STRONG, Grade.POSSIBLE)
    query = (
        sa.select(col(Need.id), col(Need.region), col(Shortlist.best_since))
        .join(Shortlist, col(Shortlist.need_id) == col(Need.id))
        .where(
            col(Need.region).in_(regions),
            col(Need.status) == NeedStatus.PUBLISHED,
            col(Shortlist.made_at).is_not(None),
            sa.or_(col(Shortlist.best).is_(None), col(Shortlist.best).not_in(good)),
        )
        .order_by(col(Shortlist.best_since), col(Need.id))
    )
    return [Unanswered(*row) for row in session.execute(query).all()]


def said_of(session: Session, need_id: str, capability_id: str) -> Suggested:
    """What the ranker said of a pair, for the record of a decision about it; nothing where it is on no list."""
    query = select(Shortlisted).where(Shortlisted.need_id == need_id, Shortlisted.capability_id == capability_id)
    row = session.exec(query).first()
    return Suggested(row.ranker, row.position, row.grade, row.probability) if row else NOT_SUGGESTED
