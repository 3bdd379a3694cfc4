"""Cleaning of typed text, and the small helpers around forms and messages."""

import pytest
from fastapi import Request
from starlette.responses import Response

from backend import flash
from backend.capabilities.states import CapabilityAction
from backend.forms import clean, clean_line, strip_numbering
from backend.htmx import redirect, wants_fragment
from backend.needs.states import NeedAction
from backend.templating import local_date, paragraphs, static_url


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (None, ""),
        ("", ""),
        (" \u3000\t\n ", ""),
        ("  两边 ", "两边"),
        ("一\r\n二\r三\u2028四\u2029五", "一\n二\n三\n四\n五"),
        ("一\n\n\n\n\n二", "一\n\n二"),
        ("行尾的空格  \n\t缩进保留", "行尾的空格\n\t缩进保留"),
        ("\ufeff零\u200b宽\u2060字\x00符\x1f\x7f", "零宽字符"),
        ("👩\u200d⚕️ é à", "👩\u200d⚕️ é à"),
        ("\x00", ""),
        ("药\u202e名\u2066倒\u2069写\u200f", "药名倒写"),
    ],
)
def test_clean(typed: str | None, kept: str) -> None:
    assert clean(typed) == kept
    assert clean(kept) == kept


def test_a_line_has_no_breaks() -> None:
    assert clean_line(" 第一行 \r\n  第二行\n\n第三行 ") == "第一行 第二行 第三行"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("1. 弯度可调", "弯度可调"),
        ("1.弯度可调", "弯度可调"),
        ("12、弯度可调", "弯度可调"),
        ("3）弯度可调", "弯度可调"),
        ("(4) 弯度可调", "弯度可调"),
        ("（5）弯度可调", "弯度可调"),
        ("6：弯度可调", "弯度可调"),
        ("①弯度可调", "弯度可调"),
        ("三、弯度可调", "弯度可调"),
        ("（十二）弯度可调", "弯度可调"),
        ("三、3.5 mm 以内", "3.5 mm 以内"),
        ("2）10 分钟内完成", "10 分钟内完成"),
        ("• 弯度可调", "弯度可调"),
        ("- 弯度可调", "弯度可调"),
        ("\uf06c\t弯度可调", "弯度可调"),
        ("  弯度可调  ", "弯度可调"),
        ("5.0T 磁共振", "5.0T 磁共振"),
        ("1:5 稀释", "1:5 稀释"),
        ("-5 ℃ 至 40 ℃", "-5 ℃ 至 40 ℃"),
        ("75 cm 孔径", "75 cm 孔径"),
        ("三尖瓣反流", "三尖瓣反流"),
        ("3D 打印", "3D 打印"),
        ("2026年前完成", "2026年前完成"),
        ("1.", ""),
        ("", ""),
    ],
)
def test_numbering_that_comes_along_from_word(line: str, text: str) -> None:
    assert strip_numbering(line) == text


def request(**headers: str) -> Request:
    """A request with these headers."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": raw})


def test_a_message_travels_as_a_code() -> None:
    """The cookie holds no text, so that nobody can make the site say something."""
    response = flash.put(Response(), "signed-in")
    assert response.headers["set-cookie"].startswith("yiqiao_flash=signed-in;")
    assert "HttpOnly" in response.headers["set-cookie"]
    assert flash.peek(request(cookie="yiqiao_flash=signed-in")) == "已登录。"
    assert flash.peek(request(cookie="yiqiao_flash=<b>forged</b>")) is None
    assert flash.peek(request()) is None
    cleared = Response()
    flash.clear(cleared)
    assert "Max-Age=0" in cleared.headers["set-cookie"]


def test_every_action_of_a_user_has_its_message() -> None:
    for kind, actions in (("need", NeedAction), ("capability", CapabilityAction)):
        for action in actions:
            assert action == "expire" or flash.MESSAGES[f"{kind}-{action}"]
        for code in ("saved", "changed"):
            assert flash.MESSAGES[f"{kind}-{code}"]


def test_htmx_is_told_by_header() -> None:
    assert not wants_fragment(request())
    assert wants_fragment(request(hx_request="true"))
    assert not wants_fragment(request(hx_request="true", hx_history_restore_request="true"))
    assert redirect(request(), "/needs").status_code == 303
    answer = redirect(request(hx_request="true"), "/search?q=针 1&side=need")
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/search?q=%E9%92%88%201&side=need")


def test_paragraphs_keep_breaks_and_escape_the_rest() -> None:
    assert paragraphs("一\n二\n\n<b>&") == "<p>一<br>二</p><p>&lt;b&gt;&amp;</p>"
    assert paragraphs("\n\n") == ""


def test_dates_are_those_of_china() -> None:
    from datetime import UTC, datetime

    assert local_date(datetime(2026, 11, 22, 16, 30, tzinfo=UTC)) == "2026年11月23日"
    assert local_date(None) == ""


def test_a_static_address_changes_with_the_content() -> None:
    path, _mark, digest = static_url("css/app.css").partition("?v=")
    assert path == "/static/css/app.css"
    assert len(digest) == 12
