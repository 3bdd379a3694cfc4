"""An operator's own words: the setting, `yiqiao vocabulary`, and what a wrong file does at the start."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.config import Settings
from backend.db import Database
from backend.main import create_app
from backend.matching.engine import make_engine
from embeddings import vocabulary
from embeddings.vocabulary import VocabularyError, shipped_vocabulary, vocabulary_in_use
from tests.factories import Factory
from tests.fakes import FakeEncoder
from tests.judged_files import write_set
from tests.unit.conftest import Run

OWN = "弹弓仪 | 可调弯射频房间隔穿刺系统"


@pytest.fixture(autouse=True)
def _shipped_afterwards() -> Iterator[None]:
    yield
    vocabulary.use(None)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's file, named by the settings."""
    path = tmp_path / "own.txt"
    path.write_text(f"# our own\n{OWN}\n", "utf-8")
    monkeypatch.setenv("YIQIAO_VOCABULARY", str(path))
    return path


def test_own_words_find_what_the_shipped_ones_do_not(
    run: Run, own: Path, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = make.party()
    for title in ("可调弯射频房间隔穿刺系统", "耐高温压力传感器", "病理细胞图像分析软件"):
        make.capability(party, title, summary=f"{title}的主要用途。")
    answer = json.loads(run("match", "弹弓仪", "--json").stdout)
    assert answer["matches"][0]["capability"] == "可调弯射频房间隔穿刺系统"
    assert len(vocabulary_in_use()) == len(shipped_vocabulary()) + 1
    monkeypatch.delenv("YIQIAO_VOCABULARY")
    without = json.loads(run("match", "弹弓仪", "--json").stdout)
    assert without["matches"][0]["capability"] != "可调弯射频房间隔穿刺系统"


def test_an_empty_setting_is_none(run: Run, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "可调弯射频" in run("vocabulary", "expand", "弹弓仪").stdout
    monkeypatch.setenv("YIQIAO_VOCABULARY", "")
    assert run("vocabulary", "expand", "弹弓仪").stdout == "The vocabulary adds nothing to this text.\n"
    assert "vocabulary.txt: 1" in run("vocabulary", "check").stdout


@pytest.mark.parametrize(
    "command",
    [("serve",), ("match", "针"), ("index", "rebuild"), ("evaluate",), ("vocabulary", "expand", "针")],
)
@pytest.mark.parametrize(
    ("content", "says"), [("支架 | stent\n心梗\n", "line 2: a group needs at least two"), (None, "cannot be read")]
)
def test_a_wrong_file_is_said_in_a_line(
    run: Run, own: Path, command: tuple[str, ...], content: str | None, says: str
) -> None:
    if content is None:
        own.unlink()
    else:
        own.write_text(content, "utf-8")
    done = run(*command, code=1)
    assert str(own) in done.stderr and says in done.stderr
    assert "Traceback" not in done.output


def test_a_wrong_file_stops_an_evaluation_of_files(run: Run, own: Path, tmp_path: Path) -> None:
    own.write_text("心梗", "utf-8")
    queries, corpus = write_set(tmp_path)
    assert "line 1:" in run("evaluate", "--dataset", queries, "--corpus", corpus, code=1).stderr


def test_the_site_does_not_start_with_a_wrong_file(settings: Settings, own: Path) -> None:
    own.write_text("心梗", "utf-8")
    with pytest.raises(VocabularyError, match="line 1"):
        create_app(settings.model_copy(update={"vocabulary": own}))


def test_a_later_engine_without_the_setting_goes_by_the_shipped_words(
    settings: Settings, database: Database, own: Path
) -> None:
    make_engine(settings.model_copy(update={"vocabulary": own}), database)
    assert vocabulary_in_use().expand("弹弓仪")
    make_engine(settings, database)
    assert vocabulary_in_use() is shipped_vocabulary()


def test_a_file_is_checked(run: Run, own: Path, tmp_path: Path) -> None:
    done = run("vocabulary", "check")
    assert done.stdout == f"{own}: 1 groups, 2 different words, 0 remarks.\n"
    other = tmp_path / "other.txt"
    other.write_text("支架 | stent\n心梗\n脚 | 足部\n", "utf-8")
    done = run("vocabulary", "check", other, code=1)
    assert "line 2: ERROR: a group needs at least two members" in done.stdout
    assert "line 3: 脚 is one character" in done.stdout
    assert "cannot be used" in done.stderr
    assert "cannot be read" in run("vocabulary", "check", tmp_path / "absent.txt", code=1).stderr


def test_a_text_is_expanded(run: Run) -> None:
    lines = run("vocabulary", "expand", "打呼噜，做MR").stdout.splitlines()
    assert lines[0].startswith("打呼噜: ") and "睡眠呼吸暂停" in lines[0]
    assert any(line.startswith("MR: ") and "磁共振 (x 0.5)" in line for line in lines)


def test_a_start_reads_the_tables(settings: Settings, database: Database, own: Path, make: Factory) -> None:
    """So that the first search does not wait for them."""
    make.capability(make.party())
    fresh = settings.model_copy(update={"vocabulary": own})
    engine = make_engine(fresh, database)
    engine._slot.loaded = FakeEncoder()
    engine.start().join(60)
    engine.close()
    assert "gaps" in vars(vocabulary_in_use())
