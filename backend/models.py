"""Every table of the application, for migrations and nothing else."""

from backend.accounts.models import (
    AccountToken,
    ExternalIdentity,
    RecoveryCode,
    SecondFactor,
    ThrottleHit,
    User,
    UserSession,
)
from backend.api.models import ApiToken
from backend.attachments.models import Attachment
from backend.audit.models import AuditEvent
from backend.capabilities.models import Capability
from backend.conversations.models import CaseMessage, ConversationRead, MessageMention
from backend.decisions.models import Decision
from backend.desk.models import DeskMark
from backend.disclosure.drafts import DraftCopy
from backend.disclosure.models import ReasonedAccess, Release, ReleaseProposal, StatusChange, SubjectVersion
from backend.introductions.models import CaseBroker, CaseEvent, CaseParty, Introduction, Signature
from backend.ledger.models import LedgerNeed, LedgerState, LedgerStep
from backend.mailer import Mail
from backend.matching.models import SearchDocument, SearchSequence
from backend.meetings.models import (
    CaseMeeting,
    DockingEvent,
    DockingGuest,
    DockingTalk,
    MeetingAnswer,
    MeetingPresence,
    MeetingTime,
)
from backend.needs.models import Need, Requirement
from backend.needs.support import NeedSupport
from backend.notifications.models import MailPreference, Notification
from backend.organisations.models import Department, Invitation, Membership, MembershipRequest, Organisation
from backend.outbox import OutboxRow
from backend.responses.models import CallResponse, Criterion, ResponseCall, Review, Score
from backend.results.models import ReportRemark
from backend.shortlists.models import Shortlist, ShortlistCursor, Shortlisted
from backend.transfers.models import Import, ImportRow

TABLES = (
    AccountToken,
    ApiToken,
    Attachment,
    AuditEvent,
    Capability,
    CallResponse,
    CaseBroker,
    CaseEvent,
    CaseMeeting,
    CaseMessage,
    CaseParty,
    Criterion,
    ConversationRead,
    Decision,
    Department,
    DeskMark,
    DockingEvent,
    DockingGuest,
    DockingTalk,
    DraftCopy,
    ExternalIdentity,
    Import,
    ImportRow,
    Introduction,
    Invitation,
    LedgerNeed,
    LedgerState,
    LedgerStep,
    Mail,
    MailPreference,
    MeetingAnswer,
    MeetingPresence,
    MeetingTime,
    Membership,
    MembershipRequest,
    MessageMention,
    Need,
    NeedSupport,
    Notification,
    Organisation,
    OutboxRow,
    ReasonedAccess,
    RecoveryCode,
    Release,
    ReleaseProposal,
    ReportRemark,
    Requirement,
    ResponseCall,
    Review,
    Score,
    SearchDocument,
    SearchSequence,
    SecondFactor,
    Shortlist,
    ShortlistCursor,
    Shortlisted,
    Signature,
    ThrottleHit,
    StatusChange,
    SubjectVersion,
    User,
    UserSession,
)
