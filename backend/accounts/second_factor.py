"""The second factor: time-based codes of an authenticator (RFC 6238), and recovery codes in their place."""

import re
import secrets
from base64 import b32encode
from datetime import timedelta
from enum import StrEnum

import pyotp
import segno
from sqlmodel import Session, col, delete, func, select, update

from backend.accounts.models import RecoveryCode, SecondFactor, User
from backend.accounts.users import SUBJECT
from backend.audit import events
from backend.db import utc_now
from backend.errors import Conflict
from backend.mailer import queue
from backend.sealing import Sealer, Unsealable

ISSUER = "医桥 Yiqiao"
STEP_SECONDS = 30
STEPS_AROUND = 1
"""Clocks may differ by one step either way (RFC 6238, 5.2)."""
DOUBLE_CLICK = timedelta(seconds=5)
CODES = 10
CODE_LENGTH = 10
SECRET, SEED, CODE = "second factor secret", "recovery codes seed", "recovery code"


class NotBegun(Conflict):
    """There is nothing to confirm: the set-up was not begun, or is finished."""

    zh = "没有正在进行的设置，请从“二次验证”页面重新开始。"
    en = "No set-up is under way. Begin again on the page of two-step sign-in."


class Accepted(StrEnum):
    """By what a code was accepted."""

    AUTHENTICATOR = "authenticator"
    RECOVERY_CODE = "recovery-code"


def find(session: Session, user_id: str) -> SecondFactor | None:
    """The second factor of a user, also one that is being set up."""
    return session.get(SecondFactor, user_id)


def is_on(session: Session, user_id: str) -> bool:
    """Whether signing in asks for a code."""
    found = find(session, user_id)
    return found is not None and found.confirmed_at is not None


def begin(session: Session, sealer: Sealer, user: User) -> None:
    """Make a secret and recovery codes to be shown; they count only once a code has confirmed them.

    A set-up that was begun before is begun anew, as somebody else may have noted what it showed; a form that was sent
    twice begins once. Whoever calls has asked for the password.
    """
    found = find(session, user.id)
    if found is not None and (found.confirmed_at is not None or found.created_at > utc_now() - DOUBLE_CLICK):
        return
    found = found or SecondFactor(user_id=user.id, secret="")
    found.secret = sealer.seal(SECRET, pyotp.random_base32())
    found.codes_seed = sealer.seal(SEED, secrets.token_hex(32))
    found.created_at, found.last_step = utc_now(), None
    session.add(found)
    session.flush()


def begun(session: Session, user_id: str) -> SecondFactor:
    """The set-up that is under way; raises NotBegun."""
    found = find(session, user_id)
    if found is None or found.confirmed_at is not None:
        raise NotBegun
    return found


def key_of(sealer: Sealer, found: SecondFactor) -> str:
    """The key in base 32, to be typed where no picture can be taken."""
    return sealer.open(SECRET, found.secret)


def picture(sealer: Sealer, found: SecondFactor, email: str) -> str:
    """The address of the key as a QR code, as a `data:` address of an SVG picture."""
    address = pyotp.TOTP(key_of(sealer, found)).provisioning_uri(name=email, issuer_name=ISSUER)
    return segno.make(address, error="m").svg_data_uri(scale=4, border=2, dark="#000", light="#fff")


def shown_codes(sealer: Sealer, found: SecondFactor) -> list[str]:
    """The recovery codes that are being shown; none once they are in force."""
    if found.codes_seed is None:
        return []
    seed = sealer.open(SEED, found.codes_seed)
    made = (b32encode(sealer.derive(CODE, f"{seed} {n}")).decode()[:CODE_LENGTH].lower() for n in range(CODES))
    return [f"{code[: CODE_LENGTH // 2]}-{code[CODE_LENGTH // 2 :]}" for code in made]


def confirm(session: Session, sealer: Sealer, user: User, code: str) -> bool:
    """Switch the second factor on by its first code; False where the code is wrong. Raises NotBegun."""
    found = begun(session, user.id)
    if not _accept_time_code(session, sealer, found, code):
        return False
    found.confirmed_at = utc_now()
    session.add(found)
    put_codes_in_force(session, sealer, user)
    events.record(session, events.Event.SECOND_FACTOR_ON, SUBJECT, user.id, actor_id=user.id)
    _tell(session, user, on=True)
    return True


def renew_codes(session: Session, sealer: Sealer, user: User) -> None:
    """Make new recovery codes to be shown; the former ones stay in force until these have been noted."""
    found = find(session, user.id)
    if found is None or found.confirmed_at is None:
        raise NotBegun
    found.codes_seed = sealer.seal(SEED, secrets.token_hex(32))
    session.add(found)


