"""All that refers to an organisation from higher floors: a feature that keeps such a column adds itself here."""

from sqlmodel import col

from backend.capabilities.models import Capability
from backend.conversations.models import CaseMessage, ConversationRead
from backend.decisions.models import Decision
from backend.desk.references import of_marks
from backend.disclosure.models import SubjectKind
from backend.disclosure.references import of_proposals, of_releases, of_subjects
from backend.i18n import gettext as _
from backend.introductions.references import of_brokers, of_cases, of_columns, records
from backend.ledger.models import LedgerStep
from backend.meetings.references import of_meetings
from backend.needs.models import Need
from backend.needs.references import of_supports
from backend.organisations.references import References
from backend.responses.references import of_responses
from backend.transfers.models import Import

REFERENCES: References = (
    of_subjects(_("需求"), SubjectKind.NEED, Need, col(Need.department_id)),
    of_subjects(_("能力"), SubjectKind.CAPABILITY, Capability),
    of_supports(_("附议")),
    of_releases(_("已获得的披露授权")),
    of_proposals(_("等待答复的开放建议")),
    of_cases(_("参与的引荐")),
    of_brokers(_("负责撮合的引荐")),
    records(_("引荐中的记录和保密承诺")),
    of_responses(_("应征")),
    of_columns(_("负责的台账步骤"), (LedgerStep, col(LedgerStep.owner_organisation_id))),
    of_marks(_("工作台上的延期和转交")),
    of_columns(
        _("引荐中的消息"),
        (CaseMessage, col(CaseMessage.organisation_id)),
        (ConversationRead, col(ConversationRead.organisation_id)),
    ),
    of_meetings(_("会议和对接会")),
    of_columns(_("撮合统计"), (Decision, col(Decision.organisation_id))),
    of_columns(_("批量导入的记录"), (Import, col(Import.organisation_id))),
)
