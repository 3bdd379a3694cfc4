"""Measures rankings against judgements: judged sets, metrics per query, intervals and tests, reports."""

from embeddings.evaluation.dataset import DatasetError, Doc, JudgedSet, read_jsonl
from embeddings.evaluation.metrics import MEASURES, Scores, evaluate
from embeddings.evaluation.report import System, as_dict, table
from embeddings.evaluation.significance import Comparison, Interval, bootstrap_interval, compare_paired

__all__ = [
    "MEASURES",
    "Comparison",
    "DatasetError",
    "Doc",
    "Interval",
    "JudgedSet",
    "Scores",
    "System",
    "as_dict",
    "bootstrap_interval",
    "compare_paired",
    "evaluate",
    "read_jsonl",
    "table",
]
