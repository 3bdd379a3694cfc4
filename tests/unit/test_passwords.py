"""What a new password has to be, told within a time that nobody can stretch."""

import time

import pytest

from backend.accounts import passwords

STAND_INS = "4@8({[<3694#!|1/0$5+7%2"
SECONDS = 2.0
"""Many times what it takes on an idle machine, and a fraction of the eight seconds that it once took."""


@pytest.mark.parametrize(
    "password",
    [
        (STAND_INS * 4)[:72],
        (STAND_INS * 6)[:128],
        (STAND_INS[::-1] * 4)[:72],
        "".join(f"{character}a" for character in STAND_INS) + STAND_INS,
        "@4@4" * 18,
    ],
)
def test_no_password_takes_long(password: str) -> None:
    began = time.thread_time()
    assert passwords.is_guessable(password) in (True, False)
    assert time.thread_time() - began < SECONDS


@pytest.mark.parametrize("password", ["P@55w0rd1234", "p4$$w0rdp4$$w0rd", "1qaz2wsx3edc", "12345678901234567890" * 3])
def test_stand_ins_for_letters_are_seen_through(password: str) -> None:
    assert passwords.is_guessable(password)


def test_many_kinds_of_stand_ins_are_no_reason_to_refuse() -> None:
    assert not passwords.is_guessable("k7!wQ0$vZ+3%n2(hR9")
