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
    token. Parameters are those of :func:`isoflop.fit`.

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
    ) -> None:
        self.law = law
        self.objective = objective
        self.level = level
        self.seed = seed
        self.bootstraps = bootstraps

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
        if X.shape[1] != 2:
            raise ValueError(f"X has {X.shape[1]} features: expected two, N and D")
        if not (X > 0).all():
            raise ValueError("X holds sizes N and tokens D: expected positive numbers")
        return X[:, 0], X[:, 1]

    def _losses(self, y: np.ndarray) -> np.ndarray:
        if not (y > 0).all():
            raise ValueError("y holds losses: expected positive numbers")
        return y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.regressor_tags.poor_score = True
        return tags
