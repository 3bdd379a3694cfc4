"""`yiqiao evaluate` and `yiqiao ranker`, with the encoder faked."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner

import embeddings.decisions
from backend.accounts.models import User
from backend.capabilities.models import Capability
from backend.cli import app
from backend.config import Settings
from backend.db import Database
from backend.decisions.models import DecisionKind
from backend.decisions.service import Suggested, record
from backend.matching import ranker, seeded
from backend.needs.models import Need
from tests.factories import Factory
from tests.judged_files import write_lines, write_set
from tests.unit.conftest import Run


@pytest.fixture
def files(tmp_path: Path) -> tuple[str | Path, ...]:
    """The options of a judged set."""
    queries, corpus = write_set(tmp_path)
    return "--dataset", queries, "--corpus", corpus


def test_a_judged_set_in_files(run: Run, files: tuple[str | Path, ...], tmp_path: Path) -> None:
    out, page = tmp_path / "out.json", tmp_path / "out.html"
    done = run("evaluate", *files, "--json", out, "--html", page, "--cache", tmp_path / "cache")
    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["encoder"] == "fake" and len(report["queries"]) == 42
    line = next(line for line in done.stdout.splitlines() if line.startswith("ranked"))
    assert f"{report['systems']['ranked']['ndcg@10']:.3f} [" in line
    assert "encoding documents 100%" in done.stderr and "ranking needs 100%" in done.stderr
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert len(list((tmp_path / "cache").iterdir())) == 1
    again = run("evaluate", *files, "--json", out, "--cache", tmp_path / "cache", "--limit", 5)
    assert len(json.loads(out.read_text(encoding="utf-8"))["queries"]) == 5
    assert "5 needs" in again.stdout


def test_without_outputs_nothing_is_written(run: Run, files: tuple[str | Path, ...], tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    assert "hit@1" in run("evaluate", *files).stdout
    assert sorted(tmp_path.iterdir()) == before


def test_a_set_of_ones_says_so(run: Run, tmp_path: Path) -> None:
    queries, corpus = write_set(tmp_path, grade=1)
    done = run("evaluate", "--dataset", queries, "--corpus", corpus, "--lang", "en", "--html", tmp_path / "page")
    assert "grade 1 counts as useful" in done.stderr and "40 of 42 needs have a document of grade 1" in done.stdout
    assert 'lang="en"' in (tmp_path / "page").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dataset", "needs.jsonl"), "give --dataset (the needs) and --corpus (the documents) together"),
        (("--corpus", "documents.jsonl"), "give --dataset (the needs) and --corpus (the documents) together"),
        (("--model", "BAAI/bge-m3"), "--model is for judged sets in files"),
        (("--lang", "fr"), "zh or en"),
        (("--dataset", "none.jsonl", "--corpus", "documents.jsonl"), "cannot read none.jsonl"),
        ((), "run `yiqiao seed` in an empty data folder"),
    ],
)
def test_what_cannot_be_evaluated(
    arguments: tuple[str, ...], message: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert message in run("evaluate", *arguments, code=1).stderr


def test_broken_lines_are_named(run: Run, tmp_path: Path) -> None:
    queries, corpus = write_set(tmp_path)
    with corpus.open("a", encoding="utf-8") as file:
        file.write('{"id": "more"}\n')
    done = run("evaluate", "--dataset", queries, "--corpus", corpus, code=1)
    assert f"{corpus}, line 121: the field 'title' is missing" in done.stderr
    write_lines(queries, [{"id": "q", "need": "n", "rel": {}}, {"id": "r", "need": "n", "rel": {"d1": 2.5}}])
    write_lines(corpus, [{"id": "d1", "title": "t", "text": ""}])
    done = run("evaluate", "--dataset", queries, "--corpus", corpus, code=1)
    assert f"{queries}, line 2: the grade of 'd1' is 2.5" in done.stderr


def test_train_compare_promote_and_back(
    run: Run, files: tuple[str | Path, ...], settings: Settings, tmp_path: Path
) -> None:
    candidate, own = tmp_path / "candidate.json", ranker.own_file(settings.data_dir)
    common = (*files, "--no-seed", "--cache", tmp_path / "cache")
    done = run("ranker", "train", *common, "--out", candidate, "--date", "2026-11-22")
    provenance = json.loads(done.stdout)
    assert provenance["date"] == "2026-11-22" and provenance["sets"][0]["name"] == "needs.jsonl"
    assert provenance["encoder"] == "fake"
    assert json.loads(candidate.read_text(encoding="utf-8"))["provenance"] == provenance

    out = tmp_path / "comparison.json"
    compared = CliRunner().invoke(app, ["ranker", "compare", str(candidate), *map(str, common), "--json", str(out)])
    found = json.loads(out.read_text(encoding="utf-8"))
    assert compared.exit_code == int(not found["better"])
    assert found["present"] == ranker.packaged().version and found["candidate"] == provenance["version"]
    assert not own.exists()

    # Packaged weights were fitted for another encoder: the candidate's probabilities are nearer the truth here.
    assert "In use now" in run("ranker", "promote", candidate, *common, "--force", "a test").stdout
    assert ranker.read(own).version == provenance["version"]
    assert json.loads(own.read_text(encoding="utf-8"))["provenance"]["promoted"]["forced"] == "a test"
    report = tmp_path / "report.json"
    run("evaluate", *files, "--json", report)
    seen = json.loads(report.read_text(encoding="utf-8"))
    assert seen["weights"] == provenance["version"] and seen["calibration"]["held_out"] is True

    refused = run("ranker", "promote", candidate, *common, code=1)
    assert "Not promoted" in refused.stderr and "not better" in refused.stdout
    assert "packaged weights" in run("ranker", "promote", "--back").stdout
    assert not own.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--out", "c.json", "--no-seed"), "Nothing was given"),
        (("train", "--out", "c.json", "--no-seed", "--dataset", "needs.jsonl"), "--corpus (the documents) together"),
        (("train", "--out", "c.json", "--no-seed", "--weight", "2"), "one --weight for each --dataset"),
        (("train", "--out", "c.json", "--decisions", "none.jsonl"), "none.jsonl"),
        (("compare", "documents.jsonl", "--no-seed"), "no weights of the ranker"),
        (("promote",), "Name the candidate's file"),
        (("promote", "c.json", "--back"), "--back goes alone"),
        (("promote", "c.json", "--force", " "), "--force needs a reason"),
        (("promote", "--back"), "nothing was promoted"),
    ],
)
def test_what_the_ranker_cannot_do(
    arguments: tuple[str, ...], message: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert message in run("ranker", *arguments, code=1).stderr


@pytest.fixture
def judged_needs(database: Database, make: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A database with judged needs instead of the seed data; the ids of its needs."""
    titles = [f"{place}{trouble}器械" for place in "心肺肝肾胃肠" for trouble in ("穿刺", "缝合", "引流", "成像")]
    company, hospital = make.party(), make.hospital()
    needs = [make.need(hospital, title=f"{title}难用", summary="", problem=title) for title in titles]
    capabilities = [make.capability(company, title, summary=f"{title}。") for title in titles]
    with database.session(write=True) as session:
        for number, (need, capability) in enumerate(zip(needs, capabilities, strict=True)):
            for row, key in ((session.get(Need, need.id), "n"), (session.get(Capability, capability.id), "c")):
                assert row is not None
                row.key = f"{key}{number}"
    judgements, unanswerable = tmp_path / "judgements.csv", tmp_path / "unanswerable.txt"
    judgements.write_text("need,capability,grade\n" + "".join(f"n{n},c{n},3\n" for n in range(len(titles))))
    unanswerable.write_text("# none\n食堂饭菜太咸\n", encoding="utf-8")
    monkeypatch.setattr("backend.cli_matching.JUDGEMENTS", judgements)
    monkeypatch.setattr("backend.cli_matching.UNANSWERABLE", unanswerable)
    return [need.id for need in needs]


