"""The words of `make split`."""

import pytest

from scripts.errors import UserError
from scripts.split import parse


@pytest.mark.parametrize("words", ["1.0=50 2.0=50", "1.0=50,2.0=50", " 1.0=50   2.0=50 "])
def test_words_may_be_separated_by_blanks_or_commas(words: str) -> None:
    assert parse(words) == {"1.0": 50, "2.0": 50}


@pytest.mark.parametrize("words", ["1.0", "1.0=", "=50", "1.0=ten", "1.0=50%", "1.0=-5"])
def test_a_word_that_is_no_version_and_percent_is_shown_with_an_example(words: str) -> None:
    with pytest.raises(UserError, match=r'write for example "1.0=90 2.0=10"'):
        parse(words)
