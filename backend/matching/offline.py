"""The site's engine over a corpus in memory: no database, no viewers, the same candidates and the same judging."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from backend.disclosure.models import SubjectKind
from backend.matching import background
from backend.matching.documents import PassageRow
from backend.matching.models import SearchDocument, SearchTier
from backend.matching.ranker import Weights, weights
from backend.matching.scoring import Scored, judge
from backend.matching.sides import Candidate, empty, query_of
from embeddings.evaluation.dataset import Doc
from embeddings.passages import passages
from embeddings.types import Encoder

Progress = Callable[[int, int], None]
BATCH = 512


@dataclass(frozen=True)
class OfflineRanking:
    """One need: its candidates as the index gave them, and as the site shows them."""

    candidates: tuple[Candidate, ...]
    scored: tuple[Scored, ...]


class OfflineEngine:
    """Documents ranked for needs as the site ranks the teasers of capabilities."""

    def __init__(
        self,
        encoder: Encoder,
        corpus: Sequence[Doc],
        *,
        model: Weights | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._encoder = encoder
        self._model = model or weights()
        self._sample = background.encoded(encoder, SubjectKind.NEED)
        self._rows: dict[str, list[SearchDocument]] = {}
        self._index = empty(encoder.name, encoder.dimension)
        pending: list[tuple[SearchDocument, str]] = []
        number = 0
        for place, doc in enumerate(corpus, 1):
            for passage in passages(doc.title, [doc.text]):
                number += 1
                row = SearchDocument(
                    id=number,
                    sequence=number,
                    subject_kind=SubjectKind.CAPABILITY,
                    subject_id=doc.id,
                    tier=SearchTier.TEASER,
                    position=passage.position,
                    text=passage.text,
                    model=encoder.name,
                )
                self._rows.setdefault(doc.id, []).append(row)
                pending.append((row, passage.encoded))
            if len(pending) >= BATCH or place == len(corpus):
                self._add(pending)
                pending = []
                if progress:
                    progress(place, len(corpus))
        self._index.apply_words(list(self._rows), self._rows)

    def _add(self, pending: Sequence[tuple[SearchDocument, str]]) -> None:
        if not pending:
            return
        vectors = self._encoder.encode_passages([encoded for _row, encoded in pending])
        for (row, _encoded), vector in zip(pending, vectors, strict=True):
            row.vector = vector.astype("<f4").tobytes()
        self._index.apply_vectors([row for row, _encoded in pending], self._encoder.name)

    def rank(self, text: str, points: Sequence[str] = ()) -> OfflineRanking:
        """Candidates and judged candidates of one need, best first."""
        query = query_of(self._encoder, text, points)
        candidates = self._index.candidates(query)
        return OfflineRanking(tuple(candidates), tuple(judge(query, candidates, self._read, self._model, self._sample)))

    def _read(self, subject_ids: Collection[str]) -> Mapping[str, Sequence[PassageRow]]:
        return {i: self._rows[i] for i in subject_ids if i in self._rows}
