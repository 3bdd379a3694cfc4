"""The packed difference between base and tuned weights."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from embeddings import adapter
from embeddings.types import EncoderUnavailable


def _weights(seed: int, step: float = 0.0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    found = {
        "dense.weight": draw.standard_normal((8, 64)).astype(np.float32),
        "dense.bias": draw.standard_normal(8).astype(np.float32),
        "odd.weight": draw.standard_normal((4, 10)).astype(np.float32),
        "embeddings.weight": np.ones((5, 32), dtype=np.float32),
    }
    moved = np.random.default_rng(seed + 1)
    return {
        name: (array + step * moved.standard_normal(array.shape).astype(np.float32) if "emb" not in name else array)
        for name, array in found.items()
    }


def test_the_difference_comes_back_within_half_a_step_and_leaves_frozen_tensors_out() -> None:
    base, tuned = _weights(1), _weights(1, step=0.01)
    packed = adapter.difference(base, tuned)
    assert not any(name.startswith("embeddings") for name in packed)
    again = adapter.added(base, packed)
    assert again["embeddings.weight"] is base["embeddings.weight"]
    np.testing.assert_array_equal(again["dense.bias"], base["dense.bias"] + packed["dense.bias.delta"])
    np.testing.assert_allclose(again["odd.weight"], tuned["odd.weight"], atol=1e-7)
    delta = np.abs(tuned["dense.weight"] - base["dense.weight"]).reshape(8, 2, 32).max(axis=2)
    bound = np.repeat(delta / 14 * 1.01 + 1e-7, 32, axis=1)
    assert (np.abs(again["dense.weight"] - tuned["dense.weight"]) <= bound).all()


def test_other_models_are_refused() -> None:
    base, tuned = _weights(1), _weights(1, step=0.01)
    del tuned["dense.bias"]
    with pytest.raises(ValueError, match="not those of the same model"):
        adapter.difference(base, tuned)
    packed = adapter.difference(base, _weights(1, step=0.01))
    with pytest.raises(EncoderUnavailable, match="lack"):
        adapter.added({"other": base["dense.bias"]}, packed)
    with pytest.raises(EncoderUnavailable, match="shape"):
        adapter.added({**base, "dense.bias": np.zeros(3, dtype=np.float32)}, packed)


def _folder(path: Path, weights: dict[str, np.ndarray]) -> Path:
    path.mkdir()
    save_file(weights, path / adapter.WEIGHTS)
    return path


def test_a_file_says_what_it_belongs_to(tmp_path: Path) -> None:
    base, tuned = _folder(tmp_path / "base", _weights(1)), _folder(tmp_path / "tuned", _weights(1, step=0.01))
    path = tmp_path / "adapter.safetensors"
    size = adapter.write(path, base, tuned, "digest of the base", {"learned from": "示例"})
    assert size == path.stat().st_size
    assert adapter.read_provenance(path) == {"learned from": "示例"}
    assert set(adapter.read(path, "digest of the base")) == set(adapter.difference(_weights(1), _weights(1, step=0.01)))
    with pytest.raises(EncoderUnavailable, match="other base weights"):
        adapter.read(path, "another digest")


@pytest.mark.parametrize("left", [0, 7, 200])
def test_a_file_cut_short_is_refused(tmp_path: Path, left: int) -> None:
    base, tuned = _folder(tmp_path / "base", _weights(1)), _folder(tmp_path / "tuned", _weights(1, step=0.01))
    path = tmp_path / "adapter.safetensors"
    adapter.write(path, base, tuned, "digest", {})
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(EncoderUnavailable, match="cannot be read"):
        adapter.read(path, "digest")


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"
    save_file({"x": np.zeros(1)}, path, metadata={"format": "0", "base_sha256": "d", "provenance": json.dumps({})})
    with pytest.raises(EncoderUnavailable, match="format"):
        adapter.read(path, "d")
