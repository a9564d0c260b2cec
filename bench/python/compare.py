"""The tasks of PyPI `chinchilla`'s README, done with it and with isoflop: lines, time and answers.

Called by `bench/python/run`; prints the table. Needs both packages in the interpreter that runs it.
"""

import importlib.metadata
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGES = ("chinchilla", "isoflop")
REPEATS = int(os.environ.get("REPEATS", "3"))
sys.path.insert(0, str(HERE / "tasks"))
from truth import best_size  # noqa: E402


def user_lines(task):
    """Lines that a user writes, without blank ones."""
    text = (HERE / "tasks" / f"{task}.py").read_text()
    code = text.split("# --- user code\n")[1].split("# --- end")[0]
    return sum(bool(line.strip()) for line in code.splitlines())


def run(task, data):
    """Seconds of a whole process, the import included, and what it printed last."""
    with tempfile.TemporaryDirectory() as folder:
        if data is not None:
            shutil.copy(data, Path(folder) / "df.csv")
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, HERE / "tasks" / f"{task}.py", folder],
            capture_output=True, text=True, env=os.environ | {"MPLBACKEND": "agg"},
        )
        seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{task} failed: {done.stderr[-2000:]}")
    return seconds, json.loads(done.stdout.strip().splitlines()[-1])


def measure(name, data):
    """Lines, seconds of each repeat and answers, by package; the packages take turns."""
    found = {package: [] for package in PACKAGES}
    for _ in range(REPEATS):
        for package in PACKAGES:
            found[package].append(run(f"{name}_{package}", data))
    return found


def spread(found):
    seconds = sorted(second for second, _ in found)
    return f"{seconds[len(seconds) // 2]:.1f} ({seconds[0]:.1f} to {seconds[-1]:.1f})"


def main():
    with tempfile.TemporaryDirectory() as folder:
        # Besiroglu et al. 2024's points under the names of the README.
        frame = pandas.read_csv(ROOT / "data" / "chinchilla_epoch.csv", comment="#")
        frame = frame.rename(columns={"params_total": "N", "tokens": "D", "flops": "C"})
        data = Path(folder) / "df.csv"
        frame[["C", "N", "D", "loss"]].to_csv(data, index=False)
        fits = measure("fit", data)
    scratch = measure("scratch", None)
    version = importlib.metadata.version
    print("# The tasks of `chinchilla`'s README")
    print()
    print(f"Made by `bench/python/run` with chinchilla {version('chinchilla')} (PyPI) and isoflop.")
    print("Lines are those that a user writes (`tasks/`, between the marks, blank ones not counted);")
    print(f"seconds are of the whole process, the import included: the median of {REPEATS}, the packages in")
    print("turn, and the least and the most.")
    print()
    print("| task | package | lines | seconds | answer |")
    print("|---|---|---|---|---|")
    for package, found in fits.items():
        _, said = found[0]
        answer = f"N = {said['n'] / 1e9:.0f}B, D = {said['d'] / 1e12:.2f}T for 1e24 FLOPs"
        with_ = ", with intervals of the constants" if "intervals" in said else ""
        lines = user_lines(f"fit_{package}")
        print(f"| fit {len(frame)} runs, allocate 1e24 FLOPs | {package} | {lines} | {spread(found)} | {answer}{with_} |")
    for package, found in scratch.items():
        errors = [abs(math.log(said["n"] / best_size(6 * said["n"] * said["d"]))) for _, said in found]
        worst = math.expm1(max(errors))
        lines = user_lines(f"scratch_{package}")
        answer = f"N within {worst:.0%} of the law's best"
        print(f"| 100 seeds, one run of 10 times the compute | {package} | {lines} | {spread(found)} | {answer} |")
    print()
    print("The training run of the second task is a known law (the README's, with noise of 0.001 that is")
    print("never below it, which is what `chinchilla`'s default objective is made for); how far its best")
    print("size was missed is the largest of the repeats. `chinchilla` samples other seeds in each repeat.")


main()
