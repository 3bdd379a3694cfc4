"""Every table of the application, for migrations and nothing else."""

from backend.accounts.models import User, UserSession
from backend.api.models import ApiToken
from backend.attachments.models import Attachment
from backend.audit.models import AuditEvent
from backend.capabilities.models import Capability
from backend.disclosure.models import Release
from backend.mailer import Mail
from backend.matching.models import SearchDocument, SearchSequence
from backend.needs.models import Need, Requirement
from backend.organisations.models import Department, Membership, Organisation
from backend.outbox import OutboxRow

TABLES = (
    ApiToken,
    Attachment,
    AuditEvent,
    Capability,
    Department,
    Mail,
    Membership,
    Need,
    Organisation,
    OutboxRow,
    Release,
    Requirement,
    SearchDocument,
    SearchSequence,
    User,
    UserSession,
)
