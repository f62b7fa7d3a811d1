"""The form of every refusal: an ``InputError`` whose message is one line with the words that a user needs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from baselines.errors import InputError


def assert_refused(call: Callable[[], object], *words: str) -> None:
    """Check that a call raises an ``InputError`` of one line that contains every word."""
    with pytest.raises(InputError) as error:
        call()
    message = str(error.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == [], message
