"""Filters of lists and searches that both sides share."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col

from backend.disclosure.cards import Card
from backend.disclosure.models import TieredSubject
from backend.taxonomies import device_categories, regions, specialties

PAGE_SIZE = 20
MAX_PAGE = 10_000


def page_number(text: str) -> int:
    """The number of a page from its address; anything that no link of the site makes is the first page."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    return min(max(number, 1), MAX_PAGE)


def page_count(total: int, size: int) -> int:
    """How many pages `total` rows fill, at least one."""
    return max(1, -(-total // size))


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; empty text means no narrowing."""

    kind: str = ""
    region: str = ""
    specialty: str = ""
    device_category: str = ""
    organisation_id: str = ""
    jurisdictions: tuple[str, ...] = ()
    page: int = 1
    limit: int = PAGE_SIZE

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * self.limit

    def pages(self, total: int) -> int:
        """How many pages `total` rows fill, at least one."""
        return page_count(total, self.limit)

    def conditions(self, table: type[TieredSubject], kind: Any) -> list[ColumnElement[bool]]:
        """The filters as SQL; `kind` is the kind column of the table. A term of a taxonomy includes those below it."""
        found: list[ColumnElement[bool]] = []
        if self.kind:
            found.append(kind == self.kind)
        if self.region:
            found.append(col(table.region).in_(regions().within(self.region)))
        if self.specialty:
            found.append(col(table.specialty).in_(specialties().within(self.specialty)))
        if self.device_category:
            found.append(col(table.device_category).in_(device_categories().within(self.device_category)))
        if self.jurisdictions:
            found.append(col(table.region).in_(self.jurisdictions))
        if self.organisation_id:
            found.append(col(table.organisation_id) == self.organisation_id)
        return found

    def admits(self, card: Card) -> bool:
        """The same filters for a teaser that is already at hand."""
        return (
            (not self.kind or card.kind == self.kind)
            and (not self.region or card.region in regions().within(self.region))
            and (not self.specialty or card.specialty in specialties().within(self.specialty))
            and (not self.device_category or card.device_category in device_categories().within(self.device_category))
        )
