"""The estimator keeps the habits of scikit-learn.

Most of its checks train on arrays that are no sizes: negative, of three or more columns, or of one
column. They run on a subclass that maps any such data to sizes and losses and changes nothing
else; those that give sizes, or no data at all, run on the estimator itself.
"""

from __future__ import annotations

from pathlib import Path

import isoflop
import numpy as np
import pytest
from isoflop.sklearn import ScalingLaw
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks


class OnAnyData(ScalingLaw):
    """Reads any columns as sizes, and any target as losses."""

    def _sizes(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = lambda column: 10 ** (9 + np.sin(column))
        return size(X[:, 0]), size(X[:, 1:].sum(axis=1))

    def _losses(self, y: np.ndarray) -> np.ndarray:
        return 3 + np.sin(y / 10)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = False
        return tags


@parametrize_with_checks([OnAnyData("power-c")])
def test_every_check_of_scikit_learn_passes_on_data_read_as_sizes(estimator, check) -> None:
    check(estimator)


def test_the_estimator_is_the_fit(data: Path) -> None:
    runs = isoflop.read(data / "chinchilla_epoch.csv").to_pandas()
    X, y = runs[["params", "tokens"]].to_numpy(), runs["loss"].to_numpy()
    law = clone(ScalingLaw("chinchilla", seed=3)).fit(X, y)
    direct = isoflop.fit(runs[["params", "tokens", "loss"]], "chinchilla", seed=3, bootstraps=0)
    assert law.params_ == direct.params
    loss, lo, hi = law.predict(X[:5], return_interval=True)
    assert (lo < loss).all() and (loss < hi).all()
    assert (loss == direct.predict(X[:5, 0], X[:5, 1]).loss).all()
    assert law.score(X, y) > 0.9
    assert np.isfinite(law.fit_.plan(1e24)["plans"][0]["loss"])


def test_what_is_no_size_is_refused() -> None:
    y = np.linspace(3, 2, 9)
    for X, said in [
        (np.ones((9, 3)), "X has 3 features: expected two"),
        (-np.ones((9, 2)), "expected positive numbers"),
    ]:
        with pytest.raises(ValueError, match=said):
            ScalingLaw().fit(X, y)
    with pytest.raises(ValueError, match="y holds losses"):
        ScalingLaw().fit(np.ones((9, 2)), -y)
