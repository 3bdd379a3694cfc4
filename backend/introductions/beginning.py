"""What the form of a new introduction shows: both teasers, words to begin with, and what the ranker said of the pair.

What the ranker said travels through the form sealed and bound to its reader and the pair, so that nobody can write
other figures into the training data. It is worked out once, when the form is opened; the write waits for no encoder.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session

from backend.capabilities import service as capabilities
from backend.db import ID_PATTERN
from backend.decisions.service import NOT_SUGGESTED, Suggested
from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind
from backend.errors import Forbidden, NotFound
from backend.introductions import cases, lists, policy, service
from backend.introductions.models import MESSAGE_LENGTH, Introduction
from backend.introductions.service import Pair
from backend.matching import service as matching
from backend.matching.evidence import Shown
from backend.matching.index_sync import SearchEngine
from backend.matching.ranker import weights
from backend.matching.ranking import Ranked
from backend.matching.service import Match
from backend.needs import service as needs
from backend.organisations.policy import Viewer
from backend.sealing import Sealer, Unsealable
from backend.transitions import Actor

PURPOSE = "suggestion behind an introduction"
VALID_SECONDS = 24 * 3600
QUOTED = 80
"""Characters of a sentence that a prepared message quotes."""
SENTENCES = 2


@dataclass(frozen=True)
class Beginning:
    """A pair before its introduction. `role` is in whose name the viewer begins; `present` an open case of the pair,
    `former` the last one that came to nothing."""

    need: Card
    capability: Card
    role: Actor
    present: Introduction | None
    former: Introduction | None

    @property
    def by_broker(self) -> bool:
        """Whether a broker introduces the two; else one of them asks for it."""
        return self.role is Actor.BROKER


def begin(session: Session, viewer: Viewer, need_id: str, capability_id: str) -> Beginning:
    """The pair as the viewer may see it, and in which role; raises NotFound, Forbidden or Unsuitable.

    Whether it exists is told to those alone who may read both teasers.
    """
    cards = (
        needs.cards(session, viewer, [need_id]).get(need_id),
        capabilities.cards(session, viewer, [capability_id]).get(capability_id),
    )
    need, capability = cards
    if need is None or capability is None:
        raise NotFound
    pair = service.pair_of(session, need_id, capability_id)
    present = service.open_with(session, viewer, pair)
    former = dict(lists.former_beside(session, viewer, SubjectKind.NEED, need_id)).get(capability_id)
    return Beginning(need, capability, _role(session, viewer, pair), present, former)


def _role(session: Session, viewer: Viewer, pair: Pair) -> Actor:
    try:
        return service.check_can_ask(session, viewer, pair)
    except Forbidden:
        sides = {pair.need.organisation_id, pair.organisation_id}
        policy.check_can_begin(viewer, {pair.need.region, pair.region}, sides)
        return Actor.BROKER


def followed(session: Session, viewer: Viewer, need_id: str, case_id: str) -> str | None:
    """The former case of the same need that this one follows, if the viewer is a broker of it."""
    if not re.fullmatch(ID_PATTERN, case_id):
        return None
    try:
        case = cases.get(session, viewer, case_id)
        policy.check_can_broker(viewer, case.facts)
    except (NotFound, Forbidden):
        return None
    return case_id if case.row.need_id == need_id else None


def said(
    session: Session,
    engine: SearchEngine,
    viewer: Viewer,
    kind: SubjectKind,
    beginning: Beginning,
    spend: Callable[[], None],
) -> Suggested:
    """What the suggestions of one side say of the other to this viewer, now.

    The position is that in the list as it is shown, for others of the same organisation that among all candidates.
    `spend` counts what is encoded; raises TooManyAttempts.
    """
    sides = (beginning.need.id, beginning.capability.id)
    subject_id, other_id = sides if kind is SubjectKind.NEED else sides[::-1]
    try:
        _card, found = matching.suggest(session, engine, viewer, kind, subject_id, spend)
    except NotFound:
        return NOT_SUGGESTED
    version = weights().version
    lists: tuple[tuple[Match | Ranked, ...], ...] = ((*found.matches, *found.nearest), found.ranked)
    for entries in lists:
        for position, entry in enumerate(entries, 1):
            if entry.card.id == other_id:
                return Suggested(version, position, entry.grade.value, entry.probability)
    return NOT_SUGGESTED


def seal(sealer: Sealer, viewer: Viewer, beginning: Beginning, suggested: Suggested) -> str:
    """What the ranker said, for the form."""
    figures = [suggested.ranker, suggested.position, suggested.grade, suggested.probability]
    return sealer.seal(PURPOSE, json.dumps([*_bound_to(viewer, beginning), *figures]))


def unseal(sealer: Sealer, viewer: Viewer, beginning: Beginning, sealed: str) -> Suggested:
    """What the ranker had said when the form was opened; nothing where the form was changed, or is a day old."""
    try:
        parts = json.loads(sealer.open(PURPOSE, sealed, seconds=VALID_SECONDS))
    except (Unsealable, ValueError):
        return NOT_SUGGESTED
    bound = _bound_to(viewer, beginning)
    return Suggested(*parts[len(bound) :]) if parts[: len(bound)] == bound else NOT_SUGGESTED


def _bound_to(viewer: Viewer, beginning: Beginning) -> list[str | None]:
    return [viewer.user_id, beginning.need.id, beginning.capability.id]


def prepared_message(session: Session, engine: SearchEngine, beginning: Beginning) -> str:
    """Two or three sentences for both sides, made of what the teasers say: nothing of a brief, and no name."""
    need, capability = beginning.need, beginning.capability
    parts = [f"需求“{_cut(need.title)}”与能力“{_cut(capability.title)}”可能相配。"]
    reasons = matching.public_reasons(session, engine, need.id, capability)
    covered = [row for row in reasons.table if row.shown is not Shown.NOT_SHOWN and row.sentence]
    for row in covered[:SENTENCES]:
        sentence = "".join(segment.text for segment in row.sentence)
        parts.append(f"需求要点“{_cut(row.requirement)}”，能力摘要写明“{_cut(sentence)}”。")
    if not covered and reasons.evidence:
        sentence = "".join(segment.text for segment in reasons.evidence)
        parts.append(f"能力摘要写明“{_cut(sentence)}”。")
    parts.append("请双方看过对方摘要后答复；双方都接受后，相互开放详情和联系方式。")
    return "".join(parts)[:MESSAGE_LENGTH]


def _cut(text: str) -> str:
    text = text.strip().rstrip("。；;")
    return text if len(text) <= QUOTED else f"{text[: QUOTED - 1]}…"
