"""Reads answers the way a user or a browser does: by visible text, element ids, and the fields of a form."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "use"})

OPENING = re.compile(r"/(?P<kinds>needs|capabilities)/\w+/suggestions/(?P<id>\w+)")
PATHS_OF_OTHERS = {"needs": "capabilities", "capabilities": "needs"}


@dataclass
class Element:
    """An element of a page with all the text inside it."""

    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    text: str = ""


@dataclass
class Page:
    """A parsed page or fragment."""

    elements: list[Element] = field(default_factory=list)
    text: str = ""

    def __contains__(self, id_: str) -> bool:
        return any(element.attributes.get("id") == id_ for element in self.elements)

    def __getitem__(self, id_: str) -> Element:
        """The element of that id."""
        return next(element for element in self.elements if element.attributes.get("id") == id_)

    def all(self, tag: str, class_: str = "") -> list[Element]:
        """Elements of a tag, only those of a class if one is named."""
        found = [element for element in self.elements if element.tag == tag]
        return [e for e in found if not class_ or class_ in e.attributes.get("class", "").split()]

    @property
    def title(self) -> str:
        """The title of the page."""
        return self.all("title")[0].text.strip()

    @property
    def links(self) -> list[str]:
        """The addresses of all links; one that opens a page from a suggestion counts as that page besides."""
        found = [link.attributes["href"] for link in self.all("a")]
        led = [opening for opening in map(OPENING.fullmatch, found) if opening]
        return found + [f"/{PATHS_OF_OTHERS[opening['kinds']]}/{opening['id']}" for opening in led]

    @property
    def fields(self) -> dict[str, str | list[str]]:
        """What a browser would send for the form of the page, without a button."""
        found: dict[str, str | list[str]] = {}
        for element in self.elements:
            name = element.attributes.get("name", "")
            if element.tag == "textarea":
                # A browser drops one line break after the opening tag.
                found[name] = element.text.removeprefix("\r\n").removeprefix("\n")
            elif element.tag == "select":
                options = [o for o in self.all("option") if o.parent is element]
                chosen = [o for o in options if "selected" in o.attributes] or options[:1]
                found[name] = chosen[0].attributes["value"]
            elif element.tag == "input" and name and element.attributes.get("type") != "checkbox":
                found[name] = element.attributes.get("value", "")
            elif element.tag == "input" and name and "checked" in element.attributes:
                found[name] = [*found.get(name, []), element.attributes["value"]]
        return found

    def error(self, id_: str) -> str:
        """The message beside a form field; it is tied to the field for screen readers, or this fails."""
        control = self[id_]
        assert f"{id_}-error" in control.attributes["aria-describedby"].split()
        return self[f"{id_}-error"].text.strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        element = Element(tag, attributes, self.open[-1] if self.open else None)
        self.page.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self.open):
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.page.text += data
        for element in self.open:
            element.text += data


def read(html: str) -> Page:
    """Parse a page or fragment."""
    reader = _Reader()
    reader.feed(html)
    return reader.page
