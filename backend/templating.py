"""Rendering: one Jinja environment, whole pages or a single block of them, the frame's own data."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from backend import flash, taxonomies
from backend.config import FRONTEND_DIR
from backend.htmx import wants_fragment
from backend.i18n import SOURCE_LANGUAGE, translations

LOCAL_ZONE = ZoneInfo("Asia/Shanghai")


def local_date(moment: datetime | None) -> str:
    """A date as written in China: 2026年11月22日."""
    if moment is None:
        return ""
    local = moment.astimezone(LOCAL_ZONE)
    return f"{local.year}年{local.month}月{local.day}日"


def local_day(day: date | None) -> str:
    """A day as written in China: 2026年11月22日."""
    return f"{day.year}年{day.month}月{day.day}日" if day is not None else ""


def local_hour(moment: datetime) -> str:
    """A moment to the hour: 2026年11月22日 13 时许."""
    return f"{local_date(moment)} {moment.astimezone(LOCAL_ZONE).hour} 时许"


def local_moment(moment: datetime, *, with_date: bool = True) -> str:
    """A moment as written in China: 11月22日 14:03, or its time alone."""
    local = moment.astimezone(LOCAL_ZONE)
    time = f"{local.hour:02}:{local.minute:02}"
    return f"{local.month}月{local.day}日 {time}" if with_date else time


def month_day(day: date) -> str:
    """A day of this or the next months, as written in China: 11月27日."""
    return f"{day.month}月{day.day}日"


def local_time(moment: datetime | None) -> str:
    """A moment as written in China: 2026年11月22日 16:30."""
    return f"{local_date(moment)} {moment.astimezone(LOCAL_ZONE):%H:%M}" if moment else ""


def meeting_time(moment: datetime | None) -> str:
    """A time to meet, with its day of the week, as people who agree on one read it: 2026年11月26日（周四）14:00."""
    if moment is None:
        return ""
    local = moment.astimezone(LOCAL_ZONE)
    return f"{local_date(moment)}（周{'一二三四五六日'[local.weekday()]}）{local:%H:%M}"


def due_date(due: datetime) -> str:
    """The day whose end is a deadline, as written in China: what is due at midnight is due on the day before."""
    return local_date(due - timedelta(microseconds=1))


def file_size(size: int) -> str:
    """The size of a file in words, as upload.js writes it too: 35 kB, 1.2 MB."""
    return f"{max(1, round(size / 1000))} kB" if size < 100_000 else f"{size / 1_000_000:.1f} MB"


def paragraphs(text: str) -> Markup:
    """Typed text with its paragraphs and line breaks kept, everything else escaped."""
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return Markup("").join(
        Markup("<p>{}</p>").format(Markup("<br>").join(escape(line) for line in block.split("\n"))) for block in blocks
    )


@lru_cache
def static_url(path: str) -> str:
    """The address of a static file, with a digest of its content, so that it may be cached for ever."""
    content = (FRONTEND_DIR / "static" / path).read_bytes()
    return f"/static/{path}?v={hashlib.sha256(content).hexdigest()[:12]}"


def make_environment(labels: Mapping[str, Mapping[Any, str]]) -> Environment:
    """The Jinja environment; `labels` holds the wording of every enumeration, by its name."""
    environment = Environment(
        loader=FileSystemLoader(FRONTEND_DIR / "templates"),
        # The text of a mail is no HTML.
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    catalogue = translations(SOURCE_LANGUAGE)
    environment.install_gettext_callables(catalogue.gettext, catalogue.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(
        labels=labels,
        static_url=static_url,
        region_name=taxonomies.regions().name,
        specialty_name=taxonomies.specialties().name,
        category_name=taxonomies.device_categories().name,
    )
    environment.filters.update(
        due_date=due_date,
        file_size=file_size,
        local_date=local_date,
        local_day=local_day,
        local_hour=local_hour,
        local_moment=local_moment,
        local_time=local_time,
        meeting_time=meeting_time,
        month_day=month_day,
        paragraphs=paragraphs,
    )
    return environment


def render(
    request: Request,
    template: str,
    page: Any,
    *,
    block: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """Render a page from its context dataclass; for htmx only the named block, where one is named.

    The names that a template sees are the fields of the dataclass, besides `request`, `viewer` and `flash`, and
    what stands in the frame: `unread` notifications, `cases_waiting`, `unread_messages` by case.
    """
    environment: Environment = request.app.state.templates
    context: dict[str, Any] = {field.name: getattr(page, field.name) for field in fields(page)}
    context |= {"request": request, "viewer": getattr(request.state, "viewer", None), "flash": flash.peek(request)}
    context |= {"unread": getattr(request.state, "unread", 0), "cases_waiting": getattr(request.state, "waiting", 0)}
    context["unread_messages"] = getattr(request.state, "messages", {})
    loaded = environment.get_template(template)
    as_fragment = block is not None and wants_fragment(request)
    if as_fragment and block is not None:
        body = "".join(loaded.blocks[block](loaded.new_context(context)))
    else:
        body = loaded.render(context)
    response = HTMLResponse(body, status_code=status, headers={"Vary": "HX-Request", **(headers or {})})
    response.headers["Cache-Control"] = "no-store"
    if context["flash"] and not as_fragment:
        flash.clear(response)
    return response
