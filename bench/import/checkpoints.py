"""A million checkpoint rows from Parquet into a store: time and memory, beside pandas into SQLite.

Called by `bench/import/run`; prints the table. Needs pyarrow and pandas.
"""

import math
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas
import pyarrow
import pyarrow.parquet

RUNS, STEPS, REPEATS = 1000, 1000, 3

PEER = """
import sqlite3, sys
import pandas
rows = pandas.read_parquet(sys.argv[1])
last = rows.sort_values("tokens").groupby("run").tail(1)
with sqlite3.connect(sys.argv[2]) as store:
    store.execute("pragma journal_mode=wal")
    store.execute("pragma synchronous=full")
    rows.to_sql("checkpoints", store, index=False)
    last.to_sql("runs", store, index=False)
"""


def write(path):
    """Learning curves of a thousand runs, by Hoffmann's law in the tokens seen."""
    run, params, steps, tokens, loss = [], [], [], [], []
    for r in range(RUNS):
        n = 1e7 * 10 ** (2 * r / RUNS)
        for step in range(1, STEPS + 1):
            d = 20 * n * step / STEPS
            run.append(f"run-{r:04}")
            params.append(round(n))
            steps.append(step)
            tokens.append(round(d))
            loss.append(1.8172 + 482.01 / n**0.3478 + 2085.43 / d**0.3658)
    table = {"run": run, "params": params, "step": steps, "tokens": tokens, "loss": loss}
    pyarrow.parquet.write_table(pyarrow.table(table), path, compression="zstd")


def measure(command):
    """Seconds and the largest resident memory in MiB of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed: {message.decode()}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main():
    isoflop = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source = folder / "checkpoints.parquet"
        write(source)
        figures = {"isoflop": [], "pandas": []}
        for i in range(REPEATS):
            ours, theirs = folder / f"ours-{i}.db", folder / f"theirs-{i}.db"
            command = [isoflop, "import", str(source), "--checkpoints", "--into", str(ours)]
            figures["isoflop"].append(measure(command))
            figures["pandas"].append(measure([sys.executable, "-c", PEER, source, theirs]))
            check(ours, theirs)
        megabytes = source.stat().st_size / 1e6
        stores = [store.stat().st_size / 1e6 for store in (ours, theirs)]
    report(figures, megabytes, stores)


def check(ours, theirs):
    """Both stores hold every row, and the same losses."""
    with sqlite3.connect(ours) as store:
        names = {name for (name,) in store.execute("select name from sqlite_master")}
        table = next(name for name in ("checkpoints", "checkpoint") if name in names)
        rows, mean = store.execute(f"select count(*), avg(loss) from {table}").fetchone()
    with sqlite3.connect(theirs) as store:
        expected = store.execute("select count(*), avg(loss) from checkpoints").fetchone()
    assert rows == expected[0] == RUNS * STEPS, f"{rows} rows of {RUNS * STEPS}"
    assert math.isclose(mean, expected[1], rel_tol=1e-12), f"mean loss {mean}, not {expected[1]}"


def report(figures, megabytes, stores):
    """The table."""
    print("# A million checkpoints from Parquet")
    print()
    print("Made by `bench/import/run`. A file of 1,000 runs with 1,000 checkpoints each (zstd,")
    print(f"{megabytes:.1f} MB), into a store in SQLite with write-ahead log and full")
    print("synchronisation: rows, final losses and, in ours, where each value came from. The peer is")
    print(f"pandas {pandas.__version__} with pyarrow {pyarrow.__version__} and `to_sql`, which checks")
    print(f"and guesses nothing. {REPEATS} runs each, interleaved; the median, and the least and the most.")
    print("Both stores are read back: the same number of rows and the same mean loss.")
    print()
    print("| | seconds | memory (MiB) | store (MB) |")
    print("|---|---|---|---|")
    medians = {}
    for (name, values), store in zip(figures.items(), stores):
        seconds = sorted(value[0] for value in values)
        memory = max(value[1] for value in values)
        medians[name] = seconds[REPEATS // 2]
        spread = f"{seconds[REPEATS // 2]:.1f} ({seconds[0]:.1f} to {seconds[-1]:.1f})"
        print(f"| {name} | {spread} | {memory:.0f} | {store:.0f} |")
    print()
    print(f"isoflop takes {medians['isoflop'] / medians['pandas']:.2f} times as long as pandas.")


main()
