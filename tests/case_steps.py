"""A case between a hospital and a company with its broker, and calls of its conversation and meetings."""

from collections.abc import Sequence

from sqlmodel import Session

from backend.conversations import service, showing
from backend.conversations.models import CaseMessage
from backend.conversations.service import Draft
from backend.conversations.showing import Conversation, MessageView
from backend.db import Database, new_id
from backend.introductions.models import Introduction
from tests.factories import Factory, Party
from tests.unit.test_introductions import Scene


class Table(Scene):
    """A scene whose two sides have accepted."""

    def __init__(self, make: Factory, database: Database) -> None:
        self.make, self.database = make, database
        self.hospital, self.company = make.hospital(), make.party()
        self.need, self.capability = make.need(self.hospital), make.capability(self.company)
        self.broker = make.reviewer(self.need.region)
        self.case: Introduction = self.introduced()

    def say(
        self,
        party: Party,
        text: str,
        *,
        key: str | None = None,
        mentioned: Sequence[str] = (),
        is_note: bool = False,
        case: Introduction | None = None,
    ) -> CaseMessage:
        """Send a message."""
        draft = Draft(key or new_id(), text, mentioned, is_note)
        introduction_id = (case or self.case).id

        def work(session: Session) -> CaseMessage:
            return service.post(session, party.viewer, introduction_id, draft)[0]

        return self.do(work)

    def shows(self, party: Party, **asked: str) -> Conversation:
        """Open the conversation."""
        return self.do(lambda s: showing.show(s, party.viewer, self.case.id, **asked))  # type: ignore[arg-type]

    def reads_in(self, party: Party, **asked: str) -> list[str]:
        """The texts of the messages that a reader sees."""
        return [e.text for e in self.shows(party, **asked).line.entries if isinstance(e, MessageView)]

    def unread(self, party: Party) -> int:
        """How many messages are unread."""
        return self.do(lambda s: service.unread(s, party.viewer, [self.case.id])).get(self.case.id, 0)
