"""The estimator keeps the habits of scikit-learn.

Its checks run twice. On the estimator itself every one must pass but those that train on a size of
zero, which are listed. On a subclass that maps any data to sizes and losses, and changes nothing
else, every one must pass.
"""

from __future__ import annotations

from pathlib import Path

import isoflop
import numpy as np
import pytest
from isoflop.sklearn import ScalingLaw
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks


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
        tags.target_tags.positive_only = False
        return tags


NO_SIZE = "the tag `positive_only` makes scikit-learn subtract the smallest value: a size of 0"
EXPECTED = {
    name: NO_SIZE
    for name in [
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_dtype_object",
        "check_estimators_dtypes",
        "check_estimators_fit_returns_self",
        "check_estimators_nan_inf",
        "check_estimators_overwrite_params",
        "check_f_contiguous_array_estimator",
        "check_fit2d_predict1d",
        "check_fit_check_is_fitted",
        "check_fit_idempotent",
        "check_fit_score_takes_y",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_n_features_in",
        "check_n_features_in_after_fitting",
        "check_readonly_memmap_input",
        "check_supervised_y_2d",
    ]
}


def test_the_estimator_passes_every_check_whose_data_are_sizes() -> None:
    said = check_estimator(ScalingLaw(columns=(0, 1)), on_fail=None, on_skip=None)
    failed = {one["check_name"]: str(one["exception"]) for one in said if one["status"] == "failed"}
    assert sorted(failed) == sorted(EXPECTED)
    assert all("expected positive numbers, got 0" in reason for reason in failed.values())
    assert sum(one["status"] == "passed" for one in said) >= 34


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
        (np.ones((9, 3)), r"X has 3 feature\(s\): expected two"),
        (-np.ones((9, 2)), "Negative values in data"),
        (np.zeros((9, 2)), "expected positive numbers, got 0"),
    ]:
        with pytest.raises(ValueError, match=said):
            ScalingLaw().fit(X, y)
    with pytest.raises(ValueError, match="y holds losses"):
        ScalingLaw().fit(np.ones((9, 2)), -y)


def test_sizes_are_found_among_other_columns(data: Path) -> None:
    runs = isoflop.read(data / "chinchilla_epoch.csv").to_pandas()
    plain = ScalingLaw().fit(runs[["params", "tokens"]].to_numpy(), runs["loss"])
    by_name = ScalingLaw(columns=("params", "tokens"))
    by_name.fit(runs[["tokens", "flops", "params"]], runs["loss"])
    by_position = ScalingLaw(columns=(2, 0))
    by_position.fit(runs[["tokens", "flops", "params"]].to_numpy(), runs["loss"])
    assert by_name.params_ == by_position.params_ == plain.params_
    for columns, said in [(("params", "D"), "no column 'D'"), ((0, 7), "no column 7"), ((0,), "two")]:
        with pytest.raises(ValueError, match=said):
            ScalingLaw(columns=columns).fit(runs[["params", "tokens"]], runs["loss"])
