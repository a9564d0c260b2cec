"""A scikit-learn estimator.

>>> from isoflop.sklearn import ScalingLaw          # doctest: +SKIP
>>> ScalingLaw("chinchilla").fit(X, y).predict(X)   # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .fits import fit


class ScalingLaw(RegressorMixin, BaseEstimator):
    """Loss from N and D by a law fitted to runs.

    ``X`` has two columns, N and D, in this order, all positive; ``y`` is the loss in nats per
    token. Where ``X`` has others too, ``columns`` says which two these are, by position or, in a
    data frame, by name. The other parameters are those of :func:`isoflop.fit`.

    Attributes
    ----------
    fit_ : isoflop.Fit
        The whole fit: plan, diagnose and design with it.
    params_ : dict
        The law's constants by symbol.
    """

    def __init__(
        self,
        law: str = "chinchilla",
        *,
        objective: str = "huber",
        level: float = 0.9,
        seed: int = 0,
        bootstraps: int = 0,
        columns: tuple[int | str, int | str] | None = None,
    ) -> None:
        self.law = law
        self.objective = objective
        self.level = level
        self.seed = seed
        self.bootstraps = bootstraps
        self.columns = columns

    def fit(self, X: Any, y: Any) -> ScalingLaw:
        """Fits the law to N = X[:, 0], D = X[:, 1] and losses y."""
        X, y = validate_data(
            self, X, y, y_numeric=True, dtype=np.float64, ensure_min_samples=2
        )
        params, tokens = self._sizes(X)
        self.fit_ = fit(
            {"params": params, "tokens": tokens, "loss": self._losses(y)},
            self.law,
            objective=self.objective,
            level=self.level,
            seed=self.seed,
            bootstraps=self.bootstraps,
        )
        self.params_ = self.fit_.params
        return self

    def predict(self, X: Any, return_interval: bool = False) -> Any:
        """Forecast losses; with ``return_interval`` the ends of their intervals too."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        said = self.fit_.predict(*self._sizes(X))
        return (said.loss, said.lo, said.hi) if return_interval else said.loss

    def _sizes(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n, d = (X[:, column] for column in self._positions(X.shape[1]))
        if min(n.min(), d.min()) < 0:
            # How scikit-learn words it.
            raise ValueError("Negative values in data: X holds sizes N and tokens D")
        if not (n.all() and d.all()):
            raise ValueError("X holds sizes N and tokens D: expected positive numbers, got 0")
        return n, d

    def _positions(self, width: int) -> tuple[int, int]:
        """Which columns of X are N and D."""
        columns = (0, 1) if self.columns is None else self.columns
        if len(columns) != 2:
            raise ValueError(f"columns={columns!r}: expected two, N and D")
        if width < 2 or (width > 2 and self.columns is None):
            raise ValueError(
                f"X has {width} feature(s): expected two, N and D; or say with `columns` which "
                "two they are"
            )
        n, d = (self._position(column, width) for column in columns)
        return n, d

    def _position(self, column: int | str, width: int) -> int:
        if isinstance(column, str):
            names = list(getattr(self, "feature_names_in_", ()))
            if column not in names:
                raise ValueError(f"X has no column {column!r}: it has {names or 'no names'}")
            return names.index(column)
        if not 0 <= column < width:
            raise ValueError(f"X has no column {column}: it has {width}")
        return column

    def _losses(self, y: np.ndarray) -> np.ndarray:
        if not (y > 0).all():
            raise ValueError("y holds losses: expected positive numbers")
        return y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.target_tags.positive_only = True
        tags.regressor_tags.poor_score = True
        return tags
