"""The shell and Python give the same numbers, to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import isoflop
import pytest

LADDERS = [
    ("chinchilla_epoch.csv", "chinchilla"),
    ("chinchilla_epoch.csv", "isoflop"),
    ("chinchilla_epoch.csv", "kaplan-nd"),
    ("chinchilla_epoch.csv", "power-c"),
    ("datablations_c4.csv", "auto"),
]


def assert_same(said: Any, expected: Any, where: str = "") -> None:
    """Equal to the last bit in every field that the shell has."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in said, f"{where}.{name} is missing"
            assert_same(said[name], value, f"{where}.{name}")
    elif isinstance(expected, list):
        assert len(said) == len(expected), where
        for index, (one, other) in enumerate(zip(said, expected, strict=True)):
            assert_same(one, other, f"{where}[{index}]")
    elif isinstance(expected, float):
        assert float(said).hex() == expected.hex(), where
    else:
        assert said == expected, where


@pytest.mark.parametrize(("file", "law"), LADDERS)
def test_a_fit_says_the_same(shell, data: Path, file: str, law: str) -> None:
    expected = shell.json("fit", data / file, "--law", law, "--bootstraps", 50, "--seed", 7)
    fit = isoflop.fit(data / file, law, bootstraps=50, seed=7)
    assert_same(fit.answer, expected)


def test_published_laws_held_against_runs_say_the_same(shell, data: Path) -> None:
    file = data / "chinchilla_epoch.csv"
    names = "hoffmann-2022,besiroglu-2024,kaplan-2020"
    expected = shell.json("fit", file, "--bootstraps", 50, "--law", "chinchilla", "--against", names)
    fit = isoflop.fit(file, "chinchilla", bootstraps=50, against=names.split(","))
    assert_same(fit.answer, expected)


