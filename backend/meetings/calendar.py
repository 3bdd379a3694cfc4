"""Meetings for calendars: iCalendar objects (RFC 5545) that a mail brings (RFC 5546, RFC 6047).

Each recipient gets an object of their own, so that no address is told to others. No title of a need is in it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from icalendar import Alarm, Calendar, Event, Timezone, vCalAddress, vText

from backend.config import Settings
from backend.db import utc_now
from backend.working_days import CHINA

Method = Literal["REQUEST", "CANCEL"]
PRODUCT = "-//Yiqiao//Meetings//ZH"


@dataclass(frozen=True)
class Sender:
    """Who sends invitations, and from which site."""

    mail_from: str
    site_url: str

    @classmethod
    def of(cls, settings: Settings) -> "Sender":
        """As configured."""
        return cls(settings.mail_from, settings.site_url.rstrip("/"))


@dataclass(frozen=True)
class Entry:
    """What stands in a calendar. `id` is the same for every version of it, which `sequence` counts."""

    id: str
    summary: str
    starts_at: datetime
    minutes: int
    where: str
    path: str
    sequence: int
    description: str = ""


def spoken(moment: datetime) -> str:
    """A moment in China as texts of mails and steps say it: 2026年11月22日 14:00."""
    local = moment.astimezone(CHINA)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def write(entry: Entry, sender: Sender, recipient: str, method: Method) -> str:
    """The object for one recipient, in the time of Shanghai."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(Timezone.from_tzinfo(CHINA))
    event = Event()
    event.add("uid", f"{entry.id}@{urlsplit(sender.site_url).hostname}")
    event.add("sequence", entry.sequence)
    event.add("dtstamp", utc_now())
    event.add("dtstart", entry.starts_at.astimezone(CHINA))
    event.add("dtend", (entry.starts_at + timedelta(minutes=entry.minutes)).astimezone(CHINA))
    event.add("summary", entry.summary)
    event.add("description", "\n".join(part for part in (entry.description, sender.site_url + entry.path) if part))
    event.add("url", sender.site_url + entry.path)
    if entry.where:
        event.add("location", entry.where)
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    organiser = vCalAddress(f"mailto:{sender.mail_from}")
    organiser.params["cn"] = vText("医桥 Yiqiao")
    event["organizer"] = organiser
    attendee = vCalAddress(f"mailto:{recipient}")
    attendee.params["rsvp"] = vText("FALSE")
    attendee.params["partstat"] = vText("ACCEPTED" if method == "REQUEST" else "NEEDS-ACTION")
    event.add("attendee", attendee, encode=0)
    if method == "REQUEST":
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", entry.summary)
        alarm.add("trigger", timedelta(minutes=-30))
        event.add_component(alarm)
    calendar.add_component(event)
    return str(calendar.to_ical().decode())
