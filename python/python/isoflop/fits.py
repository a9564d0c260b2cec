"""Laws fitted to runs."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _native
from ._html import table
from ._native import IsoflopError
from .answers import Answer, Forecasts, points
from .ledger import DEFAULT_LEDGER
from .published import Size, plan_arguments
from .runs import Runs, runs_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Fit:
    """A law fitted to runs, made by :func:`fit`."""

    def __init__(self, native: _native.Fit) -> None:
        self._native = native
        self.answer = Answer(json.loads(native.answer()))
        """What ``isoflop fit --json`` prints."""

    @property
    def law(self) -> str:
        """The law's name; the chosen one if the choice was automatic."""
        return self.answer["law"]

    @property
    def params(self) -> dict[str, float]:
        """The law's constants by symbol."""
        return {symbol: one["value"] for symbol, one in self.answer["params"].items()}

    @property
    def intervals(self) -> dict[str, tuple[float | None, float | None]]:
        """Intervals of the constants at :attr:`level`; None without resampling."""
        return {symbol: (one["lo"], one["hi"]) for symbol, one in self.answer["params"].items()}

    @property
    def level(self) -> float:
        """Coverage that the intervals claim."""
        return self.answer["level"]

    @property
    def n_used(self) -> int:
        """Rows that the fit used."""
        return self.answer["n_used"]

    @property
    def dropped(self) -> list[dict[str, Any]]:
        """Rows that it did not use, with line and reason."""
        return self.answer.get("dropped", [])

    @property
    def notes(self) -> list[str]:
        """How columns were understood, and what was derived or mixed."""
        return self.answer.get("columns", []) + self.answer.get("notes", [])

    @property
    def warnings(self) -> list[str]:
        """What must be known before using the fit."""
        return self.answer["warnings"]

    def _basis(self) -> str:
        of = self.answer
        counts = of["conventions"]
        dropped = f", {len(self.dropped)} not used" if self.dropped else ""
        return (
            f"Law {of['law']}: {of['formula']}; {of['n_used']} rows of {of['n_runs']} runs"
            f"{dropped}; N: {counts['param_count']} parameters; C: {counts['flop_count']}; "
            f"largest run {of['largest_flops']:.3g} FLOPs"
        )

    def summary(self) -> str:
        """The fit as text that can be quoted."""
        lines = [self._basis(), f"Constants, with {self.level:.0%} intervals:"]
        for symbol, one in self.answer["params"].items():
            between = "" if one["lo"] is None else f"  {one['lo']:.6g} to {one['hi']:.6g}"
            mark = "" if one["identified"] else "  (not determined by the runs)"
            lines.append(f"  {symbol:>8} = {one['value']:.6g}{between}{mark}")
        lines += [f"Warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        constants = ", ".join(f"{name}={value:.4g}" for name, value in self.params.items())
        return f"<isoflop.Fit {self.law}: {constants}; {self.n_used} rows>"

    def _repr_html_(self) -> str:
        constants = self.answer["params"].items()
        rows = [[name, one["value"], one["lo"], one["hi"], one["identified"]] for name, one in constants]
        header = ["constant", "value", "lo", "hi", "determined"]
        return table(header, rows, [self._basis(), *self.warnings])

    def predict(
        self,
        params: Any = None,
        tokens: Any = None,
        *,
        flops: Any = None,
        unique_tokens: Any = None,
        quality: Any = None,
        level: float | None = None,
    ) -> Forecasts:
        """The loss of runs that are not made yet, with intervals, at N and D or at C.

        Numbers, sizes as text such as ``"7B"``, or arrays. ``quality`` is of the text, for law
        data-quality; 1 if it is not given.
        """
        at = points(params, tokens, flops, unique_tokens, quality)
        return Forecasts(json.loads(self._native.predict(at, level or self.level)))

    def plan(
        self,
        flops: Size | None = None,
        *,
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
    ) -> Answer:
        """Size and data for a budget, or the budget for a size or an amount of data.

        A budget is ``flops``, ``params``, ``tokens``, or ``gpus="512xH100"`` with ``days``, or
        with ``money`` and ``price`` for a device's hour. ``compare`` sets the rules of OpenAI and
        DeepMind beside it; ``stop`` says when compute-efficient training stops.
        """
        given = {name: value for name, value in locals().items() if name != "self"}
        self._say_which_law()
        return Answer(json.loads(self._native.plan(plan_arguments(**given))))

    def posterior(self, *, level: float | None = None, seed: int = 0) -> Answer:
        """The parameters under the weak prior from published laws and the runs together.

        Gives each parameter two ends where the runs alone set no limit, and beside them what the
        prior alone allows. ``fit(..., prior=False)`` makes that prior eight times vaguer.
        """
        return Answer(json.loads(self._native.posterior(level or self.level, seed)))

    def diagnose(
        self, params: Size | None = None, tokens: Size | None = None, *, model: str | None = None
    ) -> Answer:
        """Whether a model of this size on these tokens was the right one for its compute."""
        self._say_which_law()
        return Answer(json.loads(self._native.diagnose(params, tokens, model)))

    def design(
        self,
        target_flops: Size,
        budget: Size,
        *,
        max_run: Size | None = None,
        max_runs: int = 45,
        noise: float | None = None,
    ) -> Answer:
        """The next runs: those that narrow the forecast of the target most for a budget.

        ``interval_before`` is the width that ``predict`` says for the target. ``noise`` is the
        standard deviation of ln loss from run to run, if it is known better than from the runs.
        """
        self._say_which_law()
        arguments = {name: value for name, value in locals().items() if name != "self"}
        return Answer(json.loads(self._native.design(arguments)))

    def seal(
        self,
        name: str,
        params: Any = None,
        tokens: Any = None,
        *,
        flops: Any = None,
        unique_tokens: Any = None,
        quality: Any = None,
        level: float | None = None,
        ledger: str | PathLike[str] = DEFAULT_LEDGER,
    ) -> Answer:
        """Put the forecast of a run on record, under a hash, before the run is made."""
        at = points(params, tokens, flops, unique_tokens, quality)
        sealed = self._native.seal(name, at, level or self.level, fspath(ledger))
        return Answer(json.loads(sealed))

    def _say_which_law(self) -> None:
        law = self._native.law_of_sizes()
        if law != self.law:
            warnings.warn(
                f"law `{self.law}` forecasts these runs best but gives no loss from size and "
                f"data: this answer is by `{law}`",
                stacklevel=3,
            )

    def losses(self, params: Any, tokens: Any) -> np.ndarray:
        """The fitted law's own loss at each (N, D), without discrepancy or noise."""
        n, d = np.broadcast_arrays(np.asarray(params, float), np.asarray(tokens, float))
        losses = self._native.law_losses(n.ravel().tolist(), d.ravel().tolist())
        return np.array(losses).reshape(n.shape)

    def to_json(self) -> str:
        """What ``isoflop fit --json`` prints. To keep a fit, use :meth:`save`."""
        return self._native.answer()

    def save(self, path: str | PathLike[str]) -> None:
        """Keep the fit, as ``isoflop fit --save`` does: :func:`load` and every command read it."""
        _native.write_text(fspath(path), self._native.saved() + "\n")

    def plot(self, budgets: Iterable[float] = (), ax: Axes | None = None) -> Axes:
        """Forecast loss against compute at the best sizes, with its interval.

        Needs matplotlib. ``budgets`` are compute budgets in FLOPs that must be in the picture.
        """
        import matplotlib.pyplot as plt

        ax = ax or plt.subplots()[1]
        largest = self.answer["largest_flops"]
        smallest = self.answer.get("smallest_flops", largest / 100)
        farthest = max([100 * largest, *map(float, budgets)])
        said = self.predict(flops=np.geomspace(smallest, farthest, 60))
        compute = [row["flops"] for row in said["forecasts"]]
        ax.fill_between(compute, said.lo, said.hi, alpha=0.25, label=f"{self.level:.0%} interval")
        ax.plot(compute, said.loss, "--", label=f"forecast at the best size ({self.law})")
        ax.axvline(largest, linestyle=":", color="gray", label="largest run of the fit")
        ax.set(xscale="log", xlabel="compute (FLOPs)", ylabel="loss (nats per token)")
        ax.legend()
        return ax

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restored, (self._native.saved(), self._native.answer()))


