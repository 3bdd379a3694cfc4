"""Finding, naming and using an encoder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings import SentenceEncoder, bundled, load_encoder, tuned
from embeddings import encoder as module
from embeddings.backends import compact_build
from embeddings.encoder import choose_prompts, fingerprint
from embeddings.types import EncoderUnavailable
from tests.unit.embeddings.encoder_contract import ODD_TEXTS, TEXTS, check_encoder_contract


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
    assert tuned.MODEL_NAME in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_unknown_backend(tmp_path: Path) -> None:
    name: Any = "onnx"
    with pytest.raises(EncoderUnavailable, match="auto, torch, int8"):
        load_encoder(None, tmp_path, backend=name)


def test_broken_folder(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("{")
    with pytest.raises(EncoderUnavailable, match="cannot be loaded"):
        load_encoder(tmp_path, tmp_path / "cache")


def test_the_default_is_the_tuned_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned, "build", lambda cache, progress: cache / "tuned")
    assert module._find(None, tmp_path, lambda _message, _share: None) == (tuned.MODEL_NAME, tmp_path / "tuned")


def test_the_plain_model_prefers_the_hugging_face_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def quiet(message: str, share: float) -> None:
        pass

    monkeypatch.setattr(module, "_in_hugging_face_cache", lambda name: tmp_path)
    assert module._find(bundled.MODEL_NAME, tmp_path, quiet) == (bundled.MODEL_NAME, tmp_path)
    monkeypatch.setattr(module, "_in_hugging_face_cache", lambda name: None)
    monkeypatch.setattr(bundled, "build", lambda cache, progress: cache / "built")
    assert module._find(bundled.MODEL_NAME, tmp_path, quiet) == (bundled.MODEL_NAME, tmp_path / "built")
    assert module._find(tmp_path, tmp_path, quiet) == (tmp_path.name, tmp_path)


@pytest.fixture(scope="module")
def torch_encoder(model_cache: Path) -> SentenceEncoder:
    """The default encoder as PyTorch computes it."""
    return load_encoder(None, model_cache, backend="torch")


@pytest.fixture(params=["torch", "int8"])
def either_encoder(request: pytest.FixtureRequest) -> SentenceEncoder:
    """The default encoder by each backend."""
    found = request.getfixturevalue("torch_encoder" if request.param == "torch" else "real_encoder")
    assert isinstance(found, SentenceEncoder)
    return found


@pytest.mark.model
def test_real_encoders_keep_the_contract(either_encoder: SentenceEncoder) -> None:
    check_encoder_contract(either_encoder)


@pytest.mark.model
def test_real_encoder_identity(real_encoder: SentenceEncoder, torch_encoder: SentenceEncoder) -> None:
    for encoder in (real_encoder, torch_encoder):
        assert encoder.dimension == 384
        assert encoder.prompts == ("query: ", "passage: ")
    assert real_encoder.name == torch_encoder.name + compact_build.suffix()
    assert "@" in torch_encoder.name


@pytest.mark.model
def test_eight_bits_lose_next_to_nothing(real_encoder: SentenceEncoder, torch_encoder: SentenceEncoder) -> None:
    texts = [text for text in (*TEXTS, *ODD_TEXTS) if text.strip()]
    for encode, right in (
        (real_encoder.encode_queries, torch_encoder.encode_queries),
        (real_encoder.encode_passages, torch_encoder.encode_passages),
    ):
        cosines = np.einsum("ij,ij->i", encode(texts), right(texts))
        assert cosines.mean() > 0.995 and cosines.min() > 0.985, cosines


@pytest.mark.model
def test_a_rounded_vector_depends_on_its_text_alone(real_encoder: SentenceEncoder) -> None:
    texts = [text[:n] for text in (*TEXTS, *ODD_TEXTS) for n in (3, 20, 600)]
    alone = np.concatenate([real_encoder.encode_passages([text]) for text in texts])
    np.testing.assert_array_equal(real_encoder.encode_passages(texts), alone)


@pytest.mark.model
def test_real_encoders_cut_long_texts(either_encoder: SentenceEncoder) -> None:
    long = "房间隔穿刺针" * 500
    rows = either_encoder.encode_passages([long, long + "尾"])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)


@pytest.mark.model
def test_real_encoders_from_several_threads(either_encoder: SentenceEncoder) -> None:
    texts = [f"第{n}号穿刺针" for n in range(8)]
    expected = either_encoder.encode_passages(texts)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: either_encoder.encode_passages([text])[0], texts))
    np.testing.assert_allclose(found, expected, atol=1e-4)
