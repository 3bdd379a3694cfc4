"""What the form of a need answers to bad input: 422, a message in Chinese beside the field, and the typed text."""

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from backend.db import Database
from backend.needs.models import Need, Requirement
from tests.conftest import SignIn
from tests.factories import Factory
from tests.web.pages import Page, read

Fields = dict[str, str | list[str]]
TEXTS = (
    "summary",
    "problem",
    "procedure",
    "current_practice",
    "frequency",
    "acceptance_criteria",
    "constraints",
    "offers_note",
    "contact",
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def author(make: Factory, sign_in: SignIn) -> TestClient:
    """A signed-in member of a hospital."""
    return sign_in(make.hospital())


@pytest.fixture
def fields(author: TestClient) -> Fields:
    """The form of a new need as a browser sends it, filled in."""
    found = read(author.get("/needs/new").text).fields
    return {**found, "title": "穿刺针上滑", "summary": "希望改进。", "problem": "移位。", "action": "save"}


def refused(author: TestClient, data: Fields, database: Database) -> Page:
    """Send the form, which has to be refused with nothing saved."""
    answer = author.post("/needs", data=data)
    assert answer.status_code == 422
    with database.session() as session:
        assert session.exec(select(Need)).all() == []
    return read(answer.text)


def accepted(author: TestClient, data: Fields, database: Database) -> tuple[Need, Page]:
    """Send the form, which has to be taken; returns the need and its page."""
    answer = author.post("/needs", data=data)
    assert answer.status_code == 303
    with database.session() as session:
        need = session.exec(select(Need)).one()
    return need, read(author.get(f"/needs/{need.id}").text)


@pytest.mark.parametrize("title", ["", "   ", "\u3000\t\n", "\u200b\ufeff", "\x00\x01", "\u200d\u200d", "\u202e"])
def test_a_title_without_anything_to_read_is_missing(
    title: str, author: TestClient, fields: Fields, database: Database
) -> None:
    page = refused(author, {**fields, "title": title, "problem": "写了很久的一段话"}, database)
    assert page.error("title") == "请填写标题。"
    assert page["title"].attributes["aria-invalid"] == "true"
    assert page.fields["problem"] == "写了很久的一段话"
    assert "#title" in page.links
    assert page.all("div", "error-summary")[0].attributes["role"] == "alert"


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_over_4000_characters_is_refused_beside_its_field(
    name: str, author: TestClient, fields: Fields, database: Database
) -> None:
    page = refused(author, {**fields, name: "痛" * 4001}, database)
    assert page.error(name) == "最多 4,000 个字，现有 4,001 个字，请删减。"
    assert page.fields[name] == "痛" * 4001
    assert page.fields["title"] == "穿刺针上滑"


def test_4000_characters_are_taken_in_every_field(author: TestClient, fields: Fields, database: Database) -> None:
    need, _page = accepted(author, {**fields, **dict.fromkeys(TEXTS, "痛" * 4000)}, database)
    assert all(getattr(need, name) == "痛" * 4000 for name in TEXTS)


def test_line_breaks_of_a_browser_count_once(author: TestClient, fields: Fields, database: Database) -> None:
    """A browser sends CR and LF for each line break; the author sees one character."""
    need, _page = accepted(author, {**fields, "summary": "\r\n".join("字" * 2000) + "。"}, database)
    assert len(need.summary) == 4000


def test_a_title_over_80_characters_is_refused(author: TestClient, fields: Fields, database: Database) -> None:
    page = refused(author, {**fields, "title": "长" * 81}, database)
    assert page.error("title") == "最多 80 个字，现有 81 个字，请删减。"
    assert page.fields["title"] == "长" * 81


def test_emoji_and_rare_characters_are_kept(author: TestClient, fields: Fields, database: Database) -> None:
    text = "🫀 心脏 👩‍⚕️ 医生 𠮷 ≥3mm ½ ℃ µm"
    need, page = accepted(author, {**fields, "title": text, "summary": text}, database)
    assert need.title == text
    assert page["main"].text.count(text) == 2


def test_html_is_shown_as_it_was_typed(author: TestClient, fields: Fields, database: Database) -> None:
    text = '<script>alert("1")</script> <b>粗</b> & "引号" \' {{ 7*7 }}'
    need, page = accepted(
        author, {**fields, "title": text, "problem": f"第一行\n{text}", "requirements": text}, database
    )
    assert page["main"].text.count(text) == 3
    assert page.title.startswith(text)
    assert [s for s in page.all("script") if "src" not in s.attributes] == []
    assert page.all("b") == []
    edited = read(author.get(f"/needs/{need.id}/edit").text)
    assert edited.fields["problem"] == f"第一行\n{text}"


@pytest.mark.parametrize("name", ["title", "summary", "requirements"])
def test_broken_utf8_is_refused_beside_its_field(
    name: str, author: TestClient, fields: Fields, database: Database
) -> None:
    """The bytes FF FE belong to no UTF-8 text; the rest of the form is kept."""
    rest = "&".join(f"{key}={value}" for key, value in {**fields, name: ""}.items() if key != name and value)
    body = rest.encode("ascii", "ignore") + f"&{name}=abc%ff%fe".encode()
    answer = author.post("/needs", content=body, headers=FORM)
    assert answer.status_code == 422
    page = read(answer.text)
    assert page.error(name).startswith("有无法识别的字符")
    assert str(page.fields[name]).startswith("abc")


def test_raw_bytes_that_are_no_text_are_no_fault_of_the_server(author: TestClient, fields: Fields) -> None:
    assert author.post("/needs", content=b"title=\xff\xfe&\xff=\x00", headers=FORM).status_code == 422
    parts = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xff\xfe\r\n--x--\r\n'
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    assert author.post("/needs", content=parts, headers=multipart).status_code == 422
    assert author.post("/needs", content=b"--y", headers=multipart).status_code in (400, 422)


def test_nul_and_control_characters_are_left_out(author: TestClient, fields: Fields, database: Database) -> None:
    need, _page = accepted(author, {**fields, "title": "穿\x00刺\x07针", "problem": "一\x0b二\u200b三\r\n四"}, database)
    assert (need.title, need.problem) == ("穿刺针", "一二三\n四")


@pytest.mark.parametrize("name", ["kind", "specialty", "region", "device_category", "audience", "department_id"])
def test_a_value_outside_the_list_is_refused(name: str, author: TestClient, fields: Fields, database: Database) -> None:
    page = refused(author, {**fields, name: "别的"}, database)
    assert page.error(name) == "请从列表中选择一项。"
    assert page.fields["summary"] == "希望改进。"


def test_a_department_of_another_hospital_is_refused(
    author: TestClient, fields: Fields, database: Database, make: Factory
) -> None:
    other = make.hospital().viewer.memberships[0].department_id
    assert other
    page = refused(author, {**fields, "department_id": other}, database)
    assert page.error("department_id") == "请从列表中选择一项。"


def test_an_unknown_offer_is_refused_in_chinese(author: TestClient, fields: Fields, database: Database) -> None:
    page = refused(author, {**fields, "offers": ["data", "money"]}, database)
    assert page.error("offers") == "请从列表中选择。"
    assert page.fields["offers"] == ["data"]


@pytest.mark.parametrize("subject_id", ["", "not-an-id", "0123456789ABCDEF", "0123456789abcdef0", "0123456789abcde\n"])
def test_a_form_without_a_proper_id_is_refused(
    subject_id: str, author: TestClient, fields: Fields, database: Database
) -> None:
    page = refused(author, {**fields, "subject_id": subject_id}, database)
    assert "表单已失效，请刷新页面后重试。" in page["error-summary"].text


def test_more_than_20_requirements_are_refused(author: TestClient, fields: Fields, database: Database) -> None:
    lines = "\n".join(f"第{n}个要求" for n in range(13))
    page = refused(author, {**fields, "requirements": lines}, database)
    assert page.error("requirements") == "需求要点最多 12 条，请合并或删减。"
    assert page.fields["requirements"] == lines


def test_a_requirement_that_is_too_long_is_named_by_its_number(
    author: TestClient, fields: Fields, database: Database
) -> None:
    page = refused(author, {**fields, "requirements": "短的\n" + "长" * 201}, database)
    assert page.error("requirements") == "第 2 条超过 200 字，请拆分或删减。"


def test_requirements_pasted_from_word_lose_their_numbers(
    author: TestClient, fields: Fields, database: Database
) -> None:
    pasted = "1. 弯度可调\r\n（2）外径不超过 8F\r\n三、3.5 mm 以内\r\n\r\n● 可重复消毒\r\n5.0T 磁共振下可用"
    accepted(author, {**fields, "requirements": pasted}, database)
    with database.session() as session:
        found = session.exec(select(Requirement).order_by("position")).all()
    assert [r.text for r in found] == ["弯度可调", "外径不超过 8F", "3.5 mm 以内", "可重复消毒", "5.0T 磁共振下可用"]


def test_an_empty_body_is_a_form_with_everything_missing(author: TestClient, database: Database) -> None:
    page = refused(author, {}, database)
    assert page.error("title") == "请填写标题。"


def test_a_body_of_3_megabytes_is_refused_with_a_page(author: TestClient) -> None:
    answer = author.post("/needs", data={"summary": "x" * 3_000_000})
    assert answer.status_code == 413
    assert "提交的内容过大，未能接收" in read(answer.text)["main"].text


def test_a_large_body_without_its_length_is_refused_as_well(author: TestClient) -> None:
    chunks = (b"x" * 100_000 for _ in range(30))
    assert author.post("/needs", content=chunks, headers=FORM).status_code == 413


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "٣"])
def test_a_length_that_is_no_number_is_refused(length: str, author: TestClient) -> None:
    headers = [(b"content-type", FORM["Content-Type"].encode()), (b"content-length", length.encode())]
    assert author.post("/needs", content=b"title=a", headers=headers).status_code == 413


def test_an_uploaded_file_is_refused(author: TestClient, fields: Fields) -> None:
    answer = author.post("/needs", data=fields, files={"title": ("a.txt", b"text")})
    assert answer.status_code in (400, 422)
    assert "请" in read(answer.text)["main"].text
