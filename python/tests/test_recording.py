"""Runs that a training loop records are runs that a fit reads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import isoflop
import pytest


def record(folder: Path, k: int) -> isoflop.Recorder:
    columns = {"params": 1e6 * 2**k, "batch_tokens": 4096}
    return isoflop.Recorder(folder / f"run{k}.jsonl", **columns)


def test_a_ladder_of_recorded_runs_is_fitted(shell, tmp_path: Path) -> None:
    for k in range(8):
        with record(tmp_path, k) as run:
            for step in (10, 20, 30 * (k + 1)):
                run.log(step, 4 - 0.2 * k + 1 / step, accuracy=0.1 * k)
    fit = isoflop.fit(tmp_path, "power-c", bootstraps=0)
    assert fit.n_used == 8
    said = shell.json("fit", tmp_path, "--law", "power-c", "--bootstraps", 0)
    assert {name: one["value"] for name, one in said["params"].items()} == fit.params


def test_runs_that_did_not_end_are_listed_with_their_reason(tmp_path: Path) -> None:
    for k in range(8):
        with record(tmp_path, k) as run:
            run.log(30, 4 - 0.2 * k)
    record(tmp_path, 8).log(10, 1.0)
    with pytest.raises(ZeroDivisionError), record(tmp_path, 9) as run:
        run.log(10, 1 / 0)
    with record(tmp_path, 10) as run:
        run.log(10, float("nan"))
    fit = isoflop.fit(tmp_path, "power-c", bootstraps=0)
    reasons = {one["run"]: one["reason"] for one in fit.dropped}
    assert fit.n_used == 8
    assert "running" in reasons["run8"]
    assert "ZeroDivisionError: division by zero" in reasons["run9"]
    assert "nan" in reasons["run10"].lower()


def test_a_killed_loop_leaves_a_whole_record(tmp_path: Path) -> None:
    program = """
import sys, isoflop
run = isoflop.Recorder(sys.argv[1], params=1e6, batch_tokens=4096)
step = 0
while True:
    step += 1
    run.log(step, 3.0 + 1 / step)
    if step == 50:
        print("going", flush=True)
"""
    path = tmp_path / "run.jsonl"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "going\n"
        os.kill(child.pid, signal.SIGKILL)
    (run,) = isoflop.read(path)
    assert run["status"] == "running"
    assert run["step"] >= 50
    assert run["loss"] == 3.0 + 1 / run["step"]
