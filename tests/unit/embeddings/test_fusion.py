"""Reciprocal rank fusion and grouping by subject."""

from __future__ import annotations

import pytest

from embeddings.fusion import group_passages, rank_subjects, reciprocal_rank_fusion, subject_score
from embeddings.types import Hit


def test_scores_by_hand() -> None:
    fused = reciprocal_rank_fusion([["a", "b", "c"], ["b", "d"]])
    assert [hit.id for hit in fused] == ["b", "a", "d", "c"]
    assert fused[0].score == pytest.approx(1 / 62 + 1 / 61)
    assert fused[1].score == pytest.approx(1 / 61)
    assert fused[2].score == pytest.approx(1 / 62)
    assert fused[3].score == pytest.approx(1 / 63)


def test_ties_keep_first_seen_order() -> None:
    assert [hit.id for hit in reciprocal_rank_fusion([["z", "y"], ["y", "z"]])] == ["z", "y"]
    assert [hit.id for hit in reciprocal_rank_fusion([["b"], ["a"]])] == ["b", "a"]


def test_repeated_ids_count_once_and_do_not_push_others_down() -> None:
    assert reciprocal_rank_fusion([["a", "a", "b"]], k=0) == [Hit("a", 1.0), Hit("b", 0.5)]


def test_empty_and_wrong_arguments() -> None:
    assert reciprocal_rank_fusion([]) == []
    assert reciprocal_rank_fusion([[], []]) == []
    with pytest.raises(ValueError, match="negative"):
        reciprocal_rank_fusion([["a"]], k=-1)


def test_grouping_drops_padding_and_unknown_passages() -> None:
    hits = [(4, 0.7), (1, 0.9), (2, 0.8), (-1, -9.0), (99, 0.95)]
    assert group_passages(hits, {1: "a", 2: "b", 4: "a"}) == {"a": [(1, 0.9), (4, 0.7)], "b": [(2, 0.8)]}


def test_subject_score() -> None:
    assert subject_score([0.5, 0.9, 0.1, 0.4], share=0.0) == 0.9
    assert subject_score([0.5, 0.9, 0.1, 0.4]) == pytest.approx(0.7 * 0.9 + 0.3 * (0.9 + 0.5 + 0.4) / 3)
    assert subject_score([0.5, 0.9, 0.1, 0.4], share=0.5) == pytest.approx(0.45 + 0.5 * (0.9 + 0.5 + 0.4) / 3)
    assert subject_score([0.5], share=0.5) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="without passages"):
        subject_score([])


def test_rank_subjects() -> None:
    subject_of = {1: "a", 2: "b", 3: "b", 4: "c"}
    assert rank_subjects([(2, 0.9), (1, 0.8), (3, 0.2), (4, 0.8)], subject_of, 0.0) == [
        Hit("b", 0.9),
        Hit("a", 0.8),
        Hit("c", 0.8),
    ]
    ranked = rank_subjects([(2, 0.9), (1, 0.85), (3, 0.2), (4, 0.8)], subject_of)
    assert [hit.id for hit in ranked] == ["a", "c", "b"], "one good passage of two counts less"