def test_the_needs_of_the_database(run: Run, judged_needs: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    run("evaluate", "--json", out, "--html", tmp_path / "out.html")
    report = json.loads(out.read_text(encoding="utf-8"))
    assert (report["dataset"]["needs"], report["dataset"]["measured"]) == (25, 24)
    assert report["systems"]["ranked"]["recall@10"] > 0.9
    assert report["queries"][0]["ranked"][0]["title"].endswith("器械")


def test_decisions_are_learnt_from(run: Run, judged_needs: list[str], tmp_path: Path) -> None:
    path, out = tmp_path / "decisions.jsonl", tmp_path / "candidate.json"
    rows = [{"need": judged_needs[0], "capability": "c0", "outcome": "accepted"}]
    rows += [{"need": "n1", "capability": f"c{n}", "outcome": "declined"} for n in (2, 3)]
    rows += [{"need": "gone", "capability": "c1", "outcome": "accepted"}]
    write_lines(path, rows)
    done = run("ranker", "train", "--decisions", path, "--out", out, "--date", "2026-11-22")
    assert re.search(r"\b3 of 4 decisions", done.stderr)
    sets = json.loads(out.read_text(encoding="utf-8"))["provenance"]["sets"]
    assert [(s["name"], s["needs"]) for s in sets] == [("judgements.csv", 25), ("decisions.jsonl", 2)]
    assert sets[0]["texts"] == 4 * 24 + 1 and sets[1]["held_out"] is None
    compared = CliRunner().invoke(app, ["ranker", "compare", str(out), "--decisions", str(path)])
    assert "decisions: 2 needs" in compared.stdout


def test_decisions_of_the_database_are_learnt_from_and_exported(
    run: Run, judged_needs: list[str], database: Database, tmp_path: Path
) -> None:
    with database.session(write=True) as session:
        needs = {str(row.key): row.id for row in session.exec(select(Need)).all()}
        found = {str(row.key): row.id for row in session.exec(select(Capability)).all()}
        user = session.exec(select(User.id)).first()

        def note(kind: DecisionKind, need: str, capability: str, **more: Any) -> None:
            record(session, kind, needs[need], found[capability], user_id=user, **more)

        def shown(need: str, capability: str, place: int) -> None:
            note(DecisionKind.SHOWN, need, capability, suggested=Suggested("ranker", place, "possible", 0.5))

        for capability, place in (("c0", 1), ("c2", 2), ("c3", 4), ("c5", 5)):
            shown("n0", capability, place)
        shown("n0", "c3", 3)
        note(DecisionKind.OPENED, "n0", "c2")
        for kind in (DecisionKind.PROPOSED, DecisionKind.ACCEPTED, DecisionKind.INTRODUCED, DecisionKind.AGREED):
            note(kind, "n0", "c0")
        note(DecisionKind.STEP, "n0", "c0", step="order", reason="done")
        note(DecisionKind.STEP, "n0", "c0", step="concept", reason="running")
        note(DecisionKind.DECLINED, "n1", "c2", reason="not_our_field")
        note(DecisionKind.DECLINED, "n1", "c3", reason="terms")
        note(DecisionKind.DECLINED, "n1", "c4", reason="region")
        note(DecisionKind.WITHDRAWN, "n1", "c5")
    path, out = tmp_path / "decisions.jsonl", tmp_path / "candidate.json"
    run("ranker", "export", "--out", path)
    keys = {row: key for of in (needs, found) for key, row in of.items()}
    lines = [
        (keys[d.need], keys[d.capability], d.outcome.value, d.reason, d.weight) for d in embeddings.decisions.read(path)
    ]
    assert lines == [
        ("n0", "c0", "accepted", None, 0.5),
        ("n0", "c0", "accepted", None, None),
        ("n0", "c0", "agreed", None, None),
        ("n0", "c0", "landed", None, None),
        ("n1", "c2", "declined", "not_our_field", None),
        ("n1", "c3", "declined", "terms", None),
        ("n1", "c4", "declined", "region", None),
        # Not opened, at the best place that they had: a third and a fifth of what the first on the list would say.
        ("n0", "c3", "passed_over", None, 0.0167),
        ("n0", "c5", "passed_over", None, 0.01),
    ]
    assert "user" not in path.read_text(encoding="utf-8")
    done = run("ranker", "train", "--from-database", "--out", out, "--date", "2026-11-22")
    assert re.search(r"\b5 of 5 decisions", done.stderr)
    sets = json.loads(out.read_text(encoding="utf-8"))["provenance"]["sets"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (sets[1]["name"], sets[1]["sha256"]) == ("decisions of the database", {"decisions of the database": digest})
    compared = CliRunner().invoke(app, ["ranker", "compare", str(out), "--from-database"])
    assert "2 of 2 decisions" in compared.stderr and "decisions: 2 needs" in compared.stdout
    # The same form teaches the encoder, with the teasers.
    with pytest.raises(embeddings.decisions.DecisionsError, match="without its text"):
        embeddings.decisions.texts(embeddings.decisions.read(path))
    run("ranker", "export", "--out", path, "--texts")
    need, capability = embeddings.decisions.texts(embeddings.decisions.read(path))[0]
    assert need == "心穿刺器械难用" and capability == "心穿刺器械\n心穿刺器械。"


def test_judgements_name_every_grade(tmp_path: Path) -> None:
    path = tmp_path / "judgements.csv"
    path.write_text("need,capability,grade\nn,c,2\nn,d,0\n")
    assert seeded.read_judgements(path) == {"n": {"c": 2, "d": 0}}
    path.write_text("need,capability,grade\nn,c,4\n")
    with pytest.raises(ValueError, match="grade 4"):
        seeded.read_judgements(path)
