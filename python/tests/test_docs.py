"""Examples in docstrings say what happens, in the package as it is installed."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["isoflop", "isoflop.answers"])
def test_the_examples_of_a_module_hold(name: str) -> None:
    tried = doctest.testmod(importlib.import_module(name))
    assert tried.attempted > 0
    assert tried.failed == 0
