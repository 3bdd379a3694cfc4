"""A small judged set in files, as `yiqiao evaluate` reads it."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

PLACES = list("心肺肝肾膝眼耳鼻喉胃肠皮脊脑血胆膀乳牙骨")
TROUBLES = ["穿刺", "出血", "缝合", "引流", "固定", "成像"]


def write_lines(path: Path, rows: Sequence[object]) -> Path:
    """One JSON value a line; text as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_set(folder: Path, *, grade: int = 3, seed: int = 1) -> tuple[Path, Path]:
    """Needs and documents: 40 needs with one answer of this grade each, 2 that nothing answers, 120 documents."""
    draw = random.Random(seed)
    names = [(place, trouble) for place in PLACES for trouble in TROUBLES]
    corpus = [
        {"id": f"d{n}", "title": f"{place}{trouble}器械", "text": f"用于{place}的{trouble}。采用第{n}号材料制成。"}
        for n, (place, trouble) in enumerate(names)
    ]
    queries = []
    for n in draw.sample(range(len(names)), 40):
        place, trouble = names[n]
        # Some needs name place and trouble, some the place alone: not every one is easy.
        text = f"{place}{trouble}总是很困难" if n % 3 else f"{place}手术时间太长"
        queries.append({"id": f"q{n}", "need": text, "rel": {f"d{n}": grade, f"d{(n + 1) % 120}": min(grade, 1)}})
    queries += [{"id": f"none{n}", "need": text, "rel": {}} for n, text in enumerate(("食堂的饭菜太咸", "wifi 很慢"))]
    return write_lines(folder / "needs.jsonl", queries), write_lines(folder / "documents.jsonl", corpus)
