"""Small random models that stand in for real ones where only the way matters, not the vectors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any


def save_small_model(folder: Path, kind: str, texts: Iterable[str], *, layers: int = 2, longest: int = 64) -> None:
    """Save a random SentenceTransformer whose tokens are the single characters of some texts, 32 numbers a vector.

    Args:
        kind: "bert" or "xlm-roberta" with "-mean" or "-cls".
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    name, _, pooling = kind.rpartition("-")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    characters = sorted(set("".join(texts)) - {" "})
    words = {word: number for number, word in enumerate([*special, *characters])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split("", "isolated")]
    )
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    make_tokenizer: Any = PreTrainedTokenizerFast
    fast = make_tokenizer(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        model_max_length=longest,
        model_input_names=["input_ids", "attention_mask"],
    )
    sizes: dict[str, Any] = {
        "vocab_size": len(words),
        "hidden_size": 32,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": longest + 2,
        "pad_token_id": 1,
        "initializer_range": 0.5,
    }
    torch.manual_seed(1)
    model = BertModel(BertConfig(**sizes)) if name == "bert" else XLMRobertaModel(XLMRobertaConfig(**sizes))
    plain = folder.with_name(folder.name + "-plain")
    model.save_pretrained(plain)
    fast.save_pretrained(plain)
    modules = [Transformer(str(plain), max_seq_length=longest), Pooling(32, pooling), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(folder), create_model_card=False)
