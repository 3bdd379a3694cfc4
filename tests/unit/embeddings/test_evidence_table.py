"""The requirement × evidence table, its model and how that is calibrated."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest

from embeddings import passages
from embeddings.evaluation.evidence import Judgements, calibrate_evidence, encode, outcomes_of, read_judgements
from embeddings.evidence import Row, Shown, evidence_table
from embeddings.evidence_model import ANY_ENCODER, MODEL_FILE, Model, PairFeatures, load_model, write_models
from embeddings.types import Vector
from tests.benchmark.evidence import JUDGEMENTS, seed_passages
from tests.fakes import FakeEncoder

MODEL = Model("fake", -3.0, 2.0, 6.0, 1.0, -0.5, -1.0, partly=0.3, covered=0.7)
REQUIREMENTS = ["弯度可以调节", "外径不超过8F", "一次性使用", "有英文说明书"]
SENTENCES = [
    "弯度可以调节，停得住。",
    "外径7.5F，长71厘米。",
    "外径10F的型号也可提供。",
    "可重复使用五十次。",
    "已获得注册证。",
]


def idf(token: str) -> float:
    return 1.0 + len(token)


def table(requirements: list[str], sentences: list[str], model: Model = MODEL) -> list[Row]:
    encoder = FakeEncoder()
    return evidence_table(
        requirements, encoder.encode_queries(requirements), sentences, encoder.encode_passages(sentences), idf, model
    )


def test_each_requirement_gets_the_sentence_that_shows_it() -> None:
    adjustable, width, disposable, manual = table(REQUIREMENTS, SENTENCES)
    assert (adjustable.sentence, adjustable.grade) == (SENTENCES[0], Shown.COVERED)
    assert [SENTENCES[0][start:end] for start, end in adjustable.spans] == ["弯度可以调节"]
    assert width.sentence == SENTENCES[1] and width.grade is not Shown.NOT_SHOWN
    assert (manual.sentence, manual.grade, manual.spans, manual.contrary) == (None, Shown.NOT_SHOWN, (), False)
    assert disposable.requirement == "一次性使用"


def test_a_figure_that_is_missed_or_lacking_is_never_covered() -> None:
    eager = Model("fake", 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, partly=0.01, covered=0.02)
    for sentence in ("外径不超过10F", "外径可定制"):
        (row,) = table(["外径不超过8F"], [sentence], eager)
        assert (row.grade, row.sentence) == (Shown.PARTLY, sentence)
    (row,) = table(["外径不超过8F"], ["外径6F"], eager)
    assert row.grade is Shown.COVERED


def test_a_contrary_sentence_is_quoted_as_such_unless_another_shows_the_requirement() -> None:
    wanted, contrary, fitting = "弯度可以调节", "弯度出厂后不能调节。", "弯度可以在体内调节。"
    (row,) = table([wanted], [contrary])
    assert (row.grade, row.sentence, row.contrary) == (Shown.NOT_SHOWN, contrary, True)
    (row,) = table([wanted], [contrary, fitting])
    assert row.sentence == fitting and not row.contrary and row.grade is not Shown.NOT_SHOWN


def test_the_order_of_sentences_and_requirements_does_not_matter() -> None:
    expected = {row.requirement: row for row in table(REQUIREMENTS, SENTENCES)}
    chance = random.Random(3)  # seeded
    for _ in range(50):
        requirements, sentences = REQUIREMENTS[:], SENTENCES[:]
        chance.shuffle(requirements)
        chance.shuffle(sentences)
        assert {row.requirement: row for row in table(requirements, sentences)} == expected


def test_equal_sentences_are_told_apart_by_text() -> None:
    both = ["弯度可以调节 A。", "弯度可以调节 B。"]
    equal: Vector = np.array([[1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    for sentences in (both, both[::-1]):
        (row,) = evidence_table(["弯度可以调节"], equal[:1], sentences, equal, idf, MODEL)
        assert row.sentence == both[0]


def test_empty_input_and_wrong_shapes() -> None:
    assert table([], SENTENCES) == []
    assert table(["针"], []) == [Row("针", None, 0.0, Shown.NOT_SHOWN)]
    vectors: Vector = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match="do not agree"):
        evidence_table(["针"], vectors[:2], ["句"], vectors[:1], idf, MODEL)
    with pytest.raises(ValueError, match="do not agree"):
        evidence_table(["针"], vectors[:1], ["句"], vectors[:1, :2], idf, MODEL)


def test_the_model_of_another_encoder_asks_for_no_vectors(tmp_path: Path) -> None:
    models = {"encoder": MODEL, ANY_ENCODER: Model(ANY_ENCODER, -3.0, 0.0, 6.0, 1.0, 0.0, 0.0, 0.3, 0.7)}
    path = tmp_path / "models.json"
    write_models(models, {"pairs": 1}, path)
    assert load_model("fake", path) == MODEL
    other = load_model("another@1", path)
    assert other.encoder == ANY_ENCODER and other.cosine == 0.0
    near, far = (PairFeatures(cosine, 0.5, False, False, False) for cosine in (0.9, 0.1))
    assert other.score(near) == other.score(far)
    assert load_model("another@1").cosine == 0.0


def test_the_calibration_belongs_to_the_judgements() -> None:
    """After a change of the judgements: `python -m tests.benchmark.evidence --write`."""
    provenance = json.loads(MODEL_FILE.read_text(encoding="utf-8"))["provenance"]
    assert provenance["sha256"] == hashlib.sha256(JUDGEMENTS.read_bytes()).hexdigest()
    held_out = provenance["held_out"]["encoder"]
    assert held_out["covered"]["precision"] >= 0.7
    assert held_out["covered_but_nothing_there"] <= 0.02 * held_out["rows"]
    for name in ("encoder", ANY_ENCODER):
        model = load_model(provenance["encoder"] if name == "encoder" else name)
        assert 0 < model.partly <= model.covered < 1


def test_the_judgements_cover_the_seed_data() -> None:
    found = seed_passages()
    sentences = {key: [p for p in rows if p.position > 0] for key, rows in found.items()}
    judgements = read_judgements(JUDGEMENTS, sentences)
    with JUDGEMENTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 240
    assert {row["grade"] for row in rows} == {"0", "1", "2"}
    assert len({row.need for row in judgements.rows}) >= 60


def judge(path: Path, rows: list[tuple[str, str, str, str, int]]) -> Path:
    """A file of judgements."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["need", "requirement", "capability", "sentence", "grade"])
        writer.writerows(rows)
    return path


