"""Fits are kept, forecasts sealed, and the command line reads both."""

from __future__ import annotations

import pickle
from pathlib import Path

import isoflop
import pytest


@pytest.fixture(scope="module")
def fit(data: Path) -> isoflop.Fit:
    return isoflop.fit(data / "chinchilla_epoch.csv", "chinchilla", bootstraps=40)


def test_the_shell_reads_a_fit_that_python_kept(shell, fit: isoflop.Fit, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit.json")
    said = shell.json("predict", tmp_path / "fit.json", "--params", "7B", "--tokens", "140B")
    assert said["forecasts"] == fit.predict("7B", "140B")["forecasts"]


def test_a_kept_fit_says_the_same(fit: isoflop.Fit, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit.json")
    for other in [isoflop.load(tmp_path / "fit.json"), pickle.loads(pickle.dumps(fit))]:
        assert other.params == fit.params
        assert other.predict(flops=1e24) == fit.predict(flops=1e24)
        assert other.plan(1e24) == fit.plan(1e24)
    assert pickle.loads(pickle.dumps(fit)).answer == fit.answer


def test_what_is_no_fit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(isoflop.IsoflopError, match="no saved fit"):
        isoflop.load(tmp_path / "a.json")
    (tmp_path / "b.json").write_text('{"format": "isoflop-fit-99"}')
    with pytest.raises(isoflop.IsoflopError, match="isoflop-fit-99"):
        isoflop.load(tmp_path / "b.json")


def test_a_sealed_forecast_is_scored_once_and_the_shell_agrees(
    shell, fit: isoflop.Fit, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    sealed = fit.seal("big-run", "70B", "1.4T", ledger=ledger)
    assert sealed["forecasts"] == fit.predict("70B", "1.4T")["forecasts"]
    assert shell.run("forecast", "check", "--ledger", ledger).returncode == 0
    with pytest.raises(isoflop.IsoflopError, match="named `big-run` already"):
        fit.seal("big-run", "70B", "1.4T", ledger=ledger)
    scored = isoflop.score("big-run", 1.94, ledger=ledger)
    assert scored["actual"] == 1.94
    with pytest.raises(isoflop.IsoflopError, match="recorded once"):
        isoflop.score("big-run", 2.0, ledger=ledger)
    assert isoflop.scores(ledger)["forecasts"] == shell.json(
        "forecast", "list", "--ledger", ledger
    )["forecasts"]
