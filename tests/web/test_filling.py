"""Filling the form of a need from a file, a pasted text, or one of its own fields."""

import io

import docx
import pytest
from starlette.testclient import TestClient

from backend.db import Database
from tests.conftest import SignIn
from tests.factories import Factory
from tests.web.need_steps import Fields, filled, stored
from tests.web.pages import Page, read

EMPTY = {"title": "", "summary": "", "problem": "", "requirements": ""}


@pytest.fixture
def author(make: Factory, sign_in: SignIn) -> TestClient:
    """A signed-in member of a hospital."""
    return sign_in(make.hospital())


def word(*lines: str) -> bytes:
    """A Word file of paragraphs."""
    document = docx.Document()
    for line in lines:
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def fill(client: TestClient, fields: Fields, file: tuple[str, bytes] | None = None, status: int = 200) -> Page:
    """Send the form as the button does; the page that comes back."""
    files = {"file": file} if file else {"file": ("", b"")}
    answer = client.post("/needs/fill", data=fields, files=files)
    assert answer.status_code == status, answer.text
    return read(answer.text)


def test_a_word_file_fills_the_empty_fields_and_is_not_kept(author: TestClient, database: Database) -> None:
    content = word("需求名称：可调弯穿刺针", "现状：体外塑弯。", "存在问题：针尖上滑。", "单位名称：示例医院")
    page = fill(author, filled(author, **EMPTY), ("需求.docx", content))
    found = page.fields
    assert (found["title"], found["current_practice"], found["problem"]) == ("可调弯穿刺针", "体外塑弯。", "针尖上滑。")
    note = page["filling-note"].text
    assert "目前的做法" in note and "单位名称" in note and "示例医院" in note
    assert {"#title", "#current_practice", "#problem"} <= set(page.links)
    assert stored(database) == []
    # What came back is an ordinary form.
    sent = {name: value for name, value in found.items() if name not in ("file", "pasted")}
    assert author.post("/needs", data={**sent, "action": "save"}).status_code == 303


def test_nothing_that_was_typed_is_lost(author: TestClient) -> None:
    typed = filled(author, problem="自己写的。", summary="", requirements="", offers=["data"], contact="办公室")
    found = fill(author, typed, ("a.docx", word("需求名称：文件里的标题", "存在问题：文件里的问题。"))).fields
    assert found["title"] == typed["title"] and found["offers"] == ["data"] and found["contact"] == "办公室"
    assert found["problem"] == "自己写的。\n\n文件里的标题\n\n文件里的问题。"


def test_pasted_text_does_as_well(author: TestClient) -> None:
    fields = filled(author, **EMPTY)
    found = fill(author, {**fields, "pasted": "存在问题：针尖上滑。\n预期目标：弯度可调。"}).fields
    assert (found["problem"], found["acceptance_criteria"]) == ("针尖上滑。", "弯度可调。")


def test_a_field_that_holds_several_is_taken_apart(author: TestClient) -> None:
    text = "开头的一句。\n现状：体外塑弯。\n存在问题：针尖上滑。\n预期目标：弯度可调。"
    fields = filled(author, problem=text)
    panel = author.post("/needs/rehearsal", data=fields, headers={"HX-Request": "true"})
    assert "拆分到各栏" in panel.text
    found = fill(author, {**fields, "split": "problem"}).fields
    assert found["problem"] == "开头的一句。\n针尖上滑。"
    assert (found["current_practice"], found["acceptance_criteria"]) == ("体外塑弯。", "弯度可调。")
    assert found["title"] == fields["title"]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (None, "请选择一个文件"),
        (("a.docx", b""), "文件是空的"),
        (("图.png", b"\x89PNG\r\n\x1a\n"), "只能读取 Word"),
        (("a.pdf", b"%PDF-1.7 broken"), "无法读取"),
        (("a.docx", b"%PDF-" + b"0" * 20_000_001), "超过 20 MB"),
    ],
    ids=["none", "empty", "image", "broken", "large"],
)
def test_a_file_that_cannot_be_taken_is_said_beside_its_field(
    author: TestClient, file: tuple[str, bytes] | None, said: str
) -> None:
    fields = filled(author, problem="还在这里。")
    page = fill(author, fields, file, status=422)
    assert said in page.error("file")
    assert page.fields["problem"] == "还在这里。"


def test_the_larger_limit_is_for_this_address_alone(author: TestClient) -> None:
    large = {"file": ("a.docx", b"0" * 3_000_000)}
    assert author.post("/needs", data=filled(author), files=large).status_code == 413
    assert author.post("/needs/fill", data=filled(author), files={"file": ("a", b"0" * 61_000_000)}).status_code == 413


def test_strangers_read_nothing(author: TestClient, client: TestClient, make: Factory, sign_in: SignIn) -> None:
    fields = filled(author)
    assert client.post("/needs/fill", data=fields).headers["location"].startswith("/sign-in")
    assert sign_in(make.party(verified=False)).post("/needs/fill", data=fields).status_code == 403
    need = make.need(make.hospital())
    assert author.post("/needs/fill", data={**fields, "subject_id": need.id}).status_code == 404