def test_broken_judgements_are_named(tmp_path: Path) -> None:
    held = {"c": passages("针", ["弯度可以在体内调节，停得住。"])[1:]}
    sentence = held["c"][0].text
    path = tmp_path / "judged.csv"
    with pytest.raises(ValueError, match="grade 3"):
        read_judgements(judge(path, [("n", "r", "c", sentence, 3)]), held)
    with pytest.raises(ValueError, match="no such sentence"):
        read_judgements(judge(path, [("n", "r", "c", "另一句", 1)]), held)
    with pytest.raises(KeyError):
        read_judgements(judge(path, [("n", "r", "x", sentence, 1)]), held)


def test_calibration_learns_what_covers(tmp_path: Path) -> None:
    """Where sentences repeat the requirement's words or share none, all that is there is found in needs held out."""
    colours = [
        "可调弯的针",
        "防水的外壳",
        "耐高温的膜",
        "静音的风机",
        "可降解的钉",
        "无线的探头",
        "双腔的导管",
        "软腰的封堵器",
    ]
    found = {
        f"c{n}": passages(f"产品{n}", [f"本品带有{text}，供选用。", "公司位于本市，交通十分方便。"])
        for n, text in enumerate(colours)
    }
    rows = [(f"n{n}", f"要有{text}", f"c{n}", found[f"c{n}"][1].text, 2) for n, text in enumerate(colours)] + [
        (f"n{n}", "提供英文手册", f"c{n}", found[f"c{n}"][2].text, 0) for n in range(len(colours))
    ]
    path = judge(tmp_path / "judged.csv", rows)
    encoder = FakeEncoder()
    models, provenance = calibrate_evidence(encoder, path, found)
    assert set(models) == {"encoder", ANY_ENCODER}
    assert models["encoder"].encoder == "fake" and models[ANY_ENCODER].cosine == 0.0
    for held_out in provenance["held_out"].values():
        assert held_out["covered"]["shown"] >= 8 and held_out["covered"]["precision"] >= 0.75
        assert held_out["found_of_what_is_there"] == 1.0
    assert (provenance["judged_pairs"], provenance["taken_as_not_shown"]) == (16, 16)
    sentences = {key: rows[1:] for key, rows in found.items()}
    judgements: Judgements = read_judgements(path, sentences)
    vectors = encode(judgements, encoder, bare=True)
    outcomes = outcomes_of(judgements.rows, judgements, vectors, models[ANY_ENCODER], idf)
    assert all(o.shown == 2 for o in outcomes if o.best == 2)
