"""Rounds a SentenceTransformer folder to 8 bits, once, into a folder of its own below the cache folder.

The weights go straight from the safetensors file into CTranslate2's own format. What a layer normalisation gives is
moved to lie around zero first, and what is taken away there is added to the biases of whatever reads it: exact in real
numbers, and less is lost in rounding, because a token's largest channel sets the steps for all others (least cosine of
44 texts to the tuned default model 0.9950 instead of 0.9921, on average 0.9966 instead of 0.9944).

Before the folder is taken into use, it is compared with the original: a model whose vectors would change is refused,
and the original keeps serving.

Source: X. Wei et al. 2023, Outlier Suppression+, arXiv 2304.09145, section 4.1 (channel-wise shifting).
"""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embeddings import bundled
from embeddings.backends import original
from embeddings.backends.compact import DESCRIPTION, TOKENIZER, WEIGHTS, CompactModel, engine
from embeddings.backends.model import MAX_TOKENS
from embeddings.types import EncoderUnavailable, Vector

SUFFIX = "+int8"

RECIPE = 2
"""Raised with every change of how the folder is written from the same model. It is part of the folder's name and of the
encoder's: folders are then written again, and vectors that were stored no longer count and renew by themselves."""

CLOSE_ENOUGH = 0.99
"""Least cosine between a probe's vector and the original's."""

PROBES = (
    "房间隔穿刺针无法弯曲，容易向上滑动，可能刺破心脏，希望针尖角度可调。",
    "a needle for transseptal puncture whose tip can be bent",
    "PET-CT 5.0T，64排；1.5 mm × 20 cm（±0.1）",
    "支架",
    "手术机器人 surgical robot 🤖 12°C",
    "医院需要一套可以在床旁连续监测血流动力学的无创设备，能够与现有监护仪联网，并给出早期预警。" * 8,
)

Weights = Mapping[str, "np.ndarray[Any, np.dtype[Any]]"]
Progress = Callable[[str, float], None]


class UnsuitableModel(EncoderUnavailable):
    """The model is not of the shape that can be rounded, or loses too much; PyTorch can still run it."""


def suffix() -> str:
    """What is put behind the encoder's name: it tells that the vectors are of 8 bits, and of which recipe."""
    return f"{SUFFIX}.{RECIPE}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What has to be known of a model beside its weights."""

    layers: int
    heads: int
    dimension: int
    activation: str
    epsilon: float
    first_position: int
    pooling: str
    max_tokens: int


def build(folder: Path, identity: str, cache_dir: Path, tell: Progress) -> Path:
    """Return the folder of the rounded model, writing it first if it is absent or damaged (about 20 s).

    Args:
        folder: the original SentenceTransformer folder.
        identity: changes when the original's weights or configuration change.
        cache_dir: where the rounded folder is or will be.
        tell: told what is being done and the share finished.

    Raises:
        UnsuitableModel: if the model cannot be rounded without loss.
        EncoderUnavailable: if the original cannot be read or the folder cannot be written.
    """
    engine()
    try:
        shape = read_shape(folder)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UnsuitableModel(f"the configuration of {folder} is not understood: {error!r}") from error
    digest = hashlib.sha256(f"{SUFFIX}\0{RECIPE}\0{identity}".encode()).hexdigest()
    target = cache_dir / f"{folder.name}{suffix()}-{digest[:12]}"

    def write(new: Path, tell: Progress) -> None:
        tell("reading the original of the rounded model", 0.0)
        slow = original.load(folder, folder.name)
        tell("rounding the model to 8 bits", 0.4)
        _write(folder, shape, slow.middles(PROBES), new)
        tell("comparing the rounded model with the original", 0.7)
        check(CompactModel(new), slow)

    return bundled.build_once(target, f"{folder.name}{suffix()}", digest, write, tell, WEIGHTS)