def put_codes_in_force(session: Session, sealer: Sealer, user: User) -> None:
    """The codes that are being shown replace the former ones, and are not shown again; raises NotBegun."""
    found = find(session, user.id)
    if found is None or found.codes_seed is None:
        raise NotBegun
    codes = shown_codes(sealer, found)
    session.exec(delete(RecoveryCode).where(col(RecoveryCode.user_id) == user.id))
    for code in codes:
        session.add(RecoveryCode(user_id=user.id, code_digest=_code_digest(sealer, user.id, code)))
    found.codes_seed = None
    session.add(found)
    events.record(session, events.Event.RECOVERY_CODES_MAKE, SUBJECT, user.id, actor_id=user.id)


def codes_left(session: Session, user_id: str) -> int:
    """How many recovery codes have not been used."""
    query = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == user_id)
    return session.exec(query.where(col(RecoveryCode.used_at).is_(None))).one()


def accept(session: Session, sealer: Sealer, user_id: str, code: str) -> Accepted | None:
    """Take a code of the authenticator or a recovery code, each once; None where it is neither."""
    found = find(session, user_id)
    if found is None or found.confirmed_at is None:
        return None
    if _accept_time_code(session, sealer, found, code):
        return Accepted.AUTHENTICATOR
    statement = (
        update(RecoveryCode)
        .where(
            col(RecoveryCode.user_id) == user_id,
            col(RecoveryCode.code_digest) == _code_digest(sealer, user_id, code),
            col(RecoveryCode.used_at).is_(None),
        )
        .values(used_at=utc_now())
    )
    return Accepted.RECOVERY_CODE if session.exec(statement).rowcount == 1 else None


def is_used(session: Session, sealer: Sealer, user_id: str, code: str) -> bool:
    """Whether a code that was refused is right and was taken before: of the authenticator, or a recovery code.

    Codes older than those that could still be valid are not told from wrong ones.
    """
    found = find(session, user_id)
    if found is None or found.confirmed_at is None:
        return False
    step = _step_of(sealer, found, code)
    if step is not None:
        return found.last_step is not None and step <= found.last_step
    query = select(RecoveryCode.id).where(
        RecoveryCode.user_id == user_id,
        RecoveryCode.code_digest == _code_digest(sealer, user_id, code),
        col(RecoveryCode.used_at).is_not(None),
    )
    return session.exec(query).first() is not None


def switch_off(session: Session, user: User, *, actor_id: str | None) -> bool:
    """Forget secret and codes; False where there was nothing. Without an actor it was an operator."""
    found = find(session, user.id)
    if found is None:
        return False
    was_on = found.confirmed_at is not None
    session.exec(delete(RecoveryCode).where(col(RecoveryCode.user_id) == user.id))
    session.delete(found)
    session.flush()
    if was_on:
        events.record(session, events.Event.SECOND_FACTOR_OFF, SUBJECT, user.id, actor_id=actor_id)
        _tell(session, user, on=False)
    return was_on


def forget_stale(session: Session, before: timedelta) -> int:
    """Forget set-ups that were begun and never finished."""
    statement = delete(SecondFactor).where(
        col(SecondFactor.confirmed_at).is_(None), col(SecondFactor.created_at) < utc_now() - before
    )
    return session.exec(statement).rowcount


def _tell(session: Session, user: User, *, on: bool) -> None:
    queue(session, "second-factor-on" if on else "second-factor-off", user.email, name=user.name)


def _code_digest(sealer: Sealer, user_id: str, code: str) -> str:
    return sealer.digest(CODE, f"{user_id} {re.sub(r'[^a-z2-7]', '', code.casefold())}")


def _accept_time_code(session: Session, sealer: Sealer, found: SecondFactor, code: str) -> bool:
    """Take a code whose time step is newer than every one taken before, so that an overheard code opens nothing."""
    step = _step_of(sealer, found, code)
    return step is not None and _take_step(session, found, step)


def _step_of(sealer: Sealer, found: SecondFactor, code: str) -> int | None:
    """The time step around now that a code belongs to, taken or not; None for a wrong code."""
    typed = re.sub(r"\s", "", code)
    try:
        totp = pyotp.TOTP(key_of(sealer, found))
    except Unsealable:
        return None
    now = int(utc_now().timestamp()) // STEP_SECONDS
    for step in range(now - STEPS_AROUND, now + STEPS_AROUND + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), typed):
            return step
    return None


def _take_step(session: Session, found: SecondFactor, step: int) -> bool:
    statement = (
        update(SecondFactor)
        .where(
            col(SecondFactor.user_id) == found.user_id,
            col(SecondFactor.last_step).is_(None) | (col(SecondFactor.last_step) < step),
        )
        .values(last_step=step)
        .execution_options(synchronize_session=False)
    )
    return session.exec(statement).rowcount == 1
