"""The author's record of who opened files: by the pages on which they are opened, and for which organisation."""

from backend.db import Database
from tests.conftest import SignIn
from tests.factories import Factory
from tests.web.need_steps import page_of
from tests.web.test_attachments import release, rows, with_file


def test_the_author_sees_for_which_organisation_a_file_was_opened_and_not_that_colleagues_did(
    make: Factory, sign_in: SignIn, database: Database
) -> None:
    subject = with_file(make, sign_in, anonymous=True)
    partner, broker = make.party(name="示例·合作单位"), make.broker()
    release(database, subject, partner)
    [row] = rows(database)
    for party in (partner, partner, broker, subject.author, make.party()):
        sign_in(party).get(f"{subject.url}/{row.id}")
    author = sign_in(subject.author)
    readings = page_of(author, f"/needs/{subject.id}/releases")["readings"].parent
    assert readings is not None
    assert readings.text.count("打开附件，第 1 版") == 3
    assert readings.text.count("示例·合作单位：打开附件") == 2
    assert f"{broker.organisation.name}：打开附件" in readings.text
    assert sign_in(partner).get(f"/needs/{subject.id}/releases").status_code == 404
    overseen = page_of(sign_in(broker), f"/needs/{subject.id}/releases")
    assert "readings" not in overseen, "who asked is for the author alone"