def fit(
    data: Any,
    law: str = "auto",
    *,
    objective: str = "huber",
    level: float = 0.9,
    seed: int = 0,
    bootstraps: int = 400,
    prior: bool = True,
    count: str | None = None,
    against: Iterable[str] = (),
    map: Iterable[str] = (),
) -> Fit:
    """Fit a law to runs.

    ``data`` is a pandas, polars or pyarrow frame or anything else with the Arrow PyCapsule
    interface, a dict of columns, a list of dicts, a path, or what :func:`read` gives. ``law`` is a
    name of :func:`laws`, or "auto" for the one that forecasts best within the runs. ``count`` says
    which parameters N counts: "total" or "non-embedding". ``against`` names published laws to hold
    against the runs. ``map`` says what columns mean where the guess is wrong:
    ``["valid_ce=loss"]``.
    """
    arguments = {
        "law": law,
        "objective": objective,
        "level": level,
        "seed": seed,
        "bootstraps": bootstraps,
        "prior": prior,
        "count": count,
        "against": list(against),
    }
    return Fit(_native.fit(runs_of(data, map), arguments))


def load(path: str | PathLike[str]) -> Fit:
    """A fit that :meth:`Fit.save` or ``isoflop fit --save`` kept."""
    return _restored(Path(path).read_text(encoding="utf-8"))


