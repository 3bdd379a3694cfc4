"""Judged needs, ranked, and how they are read from files and ranked offline.

docs/evaluation.md tells what the files of a judged set hold.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from backend.matching.offline import OfflineEngine
from backend.matching.points import points_of
from backend.matching.ranker import Weights
from backend.matching.scoring import Scored
from embeddings.evaluation.dataset import Doc, read_jsonl
from embeddings.passages import normalise
from embeddings.types import Encoder

USEFUL = 2
"""The lowest grade that counts as a useful match, if nothing else is said."""
POOL = 60
"""The first candidates of a need, by fused rank, that are judged as pairs; those that nobody read count as no use."""

CERTAIN = 0.5
"""A judgement that counts less is learnt from, and nothing is measured by it."""

Progress = Callable[[str, int, int], None]
"""Hears what is being done, how many are done, and of how many."""


@dataclass(frozen=True)
class Judged:
    """One need, ranked, with its grades.

    Attributes:
        need: an id of its own; the key of the need in the seed data, with #title and so on for parts of its text.
        text: the text that was ranked.
        group: stands for the need itself; whatever shares it is held out together.
        grades: document to grade.
        scored: the judged candidates, most probable first.
        docs: their documents.
        complete: whether a candidate without a grade counts as of no use; decisions say nothing about others.
        weights: subject to how much its grade counts, 0 to 1; what is not named counts in full.
    """

    need: str
    text: str
    group: str
    grades: Mapping[str, int]
    scored: tuple[Scored, ...]
    docs: tuple[str, ...]
    complete: bool = True
    weights: Mapping[str, float] = field(default_factory=dict)

    def weight(self, found: Scored) -> float:
        """How much the grade of a candidate counts."""
        return self.weights.get(found.candidate.subject_id, 1.0)

    def rescored(self, model: Weights) -> "Judged":
        """The same candidates as other weights judge them."""
        again = []
        for found, doc in zip(self.scored, self.docs, strict=True):
            probability = model.probability(found.features)
            grade = model.grade(probability, found.shared_words)
            again.append((replace(found, probability=probability, grade=grade), doc))
        again.sort(key=lambda pair: (-pair[0].probability, pair[0].candidate.subject_id))
        return replace(self, scored=tuple(s for s, _doc in again), docs=tuple(doc for _s, doc in again))

    def graded(self) -> list[tuple[Scored, int]]:
        """Candidates with their grades: the pool, where those without one count as 0, and whatever was graded
        besides."""
        order = sorted(range(len(self.docs)), key=lambda n: (-self.scored[n].candidate.fused, self.docs[n]))
        pool = set(order[:POOL]) if self.complete else set()
        return [
            (found, self.grades.get(doc, 0))
            for n, (found, doc) in enumerate(zip(self.scored, self.docs, strict=True))
            if n in pool or doc in self.grades
        ]

    def pairs(self, relevant_from: int) -> list[tuple[Scored, int]]:
        """As `graded`, with 1 for what is useful and 0 for what is not; without grades that are not certain."""
        return [(found, int(grade >= relevant_from)) for found, grade in self.graded() if self.weight(found) >= CERTAIN]


@dataclass(frozen=True)
class Material:
    """A judged set, ranked: what evaluation, fit and comparison work on."""

    name: str
    judged: Sequence[Judged]
    encoder: str
    relevant_from: int = USEFUL
    titles: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0


def group_of(text: str) -> str:
    """The group of the need with this full text."""
    return hashlib.sha256(normalise(text).casefold().encode()).hexdigest()[:16]


def digests(paths: Sequence[Path]) -> dict[str, str]:
    """File name to sha256; raises OSError."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def offline(
    queries: Path,
    corpus: Path,
    encoder: Encoder,
    model: Weights,
    *,
    relevant_from: int = USEFUL,
    limit: int | None = None,
    weight: float = 1.0,
    progress: Progress = lambda _what, _done, _total: None,
) -> Material:
    """Rank the first `limit` needs of a judged set in two JSON Lines files, as the site ranks teasers.

    Raises:
        DatasetError: where a file is broken; names file and line.
    """
    judged_set = read_jsonl(corpus, queries)
    # Places stand for the ids, which may hold what an index cannot.
    names = {f"{place:08}": name for place, name in enumerate(judged_set.corpus)}
    docs = [Doc(place, judged_set.corpus[name].title, judged_set.corpus[name].text) for place, name in names.items()]
    engine = OfflineEngine(
        encoder, docs, model=model, progress=lambda done, total: progress("encoding documents", done, total)
    )
    asked = dict(islice(judged_set.queries.items(), limit))
    texts = {text: points_of(text) for text in asked.values() if normalise(text)}
    # In one go, which is several times faster; a caching encoder has them at hand when they are ranked.
    encoder.encode_queries(list(dict.fromkeys(part for text, points in texts.items() for part in (text, *points))))
    judged = []
    for number, (need, text) in enumerate(asked.items(), 1):
        # The site refuses an empty text: nothing is ranked for it.
        scored = engine.rank(text, texts[text]).scored if text in texts else ()
        found = tuple(names[s.candidate.subject_id] for s in scored)
        judged.append(Judged(need, text, group_of(text), judged_set.relevance[need], scored, found))
        progress("ranking needs", number, len(asked))
    return Material(
        name=queries.name,
        judged=judged,
        encoder=encoder.name,
        relevant_from=judged_set.relevant_from(relevant_from),
        titles={name: doc.title for name, doc in judged_set.corpus.items()},
        sources=digests([queries, corpus]),
        weight=weight,
    )
