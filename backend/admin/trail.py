"""The audit trail as administrators look through it: filtered, newest first, each event told in words.

It holds no text of a brief or annex. A title is looked up when it is shown, under the policy of that moment. Who acted
is shown, on anonymous subjects too: the trail is the record of who did what, and administrators alone read it.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, func, or_, select

from backend.accounts.models import User
from backend.accounts.users import SUBJECT as USER
from backend.accounts.users import normalise_email
from backend.admin.wordings import EVENTS, SUBJECTS
from backend.audit.models import AuditEvent
from backend.capabilities import service as capabilities
from backend.capabilities.models import Capability
from backend.db import ID_PATTERN
from backend.disclosure.cards import PATHS
from backend.disclosure.forms import PURPOSES, TIERS
from backend.disclosure.models import SubjectKind
from backend.i18n import gettext as _
from backend.needs import service as needs
from backend.needs.models import Need
from backend.organisations.forms import ROLES
from backend.organisations.models import Membership, Organisation
from backend.organisations.policy import Viewer
from backend.organisations.service import SUBJECT as ORGANISATION
from backend.organisations.service import authors
from backend.templating import LOCAL_ZONE, local_time

PAGE_SIZE = 50
NAMED = 50
"""Users or organisations that a name may stand for."""
ORGANISATION_KEYS = ("organisation", "duplicate", "kept")
"""What an event tells besides, that is the id of an organisation."""
CHOICES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "role": (_("角色：%(role)s"), {k.value: v for k, v in ROLES.items()}),
    "tier": (_("内容：%(tier)s"), {k.value: v for k, v in TIERS.items()}),
    "purpose": (_("用途：%(purpose)s"), {k.value: v for k, v in PURPOSES.items()}),
}
CARDS = {SubjectKind.NEED.value: needs.cards, SubjectKind.CAPABILITY.value: capabilities.cards}


@dataclass(frozen=True)
class Asked:
    """What the trail is narrowed to; empty means no narrowing. The last day is included."""

    namespace: str = ""
    actor: str = ""
    subject: str = ""
    organisation: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Row:
    """One event in words. `actor_name` is empty where the system acted, or somebody who had not signed in."""

    id: int
    at: datetime
    event: str
    words: str
    actor_name: str
    actor_email: str
    subject_kind: str
    subject_id: str
    subject_words: str
    subject_name: str
    subject_url: str
    details: tuple[str, ...]


def subject_id_in(text: str) -> str:
    """The id that somebody has typed, by itself or at the end of a page's address; empty for none."""
    found = re.findall(rf"(?<![0-9a-f]){ID_PATTERN}(?![0-9a-f])", text)
    return str(found[-1]) if found else ""


