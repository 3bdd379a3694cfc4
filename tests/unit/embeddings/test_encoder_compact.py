"""Rounding a model to 8 bits: a small random model of each kind stands in for a real one."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings import SentenceEncoder, load_encoder
from embeddings.backends import compact, compact_build
from embeddings.backends.compact_build import UnsuitableModel, read_shape
from embeddings.types import EncoderUnavailable
from tests.small_models import save_small_model
from tests.unit.embeddings.encoder_contract import ODD_TEXTS, TEXTS, check_encoder_contract

KINDS = ["bert-mean", "xlm-roberta-cls"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small model of each kind."""
    folder = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        save_small_model(folder / kind, kind, (*TEXTS, *compact_build.PROBES))
    return folder


@pytest.fixture
def model(models: Path, tmp_path: Path) -> Path:
    """A model folder of the test's own."""
    return Path(shutil.copytree(models / KINDS[0], tmp_path / KINDS[0]))


def rounded(cache: Path) -> list[Path]:
    """What has been built."""
    return sorted(path for path in cache.glob("[!.]*") if path.is_dir())


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_original(models: Path, tmp_path: Path, kind: str) -> None:
    fast = load_encoder(models / kind, tmp_path, query_prompt="问", passage_prompt="", backend="int8")
    slow = load_encoder(models / kind, tmp_path, query_prompt="问", passage_prompt="", backend="torch")
    assert fast.name == slow.name + compact_build.suffix() and fast.dimension == slow.dimension == 32
    texts = [*TEXTS, *ODD_TEXTS]
    for encode, right in (
        (fast.encode_queries, slow.encode_queries),
        (fast.encode_passages, slow.encode_passages),
    ):
        np.testing.assert_array_less(0.99, np.einsum("ij,ij->i", encode(texts), right(texts)))
        assert not np.allclose(encode(texts), right(texts), atol=1e-6), "these are not 8 bits"


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_depends_on_its_text_alone(models: Path, tmp_path: Path, kind: str) -> None:
    encoder = load_encoder(models / kind, tmp_path, backend="int8")
    texts = [*TEXTS, *ODD_TEXTS, *(text[:n] for text in TEXTS for n in (2, 5, 9))]
    alone = np.concatenate([encoder.encode_passages([text]) for text in texts])
    np.testing.assert_array_equal(encoder.encode_passages(texts), alone)
    check_encoder_contract(encoder)


def test_built_once_and_named_after_what_it_was_made_of(model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = load_encoder(model, cache)
    (folder,) = rounded(cache)
    written = (folder / compact.WEIGHTS).stat().st_mtime_ns
    again = load_encoder(model, cache)
    assert rounded(cache) == [folder] and (folder / compact.WEIGHTS).stat().st_mtime_ns == written
    assert again.name == first.name
    np.testing.assert_array_equal(again.encode_passages(TEXTS), first.encode_passages(TEXTS))
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-3}))
    assert load_encoder(model, cache).name != first.name
    assert len(rounded(cache)) == 2


