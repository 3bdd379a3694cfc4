"""The drafts that an office has brought in for an organisation with members: they are told once for each import, and
find on one page what there is to check. The import itself is the office's, with the rows of all other organisations."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session, col, select

from backend.capabilities import service as capabilities
from backend.disclosure.cards import Card
from backend.errors import NotFound
from backend.i18n import gettext as _
from backend.needs import service as needs
from backend.notifications import recipients
from backend.notifications.models import Notice
from backend.notifications.service import tell
from backend.organisations import service as organisations
from backend.organisations.policy import Viewer
from backend.transfers.models import Import, ImportRow, RowAction, RowKind, RowOutcome
from backend.transfers.policy import Scope
from backend.transfers.writing import SIDES, Written

KIND = "import_drafts"
"""The name of the drafts of an import in notifications."""
CARDS = {RowKind.NEED: needs.cards, RowKind.CAPABILITY: capabilities.cards}


@dataclass(frozen=True)
class Drafts:
    """What an import of an office has left for the viewer's organisations, as it is now."""

    import_id: str
    office: str
    cards: tuple[Card, ...]

    @property
    def title(self) -> str:
        """What a notification shows."""
        return _("%(office)s录入的 %(count)s 项草稿") % {"office": self.office, "count": len(self.cards)}

    @property
    def url(self) -> str:
        """The page of the drafts."""
        return path_of(self.import_id)


def path_of(import_id: str) -> str:
    """The address of what an import has left for others."""
    return f"/transfers/{import_id}/drafts"


def announce(session: Session, scope: Scope, import_id: str, written: Iterable[tuple[str, Written]]) -> None:
    """Tell those who write for organisations for which an office has just made drafts, given with each row.

    Whoever imports drafts of their own has seen them.
    """
    if not scope.is_office:
        return
    homes = {organisation_id for organisation_id, one in written if _is_draft(one)}
    users = [user for home in sorted(homes) for user in recipients.writers_of(session, home)]
    tell(session, users, Notice.DRAFTS_IMPORTED, KIND, import_id, path=path_of(import_id), actor_id=scope.user_id)


def _is_draft(written: Written) -> bool:
    side = SIDES.get(written.planned.row.kind)
    return side is not None and written.planned.action is RowAction.CREATE and written.status == side.draft


def get(session: Session, viewer: Viewer, import_id: str) -> Drafts:
    """What an import has left for the viewer's organisations; raises NotFound where there is nothing (any more)."""
    found = shown(session, viewer, [import_id]).get(import_id)
    if found is None:
        raise NotFound
    return found


def shown(session: Session, viewer: Viewer, ids: Collection[str]) -> Mapping[str, Drafts]:
    """The drafts of imports for notifications, as far as the viewer may read them and they have not been undone."""
    batches = session.exec(select(Import).where(col(Import.id).in_(ids))).all()
    names = organisations.authors(session, {batch.organisation_id for batch in batches})
    found = {}
    for batch in batches:
        cards = _cards(session, viewer, batch.id)
        if cards and batch.organisation_id not in viewer.organisation_ids:
            found[batch.id] = Drafts(batch.id, names[batch.organisation_id].name, cards)
    return found


def _cards(session: Session, viewer: Viewer, import_id: str) -> tuple[Card, ...]:
    found: list[Card] = []
    for kind, cards in CARDS.items():
        model = SIDES[kind].model
        query = (
            select(model.id)
            .join(ImportRow, col(ImportRow.subject_id) == col(model.id))
            .where(
                ImportRow.import_id == import_id,
                ImportRow.kind == kind,
                ImportRow.action == RowAction.CREATE,
                ImportRow.outcome == RowOutcome.DONE,
                col(model.organisation_id).in_(viewer.organisation_ids),
            )
            .order_by(col(ImportRow.number))
        )
        ids = list(session.exec(query).all())
        mine = cards(session, viewer, ids)
        found += [mine[id_] for id_ in ids if id_ in mine]
    return tuple(found)
