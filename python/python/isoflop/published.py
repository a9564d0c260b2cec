"""Published laws, and answers by them."""

from __future__ import annotations

import json
from typing import Any

from . import _native
from .answers import Answer, Forecasts, points

Size = float | str
"""A number, or a size as people write it: ``"70B"``, ``"1.4T"``, ``"5.76e23"``."""

DEFAULT_LAW = "besiroglu-2024"
"""The refit of Chinchilla's data, whose own optimum agrees with 20 tokens a parameter."""


def laws(name: str | None = None) -> Any:
    """Every law with its published constants, or one of them explained."""
    return json.loads(_native.laws(name))


def accelerators() -> list[dict[str, Any]]:
    """Devices that budgets may be given in, with their peaks and sources."""
    return json.loads(_native.accelerators())


def predict(
    params: Any = None,
    tokens: Any = None,
    *,
    flops: Any = None,
    unique_tokens: Any = None,
    law: str = DEFAULT_LAW,
    level: float = 0.9,
) -> Forecasts:
    """The loss by a published law; it has no interval for your runs."""
    at = points(params, tokens, flops, unique_tokens)
    return Forecasts(json.loads(_native.predict_published(law, at, level)))


def plan(flops: Size | None = None, *, law: str = DEFAULT_LAW, **budget: Any) -> Answer:
    """Size and data for a budget by a published law. Arguments are those of
    :meth:`isoflop.Fit.plan`."""
    arguments = plan_arguments(flops=flops, **budget)
    return Answer(json.loads(_native.plan_published(law, arguments)))


def plan_arguments(
    *,
    flops: Size | None = None,
    params: Size | None = None,
    tokens: Size | None = None,
    gpus: str | None = None,
    days: float | None = None,
    mfu: float = 0.4,
    money: float | None = None,
    price: float | None = None,
    unique_tokens: Size | None = None,
    served_tokens: Size | None = None,
    compare: bool = False,
    stop: bool = False,
    vocab: int = 32_000,
    context: int = 4096,
) -> dict[str, Any]:
    """Arguments of a plan, with the command line's defaults."""
    return dict(locals())


def diagnose(
    params: Size | None = None,
    tokens: Size | None = None,
    *,
    model: str | None = None,
    law: str = DEFAULT_LAW,
) -> Answer:
    """Whether a model, or a well-known one by its name, was the right size for its compute."""
    return Answer(json.loads(_native.diagnose_published(law, params, tokens, model)))


def design(
    target_flops: Size,
    budget: Size,
    *,
    max_run: Size | None = None,
    max_runs: int = 45,
    noise: float | None = None,
    law: str = DEFAULT_LAW,
) -> Answer:
    """A first ladder: the runs that narrow the forecast of the target most for a budget.

    ``noise`` is the standard deviation of ln loss from run to run, 0.003 if it is not given.
    """
    arguments = {
        "target_flops": target_flops,
        "budget": budget,
        "max_run": max_run,
        "max_runs": max_runs,
        "noise": noise,
    }
    return Answer(json.loads(_native.design_published(law, arguments)))
