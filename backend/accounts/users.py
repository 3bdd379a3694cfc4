"""Users by their address."""

from sqlmodel import Session, col, select

from backend.accounts.models import User

SUBJECT = "user"


def normalise_email(email: str) -> str:
    """The form in which addresses are stored and compared."""
    return email.strip().casefold()


def find_by_email(session: Session, email: str) -> User | None:
    """The user of an address, if any."""
    return session.exec(select(User).where(col(User.email) == normalise_email(email))).first()