@pytest.fixture(scope="module")
def kept(shell, data: Path, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("fit") / "fit.json"
    file = data / "chinchilla_epoch.csv"
    done = shell.run("fit", file, "--law", "chinchilla", "--bootstraps", 50, "--save", path)
    assert done.returncode == 0, done.stderr
    return path


def test_forecasts_of_a_fit_say_the_same(shell, kept: Path) -> None:
    fit = isoflop.load(kept)
    expected = shell.json("predict", kept, "--params", "70B", "--tokens", "1.4T")
    assert_same(fit.predict("70B", "1.4T") | {"source": None}, expected | {"source": None})
    expected = shell.json("predict", kept, "--flops", "1e25", "--level", 0.5)
    assert_same(fit.predict(flops=1e25, level=0.5), expected)


def test_the_posterior_says_the_same(shell, data: Path) -> None:
    file = data / "chinchilla_epoch.csv"
    options = ["--law", "chinchilla", "--bootstraps", 0, "--seed", 3, "--posterior"]
    expected = shell.json("fit", file, *options)
    fit = isoflop.fit(file, "chinchilla", bootstraps=0)
    assert_same(fit.posterior(seed=3)["posterior"], expected["posterior"])
    with pytest.raises(isoflop.IsoflopError, match="has no prior"):
        isoflop.fit(file, "isoflop", bootstraps=0).posterior()


def test_plans_diagnoses_and_designs_of_a_fit_say_the_same(shell, kept: Path) -> None:
    fit = isoflop.load(kept)
    for shown, given in [
        (["--flops", "5.76e23", "--compare"], {"flops": "5.76e23", "compare": True}),
        (["--params", "7B"], {"params": "7B"}),
        (["--tokens", "1.4T", "--stop"], {"tokens": "1.4T", "stop": True}),
        (["--flops", 1e23, "--unique-tokens", "100B"], {"flops": 1e23, "unique_tokens": 1e11}),
        (
            ["--gpus", "512xH100", "--money", "1e6", "--price", "2.5"],
            {"gpus": "512xH100", "money": 1e6, "price": 2.5},
        ),
    ]:
        assert_same(fit.plan(**given), shell.json("plan", kept, *shown))
    expected = shell.json("diagnose", kept, "--params", "175B", "--tokens", "300B")
    assert_same(fit.diagnose("175B", "300B"), expected)
    expected = shell.json("design", kept, "--target-flops", "1e23", "--budget", "1e21")
    assert_same(fit.design("1e23", "1e21"), expected)


def test_published_answers_say_the_same(shell) -> None:
    law = "hoffmann-2022"
    expected = shell.json("predict", "--law", law, "--params", "70B", "--tokens", "1.4T")
    assert_same(isoflop.predict("70B", "1.4T", law=law), expected)
    expected = shell.json("plan", "--flops", "5.76e23", "--compare")
    assert_same(isoflop.plan("5.76e23", compare=True), expected)
    expected = shell.json("diagnose", "--model", "Llama-3-8B")
    assert_same(isoflop.diagnose(model="Llama-3-8B"), expected)
    expected = shell.json("design", "--target-flops", "1e22", "--budget", "1e20")
    assert_same(isoflop.design("1e22", "1e20"), expected)
    assert_same(isoflop.laws("besiroglu-2024"), shell.json("laws", "besiroglu-2024"))


METRIC = Path("crates/isoflop/tests/decisions/metric.csv")


def test_forecasts_of_a_metric_say_the_same(shell, data: Path, tmp_path: Path) -> None:
    runs = data.parent / METRIC
    for shown, given in [
        (["--flops", "1e22"], {"flops": "1e22"}),
        (["--params", "1B", "--tokens", "20B"], {"params": "1B", "tokens": "20B"}),
        (
            ["--flops", "1e22", "--metric-law", "capability", "--level", "0.5"],
            {"flops": 1e22, "metric_law": "capability", "level": 0.5},
        ),
    ]:
        expected = shell.json("predict", runs, "--metric", "mmlu", *shown)
        found = isoflop.predict_metric(runs, "mmlu", **given)
        assert_same(found, expected)
        assert "mmlu by law" in found.summary()
    # Without losses there is the compute alone.
    import pandas

    frame = pandas.read_csv(runs).drop(columns="loss")
    frame.to_csv(tmp_path / "bare.csv", index=False)
    expected = shell.json("predict", tmp_path / "bare.csv", "--metric", "mmlu", "--flops", "1e22")
    found = isoflop.predict_metric(tmp_path / "bare.csv", "mmlu", flops="1e22")
    assert_same(found, expected)
    with pytest.raises(isoflop.IsoflopError, match="there is no metric `arc`"):
        isoflop.predict_metric(runs, "arc", flops="1e22")


def test_a_metric_of_a_family_says_the_same(shell, data: Path, tmp_path: Path) -> None:
    runs = data / "obsscaling_base_benchmarks.csv"
    mapped = ["acc_ARC-C=metric_arc"]
    asked = ["predict", runs, "--map", *mapped, "--metric", "arc"]
    expected = shell.json(*asked, "--flops", "8.4e23", "--family", "Llama-2")
    found = isoflop.predict_metric(runs, "arc", flops="8.4e23", family="Llama-2", map=mapped)
    assert_same(found, expected)
    assert found["metric"]["forecasts"][0]["family"] == "Llama-2"
    points = tmp_path / "points.csv"
    points.write_text("flops,family\n8.4e23,Pythia\n1e24,\n")
    expected = shell.json(*asked, "--at", points)
    both = [8.4e23, 1e24]
    found = isoflop.predict_metric(runs, "arc", flops=both, family=["Pythia", None], map=mapped)
    assert_same(found, expected)
    with pytest.raises(isoflop.IsoflopError, match="1 families were given for 2 runs"):
        isoflop.predict_metric(runs, "arc", flops=both, family=["Pythia"], map=mapped)


def test_a_backtest_says_the_same(shell, data: Path) -> None:
    file = data / "chinchilla_epoch.csv"
    expected = shell.json("backtest", file, "--law", "chinchilla", "--fit-below", "1e20")
    groups = expected.pop("groups")
    expected.pop("by")
    found = isoflop.backtest(file, "chinchilla", fit_below="1e20")
    assert_same(found, expected)
    assert_same(found["runs"], groups[0]["runs"])
    assert "forecast from" in found.summary()


@pytest.mark.parametrize("tracker", ["wandb", "tensorboard", "mlflow", "trainer-state"])
def test_runs_of_a_tracker_give_the_same_fit(shell, fixtures: Path, tracker: str) -> None:
    expected = shell.json("fit", fixtures / tracker, "--law", "chinchilla", "--bootstraps", 50)
    fit = isoflop.fit(fixtures / tracker, "chinchilla", bootstraps=50)
    assert_same(fit.answer, expected)
