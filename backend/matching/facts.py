"""The facts of needs and capabilities that the hard filters read, cut to what a viewer may read."""

from collections.abc import Mapping

from sqlmodel import Session

from backend.capabilities import service as capabilities
from backend.capabilities.models import Capability
from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind, Tier
from backend.matching.filters import CapabilityFacts, NeedFacts
from backend.matching.models import SearchTier
from backend.needs import service as needs
from backend.needs.models import Need
from backend.organisations.policy import Viewer


def may_read_brief(viewer: Viewer, card: Card) -> bool:
    """Whether a suggestion may use the brief of a subject: its own organisation's, or a broker's of its region."""
    return card.is_own or card.region in viewer.jurisdictions


def readable_tier(viewer: Viewer, card: Card, tier: SearchTier) -> Tier:
    """The narrowest tier of a subject that a suggestion made from `tier` may use before this viewer."""
    return Tier.BRIEF if tier is SearchTier.FULL and may_read_brief(viewer, card) else Tier.TEASER


def of(
    session: Session, cards: Mapping[str, Card], tiers: Mapping[str, Tier]
) -> dict[str, NeedFacts | CapabilityFacts]:
    """Facts by subject id, each from the texts of its tier; a subject that is no longer there is left out."""
    found: dict[str, NeedFacts | CapabilityFacts] = {}
    need_ids = [i for i, card in cards.items() if card.subject_kind is SubjectKind.NEED]
    for need in needs.rows(session, need_ids):
        found[need.id] = _need(session, need, cards[need.id], tiers[need.id])
    for capability in capabilities.rows(session, [i for i in cards if i not in need_ids]):
        found[capability.id] = _capability(capability, cards[capability.id], tiers[capability.id])
    return found


def _need(session: Session, need: Need, card: Card, tier: Tier) -> NeedFacts:
    texts = [need.title, need.summary]
    if tier is not Tier.TEASER:
        texts += [need.acceptance_criteria, need.constraints]
    texts += needs.requirements_for(session, need.id, tier)
    return NeedFacts(need.kind, need.region, _filled(texts), card.organisation_id)


def _capability(capability: Capability, card: Card, tier: Tier) -> CapabilityFacts:
    texts = [capability.title, capability.summary]
    if tier is Tier.TEASER:
        return CapabilityFacts(capability.kind, capability.region, _filled(texts), card.organisation_id)
    texts += [capability.composition, capability.principle, capability.indications]
    texts += [capability.performance, capability.cooperation]
    return CapabilityFacts(
        capability.kind,
        capability.region,
        _filled(texts),
        card.organisation_id,
        capability.stage,
        capability.certificate,
    )


def _filled(texts: list[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if text)
