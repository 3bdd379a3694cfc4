"""The wording of every enumeration, by the name that templates know it by."""

from collections.abc import Mapping
from typing import Any

from backend.admin import wordings as admin_wordings
from backend.capabilities import forms as capability_forms
from backend.conversations import wordings as conversation_wordings
from backend.desk import histories as desk_histories
from backend.desk import kinds as desk_kinds
from backend.disclosure import forms as disclosure_forms
from backend.introductions import forms as introduction_forms
from backend.ledger import forms as ledger_forms
from backend.ledger import wordings as ledger_wordings
from backend.matching import labels as matching_labels
from backend.meetings import forms as meeting_forms
from backend.needs import forms as need_forms
from backend.notifications import wordings as notification_wordings
from backend.organisations import forms as organisation_forms
from backend.responses import wordings as response_wordings
from backend.transfers import forms as transfer_forms

LABELS: dict[str, Mapping[Any, str]] = {
    "need_kind": need_forms.KINDS,
    "need_status": need_forms.STATUSES,
    "need_action": need_forms.ACTIONS,
    "offer": need_forms.OFFERS,
    "capability_kind": capability_forms.KINDS,
    "capability_status": capability_forms.STATUSES,
    "capability_action": capability_forms.ACTIONS,
    "stage": capability_forms.STAGES,
    "organisation_kind": organisation_forms.KINDS,
    "organisation_status": organisation_forms.STATUSES,
    "role": organisation_forms.ROLES,
    "role_hint": organisation_forms.ROLE_HINTS,
    "tier": disclosure_forms.TIERS,
    "actor": disclosure_forms.ACTORS,
    "purpose": disclosure_forms.PURPOSES,
    "notice": notification_wordings.NOTICES,
    "audit_event": admin_wordings.EVENTS,
    "audit_namespace": admin_wordings.NAMESPACES,
    "audit_subject": admin_wordings.SUBJECTS,
    "mail": admin_wordings.MAILS,
    "meeting_status": meeting_forms.STATUSES,
    "fit": meeting_forms.FITS,
    "docking_status": meeting_forms.DOCKING_STATUSES,
    "docking_guest": meeting_forms.GUESTS,
    "docking_reason": meeting_forms.GUEST_REASONS,
    "wish_source": meeting_forms.SOURCES,
    "audience": disclosure_forms.AUDIENCES,
    "call_status": response_wordings.CALL_STATUSES,
    "call_action": response_wordings.CALL_ACTIONS,
    "response_status": response_wordings.RESPONSE_STATUSES,
    "review_status": response_wordings.REVIEW_STATUSES,
    "refusal": response_wordings.REFUSALS,
    "pass_reason": response_wordings.PASS_REASONS,
    "ledger_step": ledger_wordings.STEPS,
    "ledger_phase": ledger_wordings.PHASES,
    "ledger_status": ledger_wordings.STATUSES,
    "ledger_action": ledger_wordings.ACTIONS,
    "ledger_blocker": ledger_wordings.BLOCKERS,
    "ledger_story": ledger_wordings.STORY,
    "ledger_leg": ledger_forms.LEGS,
    "grade": matching_labels.GRADES,
    "introduction_status": introduction_forms.STATUSES,
    "introduction_action": introduction_forms.ACTIONS,
    "introduction_event": {**conversation_wordings.STEPS, **ledger_wordings.EVENTS},
    "decline_reason": introduction_forms.REASONS,
    "side": introduction_forms.SIDES,
    "party_state": introduction_forms.PARTY_STATES,
    "leg": introduction_forms.LEGS,
    "import_status": transfer_forms.STATUSES,
    "import_action": transfer_forms.ACTIONS,
    "import_outcome": transfer_forms.OUTCOMES,
    "import_kind": transfer_forms.KINDS,
    "desk_kind": desk_kinds.KINDS,
    "desk_urgency": desk_kinds.URGENCIES,
    "conflict": desk_histories.CONFLICTS,
}
