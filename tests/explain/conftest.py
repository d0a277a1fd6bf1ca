"""Tests of what is said about programs stand for themselves, whichever ran before them."""

import pytest

from fnn.func import _anew


@pytest.fixture(autouse=True)
def _nothing_was_compiled(monkeypatch):
    """The steps that a helper made for other tests are no forerunners of those that it makes for this one."""
    monkeypatch.setattr(_anew, "_seen", type(_anew._seen)())