def check(model: CompactModel, slow: original.TorchModel) -> None:
    """Compare the rounded model with its original on a few texts.

    Raises:
        UnsuitableModel: if they disagree.
    """
    vectors, right = _probe(model), _probe(slow)
    least = float(np.einsum("ij,ij->i", vectors, right).min())
    if not least >= CLOSE_ENOUGH:
        raise UnsuitableModel(f"rounding it to 8 bits changes its vectors too much: least cosine {least:.3f}")


def read_shape(folder: Path) -> Shape:
    """Read from the configuration files how the model is built.

    Raises:
        UnsuitableModel: if it is no BERT, RoBERTa or XLM-RoBERTa with mean or first-token pooling, weights in
            safetensors and a fast tokenizer; says which.
    """
    config = _json(folder / "config.json")
    kind = config.get("model_type")
    if kind not in ("bert", "roberta", "xlm-roberta"):
        raise UnsuitableModel(f"models of type {kind!r} are not rounded")
    if config.get("position_embedding_type", "absolute") != "absolute" or config.get("is_decoder"):
        raise UnsuitableModel("only absolute positions and encoders are rounded")
    activation = {"gelu": "GELU", "gelu_new": "GELUTanh", "gelu_pytorch_tanh": "GELUTanh", "relu": "RELU"}.get(
        config.get("hidden_act", "gelu")
    )
    if activation is None:
        raise UnsuitableModel(f"the activation {config.get('hidden_act')!r} is not rounded")
    for name in ("model.safetensors", TOKENIZER):
        if not (folder / name).is_file():
            raise UnsuitableModel(f"{folder / name} is missing")
    own = _json(folder / "sentence_bert_config.json")
    if own.get("do_lower_case"):
        raise UnsuitableModel("texts would have to be lower-cased")
    first = int(config.get("pad_token_id", 1)) + 1 if kind != "bert" else 0
    limits = [
        MAX_TOKENS,
        int(config["max_position_embeddings"]) - first,
        own.get("max_seq_length"),
        _json(folder / "tokenizer_config.json").get("model_max_length"),
    ]
    return Shape(
        layers=int(config["num_hidden_layers"]),
        heads=int(config["num_attention_heads"]),
        dimension=int(config["hidden_size"]),
        activation=activation,
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        first_position=first,
        pooling=_pooling(folder),
        max_tokens=int(min(limit for limit in limits if limit)),
    )


def _pooling(folder: Path) -> str:
    """ "mean" or "cls"."""
    modules = _json(folder / "modules.json")
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or modules[0]["path"]:
        raise UnsuitableModel(f"a model of {', '.join(kinds)} is not rounded")
    pooling = _json(folder / modules[1]["path"] / "config.json")
    named = pooling.get("pooling_mode")
    old = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}
    chosen = [named] if named else [key for key in pooling if key.startswith("pooling_mode_") and pooling[key] is True]
    for mode, key in old.items():
        if chosen in ([mode], [key]) and pooling.get("include_prompt", True):
            return mode
    raise UnsuitableModel(f"the pooling {chosen} is not rounded")


def _write(folder: Path, shape: Shape, middles: Mapping[str, Vector], new: Path) -> None:
    from safetensors.numpy import load_file

    try:
        weights = load_file(folder / "model.safetensors")
        spec = _specification(_without_prefix(weights), shape, middles)
    except (KeyError, TypeError, ValueError) as error:
        raise UnsuitableModel(f"the weights of {folder} are not those of its configuration: {error!r}") from error
    new.mkdir(parents=True)
    spec.save(str(new))
    shutil.copyfile(folder / TOKENIZER, new / TOKENIZER)
    described = {"dimension": shape.dimension, "pooling": shape.pooling, "max_tokens": shape.max_tokens}
    (new / DESCRIPTION).write_text(json.dumps(described), encoding="utf-8")


