"""Answers as dicts that show themselves, and the points that are asked about."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ._html import shown, table
from ._native import IsoflopError


class Answer(dict[str, Any]):
    """What the command line prints with ``--json``, as a dict."""

    def to_json(self) -> str:
        """The answer as one JSON object."""
        return json.dumps(self)

    def summary(self) -> str:
        """The answer as text, one line a field."""
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:<{width}}  {shown(value)}" for name, value in self.items())

    def _repr_html_(self) -> str:
        return table([], [[name, value] for name, value in self.items()])


class Forecasts(Answer):
    """Forecasts of runs: arrays ``loss``, ``lo``, ``hi`` and ``extrapolation`` in the order asked."""

    def _array(self, name: str) -> np.ndarray:
        values = (row.get(name) for row in self["forecasts"])
        return np.array([np.nan if value is None else value for value in values], dtype=float)

    @property
    def loss(self) -> np.ndarray:
        """Expected loss, nats per token."""
        return self._array("loss")

    @property
    def lo(self) -> np.ndarray:
        """Lower end of the interval of a new run's measured loss; NaN for a published law."""
        return self._array("lo")

    @property
    def hi(self) -> np.ndarray:
        """Upper end of it."""
        return self._array("hi")

    @property
    def extrapolation(self) -> np.ndarray:
        """Compute of the run / largest compute used in the fit."""
        return self._array("extrapolation")

    def summary(self) -> str:
        """One line a forecast."""
        lines = [f"By {self['law']}, {self['level']:.0%} intervals, nats per token"]
        for row in self["forecasts"]:
            sizes = [(name, row[key]) for name, key in (("N", "params"), ("D", "tokens"))]
            size = "".join(f"{name} = {shown(is_)}, " for name, is_ in sizes if is_ is not None)
            between = "" if row["lo"] is None else f" ({row['lo']:.4f} to {row['hi']:.4f})"
            lines.append(f"  {size}C = {row['flops']:.3g}: {row['loss']:.4f}{between}")
        lines += self._metric_lines()
        return "\n".join(lines + [f"Warning: {warning}" for warning in self["warnings"]])

    def _metric_lines(self) -> list[str]:
        of = self.get("metric")
        if of is None:
            return []
        lines = [f"{of['name']} by law {of['law']}, {of['n_used']} runs with it"]
        for row in of["forecasts"]:
            between = f"({row['lo']:.3f} to {row['hi']:.3f})"
            lines.append(f"  C = {row['flops']:.3g}: {row['value']:.3f} {between}")
        return lines + [f"Warning: {warning}" for warning in of["warnings"]]

    def _repr_html_(self) -> str:
        names = ["params", "tokens", "flops", "loss", "lo", "hi", "extrapolation"]
        rows = [[row.get(name) for name in names] for row in self["forecasts"]]
        basis = f"Law {self['law']}; {self['level']:.0%} intervals; loss in nats per token."
        return table(names, rows, [basis, *self._metric_lines(), *self["warnings"]])


Point = tuple[Any, Any, Any, Any, Any]


def points(
    params: Any, tokens: Any, flops: Any, unique_tokens: Any = None, quality: Any = None
) -> list[Point]:
    """Points to forecast from numbers, sizes as text, or arrays of them.

    >>> points("7B", [1e9, 2e9], None)
    [('7B', 1000000000.0, None, None, None), ('7B', 2000000000.0, None, None, None)]
    """
    columns = [_column(values) for values in (params, tokens, flops, unique_tokens, quality)]
    given = [len(column) for column in columns if column is not None]
    if not given:
        raise IsoflopError("say which run: params and tokens, or flops")
    length = max(given)
    if any(one not in (1, length) for one in given):
        raise IsoflopError("params, tokens and flops have different lengths")

    def wide(column: list[Any] | None) -> list[Any]:
        if column is None:
            return [None] * length
        return column * length if len(column) == 1 else column

    return list(zip(*map(wide, columns), strict=True))


def _column(values: Any) -> list[Any] | None:
    if values is None:
        return None
    if isinstance(values, str) or np.ndim(values) == 0:
        return [values]
    return values.tolist() if hasattr(values, "tolist") else list(values)
