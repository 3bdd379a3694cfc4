"""Words that pages make of values."""

import pytest

from backend.templating import file_size


@pytest.mark.parametrize(
    ("size", "words"),
    [(1, "1 kB"), (654, "1 kB"), (35_400, "35 kB"), (99_999, "100 kB"), (100_000, "0.1 MB"), (20_000_000, "20.0 MB")],
)
def test_the_size_of_a_file_in_words(size: int, words: str) -> None:
    assert file_size(size) == words
