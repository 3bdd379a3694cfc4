"""Which kinds of capability can answer which kinds of need: the first hard filter of the matching."""

from collections.abc import Mapping

from backend.capabilities.models import CapabilityKind as C
from backend.disclosure.models import SubjectKind
from backend.needs.models import NeedKind as N

COMPATIBLE: Mapping[N, frozenset[C]] = {
    N.CLINICAL: frozenset({C.PRODUCT, C.TECHNOLOGY, C.RESEARCH, C.SERVICE}),
    N.TECHNICAL: frozenset({C.PRODUCT, C.TECHNOLOGY, C.RESEARCH, C.SERVICE}),
    N.SUPPLY: frozenset({C.PRODUCT, C.TECHNOLOGY, C.SERVICE}),
    N.VALIDATION: frozenset({C.SERVICE, C.SCENARIO}),
    N.SERVICE: frozenset({C.SERVICE, C.TECHNOLOGY}),
    N.SPACE: frozenset({C.SPACE}),
    N.CAPITAL: frozenset({C.CAPITAL}),
    N.SCENARIO: frozenset({C.SCENARIO, C.PRODUCT, C.TECHNOLOGY}),
}


def compatible(side: SubjectKind, kind: str, other: str) -> bool:
    """Whether a subject of this side and kind can be matched with one of the other side's kind."""
    if side is SubjectKind.NEED:
        return C(other) in COMPATIBLE[N(kind)]
    return C(kind) in COMPATIBLE[N(other)]
