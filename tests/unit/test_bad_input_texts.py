"""Texts that are no sentences: one word, marks alone, many scripts, ten pages. They are indexed and matched."""

from collections.abc import Sequence

import pytest
from typer.testing import CliRunner

from backend.cli import app
from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import TEXT_LENGTH, TITLE_LENGTH, SubjectKind
from backend.matching import engine as engines
from backend.matching import service
from backend.matching.index_sync import EngineState, SearchEngine
from backend.matching.models import SearchTier
from backend.matching.ranker import Grade
from backend.organisations.policy import Viewer
from embeddings.types import Vector
from tests.factories import Factory, Party
from tests.fakes import FakeEncoder
from tests.steps import TITLES, found, use_settings

NEED = (
    "房间隔穿刺时针尖不能弯曲，抵住间隔后容易上滑，可能刺破心房壁。希望有一种可调弯的射频穿刺系统，弯度在心内可调节。"
)
WORD, MARKS, PAGES = "穿刺", "。。。！？，，……——", NEED * 180
ODD = {
    "one character": "针",
    "one word": WORD,
    "marks alone": MARKS,
    "marks of a query language": 'body:针 AND NOT (a OR "b"^3) +x -y * ~ [a TO b] \\ /',
    "scripts mixed": "房间隔 transseptal puncture 針がほしい игла إبرة 바늘 เข็ม",
    "emoji": "🫀🩺👩‍⚕️𠮷" * 9,
    "NUL bytes": "\x00穿\x00刺\x00",
    "no space in 4,000 characters": "针" * 4000,
    "no space in 4,000 letters": "a" * 4000,
    "marks of direction": "\u202e穿刺\u200f\u2066针\u2069",
    "invisible characters alone": "\u202e\u200b\u200d\ufeff",
    "combining marks": "e" + "\u0301" * 3000,
    "HTML": '<script>alert("1")</script><img src=x onerror=alert(1)>&amp;{{ 7*7 }}',
    "half a surrogate pair": "穿刺\udcff\ud83e",
    "line breaks alone": "\r\n\u2028\u2029\x85" * 50,
    "ten pages": PAGES,
}


def matches(database: Database, engine: SearchEngine, text: str) -> list[service.Match]:
    """What a text is matched with, the weak ones last, as `yiqiao match` shows it."""
    with database.session() as session:
        done = service.match_text(
            session, engine, Viewer(is_admin=True), service.free_text(text), SubjectKind.CAPABILITY
        )
    assert done.state is EngineState.READY
    return [*done.matches, *done.nearest]


def test_any_text_can_be_looked_for(engine: SearchEngine, database: Database, company: Party) -> None:
    """There is an answer of some of the three, each with a sentence of its own that can be quoted."""
    engine.follow()
    for name, text in ODD.items():
        for match in matches(database, engine, text):
            assert match.card.title in TITLES, name
            assert 0 <= match.probability <= 1, name
            own = f"{match.card.title}。{match.card.title}的主要用途和性能。"
            for segments in [row.sentence for row in match.table] or [match.evidence]:
                assert "".join(segment.text for segment in segments) in own, name


def test_any_text_can_be_published_and_the_others_are_still_found(
    engine: SearchEngine, other: SearchEngine, database: Database, company: Party, make: Factory
) -> None:
    """But for half a surrogate pair, which is no text to a database; no form lets it through."""
    engine.follow()
    before = found(engine, TITLES[1])
    hospital = make.hospital()
    published: list[tuple[Party, SubjectKind, str]] = []
    for text in ODD.values():
        if "\ud83e" not in text:
            title, body = text[:TITLE_LENGTH], text[:TEXT_LENGTH]
            need = make.need(hospital, title, summary=body, problem=body)
            capability = make.capability(company, title, summary=body)
            published.append((hospital, SubjectKind.NEED, need.id))
            published.append((company, SubjectKind.CAPABILITY, capability.id))
    engine.follow()
    assert dict(before).items() <= dict(found(engine, TITLES[1])).items()
    for party, kind, subject_id in published:
        with database.session() as session:
            _card, suggested = service.suggest(session, engine, party.viewer, kind, subject_id)
        assert suggested.state is EngineState.READY
    engine.save()
    other.follow()
    assert other.sizes() == engine.sizes()
    assert found(other, TITLES[1]) == found(engine, TITLES[1])


@pytest.mark.parametrize("text", [MARKS, ODD["invisible characters alone"], ODD["line breaks alone"]])
def test_a_text_without_a_word_is_matched_with_nothing(
    text: str, engine: SearchEngine, database: Database, company: Party
) -> None:
    engine.follow()
    assert {match.grade for match in matches(database, engine, text)} <= {Grade.WEAK}
    assert engine.candidates(SubjectKind.CAPABILITY, SearchTier.TEASER, engine.query(text))[0].lexical == 0


def test_one_word_finds_what_bears_it(engine: SearchEngine, database: Database, company: Party) -> None:
    engine.follow()
    assert matches(database, engine, WORD)[0].card.title == TITLES[0]


def test_a_need_of_ten_pages_keeps_its_match(engine: SearchEngine, database: Database, company: Party) -> None:
    """The same said at length is still the same need."""
    engine.follow()
    once, long = matches(database, engine, NEED)[0], matches(database, engine, PAGES)[0]
    assert once.card.title == long.card.title == TITLES[0]
    assert once.grade is not Grade.WEAK
    assert long.grade is not Grade.WEAK


class _Strict(FakeEncoder):
    """Refuses half characters, as the tokenizers of models do."""

    def encode_queries(self, texts: Sequence[str]) -> Vector:
        """(n, d) float32, unit length."""
        for text in texts:
            text.encode()
        return super().encode_queries(texts)


@pytest.mark.parametrize(
    "name", ["one word", "marks alone", "emoji", "half a surrogate pair", "line breaks alone", "ten pages"]
)
def test_the_command_line_takes_any_text(
    name: str, settings: Settings, company: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal hands on bytes that are no text as half surrogate pairs."""
    use_settings(monkeypatch, settings)
    monkeypatch.setattr(engines, "load_encoder", lambda *_arguments, **_options: _Strict())
    done = CliRunner().invoke(app, ["match", ODD[name]])
    if ODD[name].strip():
        assert (done.exit_code, done.exception) == (0, None)
        assert any(title in done.stdout for title in TITLES)
    else:
        assert (done.exit_code, done.stderr) == (1, "The text is empty.\n")
