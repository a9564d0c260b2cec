"""Errors are exceptions with the sentences that the command line prints."""

from __future__ import annotations

from pathlib import Path

import isoflop
import pytest


CASES = [
    (["plan", "--law", "hofman-2022", "--flops", "1e20"], 2, lambda: isoflop.plan(1e20, law="hofman-2022")),
    (["plan", "--law", "kaplan-c", "--flops", "1e20"], 2, lambda: isoflop.plan(1e20, law="kaplan-c")),
    (["fit", "few.csv", "--law", "chinchilla"], 1, lambda: isoflop.fit("few.csv", "chinchilla")),
    (["fit", "other.csv"], 2, lambda: isoflop.fit("other.csv")),
    (["fit", "few.csv", "--objective", "hubert"], 2, lambda: isoflop.fit("few.csv", objective="hubert")),
]


@pytest.mark.parametrize(("arguments", "status", "call"), CASES)
def test_the_sentence_is_the_same(
    shell, tmp_path: Path, monkeypatch, arguments, status: int, call
) -> None:
    (tmp_path / "few.csv").write_text("N,D,loss\n1e6,1e9,3\n2e6,1e9,2.9\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    monkeypatch.chdir(tmp_path)
    done = shell.run(*arguments, cwd=tmp_path)
    assert done.returncode == status
    with pytest.raises(isoflop.IsoflopError) as error:
        call()
    assert isinstance(error.value, isoflop.InsufficientData) == (status == 1)
    assert str(error.value) in done.stderr


def test_an_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="is not a number of parameters"):
        isoflop.predict("seven", 1e9)
    with pytest.raises(ValueError, match="positive"):
        isoflop.predict(-7, 1e9)


def test_a_budget_is_given_once() -> None:
    for budget in [{}, {"flops": 1e20, "params": 1e9}]:
        with pytest.raises(isoflop.IsoflopError, match="give one budget"):
            isoflop.plan(**budget)
