"""How near a candidate is to anything, and what that makes of a match."""

import logging
from pathlib import Path

import numpy as np
import pytest

from backend.disclosure.models import SubjectKind
from backend.matching import background
from backend.matching.features import Circumstances, features
from tests.fakes import FakeEncoder

ROWS = np.eye(4, dtype=np.float32)


def test_the_samples_are_full_and_repeat_nothing() -> None:
    for kind in SubjectKind:
        found = background.texts(kind)
        assert len(found) == len(set(found)) == background.SAMPLE
        assert min(map(len, found)) >= 4


def test_a_subject_near_to_many_texts_is_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "NEAREST", 2)
    sample = np.stack([ROWS[0], ROWS[0], ROWS[1], ROWS[2]])
    passages = {"broad": ROWS[:2], "narrow": ROWS[2:3], "apart": ROWS[3:]}
    assert background.commonness(passages, sample) == {"broad": 1.0, "narrow": 0.5, "apart": 0.0}
    assert background.commonness({}, sample) == background.commonness(passages, sample[:0]) == {}


def test_the_sample_is_encoded_once_and_anew_for_another_encoder(tmp_path: Path) -> None:
    encoder = FakeEncoder()
    first = background.stored(encoder, SubjectKind.NEED, tmp_path)
    (path,) = tmp_path.iterdir()
    encoder.encode_queries = None  # type: ignore[method-assign,assignment]
    assert (background.stored(encoder, SubjectKind.NEED, tmp_path) == first).all()
    other = background.stored(FakeEncoder("other"), SubjectKind.NEED, tmp_path)
    assert not np.allclose(other, first)
    path.write_bytes(path.read_bytes()[:100])
    assert (background.stored(FakeEncoder(), SubjectKind.NEED, tmp_path) == first).all()
    assert np.load(path).shape == first.shape


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "file"
    folder.write_text("no folder")
    with caplog.at_level(logging.WARNING):
        found = background.stored(FakeEncoder(), SubjectKind.CAPABILITY, folder)
    assert found.shape == (background.SAMPLE, FakeEncoder().dimension)
    assert "computed again" in caplog.text


def test_seen_from_the_candidate_a_common_text_matches_less() -> None:
    broad, narrow = features([0.8, 0.8], [0.8, 0.8], [1.0, 1.0], [0.75, 0.55])
    assert narrow.reverse - broad.reverse == pytest.approx(0.2)
    # What was not looked at closely counts as like the others.
    _one, _two, unread = features([0.8, 0.8, 0.6], [0.8, 0.8, 0.6], [1.0, 1.0, 0.0], [0.75, 0.55, None])
    assert unread.reverse == pytest.approx(0.6 - 0.65)


def test_features_without_candidates_or_circumstances() -> None:
    assert features([], [], [], []) == []
    (found,) = features([0.8], [0.7], [4.0], [0.5], [Circumstances(1.0, -1.0)], 0.25)
    assert (found.usual, found.points) == (0.8, 0.0)
    assert found.lead == pytest.approx(4 / 14)
    assert (found.category, found.specialty, found.detail) == (1.0, -1.0, 0.25)
