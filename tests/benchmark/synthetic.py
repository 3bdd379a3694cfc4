"""Capabilities by the thousand, composed of the sentences of the seed data and written straight into the tables."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import insert
from sqlmodel import Session, SQLModel

from backend.capabilities.models import Capability, CapabilityKind
from backend.capabilities.states import CapabilityStatus
from backend.config import SEED_DIR
from backend.db import Database, utc_now
from backend.disclosure.models import Audience, SubjectKind, TieredText
from backend.matching import documents
from backend.matching.documents import Wanted
from backend.matching.indexing import wanted_passages
from backend.organisations.models import Organisation, OrganisationKind
from backend.organisations.states import OrganisationStatus
from backend.seed_files import read_rows
from backend.seeding import CAPABILITY_TEXTS
from embeddings import Encoder
from embeddings.passages import split_sentences
from embeddings.types import Vector

SENTENCES = 1_500
"""Sentences that are encoded for real."""
PER_ORGANISATION = 25
AT_ONCE = 1_000
TITLE_SHARE = 0.5
"""Weight of the vector of the title beside that of the sentence: both are encoded together (embeddings.passages)."""
NOISE = 0.15
"""Length of the random vector that is added, so that no two are the same."""

Chosen = tuple[int, list[int]]
"""Number of a title, and numbers of sentences."""


@dataclass(frozen=True)
class Material:
    """Titles and sentences of the seed data, and their vectors, shapes (t, d) and (n, d)."""

    titles: Sequence[str]
    sentences: Sequence[str]
    title_vectors: Vector
    vectors: Vector


def material(encoder: Encoder) -> Material:
    """Read the seed data and encode their sentences."""
    rows = list(read_rows(SEED_DIR, "capabilities"))
    texts = {s for row in rows for name in CAPABILITY_TEXTS for s in split_sentences(row.get(name, ""))}
    sentences = sorted(s for s in texts if 14 <= len(s) <= 110)
    random.Random(1).shuffle(sentences)
    sentences = sentences[:SENTENCES]
    titles = [row["title"][:60] for row in rows]
    return Material(titles, sentences, encoder.encode_passages(titles), encoder.encode_passages(sentences))


def build(database: Database, encoder: Encoder, made_of: Material, size: int) -> int:
    """Write `size` published capabilities with their search documents; returns the number of passages."""
    with database.session(write=True) as session:
        organisations = [
            Organisation(
                name=f"示例·合成单位{n}",
                kind=OrganisationKind.ENTERPRISE,
                region="310107",
                status=OrganisationStatus.VERIFIED,
            )
            for n in range(size // PER_ORGANISATION + 1)
        ]
        session.add_all(organisations)
        owners = [organisation.id for organisation in organisations]
    passages = 0
    chance, noise = random.Random(2), np.random.default_rng(2)
    for start in range(0, size, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, size))
        with database.session(write=True) as session:
            passages += _write(session, encoder, made_of, list(_capabilities(made_of, owners, numbers, chance)), noise)
    return passages


def _capabilities(
    made_of: Material, owners: Sequence[str], numbers: range, chance: random.Random
) -> Iterator[tuple[Capability, TieredText, Chosen]]:
    for number in numbers:
        chosen = chance.sample(range(len(made_of.sentences)), 5)
        title = chance.randrange(len(made_of.titles))
        texts = [made_of.sentences[i] for i in chosen]
        capability = Capability(
            id=f"{chance.getrandbits(64):016x}",
            organisation_id=owners[number // PER_ORGANISATION],
            kind=chance.choice(list(CapabilityKind)[:4]),
            status=CapabilityStatus.PUBLISHED,
            title=f"{made_of.titles[title]} {chance.choice('ABCDEFGH')}{number}",
            region="310107",
            summary="\n".join(texts[:3]),
            audience=Audience.PUBLIC,
            composition=texts[3],
            performance=texts[4],
            published_at=utc_now(),
            confirmed_at=utc_now(),
        )
        brief = (capability.composition, "", "", "", capability.performance, "")
        yield capability, TieredText(capability.title, (capability.summary,), brief), (title, chosen)


def _write(
    session: Session,
    encoder: Encoder,
    made_of: Material,
    made: Sequence[tuple[Capability, TieredText, Chosen]],
    noise: np.random.Generator,
) -> int:
    table = SQLModel.metadata.tables["capability"]
    columns = [column.name for column in table.columns]
    rows = [{name: getattr(capability, name) for name in columns} for capability, _text, _chosen in made]
    session.connection().execute(insert(table), rows)
    wanted: dict[documents.Subject, list[Wanted]] = {}
    vectors: dict[str, bytes] = {}
    for capability, text, chosen in made:
        passages = wanted_passages(text)
        wanted[(SubjectKind.CAPABILITY, capability.id)] = passages
        distinct = {w.digest: w for w in passages}
        found = np.stack([_vector(made_of, w.text, chosen) for w in distinct.values()])
        random_part = noise.standard_normal(found.shape, dtype=np.float32)
        found += NOISE * random_part / np.linalg.norm(random_part, axis=1, keepdims=True)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        vectors |= {digest: row.astype("<f4").tobytes() for digest, row in zip(distinct, found, strict=True)}
    return documents.write(session, wanted, vectors, encoder.name)


def _vector(made_of: Material, text: str, chosen: Chosen) -> Vector:
    """That of the title and the sentence, or for several sentences their mean."""
    title, sentences = chosen
    found = [i for i in sentences if made_of.sentences[i] in text] or list(sentences)
    mean: Vector = made_of.vectors[found].mean(axis=0) + TITLE_SHARE * made_of.title_vectors[title]
    mean /= np.linalg.norm(mean)
    return mean