def _specification(weights: Weights, shape: Shape, middles: Mapping[str, Vector]) -> Any:
    """CTranslate2's description of the model, weights rounded.

    Args:
        weights: by the names they have in a bare encoder.
        shape: of the model.
        middles: name of a layer normalisation to the middle (d,) of each channel that it gives.
    """
    engine()
    transformer = importlib.import_module("ctranslate2.specs.transformer_spec")
    common = importlib.import_module("ctranslate2.specs.common_spec")

    def normal(target: Any, name: str, shift: Vector | float = 0.0) -> None:
        target.gamma = weights[f"{name}.weight"].astype(np.float32)
        target.beta = weights[f"{name}.bias"].astype(np.float32) - shift

    def linear(target: Any, *names: str, reads: Vector | float = 0.0, adds: Vector | float = 0.0) -> None:
        """`reads`: what was taken from its input. `adds`: what was taken from the input that is added to its output."""
        weight = np.concatenate([weights[f"{name}.weight"] for name in names]).astype(np.float32)
        target.weight = weight
        bias = np.concatenate([weights[f"{name}.bias"] for name in names]).astype(np.float32)
        target.bias = bias + (weight @ reads if isinstance(reads, np.ndarray) else 0.0) + adds

    encoder = transformer.TransformerEncoderSpec(
        shape.layers,
        shape.heads,
        pre_norm=False,
        activation=common.Activation[shape.activation],
        layernorm_embedding=True,
    )
    spec = transformer.TransformerEncoderModelSpec(encoder)
    encoder.scale_embeddings = False
    words = weights["embeddings.word_embeddings.weight"].astype(np.float32)
    encoder.embeddings[0].weight = words
    # A sentence is one segment, so the vector of segment 0 belongs to every position.
    positions = weights["embeddings.position_embeddings.weight"][shape.first_position :]
    encoder.position_encodings.encodings = (positions + weights["embeddings.token_type_embeddings.weight"][0]).astype(
        np.float32
    )
    shift: Vector | float = middles["embeddings.LayerNorm"]
    normal(encoder.layernorm_embedding, "embeddings.LayerNorm", shift)
    for number, layer in enumerate(encoder.layer):
        own = f"encoder.layer.{number}"
        attention, ffn = layer.self_attention, layer.ffn
        parts = [f"{own}.attention.self.{part}" for part in ("query", "key", "value")]
        linear(attention.linear[0], *parts, reads=shift)
        linear(attention.linear[1], f"{own}.attention.output.dense", adds=shift)
        shift = middles[f"{own}.attention.output.LayerNorm"]
        normal(attention.layer_norm, f"{own}.attention.output.LayerNorm", shift)
        linear(ffn.linear_0, f"{own}.intermediate.dense", reads=shift)
        linear(ffn.linear_1, f"{own}.output.dense", adds=shift)
        # What the last layer gives is pooled, so nothing is taken from it.
        shift = middles[f"{own}.output.LayerNorm"] if number + 1 < shape.layers else 0.0
        normal(ffn.layer_norm, f"{own}.output.LayerNorm", shift)
    spec.config.layer_norm_epsilon = shape.epsilon
    spec.register_vocabulary([str(number) for number in range(len(words))])  # Never used: tokens come as numbers.
    spec.validate()
    spec.optimize(quantization="int8")
    return spec


def _without_prefix(weights: Weights) -> Weights:
    """Weights by the names they have in a bare encoder; some files put "bert." or "roberta." before them."""
    name = "embeddings.word_embeddings.weight"
    prefix = next((key.removesuffix(name) for key in weights if key.endswith(name)), "")
    return {key.removeprefix(prefix): value for key, value in weights.items()}


def _probe(model: CompactModel | original.TorchModel) -> Vector:
    vectors = np.zeros((len(PROBES), model.dimension), dtype=np.float32)
    for batch in model.batches(PROBES, ""):
        vectors[list(batch.rows)] = batch.compute()
    return vectors


def _json(path: Path) -> Any:
    """What a configuration file says; {} if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UnsuitableModel(f"{path} cannot be read: {error}") from error
