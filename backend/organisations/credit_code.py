"""统一社会信用代码: the code that every legal person in China bears, after GB 32100-2015.

Eighteen characters: registering authority (1), kind of organisation (1), administrative division (6 digits), the
organisation's own number (9), check character (1). The alphabet has 31 characters, the digits and the capital letters
without I, O, S, V and Z. Check character: 31 less the sum of the values of the first 17 characters, weighted by the
powers of 3 modulo 31, modulo 31.

The check character is computed by python-stdnum. Its `validate` is not used: it takes digits alone for the first two
characters, where the standard has letters as well (农业农村 N, 其他 Y).
"""

import re
import unicodedata
from enum import StrEnum

from stdnum.cn.uscc import calc_check_digit

LENGTH = 18
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# Dashes of all kinds and marks that come along when a code is copied from a scanned licence.
_SEPARATORS = re.compile(r"[\s\-‐-―·.]")


class Problem(StrEnum):
    """What is wrong with a code, as far as its characters tell."""

    LENGTH = "length"
    CHARACTERS = "characters"
    DIVISION = "division"
    CHECK = "check"


def normalise(text: str) -> str:
    """A typed code as it is stored: half width, capital letters, no separators."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def problem(code: str) -> Problem | None:
    """What keeps a normalised code from being one; None for a code that the standard allows."""
    if len(code) != LENGTH:
        return Problem.LENGTH
    if not set(code) <= set(ALPHABET):
        return Problem.CHARACTERS
    if not code[2:8].isdigit():
        return Problem.DIVISION
    return None if code[-1] == calc_check_digit(code[:-1]) else Problem.CHECK
