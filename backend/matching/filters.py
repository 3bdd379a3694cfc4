"""Hard filters of a pair, each passed, failed or unknown, and the questions worth asking. Decision record 0017.

A filter has a line only where one side makes a demand: a demand that the other side is silent on is unknown, never
failed. Whoever fails a hard filter is shown below those who do not, with the reason; only incompatible kinds, and for
others than brokers one's own organisation, are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from backend.disclosure.models import SubjectKind
from backend.matching.filter_facts import CapabilityFacts, Filter, FilterName, NeedFacts, State
from backend.matching.filter_money import money
from backend.matching.filter_region import Places, places, region
from backend.matching.filter_registration import certification, origin, registration
from backend.matching.filter_rooms import rooms
from backend.matching.kinds import compatible

__all__ = [
    "CapabilityFacts",
    "Filter",
    "FilterName",
    "NeedFacts",
    "Places",
    "Question",
    "State",
    "admissible",
    "check",
    "fails",
    "places",
    "questions",
    "sink",
]

T = TypeVar("T")

QUESTIONS = 4
_IMPORTANCE = {name: number for number, name in enumerate(FilterName)}


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask the other side: on an unknown filter, or (`name` None) on a requirement that no sentence shows.

    `asked` quotes the demand, `found` what there is on it. `of_need` says that the need's author has to answer.
    """

    name: FilterName | None
    asked: str
    found: str = ""
    of_need: bool = False


def check(need: NeedFacts, capability: CapabilityFacts, known: Places) -> tuple[Filter, ...]:
    """The lines of the match card, in the order of importance; `known` are the spellings of places, see `places`."""
    fits = compatible(SubjectKind.NEED, need.kind, capability.kind)
    found = [Filter(FilterName.KIND, State.PASSED if fits else State.FAILED)]
    if fits:
        found += _conflict(need, capability)
        found += registration(need, capability)
        found += certification(need, capability)
        found += origin(need, capability)
        found += money(need, capability)
        found += region(need, capability, known)
        found += rooms(need, capability)
    return tuple(sorted(found, key=lambda line: _IMPORTANCE[line.name]))


def _conflict(need: NeedFacts, capability: CapabilityFacts) -> list[Filter]:
    """The same organisation on both sides fails; one with an interest in it is to be asked. Else nothing is known."""
    ours, theirs = need.organisation_id, capability.organisation_id
    if ours is None or theirs is None:
        return []
    if ours == theirs:
        return [Filter(FilterName.CONFLICT, State.FAILED)]
    return [Filter(FilterName.CONFLICT, State.UNKNOWN)] if ours in capability.related else []


def fails(lines: Sequence[Filter]) -> bool:
    """Whether a demand, not only a wish, is not met."""
    return any(line.hard and line.state is State.FAILED for line in lines)


def admissible(lines: Sequence[Filter], *, is_desk: bool) -> bool:
    """Whether the pair is shown at all; `is_desk` says that a broker looks, who may see an organisation's own pair."""
    failed = {line.name for line in lines if line.state is State.FAILED}
    return FilterName.KIND not in failed and (is_desk or FilterName.CONFLICT not in failed)


def sink(ranked: Sequence[T], lines: Callable[[T], Sequence[Filter]]) -> list[T]:
    """Those that fail a hard filter below all others; both parts keep their order, and nobody is dropped."""
    return sorted(ranked, key=lambda entry: fails(lines(entry)))


def questions(lines: Sequence[Filter], not_shown: Sequence[str] = (), limit: int = QUESTIONS) -> tuple[Question, ...]:
    """What is worth asking, the most important first: unknown demands, unknown wishes, requirements without evidence.

    `not_shown` are the requirements that no sentence of the capability shows, in their order. One that an unknown
    filter already asks about is not asked again, and of several filters of one name the first is asked.
    """
    unknown = [line for line in lines if line.state is State.UNKNOWN]
    unknown.sort(key=lambda line: (not line.hard, _IMPORTANCE[line.name]))
    found: list[Question] = []
    for line in unknown:
        # Each certificate is a question of its own.
        if line.name is not FilterName.CERTIFICATION and any(
            q.name is line.name and q.of_need is line.of_need for q in found
        ):
            continue
        found.append(Question(line.name, line.asked, line.found, line.of_need))
    said = [question.asked.rstrip("…") for question in found if question.asked]
    found += [Question(None, text) for text in not_shown if not any(asked in text for asked in said)]
    return tuple(found[:limit])
