"""Finding, naming and using an encoder."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings import SentenceEncoder, bundled, load_encoder
from embeddings import encoder as module
from embeddings.encoder import choose_prompts, fingerprint
from embeddings.types import EncoderUnavailable
from tests.unit.embeddings.encoder_contract import check_encoder_contract


class Transformer:
    """Stands in for SentenceTransformer: remembers its calls, answers one row per text."""

    def __init__(self, dimension: int | None = 4) -> None:
        self.dimension = dimension
        self.calls: list[tuple[list[str], str]] = []

    def get_embedding_dimension(self) -> int | None:
        return self.dimension

    def encode(self, texts: list[str], *, prompt: str, **_: object) -> Any:
        self.calls.append((texts, prompt))
        return np.array([[len(text), 1, 0, 0] for text in texts], dtype=np.float64)


def make(transformer: Transformer) -> SentenceEncoder:
    stand_in: Any = transformer
    return SentenceEncoder(stand_in, "m", "q: ", "p: ")


def test_prompts_and_duplicates() -> None:
    transformer = Transformer()
    encoder = make(transformer)
    rows = encoder.encode_queries(["bb", "a", "bb"])
    assert transformer.calls == [(["bb", "a"], "q: ")]
    assert rows.dtype == np.float32 and rows[:, 0].tolist() == [2.0, 1.0, 2.0]
    encoder.encode_passages(["a"])
    assert transformer.calls[-1] == (["a"], "p: ")
    assert encoder.prompts == ("q: ", "p: ") and encoder.name == "m" and encoder.dimension == 4


def test_no_texts_ask_no_model() -> None:
    transformer = Transformer()
    assert make(transformer).encode_queries([]).shape == (0, 4)
    assert transformer.calls == []


def test_one_text_is_no_list() -> None:
    with pytest.raises(TypeError, match="not one text"):
        make(Transformer()).encode_queries("text")


def test_model_without_dimension() -> None:
    with pytest.raises(EncoderUnavailable, match="how long"):
        make(Transformer(None))


@pytest.mark.parametrize(
    ("name", "stored", "query", "passage", "expected"),
    [
        ("intfloat/multilingual-e5-small", {}, None, None, ("query: ", "passage: ")),
        ("intfloat/e5-base-v2", {"query": "", "document": ""}, None, None, ("query: ", "passage: ")),
        ("intfloat/multilingual-e5-small", {}, "", None, ("", "passage: ")),
        ("intfloat/multilingual-e5-large-instruct", {}, None, None, ("", "")),
        ("BAAI/bge-m3", {}, None, None, ("", "")),
        ("Qwen/Qwen3-Embedding-0.6B", {"query": "Instruct: x\nQuery:", "document": ""}, None, None, None),
        ("tuned", {"query": "query: ", "document": "passage: "}, None, None, ("query: ", "passage: ")),
        ("x", {"query": "a", "passage": "b"}, None, None, ("a", "b")),
        ("x", {"query": "a", "document": "b"}, "c", "d", ("c", "d")),
        ("some/made5things", {}, None, None, ("", "")),
    ],
)
def test_choose_prompts(
    name: str, stored: dict[str, str], query: str | None, passage: str | None, expected: tuple[str, str] | None
) -> None:
    assert choose_prompts(name, stored, query, passage) == (expected or ("Instruct: x\nQuery:", ""))


def test_fingerprint_changes_with_weights_configuration_and_prompts(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text("{}")
    (tmp_path / "README.md").write_text("a")
    seen = [fingerprint(tmp_path, "q", "p")]
    (tmp_path / "README.md").write_text("b")
    assert fingerprint(tmp_path, "q", "p") == seen[0]
    seen.append(fingerprint(tmp_path, "q", ""))
    seen.append(fingerprint(tmp_path, "qp", ""))
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    seen.append(fingerprint(tmp_path, "q", "p"))
    (tmp_path / "model.safetensors").write_bytes(b"tuned")
    seen.append(fingerprint(tmp_path, "q", "p"))
    assert len(set(seen)) == len(seen)
    assert all(len(digits) == 16 for digits in seen)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nobody/no-such-model", "nothing is downloaded"),
        ("no such model!", "nothing is downloaded"),
        ("/no/such/folder", "does not exist"),
        (Path("no/such/folder"), "does not exist"),
        ("./no-such-folder", "does not exist"),
    ],
)
def test_unknown_models(tmp_path: Path, model: str | Path, message: str) -> None:
    with pytest.raises(EncoderUnavailable, match=message) as caught:
        load_encoder(model, tmp_path)
    assert bundled.MODEL_NAME in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_broken_folder(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("{")
    with pytest.raises(EncoderUnavailable, match="cannot be loaded"):
        load_encoder(tmp_path, tmp_path / "cache")


def test_default_prefers_the_hugging_face_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def quiet(message: str, share: float) -> None:
        pass

    monkeypatch.setattr(module, "_in_hugging_face_cache", lambda name: tmp_path)
    assert module._find(None, tmp_path, quiet) == (bundled.MODEL_NAME, tmp_path)
    monkeypatch.setattr(module, "_in_hugging_face_cache", lambda name: None)
    monkeypatch.setattr(bundled, "build", lambda cache, progress: cache / "built")
    assert module._find(bundled.MODEL_NAME, tmp_path, quiet) == (bundled.MODEL_NAME, tmp_path / "built")
    assert module._find(tmp_path, tmp_path, quiet) == (tmp_path.name, tmp_path)


@pytest.mark.model
def test_real_encoder_keeps_the_contract(real_encoder: SentenceEncoder) -> None:
    check_encoder_contract(real_encoder)


@pytest.mark.model
def test_real_encoder_identity(real_encoder: SentenceEncoder) -> None:
    assert real_encoder.dimension == 384
    assert real_encoder.prompts == ("query: ", "passage: ")
    assert real_encoder.name.startswith(bundled.MODEL_NAME + "@")


@pytest.mark.model
def test_real_encoder_cuts_long_texts(real_encoder: SentenceEncoder) -> None:
    long = "房间隔穿刺针" * 500
    rows = real_encoder.encode_passages([long, long + "尾"])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)


@pytest.mark.model
def test_real_encoder_from_several_threads(real_encoder: SentenceEncoder) -> None:
    texts = [f"第{n}号穿刺针" for n in range(8)]
    expected = real_encoder.encode_queries(texts)
    found: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.__setitem__(n, real_encoder.encode_queries([texts[n]])[0]))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):
        np.testing.assert_allclose(found[number], expected[number], atol=1e-4)
