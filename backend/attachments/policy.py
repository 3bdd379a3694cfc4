"""Who may see and open the files of a subject, who may add and remove them, and under which names they are seen."""

from backend.attachments.models import Attachment
from backend.disclosure import policy as disclosure
from backend.disclosure.models import Tier
from backend.disclosure.policy import Opened
from backend.errors import Conflict, Forbidden, NotFound
from backend.organisations.policy import Viewer


def check_can_open(viewer: Viewer, opened: Opened) -> None:
    """Raise NotFound unless the annex is open to the viewer, or a broker has the jurisdiction.

    A broker reviews and introduces, and has to know what is handed over; each opening is written down.
    """
    is_desk = opened.facts.region in viewer.jurisdictions and Tier.BRIEF in opened.tiers
    if Tier.ANNEX not in opened.tiers and not is_desk:
        raise NotFound


def can_open(viewer: Viewer, opened: Opened) -> bool:
    """Whether the viewer may see the list of files and open them."""
    try:
        check_can_open(viewer, opened)
    except NotFound:
        return False
    return True


def check_can_change(viewer: Viewer, opened: Opened) -> None:
    """Raise NotFound for strangers, Forbidden for readers, Conflict where the text cannot be edited either."""
    disclosure.check_can_edit(viewer, opened.facts, is_editable=opened.is_editable)


def can_change(viewer: Viewer, opened: Opened) -> bool:
    """Whether the viewer may add and remove files."""
    try:
        check_can_change(viewer, opened)
    except (NotFound, Forbidden, Conflict):
        return False
    return True


def knows_names(viewer: Viewer, opened: Opened) -> bool:
    """Whether the viewer sees the names that were given to the files; they may tell who stands behind the subject."""
    return disclosure.knows_author(viewer, opened.facts, anonymous=opened.anonymous)


def needs_stripping(opened: Opened, attachment: Attachment) -> bool:
    """Whether the content must lose its metadata before anybody outside of the author's organisation opens it."""
    return opened.anonymous and not attachment.stripped
