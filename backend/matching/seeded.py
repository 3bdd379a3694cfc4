"""The judged needs of the seed data and recorded decisions, ranked in the database as their authors would see it.

The judgements were written by reading; seed_data/README.md tells what the grades mean.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

from sqlmodel import Session, col, select

from backend.capabilities.models import Capability
from backend.disclosure.cards import Card
from backend.disclosure.models import SubjectKind, TieredText
from backend.errors import DomainError
from backend.matching import service
from backend.matching.decisions import Judgements
from backend.matching.index_sync import SearchEngine
from backend.matching.judging import Judged, Material, Progress, digests, group_of
from backend.matching.kinds import compatible
from backend.matching.models import SearchTier
from backend.matching.ranking import Ranked, Wanted, rank
from backend.needs import service as needs
from backend.needs.models import Need
from backend.organisations.policy import Viewer
from embeddings.index import IndexUnavailable


class NotSeeded(DomainError):
    """The database lacks needs or capabilities that the judgements name."""

    status = 409
    zh = "数据库中没有评测所需的示例数据，请先运行 yiqiao seed。"
    en = (
        "The database lacks the demonstration data that the judgements name: run `yiqiao seed` in an empty data folder."
    )


def read_judgements(path: Path) -> dict[str, dict[str, int]]:
    """Need key to capability key to grade; raises ValueError for a grade outside 0 to 3, KeyError for a lost column."""
    found: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            grade = int(row["grade"])
            if not 0 <= grade <= 3:
                raise ValueError(f"{row['need']}, {row['capability']}: grade {grade} is not 0 to 3")
            found.setdefault(row["need"], {})[row["capability"]] = grade
    return found


def read_unanswerable(path: Path) -> list[str]:
    """Needs that nothing in the seed data answers, one a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


class Judge:
    """Ranks judged texts over a seeded database: teasers of compatible capabilities, as the author of a need sees."""

    def __init__(self, session: Session, engine: SearchEngine) -> None:
        """Raises EncoderUnavailable."""
        engine.follow()
        self._session, self._engine = session, engine
        self.encoder_name = engine.encoder().name
        rows = session.exec(select(Capability.id, Capability.key, Capability.title)).all()
        self._keys = {subject_id: key for subject_id, key, _title in rows if key}
        self._titles = {key: title for _id, key, title in rows if key}

    def needs(self, judgements: Mapping[str, Mapping[str, int]]) -> list[tuple[Need, TieredText]]:
        """The judged needs with their texts; raises NotSeeded where one is missing."""
        query = select(Need).where(col(Need.key).in_(judgements)).order_by(col(Need.key))
        found = [(need, needs.text_of(self._session, need.id)) for need in self._session.exec(query).all()]
        complete = [(need, text) for need, text in found if text is not None]
        if len(complete) < len(judgements):
            raise NotSeeded
        return complete

    def rank(self, wanted: Wanted, kind: str | None) -> list[Ranked]:
        """Rank the teasers of the capabilities, those that can answer a kind of need if it is known.

        Raises IndexUnavailable.
        """

        def admits(card: Card) -> bool:
            return kind is None or compatible(SubjectKind.NEED, kind, card.kind)

        viewer, tier = Viewer(is_admin=True), SearchTier.TEASER
        ranking = rank(self._session, self._engine, viewer, wanted, SubjectKind.CAPABILITY, tier, admits)
        if ranking.by_words:
            raise IndexUnavailable("The service of the vectors does not answer; words alone are not what is measured.")
        return ranking.ranked

    def _wanted(self, need: Need, text: TieredText, tier: SearchTier) -> Wanted:
        """What a need looks for by its text of one tier, as the page of its suggestions does."""
        card = needs.cards(self._session, Viewer(is_admin=True), [need.id]).get(need.id)
        points = needs.requirements_for(self._session, need.id, tier.tier)
        return Wanted(service.query_text(text, tier), points, card)

    def _judged(self, name: str, wanted: Wanted, kind: str | None, group: str, grades: Mapping[str, int]) -> Judged:
        ranked = [r for r in self.rank(wanted, kind) if r.card.id in self._keys]
        keys = tuple(self._keys[r.card.id] for r in ranked)
        return Judged(name, wanted.text, group, grades, tuple(r.scored for r in ranked), keys)

    def seed(
        self,
        judgements: Path,
        unanswerable: Path,
        *,
        all_lengths: bool = False,
        limit: int | None = None,
        progress: Progress = lambda _what, _done, _total: None,
    ) -> Material:
        """The judged needs of the seed data by their whole texts, as their authors see them matched, and what nothing
        answers.

        With `all_lengths` each need also by its teaser, its summary and its title: a model that shall hold for long
        and for short queries is fitted on both. Raises NotSeeded.
        """
        grades = read_judgements(judgements)
        texts: list[tuple[str, Wanted, str | None, str, Mapping[str, int]]] = []
        for need, text in self.needs(grades)[:limit]:
            key, full = str(need.key), self._wanted(need, text, SearchTier.FULL)
            parts = {key: full}
            if all_lengths:
                parts[f"{key}#teaser"] = self._wanted(need, text, SearchTier.TEASER)
                parts[f"{key}#summary"] = service.free_text("\n".join(text.teaser))
                parts[f"{key}#title"] = service.free_text(text.title)
            texts += [(name, part, need.kind, group_of(full.text), grades[key]) for name, part in parts.items()]
        for number, line in enumerate(read_unanswerable(unanswerable)[:limit]):
            texts.append((f"unanswerable-{number}", service.free_text(line), None, group_of(line), {}))
        judged = []
        for number, row in enumerate(texts, 1):
            judged.append(self._judged(*row))
            progress("ranking needs", number, len(texts))
        return Material(
            name=judgements.name,
            judged=judged,
            encoder=self.encoder_name,
            titles=self._titles,
            sources=digests([judgements, unanswerable]),
        )

    def decided(self, name: str, sources: Mapping[str, str], outcomes: Judgements) -> Material:
        """Needs of the database with what was decided about some capabilities, both by id or key.

        What is no longer there, or no candidate of its need, is left out: its features cannot be known. `sources` are
        the digests for the provenance.
        """
        found = []
        named = {key: subject_id for subject_id, key in self._keys.items()}
        for of_need, decisions in outcomes.items():
            query = select(Need).where((col(Need.id) == of_need) | (col(Need.key) == of_need))
            need = self._session.exec(query).first()
            text = needs.text_of(self._session, need.id) if need else None
            if need is None or text is None:
                continue
            full = self._wanted(need, text, SearchTier.FULL)
            judgements = {named.get(capability, capability): made for capability, made in decisions.items()}
            ranked = [r for r in self.rank(full, need.kind) if r.card.id in judgements]
            ids = tuple(r.card.id for r in ranked)
            judged = Judged(
                need.id,
                full.text,
                group_of(full.text),
                {subject_id: made.grade for subject_id, made in judgements.items()},
                tuple(r.scored for r in ranked),
                ids,
                complete=False,
                weights={subject_id: made.weight for subject_id, made in judgements.items()},
            )
            found.append(judged)
        return Material(name, found, self.encoder_name, sources=sources)