def page(session: Session, viewer: Viewer, asked: Asked, number: int) -> tuple[list[Row], int]:
    """One page of what was asked for, newest first, and how many events there are in all."""
    where = conditions(session, asked)
    total = session.exec(select(func.count()).select_from(AuditEvent).where(where)).one()
    query = select(AuditEvent).where(where).order_by(col(AuditEvent.id).desc())
    found = session.exec(query.offset((number - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    return rows(session, viewer, found), total


def before(session: Session, viewer: Viewer, asked: Asked, last: int | None, count: int) -> list[Row]:
    """The next events before the last one that is known, newest first; without one from the newest on."""
    query = select(AuditEvent).where(conditions(session, asked)).order_by(col(AuditEvent.id).desc()).limit(count)
    if last is not None:
        query = query.where(col(AuditEvent.id) < last)
    return rows(session, viewer, session.exec(query).all())


def conditions(session: Session, asked: Asked) -> ColumnElement[bool]:
    """The condition of all that was asked for."""
    found: list[ColumnElement[bool]] = [col(AuditEvent.id).is_not(None)]
    if asked.namespace:
        found.append(col(AuditEvent.event).startswith(f"{asked.namespace}:", autoescape=True))
    if asked.actor:
        found.append(col(AuditEvent.actor_id).in_(_users(session, asked.actor)))
    if asked.subject:
        found.append(col(AuditEvent.subject_id) == subject_id_in(asked.subject))
    if asked.organisation:
        found.append(_concerns(_organisations(session, asked.organisation)))
    if asked.since:
        found.append(col(AuditEvent.at) >= _midnight(asked.since))
    if asked.until:
        found.append(col(AuditEvent.at) < _midnight(asked.until + timedelta(days=1)))
    return and_(*found)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL_ZONE)


def _users(session: Session, text: str) -> Sequence[str]:
    """The ids of users by address, part of the name, or id."""
    fits = or_(
        col(User.email) == normalise_email(text), col(User.id) == text, col(User.name).contains(text, autoescape=True)
    )
    return session.exec(select(User.id).where(fits).order_by(col(User.id)).limit(NAMED)).all()


def _organisations(session: Session, text: str) -> Sequence[str]:
    """The ids of organisations by part of the name, code, or id."""
    o = Organisation
    fits = or_(col(o.id) == text, col(o.credit_code) == text.upper(), col(o.name).contains(text, autoescape=True))
    return session.exec(select(o.id).where(fits).order_by(col(o.id)).limit(NAMED)).all()


def _concerns(ids: Collection[str]) -> ColumnElement[bool]:
    """Events about organisations, about their texts, with their part in them, and what their present members did."""
    subject, detail = col(AuditEvent.subject_id), col(AuditEvent.detail)
    members = select(Membership.user_id).where(col(Membership.organisation_id).in_(ids))
    texts = [select(table.id).where(col(table.organisation_id).in_(ids)) for table in (Need, Capability)]
    return or_(
        subject.in_(ids),
        *(subject.in_(text) for text in texts),
        *(detail[key].as_string().in_(ids) for key in ORGANISATION_KEYS),
        col(AuditEvent.actor_id).in_(members),
    )


def rows(session: Session, viewer: Viewer, found: Sequence[AuditEvent]) -> list[Row]:
    """Events in words, with the names of all that they mention."""
    users = _user_names(session, found)
    names = _organisation_names(session, found)
    titles = _titles(session, viewer, found)
    return [_row(event, users, names, titles) for event in found]


def _user_names(session: Session, found: Iterable[AuditEvent]) -> Mapping[str, tuple[str, str]]:
    ids = {event.actor_id for event in found} | {event.detail.get("user") for event in found}
    ids |= {event.subject_id for event in found if event.subject_kind == USER}
    query = select(User.id, User.name, User.email).where(col(User.id).in_([id_ for id_ in ids if id_]))
    return {id_: (name, email) for id_, name, email in session.exec(query).all()}


def _organisation_names(session: Session, found: Iterable[AuditEvent]) -> Mapping[str, str]:
    ids = {str(event.detail[key]) for event in found for key in ORGANISATION_KEYS if event.detail.get(key)}
    ids |= {event.subject_id for event in found if event.subject_kind == ORGANISATION}
    return {id_: author.name for id_, author in authors(session, ids).items()}


def _titles(session: Session, viewer: Viewer, found: Iterable[AuditEvent]) -> Mapping[str, str]:
    """Titles of needs and capabilities, as far as the viewer may read them now."""
    titles: dict[str, str] = {}
    for kind, cards in CARDS.items():
        ids = {event.subject_id for event in found if event.subject_kind == kind}
        titles |= {id_: card.title for id_, card in cards(session, viewer, ids).items()} if ids else {}
    return titles


def _row(
    event: AuditEvent,
    users: Mapping[str, tuple[str, str]],
    organisations: Mapping[str, str],
    titles: Mapping[str, str],
) -> Row:
    kind, id_ = event.subject_kind, event.subject_id
    name, url = "", ""
    if kind == USER:
        name, url = users.get(id_, ("", ""))[0], f"/admin/users/{id_}"
    elif kind == ORGANISATION:
        name, url = organisations.get(id_, ""), f"/organisations/{id_}"
    elif kind in CARDS and id_ in titles:
        name, url = titles[id_], f"{PATHS[SubjectKind(kind)]}/{id_}"
    actor_name, actor_email = users.get(event.actor_id or "", ("", ""))
    return Row(
        id=event.id or 0,
        at=event.at,
        event=event.event,
        words=EVENTS.get(event.event, event.event),
        actor_name=actor_name or (event.actor_id or ""),
        actor_email=actor_email,
        subject_kind=kind,
        subject_id=id_,
        subject_words=SUBJECTS.get(kind, kind),
        subject_name=name,
        subject_url=url if name else "",
        details=tuple(_details(event.detail, users, organisations)),
    )


def _details(
    detail: Mapping[str, Any], users: Mapping[str, tuple[str, str]], organisations: Mapping[str, str]
) -> Iterable[str]:
    """What an event tells besides, of what is known here; anything else is left out."""
    if version := detail.get("version"):
        yield _("第 %(number)s 版") % {"number": version}
    if organisation := detail.get("organisation"):
        yield _("单位：%(name)s") % {"name": organisations.get(str(organisation), organisation)}
    if duplicate := detail.get("duplicate"):
        yield _("并入：%(name)s") % {"name": organisations.get(str(duplicate), duplicate)}
    if user := detail.get("user"):
        yield _("成员：%(name)s") % {"name": users.get(str(user), (user, ""))[0]}
    for key, (label, words) in CHOICES.items():
        if detail.get(key) in words:
            yield label % {key: words[str(detail[key])]}
    if until := detail.get("until"):
        yield _("有效至 %(time)s") % {"time": local_time(datetime.fromisoformat(str(until)))}
    if reason := detail.get("reason"):
        yield _("理由：%(reason)s") % {"reason": reason}
    if (count := detail.get("count")) is not None:
        yield _("数量：%(count)s") % {"count": count}
