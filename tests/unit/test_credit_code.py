"""统一社会信用代码: the check by a library against the algorithm as GB 32100-2015 states it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from backend.organisations.credit_code import ALPHABET, Problem, normalise, problem

BODIES = st.builds(
    "{}{}{}".format,
    st.text(ALPHABET, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(ALPHABET, min_size=9, max_size=9),
)


def check_character(body: str) -> str:
    """Section 5.3 of the standard: C18 = 31 - MOD(sum of Ci x Wi, 31), Wi = 3^(i-1) mod 31, 31 counting as 0."""
    values = {character: value for value, character in enumerate(ALPHABET)}
    total = sum(values[character] * pow(3, place, 31) for place, character in enumerate(body))
    rest = 31 - total % 31
    return ALPHABET[0 if rest == 31 else rest]


def code(number: int, kind: str = "91") -> str:
    """A well-formed code that no organisation bears: its administrative division does not exist."""
    body = f"{kind}000000MA{number:07d}"
    return body + check_character(body)


def test_the_alphabet_has_31_characters_and_leaves_out_what_is_mistaken() -> None:
    assert len(set(ALPHABET)) == 31
    assert not set("IOSVZ") & set(ALPHABET)


@given(BODIES)
def test_the_check_character_is_that_of_the_standard(body: str) -> None:
    assert problem(body + check_character(body)) is None


@given(BODIES, st.integers(0, 16), st.sampled_from(ALPHABET))
def test_every_single_wrong_character_is_caught(body: str, place: int, other: str) -> None:
    """31 is a prime and no weight is a multiple of it."""
    right = body + check_character(body)
    wrong = right[:place] + other + right[place + 1 :]
    assert (problem(wrong) is None) == (wrong == right)


@given(BODIES, st.integers(0, 15))
def test_two_neighbours_swapped_are_caught(body: str, place: int) -> None:
    right = body + check_character(body)
    wrong = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    assert (problem(wrong) is None) == (wrong == right)


@given(st.text("0123456789", min_size=8, max_size=8), st.text(ALPHABET, min_size=9, max_size=9))
def test_the_library_agrees_where_it_can_read_the_code(digits: str, rest: str) -> None:
    body = digits + rest
    for character in ALPHABET:
        assert uscc.is_valid(body + character) == (problem(body + character) is None)


def test_letters_at_the_beginning_are_of_the_standard_and_not_of_the_library() -> None:
    """Why only the check character is taken from the library: rural cooperatives begin with N, others with Y."""
    for kind in ("N2", "Y1", "A1"):
        assert problem(code(1, kind)) is None
        assert not uscc.is_valid(code(1, kind))


@pytest.mark.parametrize(
    "typed",
    [
        "91000000ma0000001{0}",
        "９１００００００ＭＡ００００００１{0}",
        "91 000000 MA0000001 {0}",
        "9100-0000-MA00-0000-1{0}",
        "\u300091000000MA0000001{0}\t",
    ],
)
def test_full_width_lower_case_and_separators_are_taken(typed: str) -> None:
    right = code(1)
    assert normalise(typed.format(right[-1])) == right
    assert problem(normalise(typed.format(right[-1].lower()))) is None


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("", Problem.LENGTH),
        (code(1)[:-1], Problem.LENGTH),
        (code(1) + "0", Problem.LENGTH),
        ("9100000OMA00000010", Problem.CHARACTERS),
        ("91000000MAI0000010", Problem.CHARACTERS),
        ("91000000MA000000中0", Problem.CHARACTERS),
        ("9100000AMA00000010", Problem.DIVISION),
        (code(1)[:-1] + ("1" if code(1)[-1] == "0" else "0"), Problem.CHECK),
    ],
)
def test_what_is_wrong_is_told_apart(wrong: str, expected: Problem) -> None:
    assert problem(wrong) is expected


@given(st.text(max_size=40))
def test_any_text_gets_an_answer(text: str) -> None:
    found = problem(normalise(text))
    assert found is None or found in Problem