def _restored(saved: str, answer: str | None = None) -> Fit:
    return Fit(_native.Fit.from_saved(saved, answer))


def predict_metric(
    data: Any,
    metric: str,
    params: Any = None,
    tokens: Any = None,
    *,
    flops: Any = None,
    law: str = "auto",
    metric_law: str | None = None,
    family: str | Iterable[str | None] | None = None,
    level: float = 0.9,
    seed: int = 0,
    count: str | None = None,
    map: Iterable[str] = (),
) -> Forecasts:
    """What a metric of runs that are not made yet will be, such as an accuracy, beside their loss.

    ``metric`` names a column ``metric_NAME`` of the runs, a share from 0 to 1. ``metric_law`` is
    "two-step" (from the loss) or "capability" (from compute). ``family`` is the family of the
    models to forecast, one for all or one for each, where the runs are of several (column
    ``family``). The other arguments are those of :func:`fit` and :meth:`Fit.predict`. The metric's forecasts are under ``["metric"]``.
    """
    runs = runs_of(data, map)
    at = points(params, tokens, flops)
    fitted = None
    if runs.has_losses():
        fitted = fit(Runs(runs), law, level=level, seed=seed, count=count)._native
    families: list[str | None]
    if family is None or isinstance(family, str):
        families = [family] * len(at)
    else:
        families = list(family)
    if len(families) != len(at):
        raise IsoflopError(f"{len(families)} families were given for {len(at)} runs to forecast")
    asked: dict[str, Any] = {"metric": metric, "metric_law": metric_law, "families": families}
    asked |= {"level": level, "seed": seed}
    return Forecasts(json.loads(_native.predict_metric(runs, fitted, at, asked)))


class Backtest(Answer):
    """How wrong forecasts of the larger runs from the smaller ones would have been."""

    def summary(self) -> str:
        """The backtest as text that can be quoted."""
        error = self["relative_error"]
        return (
            f"Law {self['law']}, {self['split']}: {self['n_test']} runs forecast from "
            f"{self['n_fit']}, of up to {self['compute_ratio']:.3g} times the compute. Error: "
            f"median {error['median']:.2%}, p90 {error['p90']:.2%}, largest {error['max']:.2%}; "
            f"{self['coverage']:.0%} of the results lay in their intervals."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Forecast intervals beside what came, against how far the forecast reached."""
        import matplotlib.pyplot as plt

        ax = ax or plt.subplots()[1]
        rows = self["points"]
        reach, said, came = (
            np.array([row[name] for row in rows]) for name in ("extrapolation", "said", "came")
        )
        lo, hi = (np.array([row[name] for row in rows], dtype=float) for name in ("lo", "hi"))
        ax.vlines(reach, lo / came - 1, hi / came - 1, alpha=0.4, label="interval")
        ax.plot(reach, said / came - 1, "o", label="forecast")
        ax.axhline(0, color="gray", linewidth=1)
        ax.set(xscale="log", xlabel="compute / largest of the fit", ylabel="forecast / result - 1")
        ax.legend()
        return ax


def backtest(
    data: Any,
    law: str = "auto",
    *,
    fit_below: Size | None = None,
    split: str | None = None,
    cuts: int = 5,
    level: float = 0.9,
    seed: int = 0,
    count: str | None = None,
    map: Iterable[str] = (),
) -> Backtest:
    """Forecast the larger runs from the smaller ones, and say what came.

    ``fit_below`` is the compute that parts them, or ``split`` a column that says ``fit`` or
    ``test``; by default forward chaining over ``cuts`` cuts.
    """
    arguments = {
        "law": law,
        "level": level,
        "seed": seed,
        "count": count,
        "fit_below": fit_below,
        "split": split,
        "cuts": cuts,
    }
    return Backtest(json.loads(_native.backtest(runs_of(data, map), arguments)))
