"""What notebooks show."""

from __future__ import annotations

from pathlib import Path

import isoflop
import matplotlib
import pytest

matplotlib.use("agg")


@pytest.fixture(scope="module")
def fit(data: Path) -> isoflop.Fit:
    return isoflop.fit(data / "chinchilla_epoch.csv", "chinchilla", bootstraps=40)


def test_a_summary_has_every_constant_and_warning(fit: isoflop.Fit) -> None:
    text = fit.summary()
    for symbol in fit.params:
        assert f" {symbol} = " in text
    for warning in fit.warnings:
        assert warning in text
    assert f"{fit.n_used} rows" in text


def test_hostile_names_are_literal_text_in_html(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    rows = [{"run": name, "N": 1e6 * k, "D": 1e9, "loss": 4 - 0.1 * k} for k in range(1, 9)]
    shown = isoflop.read(_csv(tmp_path, rows))._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown


def _csv(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "runs.csv"
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_answers_show_themselves_as_tables(fit: isoflop.Fit) -> None:
    for answer in [fit, fit.predict("7B", "140B"), fit.plan(1e23), fit.diagnose("7B", "1T")]:
        assert answer._repr_html_().startswith("<table>")
        assert answer.summary()
        assert answer.to_json().startswith("{")


def test_a_forecast_from_compute_alone_names_no_size(fit: isoflop.Fit) -> None:
    at_compute = fit.predict(flops=1e24)
    size = [row["params"] for row in at_compute["forecasts"]]
    assert ("N = " in at_compute.summary()) == (size != [None])
    assert "–" not in at_compute.summary()
    assert "N = 7e+09, D = 1.4e+11, " in fit.predict("7B", "140B").summary()


def test_a_forecast_by_a_law_in_compute_names_compute(data: Path) -> None:
    fit = isoflop.fit(data / "chinchilla_epoch.csv", "power-c", bootstraps=0)
    line = fit.predict(flops=1e24).summary().splitlines()[1]
    assert line.startswith("  C = 1e+24: ")


def test_a_plot_reaches_the_budget_and_holds_the_forecast(fit: isoflop.Fit) -> None:
    ax = fit.plot(budgets=[1e26])
    line = next(line for line in ax.get_lines() if "forecast" in str(line.get_label()))
    assert line.get_xdata()[-1] == pytest.approx(1e26)
    assert line.get_ydata()[-1] == fit.predict(flops=1e26).loss[0]


def test_a_backtest_plots_each_forecast(data: Path) -> None:
    found = isoflop.backtest(data / "chinchilla_epoch.csv", "chinchilla", cuts=2)
    ax = found.plot()
    points = next(line for line in ax.get_lines() if line.get_label() == "forecast")
    assert len(points.get_xdata()) == len(found["points"])
