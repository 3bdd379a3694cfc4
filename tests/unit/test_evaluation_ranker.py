"""The life of the ranker's weights: fit, thresholds, comparison, promotion and the way back."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import embeddings.decisions
from backend.matching import decisions, judging, promotion, ranker, training
from backend.matching.decisions import Judgement
from backend.matching.features import Features
from backend.matching.judging import Judged, Material
from backend.matching.ranker import Grade, Weights
from backend.matching.scoring import Scored
from backend.matching.sides import Candidate
from backend.matching.training import Fitted
from embeddings.decisions import Decision, Outcome, Reason

NAME = ranker.NAMES[0]
BLANK = Weights(0.0, dict.fromkeys(ranker.NAMES, 0.0), 0.9, 0.5)


def material(
    name: str = "set", needs: int = 120, *, seed: int = 1, slope: float = 2.0, weight: float = 1.0
) -> Material:
    """Needs of 12 candidates each; the log-odds of being useful are slope × the first feature, less two."""
    draw = np.random.default_rng(seed)
    judged = []
    for number in range(needs):
        scored, grades = [], {}
        for place, value in enumerate(draw.normal(size=12)):
            features = Features(**dict.fromkeys(ranker.NAMES, 0.0) | {NAME: float(value)})
            scored.append(Scored(Candidate(f"d{place}", 1 / (place + 1), 0.5, 1.0), features, 0.5, 2, Grade.WEAK))
            grades[f"d{place}"] = 3 * int(draw.random() < 1 / (1 + math.exp(2 - slope * value)))
        text = f"need {name} {number}"
        docs = tuple(f"d{place}" for place in range(12))
        judged.append(Judged(str(number), text, judging.group_of(text), grades, tuple(scored), docs))
    return Material(name, judged, "fake", sources={f"{name}.jsonl": name}, weight=weight)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """Weights of the material."""
    return training.train([material()], date="2026-11-22")


def test_the_fit_finds_the_slope_again(fitted: Fitted) -> None:
    assert fitted.weights.slopes[NAME] == pytest.approx(2.0, abs=0.25)
    assert fitted.weights.intercept == pytest.approx(-2.0, abs=0.25)
    assert [fitted.weights.slopes[name] for name in ranker.NAMES[1:]] == [0.0] * (len(ranker.NAMES) - 1)


def test_the_order_of_a_need_does_not_follow_how_much_is_useful_elsewhere() -> None:
    """Needs with high values and nothing useful, others with low values and much: within each the highest is best."""
    draw = np.random.default_rng(3)
    judged = []
    for need in material(needs=200).judged:
        rich, values = int(need.need) % 2, draw.normal(size=len(need.docs))
        scored = tuple(
            replace(
                found,
                features=Features(
                    **dict.fromkeys(ranker.NAMES, 0.0) | {NAME: float(value) - 3 * rich, "usual": -3.0 * rich}
                ),
            )
            for found, value in zip(need.scored, values, strict=True)
        )
        likely = 1 / (1 + np.exp((0 if rich else 5) - 2 * values))
        grades = dict(zip(need.docs, (3 * (draw.random(len(values)) < likely)).tolist(), strict=True))
        judged.append(replace(need, scored=scored, grades=grades))
    made = replace(material(), judged=judged)
    slopes = training.train([made], date="").weights.slopes
    assert slopes[NAME] == pytest.approx(2.0, abs=0.4)
    # A need with low values is the one where much is useful.
    assert slopes["usual"] < -slopes[NAME]


def test_grades_begin_where_held_out_needs_have_the_precision(fitted: Fitted) -> None:
    held_out = fitted.provenance["held_out"]["grades"]
    assert 0.80 <= held_out["strong"]["share"] < 0.86 and held_out["strong"]["total"] >= 10
    assert 0.40 <= held_out["possible"]["share"] < 0.46
    assert held_out["strong"]["low"] < held_out["strong"]["share"] < held_out["strong"]["high"]
    assert 0 < fitted.weights.possible < fitted.weights.strong < 1
    stricter = training.train([material()], strong=0.9, possible=0.6, date="")
    assert stricter.weights.strong > fitted.weights.strong and stricter.weights.possible > fitted.weights.possible
    assert stricter.provenance["held_out"]["grades"]["strong"]["share"] >= 0.9


def test_thresholds_follow_the_rule_of_words_in_common() -> None:
    probabilities, useful = np.repeat([0.9, 0.6, 0.2], 20), np.array([1] * 20 + [1, 0] * 10 + [0] * 20)
    enough, few = np.full(60, ranker.LEAST_SHARED_WORDS), np.full(60, ranker.LEAST_SHARED_WORDS - 1)
    assert training.thresholds(probabilities, useful, enough, 0.8, 0.4) == (0.9, 0.6)
    # Without those words in common nothing can be 强; the best pairs are then 可能.
    assert training.thresholds(probabilities, useful, few, 0.8, 0.6) == (1.0, 0.6)
    assert training.thresholds(probabilities, 0 * useful, enough, 0.8, 0.4) == (1.0, 1.0)


def test_every_need_is_judged_by_weights_that_have_not_seen_it(fitted: Fitted) -> None:
    used = material()
    for fold, model in enumerate(fitted.folds):
        others = replace(used, judged=[j for j in used.judged if training.fold_of(j) != fold])
        held = [j for j in used.judged if training.fold_of(j) == fold]
        assert held and all(fitted.unseen(j) is model for j in held)
        strength = fitted.provenance["regularisation"]["C"]
        pairs = training._pairs([others])
        again = training._fit(pairs, np.ones(len(pairs.useful), dtype=bool), strength)
        assert again.slopes == pytest.approx(model.slopes, abs=2e-3)
    assert len({model.version for model in fitted.folds}) == training.FOLDS


def test_all_texts_of_a_need_fall_in_one_fold() -> None:
    assert judging.group_of("针 不能\n弯Ａ") == judging.group_of("  针 不能 弯a ")
    assert judging.group_of("针") != judging.group_of("架")


def test_provenance_says_where_the_weights_come_from(fitted: Fitted) -> None:
    found = fitted.provenance
    assert (found["date"], found["encoder"], found["features"]) == ("2026-11-22", "fake", list(ranker.NAMES))
    assert found["sets"][0]["sha256"] == {"set.jsonl": "set"} and found["sets"][0]["needs"] == 120
    assert 0 < found["sets"][0]["held_out"]["ndcg@10"] <= 1
    assert found["version"] == fitted.weights.version and found["scikit_learn"]
    best = min(found["regularisation"]["held_out_log_loss"].items(), key=lambda pair: pair[1])
    assert float(best[0]) == found["regularisation"]["C"]


def test_needs_weigh_the_same_whatever_they_hold() -> None:
    one = material(needs=30)
    twice = replace(
        one, judged=[j for judged in one.judged for j in (judged, replace(judged, need=judged.need + "#title"))]
    )
    once, doubled = training.train([one], date=""), training.train([twice], date="")
    assert doubled.weights.slopes == pytest.approx(once.weights.slopes, abs=1e-4)
    other = material("other", 30, seed=2, slope=-2.0)
    against = training.train([one, replace(other, weight=9.0)], date="").weights.slopes[NAME]
    both = training.train([one, other], date="").weights.slopes[NAME]
    assert against < -0.5 < both < 0.5
    silent = training.train([one, replace(other, weight=0.0)], date="")
    assert silent.weights.slopes == pytest.approx(once.weights.slopes, abs=1e-2)


def test_a_single_decision_weighs_little() -> None:
    full = material(needs=1)
    decided = replace(full.judged[0], group="f" * 16, grades={"d0": 3}, complete=False)
    pairs = training._pairs([replace(full, judged=[*full.judged, decided])])
    assert len(pairs.useful) == 13
    assert pairs.weight[-1] == pytest.approx(pairs.weight[0])


@pytest.mark.parametrize("grade", [0, 3])
def test_nothing_to_learn_from(grade: int) -> None:
    plain = material(needs=20)
    same = [replace(j, grades=dict.fromkeys(j.docs, grade)) for j in plain.judged]
    with pytest.raises(training.TooLittle):
        training.train([replace(plain, judged=same)], date="")
    with pytest.raises(training.TooLittle):
        training.train([], date="")
    with pytest.raises(training.TooLittle, match="weight 0"):
        training.train([replace(plain, weight=0.0)], date="")
    with pytest.raises(ValueError, match="different encoders"):
        training.train([plain, replace(plain, encoder="another")], date="")


def test_a_model_survives_its_file(fitted: Fitted, tmp_path: Path) -> None:
    path = tmp_path / "candidate.json"
    path.write_text(training.as_text(fitted), encoding="utf-8")
    again = training.read_fitted(path)
    assert (again.weights, again.folds) == (fitted.weights, fitted.folds)
    assert again.provenance == json.loads(json.dumps(fitted.provenance))
    assert ranker.read(path).version == fitted.weights.version


def test_the_packaged_weights_fit_the_features() -> None:
    ranker.check_features(ranker.read(ranker.WEIGHTS_FILE))


def test_the_version_is_that_of_the_numbers() -> None:
    assert BLANK.version == replace(BLANK, slopes=dict(reversed(list(BLANK.slopes.items())))).version
    assert len({BLANK.version, replace(BLANK, strong=0.8).version, replace(BLANK, intercept=1.0).version}) == 3


DAMAGED = [
    "",
    "[]",
    '{"weights": 3}',
    json.dumps({"weights": {"intercept": 0, "slopes": [], "strong": 0.9, "possible": 0.5}}),
    json.dumps({"weights": {"intercept": float("nan"), "slopes": dict(BLANK.slopes), "strong": 0.9, "possible": 0.5}}),
    json.dumps({"weights": {"intercept": 0, "slopes": dict(BLANK.slopes), "strong": 0.4, "possible": 0.5}}),
    json.dumps({"weights": {"intercept": 0, "slopes": {"age": 1}, "strong": 0.9, "possible": 0.5}}),
]


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_weights_of_the_installation_give_way(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "weights.json"
    path.write_text(content)
    ranker.use(path)
    try:
        assert ranker.weights() == ranker.packaged() == ranker.weights()
    finally:
        ranker.use(None)
    assert [r.message for r in caplog.records if "damaged" in r.message] == [caplog.records[0].message]
    with pytest.raises(ValueError, match=r"no weights|finite|order|features"):
        training.read_fitted(path)


def test_weights_of_the_installation_count_at_once(fitted: Fitted, tmp_path: Path) -> None:
    path = ranker.own_file(tmp_path)
    ranker.use(path)
    try:
        assert ranker.weights() == ranker.packaged()
        verdict = {"present": "x", "better": True, "reasons": []}
        promotion.promote(fitted, verdict, path, date="2026-11-22", reason=None)
        assert ranker.weights() == fitted.weights
        promotion.back(path)
        assert ranker.weights() == ranker.packaged()
    finally:
        ranker.use(None)


def side(version: str, slope: float, intercept: float) -> Fitted:
    """Weights that look at the first feature alone."""
    return Fitted(replace(BLANK, slopes=dict(BLANK.slopes) | {NAME: slope}, intercept=intercept), (), {"name": version})


def test_a_better_candidate_is_found_better(fitted: Fitted) -> None:
    found = promotion.compare(side("reversed", -2.0, -2.0), fitted, [material()], None)
    assert found["better"] and "nDCG@10 on set rises" in found["reasons"][0]
    of_set = found["sets"]["set"]
    difference = of_set["differences"]["ndcg@10"]
    assert difference["mean"] == pytest.approx(of_set["candidate"]["ndcg@10"] - of_set["present"]["ndcg@10"])
    assert difference["p_value"] < 0.01
    worse = promotion.compare(fitted, side("reversed", -2.0, -2.0), [material()], None)
    assert not worse["better"] and "falls by" in worse["reasons"][0]


def test_the_same_order_with_better_probabilities_is_better(fitted: Fitted) -> None:
    unsure = side("unsure", 0.2, 0.0)
    assert promotion.compare(unsure, side("sure", 2.0, -2.0), [material()], None)["better"]
    assert not promotion.compare(side("sure", 2.0, -2.0), unsure, [material()], None)["better"]
    same = promotion.compare(unsure, unsure, [material(), material()], None)
    assert not same["better"] and list(same["sets"]) == ["set", "set (2)"]


def test_worse_on_one_set_or_on_decisions_is_not_better(fitted: Fitted) -> None:
    odd = material("odd", seed=3, slope=-2.0)
    found = promotion.compare(side("reversed", -2.0, -2.0), fitted, [material(), odd], None)
    assert not found["better"] and "on odd" in found["reasons"][0]
    of_odd = replace(odd, judged=[replace(j, complete=False) for j in odd.judged])
    found = promotion.compare(side("reversed", -2.0, -2.0), fitted, [material()], of_odd)
    assert not found["better"] and "log loss on decisions" in found["reasons"][0]
    assert found["decisions"]["needs"] == 120
    assert not promotion.compare(BLANK_FITTED, fitted, [], None)["better"]
    with pytest.raises(ValueError, match="fitted with the encoder fake, not with other"):
        promotion.compare(BLANK_FITTED, fitted, [replace(odd, encoder="other")], None)


BLANK_FITTED = Fitted(BLANK, (), {})


def test_several_texts_of_a_need_are_one_observation(fitted: Fitted) -> None:
    one = material(needs=20)
    twice = replace(one, judged=[*one.judged, *(replace(j, need=j.need + "#title") for j in one.judged)])
    found = promotion.compare(BLANK_FITTED, fitted, [one, replace(twice, name="twice")], None)["sets"]
    assert found["set"]["needs"] == found["twice"]["needs"]
    assert found["set"]["differences"] == found["twice"]["differences"]


def promoted(name: str) -> dict[str, object]:
    """A verdict that promotes."""
    return {"present": name, "better": True, "reasons": ["nDCG@10 rises"]}


def test_promotion_and_the_way_back(fitted: Fitted, tmp_path: Path) -> None:
    path, second = ranker.own_file(tmp_path), side("second", 1.0, 0.0)
    with pytest.raises(FileNotFoundError):
        promotion.back(path)
    promotion.promote(fitted, promoted("packaged"), path, date="2026-11-22", reason=None)
    assert not promotion.previous_file(path).exists()
    promotion.promote(second, promoted("first"), path, date="2026-11-23", reason="tried by hand")
    kept = training.read_fitted(path).provenance["promoted"]
    assert (kept["forced"], kept["over"], kept["date"]) == ("tried by hand", "first", "2026-11-23")
    assert ranker.read(promotion.previous_file(path)) == fitted.weights
    assert fitted.weights.version in promotion.back(path)
    assert (ranker.read(path), ranker.read(promotion.previous_file(path))) == (fitted.weights, second.weights)
    assert second.weights.version in promotion.back(path)
    assert sorted(p.name for p in path.parent.iterdir()) == ["weights.json", "weights.previous.json"]


def test_back_to_the_packaged_weights_and_forth(fitted: Fitted, tmp_path: Path) -> None:
    path = ranker.own_file(tmp_path)
    promotion.promote(fitted, promoted("packaged"), path, date="", reason=None)
    assert "packaged" in promotion.back(path) and not path.exists()
    assert promotion.present(path).weights == ranker.packaged()
    assert fitted.weights.version in promotion.back(path)
    assert promotion.present(path).weights == fitted.weights


def test_a_full_disk_leaves_the_old_weights(fitted: Fitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ranker.own_file(tmp_path)
    promotion.promote(fitted, promoted("packaged"), path, date="", reason=None)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        promotion.promote(BLANK_FITTED, promoted("first"), path, date="", reason=None)
    assert [p.name for p in path.parent.iterdir()] == ["weights.json"]
    assert ranker.read(path) == fitted.weights


def test_held_out_weights_judge_only_what_was_learnt_from(fitted: Fitted, tmp_path: Path) -> None:
    path = ranker.own_file(tmp_path)
    promotion.promote(fitted, promoted("packaged"), path, date="", reason=None)
    used = material()
    unseen = promotion.held_out_for(used, path)
    assert unseen is not None and unseen(used.judged[0]) == fitted.unseen(used.judged[0])
    assert promotion.held_out_for(material("new"), path) is None


def test_decisions_say_what_was_useful(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    rows = [
        ("n1", "c1", "accepted", None),
        ("n1", "c2", "declined", "not_our_field"),
        ("n1", "c3", "declined", None),
        ("n1", "c4", "declined", "stage_too_early"),
        *(
            ("n2", f"c{n}", "declined", r)
            for n, r in enumerate(["capacity", "terms", "region", "conflict_of_interest"])
        ),
        ("n3", "c1", "declined", "not_our_field"),
        ("n3", "c1", "accepted", None),
        ("n3", "c1", "declined", "capacity"),
    ]
    keys = ("need", "capability", "outcome", "reason")
    lines = [json.dumps({k: v for k, v in zip(keys, row, strict=True) if v is not None}) for row in rows]
    path.write_text("\n\n".join(lines), encoding="utf-8")
    read = embeddings.decisions.read(path)
    useful, useless = Judgement(2, 1.0), Judgement(0, 1.0)
    assert decisions.judged(read, certain=True) == {
        "n1": {"c1": useful, "c2": useless, "c3": useless, "c4": useless},
        "n3": {"c1": useful},
    }
    # Of those that say little, capacity and terms; region and a conflict of interest say nothing.
    assert decisions.judged(read)["n2"] == {"c0": Judgement(0, 0.2), "c1": Judgement(0, 0.2)}


def test_what_says_much_counts_before_what_says_little() -> None:
    def last(*rows: tuple[Outcome, Reason | None, float | None]) -> Judgement:
        made = [Decision("n", "c", outcome, reason, weight) for outcome, reason, weight in rows]
        return decisions.judged(made)["n"]["c"]

    agreed, landed = (Outcome.AGREED, None, None), (Outcome.LANDED, None, None)
    early, terms = (Outcome.DECLINED, Reason.STAGE_TOO_EARLY, None), (Outcome.DECLINED, Reason.TERMS, None)
    assert last(agreed) == last(landed) == last(agreed, terms) == Judgement(3, 1.0)
    assert last((Outcome.ACCEPTED, None, 0.5)) == Judgement(2, 0.5)
    assert last((Outcome.ACCEPTED, None, None), early) == Judgement(0, 1.0)
    assert last(early, (Outcome.ACCEPTED, None, None)) == Judgement(2, 1.0)
    # The first on the list says more than the tenth, and many say no more than the limit.
    assert last((Outcome.PASSED_OVER, None, 0.05)) == Judgement(0, 0.05)
    assert last(*[(Outcome.PASSED_OVER, None, 0.05)] * 9) == Judgement(0, 0.2)


def test_what_counts_little_is_learnt_from_and_measures_nothing() -> None:
    first = material().judged[0]
    subject = first.scored[0].candidate.subject_id
    light = replace(first, complete=False, weights={subject: 0.1})
    assert [light.weight(found) for found in first.scored[:2]] == [0.1, 1.0]
    assert len(light.graded()) == 12 and len(light.pairs(2)) == 11
    assert all(found.candidate.subject_id != subject for found, _useful in light.pairs(2))


def test_a_small_weight_teaches_little() -> None:
    """Decisions that say the opposite of the judged set: the less they count, the less the slope gives way."""

    def slope(weight: float) -> float:
        against = [
            replace(
                one,
                complete=False,
                grades={doc: 3 - grade for doc, grade in one.grades.items()},
                weights=dict.fromkeys(one.docs, weight),
            )
            for one in material("decided", seed=2).judged
        ]
        decided = replace(material("decided", seed=2), judged=against)
        return training.train([material(), decided], date="").weights.slopes[NAME]

    alone = training.train([material()], date="").weights.slopes[NAME]
    found = [slope(weight) for weight in (0.01, 0.05, 1.0)]
    assert alone > found[0] > found[1] > found[2]
    assert found[0] > 0.8 * alone and found[2] < 0.2 * alone


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"need": "n"}',
        '{"need": "n", "capability": 3, "outcome": "accepted"}',
        '{"need": "n", "capability": "c", "outcome": "maybe"}',
        '{"need": "n", "capability": "c", "outcome": "declined", "reason": "no time"}',
    ],
)
def test_broken_decisions_name_the_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_text('{"need": "n", "capability": "c", "outcome": "accepted"}\n' + line, encoding="utf-8")
    with pytest.raises(ValueError, match=r"decisions\.jsonl, line 2: "):
        embeddings.decisions.read(path)
