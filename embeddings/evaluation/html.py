"""A report of one judged set as a single HTML file: no script, nothing loaded, readable on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parent / "report.html"
WORST = 10
LANGUAGES = ("zh", "en")
SIDE = 320.0
"""Side of the reliability diagram in user units of its SVG."""
LABEL_WIDTH, LABEL_HEIGHT = 40.0, 14.0

_TEXTS = {
    "title": ("排序评测", "Ranking evaluation"),
    "needs": ("需求", "Needs"),
    "measured": ("计入均值", "In the means"),
    "documents": ("文档", "Documents"),
    "relevant_from": ("视为有用的最低分", "Lowest useful judgement"),
    "encoder": ("编码模型", "Encoder"),
    "weights": ("评级参数版本", "Version of the weights"),
    "files": ("数据文件", "Data files"),
    "summary": ("四种排序", "Four ways of ranking"),
    "summary_note": (
        "均值与 95% 置信区间（自助法）。没有有用文档的需求不计入。“最终排序”即网站所显示的。",
        "Means with 95 % bootstrap intervals; needs without a useful document left out. “As shown”: as on the site.",
    ),
    "system": ("排序", "Ranking"),
    "lexical": ("字词（BM25）", "Words (BM25)"),
    "dense": ("语义（向量）", "Meaning (vectors)"),
    "fused": ("两者融合", "Both fused"),
    "ranked": ("最终排序", "As shown"),
    "differences": ("最终排序与其他排序之差", "As shown, against the others"),
    "differences_note": (
        "同一需求成对比较：差的均值、95% 置信区间、随机化检验的 p 值（双侧，未作多重校正）。",
        "Paired by need: mean difference, 95 % interval, p of a two-sided randomisation test, uncorrected.",
    ),
    "calibration": ("概率是否可信", "Can the probabilities be believed?"),
    "calibration_seen": (
        "参数曾用这些需求拟合，因此每条需求按未见过它的一折参数计算。",
        "The weights were fitted on these needs: each need is judged by the weights of the fold that has not seen it.",
    ),
    "calibration_unseen": ("按现用参数计算。", "Judged by the weights in use."),
    "pairs": ("需求与文档的配对", "Pairs of need and document"),
    "useful": ("其中有用", "Of them useful"),
    "ece": ("期望校准误差", "Expected calibration error"),
    "log_loss": ("对数损失", "Log loss"),
    "diagram": (
        "可靠性图：横轴为预测概率，纵轴为实际有用的比例；竖线为 95% 区间，数字为配对数",
        "Reliability: predicted probability across, measured share up; bars are 95 % intervals, numbers are pairs",
    ),
    "predicted": ("预测概率", "Predicted"),
    "share": ("实际比例", "Measured"),
    "interval": ("95% 区间", "95 % interval"),
    "bin": ("区间", "From – to"),
    "count": ("配对数", "Pairs"),
    "grade": ("评级", "Grade"),
    "precision": ("有用的比例", "Share of useful"),
    "strong": ("强", "Strong"),
    "possible": ("可能", "Possible"),
    "weak": ("弱", "Weak"),
    "no_pairs": ("没有可用于校准的配对。", "There are no pairs to measure."),
    "worst": ("排得最差的需求", "Needs that are ranked worst"),
    "no_worst": ("所有计入的需求均已排好。", "Every measured need is ranked perfectly."),
    "wanted": ("应排在前面的", "What was wanted"),
    "instead": ("实际排在前面的", "What was ranked first"),
    "place": ("名次", "Rank"),
    "not_found": ("未进入候选", "no candidate"),
    "judgement": ("评判", "Judgement"),
    "unjudged": ("未评判", "none"),
    "probability": ("概率", "Probability"),
    "unanswered": ("没有答案的需求", "Needs without an answer"),
    "unanswered_rate": (
        "没有有用文档、网站也未显示任何“强”或“可能”",
        "Nothing useful exists, and nothing is shown as strong or possible",
    ),
    "answered_rate": (
        "有有用文档、网站却未显示任何“强”或“可能”",
        "Something useful exists, but nothing is shown as strong or possible",
    ),
    "of": ("/", "of"),
    "silent": ("不显示结果", "nothing is shown"),
    "would_show": ("网站会显示", "The site would show"),
    "no_unanswered": ("每条需求都有有用的文档。", "Every need has a useful document."),
    "all_needs": ("逐条结果", "Need by need"),
    "need": ("需求", "Need"),
    "best": ("最高评级", "Best grade"),
    "left_out": ("不计入", "left out"),
    "nothing_measured": (
        "没有一条需求有有用的文档，无法计算排序指标。",
        "No need has a useful document, so no ranking can be measured.",
    ),
}


def render(report: Mapping[str, Any], language: str = "zh") -> str:
    """The page of a report as `yiqiao evaluate --json` writes it.

    Raises:
        ValueError: for another language than zh and en.
    """
    from jinja2 import Environment, StrictUndefined

    if language not in LANGUAGES:
        raise ValueError(f"the report is written in {' or '.join(LANGUAGES)}, not {language!r}")
    column = LANGUAGES.index(language)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    measured = [query for query in report["queries"] if query["systems"]]
    worst = sorted(measured, key=lambda query: query["systems"]["ranked"]["ndcg@10"])[:WORST]
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        report=report,
        t={name: pair[column] for name, pair in _TEXTS.items()},
        language="zh-CN" if language == "zh" else "en",
        measures=list(next(iter(report["systems"].values()))),
        worst=[query for query in worst if query["systems"]["ranked"]["ndcg@10"] < 1],
        unanswered=[query for query in report["queries"] if not query["systems"]],
        points=_points(report["calibration"]["bins"] if report["calibration"] else []),
        side=SIDE,
    )


def _points(bins: Sequence[Mapping[str, Any]]) -> list[dict[str, float | int | bool]]:
    """Places in the diagram, whose origin is its upper left corner; the table has the numbers that find no room."""
    found: list[dict[str, float | int | bool]] = []
    written = (-SIDE, -SIDE)
    for b in bins:
        x, y = round(SIDE * b["predicted"], 1), round(SIDE * (1 - b["measured"]["share"]), 1)
        has_room = abs(x - written[0]) > LABEL_WIDTH or abs(y - written[1]) > LABEL_HEIGHT
        if has_room:
            written = (x, y)
        found.append(
            {
                "x": x,
                "y": y,
                "top": round(SIDE * (1 - b["measured"]["high"]), 1),
                "bottom": round(SIDE * (1 - b["measured"]["low"]), 1),
                "count": b["measured"]["total"],
                "labelled": has_room,
            }
        )
    return found