def test_another_recipe_is_another_folder_and_another_name(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored vectors bear the encoder's name, so after a change of the rounding none of them counts any more."""
    cache = tmp_path / "cache"
    names = {load_encoder(model, cache).name}
    for recipe in (compact_build.RECIPE + 1, compact_build.RECIPE + 2):
        monkeypatch.setattr(compact_build, "RECIPE", recipe)
        names.add(load_encoder(model, cache).name)
        assert load_encoder(model, cache).name.endswith(f"+int8.{recipe}")
    assert len(names) == len(rounded(cache)) == 3
    assert len({name.partition("+")[0] for name in names}) == 1


@pytest.mark.parametrize("damage", ["cut short", "changed", "no marker", "marker of another source", "file missing"])
def test_a_damaged_folder_is_built_again(model: Path, tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    right = load_encoder(model, cache, backend="int8").encode_passages(TEXTS)
    (folder,) = rounded(cache)
    weights, marker = folder / compact.WEIGHTS, folder / "yiqiao-build.json"
    data = weights.read_bytes()
    match damage:
        case "cut short":
            weights.write_bytes(data[: len(data) // 2])
        case "changed":
            weights.write_bytes(data[:-9] + b"X" + data[-8:])
        case "no marker":
            marker.unlink()
        case "marker of another source":
            marker.write_text(json.dumps(json.loads(marker.read_text()) | {"source_sha256": "0" * 64}))
        case _:
            (folder / compact.TOKENIZER).unlink()
    with pytest.warns(UserWarning, match="built again"):
        encoder = load_encoder(model, cache, backend="int8")
    np.testing.assert_array_equal(encoder.encode_passages(TEXTS), right)
    assert rounded(cache) == [folder] and weights.read_bytes() == data
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [folder.name]


def test_a_model_that_would_change_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usual = compact_build._without_prefix

    def damaged(weights: compact_build.Weights) -> compact_build.Weights:
        found = dict(usual(weights))
        found["encoder.layer.1.output.dense.weight"] = -found["encoder.layer.1.output.dense.weight"]
        return found

    monkeypatch.setattr(compact_build, "_without_prefix", damaged)
    with pytest.raises(UnsuitableModel, match="changes its vectors too much"):
        load_encoder(model, tmp_path / "cache", backend="int8")
    with caplog.at_level(logging.WARNING):
        encoder = load_encoder(model, tmp_path / "cache")
    assert compact_build.SUFFIX not in encoder.name
    assert "with PyTorch, not in 8 bits" in caplog.text
    assert rounded(tmp_path / "cache") == []
    check_encoder_contract(encoder)


def test_without_the_library_torch_serves(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(EncoderUnavailable, match="ctranslate2 cannot be imported"):
        load_encoder(model, tmp_path, backend="int8")
    with caplog.at_level(logging.WARNING):
        assert compact_build.SUFFIX not in load_encoder(model, tmp_path).name
    assert "ctranslate2 cannot be imported" in caplog.text


def test_an_unforeseen_failure_leaves_torch(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(compact_build, "build", fail)
    assert compact_build.SUFFIX not in load_encoder(model, tmp_path).name
    assert "ZeroDivisionError" in caplog.text
    with pytest.raises(ZeroDivisionError):
        load_encoder(model, tmp_path, backend="int8")


def _set(file: str, **values: object) -> tuple[str, dict[str, object]]:
    return file, values


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        (*_set("config.json", model_type="distilbert"), "type 'distilbert'"),
        (*_set("config.json", hidden_act="silu"), "activation 'silu'"),
        (*_set("config.json", position_embedding_type="relative_key"), "absolute positions"),
        (*_set("config.json", is_decoder=True), "encoders"),
        (*_set("1_Pooling/config.json", pooling_mode="max"), "pooling"),
        (*_set("1_Pooling/config.json", pooling_mode=["mean", "cls"]), "pooling"),
        (*_set("1_Pooling/config.json", include_prompt=False), "pooling"),
        (*_set("sentence_bert_config.json", do_lower_case=True), "lower-cased"),
    ],
)
def test_other_shapes_are_left_to_torch(model: Path, file: str, values: dict[str, object], message: str) -> None:
    path = model / file
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    with pytest.raises(UnsuitableModel, match=message):
        read_shape(model)


def test_more_modules_or_no_safetensors_are_left_to_torch(model: Path) -> None:
    modules = json.loads((model / "modules.json").read_text())
    dense = {"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"}
    (model / "modules.json").write_text(json.dumps([*modules, dense]))
    with pytest.raises(UnsuitableModel, match="Dense"):
        read_shape(model)
    (model / "modules.json").write_text(json.dumps(modules))
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(UnsuitableModel, match=r"model\.safetensors is missing"):
        read_shape(model)


def test_pooling_as_older_libraries_write_it(model: Path) -> None:
    path = model / "1_Pooling" / "config.json"
    for mean, pooling in ((True, "mean"), (False, "cls")):
        path.write_text(json.dumps({"pooling_mode_mean_tokens": mean, "pooling_mode_cls_token": not mean}))
        assert read_shape(model).pooling == pooling


def test_configuration_without_sizes(model: Path, tmp_path: Path) -> None:
    (model / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UnsuitableModel, match="not understood"):
        compact_build.build(model, "x", tmp_path / "cache", lambda message, share: None)


def test_serving_needs_no_torch(models: Path, tmp_path: Path) -> None:
    load_encoder(models / KINDS[0], tmp_path)
    code = (
        "import json, sys\nfrom pathlib import Path\nfrom embeddings import load_encoder\n"
        f"encoder = load_encoder(Path({str(models / KINDS[0])!r}), Path({str(tmp_path)!r}))\n"
        "encoder.encode_queries(['支架'])\nprint(json.dumps([encoder.name, *sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    name, *loaded = json.loads(done.stdout)
    assert name.endswith(compact_build.suffix())
    assert set(loaded) & {"torch", "transformers", "sentence_transformers"} == set()


def test_batches_hold_a_limited_number_of_tokens(models: Path, tmp_path: Path) -> None:
    load_encoder(models / KINDS[0], tmp_path, backend="int8")
    model = compact.CompactModel(rounded(tmp_path)[0], workers=2)
    texts = [text[:n] for text in (*TEXTS, *ODD_TEXTS) for n in range(1, 64, 7)]
    batches = list(model.batches(texts, "问"))
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(texts)))
    for batch in batches:
        lengths = [len(model._tokenizer.encode("问" + texts[row]).ids) for row in batch.rows]
        assert sum(lengths) <= compact.TOKENS_PER_BATCH and lengths == sorted(lengths, reverse=True)
    assert model.workers == 2 and len(batches) > 3


def test_broken_folder_is_an_encoder_error(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="cannot be loaded"):
        compact.CompactModel(tmp_path)


def test_encoder_type(models: Path, tmp_path: Path) -> None:
    assert isinstance(load_encoder(models / KINDS[1], tmp_path), SentenceEncoder)
