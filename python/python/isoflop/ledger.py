"""Forecasts on record: sealed by :meth:`isoflop.Fit.seal`, scored when the run has ended."""

from __future__ import annotations

import json
from os import PathLike, fspath

from . import _native
from .answers import Answer

DEFAULT_LEDGER = "isoflop-ledger.jsonl"
"""Where the command line keeps it too."""


def score(
    forecast: str,
    loss: float,
    *,
    point: int = 1,
    ledger: str | PathLike[str] = DEFAULT_LEDGER,
) -> Answer:
    """Record the loss that a forecast run reached, once, and say how good the forecast was."""
    return Answer(json.loads(_native.score(forecast, loss, point, fspath(ledger))))


def scores(ledger: str | PathLike[str] = DEFAULT_LEDGER) -> Answer:
    """Every sealed forecast beside what came, and how good they were together."""
    return Answer(json.loads(_native.scores(fspath(ledger))))
