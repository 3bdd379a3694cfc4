"""The file of a model that was cut short: a clear error that names the folder, and the site goes on without it."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.cli import app
from backend.config import Settings
from backend.db import Database
from backend.disclosure.models import SubjectKind
from backend.matching.engine import make_engine
from backend.matching.index_sync import EngineState
from backend.matching.models import SearchTier
from embeddings.backends import compact_build
from embeddings.types import EncoderUnavailable
from tests.factories import Factory
from tests.small_models import save_small_model
from tests.steps import use_settings


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SentenceTransformer folder with random weights."""
    folder = tmp_path_factory.mktemp("model") / "small"
    save_small_model(folder, "bert-mean", ("可调弯射频房间隔穿刺系统", *compact_build.PROBES))
    return folder


@pytest.mark.parametrize("left", [0, 5, 0.5, -1])
def test_weights_that_were_cut_short(
    left: float,
    whole: Path,
    settings: Settings,
    database: Database,
    make: Factory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As a copy that was interrupted leaves them: at once, after some bytes, in the middle, before the last byte."""
    folder = Path(shutil.copytree(whole, settings.data_dir / "my-model"))
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: int(left * len(content)) if left == 0.5 else int(left)])
    capability = make.capability(make.party(), "可调弯射频房间隔穿刺系统")
    engine = make_engine(settings.model_copy(update={"model": str(folder)}), database)
    with pytest.raises(EncoderUnavailable, match="cannot be loaded"):
        engine.follow()
    assert engine.state is EngineState.UNAVAILABLE
    assert str(folder) in (engine.problem or "")
    assert "encoder unavailable" in caplog.text
    use_settings(monkeypatch, settings)
    monkeypatch.setenv("YIQIAO_MODEL", str(folder))
    done = CliRunner().invoke(app, ["match", "穿刺"])
    assert done.exit_code == 1
    assert f"{folder} was found" in done.stderr
    assert "copy the model folder again" in done.stderr
    assert "Traceback" not in done.output
    weights.write_bytes(content)
    engine.follow()
    found = engine.candidates(SubjectKind.CAPABILITY, SearchTier.TEASER, engine.query("穿刺"))
    assert [candidate.subject_id for candidate in found] == [capability.id]
    engine.close()
