"""Text in, ranked ids and evidence out: a library that knows no web framework and no database.

Importing it is cheap: torch, faiss, sentence-transformers and tantivy are imported by the functions that need them.
"""

from embeddings.encoder import SentenceEncoder, load_encoder
from embeddings.evidence import Evidence, best_evidence, matching_spans, matching_terms
from embeddings.fusion import group_passages, rank_subjects, reciprocal_rank_fusion, subject_score
from embeddings.index.faiss import FaissIndex
from embeddings.lexical import LexicalIndex, coverage, tokens
from embeddings.passages import normalise, passages, split_sentences
from embeddings.types import (
    EmbeddingsError,
    Encoder,
    EncoderUnavailable,
    Hit,
    Ids,
    IndexMismatch,
    Passage,
    Vector,
    VectorIndex,
)

__all__ = [
    "EmbeddingsError",
    "Encoder",
    "EncoderUnavailable",
    "Evidence",
    "FaissIndex",
    "Hit",
    "Ids",
    "IndexMismatch",
    "LexicalIndex",
    "Passage",
    "SentenceEncoder",
    "Vector",
    "VectorIndex",
    "best_evidence",
    "coverage",
    "group_passages",
    "load_encoder",
    "matching_spans",
    "matching_terms",
    "normalise",
    "passages",
    "rank_subjects",
    "reciprocal_rank_fusion",
    "split_sentences",
    "subject_score",
    "tokens",
]
