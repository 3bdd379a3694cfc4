"""What `yiqiao vocabulary check` tells of a file."""

from pathlib import Path

import pytest

from embeddings import vocabulary
from embeddings.lexical import LexicalIndex
from embeddings.vocabulary import SHIPPED, Vocabulary, VocabularyError, load_vocabulary, shipped_vocabulary
from embeddings.vocabulary_check import Report, check, check_own


def checked(tmp_path: Path, *lines: str, beside: Path | None = None) -> Report:
    path = tmp_path / "own.txt"
    path.write_text("\n".join(lines), "utf-8")
    return check(path, beside)


def test_all_errors_of_a_file_are_told(tmp_path: Path) -> None:
    report = checked(tmp_path, "# own", "支架 | stent", "心梗", "a1 | b1 > c1 > d1", "输液 | 吊瓶")
    assert [(r.line, r.is_error) for r in report.remarks] == [(3, True), (4, True)]
    assert "at least two members" in report.remarks[0].message
    assert (report.groups, report.words, report.is_usable) == (2, 4, False)


def test_a_good_file_has_no_remark(tmp_path: Path) -> None:
    report = checked(tmp_path, "支架 | stent", "看不见 | 摸黑 > 可视 | 引导")
    assert report == Report(2, 6, ())


@pytest.mark.parametrize(
    ("lines", "line", "says"),
    [
        (("支架 | stent", "输液 | 吊瓶", "血管内支架 | STENTS"), 3, "STENTS stands in another group too (line 1)"),
        (("x-ray | X ray",), 1, "adds nothing"),
        (("支架 > 支架",), 1, "adds nothing"),
        (("脚 | 足部",), 1, "脚 is one character"),
        (("AR | 增强现实",), 1, 'write "AR?"'),
    ],
)
def test_what_is_worth_a_look(lines: tuple[str, ...], line: int, says: str, tmp_path: Path) -> None:
    report = checked(tmp_path, *lines)
    assert [remark.line for remark in report.remarks] == [line]
    assert says in report.remarks[0].message and report.is_usable


def test_a_word_marked_as_ambiguous_may_be_short(tmp_path: Path) -> None:
    assert checked(tmp_path, "AR? | 增强现实", "脚? | 足部").remarks == ()


def test_a_file_is_held_against_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("打呼噜 | 我院睡眠门诊", "utf-8")
    (remark,) = check_own(path).remarks
    line = next(n for n, text in enumerate(SHIPPED.read_text("utf-8").splitlines(), 1) if "打呼噜" in text)
    assert remark.message == f"打呼噜 stands in another group too (vocabulary.txt, line {line})"
    assert check(path).remarks == ()


def test_the_shipped_file_is_right() -> None:
    report = check_own(SHIPPED)
    assert report.is_usable and report.groups == len(shipped_vocabulary())
    assert not any("adds nothing" in remark.message for remark in report.remarks)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "gbk.txt"
    path.write_bytes("支架 | stent".encode("gb18030"))
    (remark,) = check(path).remarks
    assert remark.is_error and remark.line == 0 and "UTF-8" in remark.message
    with pytest.raises(VocabularyError, match="UTF-8"):
        check(SHIPPED, beside=path)
    with pytest.raises(FileNotFoundError):
        check(tmp_path / "absent.txt")


def test_one_vocabulary_serves_all_indexes_that_were_given_none(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("打呼噜 | 夜音甲", "utf-8")
    one, other, own = LexicalIndex(), LexicalIndex(), LexicalIndex(Vocabulary())
    for index in (one, other, own):
        index.upsert({"a": "夜音甲矫正器", "b": "左心耳封堵器"})
    assert one.search("打呼噜", 5) == []
    made = load_vocabulary(path)
    vocabulary.use(made)
    try:
        assert one.vocabulary is other.vocabulary is made
        assert [hit.id for hit in one.search("打呼噜", 5)] == ["a"]
        assert own.search("打呼噜", 5) == []
        vocabulary.use(Vocabulary())
        assert one.search("打呼噜", 5) == []
    finally:
        vocabulary.use(None)
    assert one.vocabulary is shipped_vocabulary()
