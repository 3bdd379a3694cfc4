"""The lists of needs and of capabilities: by id, one's own, and what is open, each cut to what the viewer may read."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from backend.disclosure.cards import Card
from backend.disclosure.filters import Filters
from backend.disclosure.models import TieredSubject
from backend.organisations.policy import Viewer

Listed = TypeVar("Listed", bound=TieredSubject)

_OF_A_TEASER = (
    *("id", "organisation_id", "title", "specialty", "device_category", "region", "summary", "audience", "anonymous"),
    *("updated_at", "published_at", "submitted_by", "version"),
)
"""The columns that a card is made of, beside kind and status."""


@dataclass(frozen=True)
class Lists(Generic[Listed]):
    """What tells the two sides apart: table, its columns of kind and status, the policy of lists, and the teasers.

    `further` are other columns that the teasers are made of.
    """

    table: type[Listed]
    kind: Any
    status: Any
    open_statuses: Collection[str]
    submitted: Collection[str]
    visible_to: Callable[[Viewer], ColumnElement[bool]]
    teasers: Callable[[Session, Viewer, Sequence[Listed]], list[Card]]
    further: Sequence[Any] = ()

    def cards(self, session: Session, viewer: Viewer, ids: Collection[str]) -> dict[str, Card]:
        """The teasers among these ids that the viewer may read; others are left out."""
        # Columns, not objects: a suggestion looks at hundreds of subjects, and objects cost more than all the rest.
        columns = [getattr(self.table, name) for name in _OF_A_TEASER]
        # As a column and not as a condition: SQLite would else walk through all that is published instead of these ids.
        may_read = self.visible_to(viewer).label("may_read")
        query = sa.select(*columns, self.kind, self.status, *self.further, may_read)
        rows = [row for row in session.execute(query.where(col(self.table.id).in_(ids))).all() if row.may_read]
        return {c.id: c for c in self.teasers(session, viewer, cast(Sequence[Listed], rows))}

    def named_ids(self, session: Session, organisation_id: str) -> set[str]:
        """What an organisation has written under its name, whether it is to be read or not."""
        table = self.table
        query = select(table.id).where(table.organisation_id == organisation_id, col(table.anonymous).is_(False))
        return set(session.exec(query).all())

    def own(self, session: Session, viewer: Viewer) -> list[Card]:
        """What the viewer's organisations have written, last changed first."""
        mine = col(self.table.organisation_id).in_(viewer.organisation_ids)
        query = select(self.table).where(mine, self.visible_to(viewer)).order_by(col(self.table.updated_at).desc())
        return self.teasers(session, viewer, session.exec(query).all())

    def listing(self, session: Session, viewer: Viewer, filters: Filters) -> tuple[list[Card], int]:
        """What is open and the viewer may see, newest first: one page of it, and how many there are in all."""
        conditions = [self.visible_to(viewer), self._is_open(), *filters.conditions(self.table, self.kind)]
        if filters.organisation_id:
            # What is anonymous does not show up on the page of its organisation.
            conditions.append(col(self.table.anonymous).is_(False))
        total = session.exec(select(func.count()).select_from(self.table).where(*conditions)).one()
        query = select(self.table).where(*conditions)
        query = query.order_by(col(self.table.published_at).desc(), col(self.table.id))
        rows = session.exec(query.offset(filters.offset).limit(filters.limit)).all()
        return self.teasers(session, viewer, rows), total

    def waiting(self, session: Session, regions: Collection[str]) -> list[Listed]:
        """What waits for a review in these regions, oldest first."""
        query = select(self.table).where(self.status.in_(self.submitted), col(self.table.region).in_(regions))
        return list(session.exec(query.order_by(col(self.table.submitted_at), col(self.table.id))).all())

    def open_ids(self, session: Session) -> Sequence[str]:
        """The ids of all that others may find."""
        return session.exec(select(self.table.id).where(self._is_open()).order_by(col(self.table.id))).all()

    def _is_open(self) -> ColumnElement[bool]:
        condition: ColumnElement[bool] = self.status.in_(self.open_statuses)
        return condition
