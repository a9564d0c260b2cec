"""Speed of fits against scipy's Approach 3, interleaved in one run.

    cargo build --release -p isoflop-fit --example fit_speed
    python bench/fit/speed.py data/chinchilla_epoch.csv target/release/examples/fit_speed > bench/fit/speed.md

scipy: L-BFGS-B on the Huber sum (delta 1e-3 on ln L) from the 4,500 starts of Hoffmann et al.
2022, with exact gradients; its time is that of every STRIDE-th start times STRIDE (STRIDE is the
third argument, 10 if none is given).
"""

import os
import platform
import subprocess
import sys
import time

# Vectors of 240 numbers gain nothing from threads, which wait for each other on shared cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import scipy
from scipy.optimize import minimize

from hoffmann_own_fit import objective, runs, starts

ROUNDS = 3


def ours(binary, what):
    _, seconds, memory, value = subprocess.run(
        [binary, what], capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(memory), float(value)


def approach_3(data, chosen):
    """Seconds, the smallest objective, and how many starts reach it."""
    begin = time.perf_counter()
    values = [minimize(objective, start, args=(*data, False), jac=True, method="L-BFGS-B").fun
              for start in chosen]
    return time.perf_counter() - begin, min(values), sum(v < 0.0010185 for v in values) / len(values)


def main():
    data = runs(sys.argv[1])
    binary = sys.argv[2]
    stride = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    chosen = starts(4500 // stride)
    one, theirs, bootstraps = [], [], []
    for _ in range(ROUNDS):
        one.append(ours(binary, "one"))
        seconds, best, share = approach_3(data, chosen)
        theirs.append(seconds * stride)
        bootstraps.append(ours(binary, "bootstraps"))
    many = [(rows, *ours(binary, str(rows))) for rows in (1_000, 10_000, 100_000, 1_000_000)]
    fit, scipy_seconds = min(x[0] for x in one), min(theirs)
    print("# Speed\n")
    print(f"{platform.machine()}, {os.cpu_count()} cores, shared with a load of "
          f"{os.getloadavg()[0]:.1f}; scipy {scipy.__version__}; best of {ROUNDS} interleaved "
          f"rounds; scipy from {len(chosen)} starts, its time multiplied by {stride}. "
          "Made by the two commands at the head of `bench/fit/speed.py`.\n")
    print("| what | seconds | ratio | smallest objective |")
    print("|---|---|---|---|")
    print(f"| scipy, 4,500 starts, exact gradients, 240 runs | {scipy_seconds:.2f} | 1 | {best:.9f} "
          f"(reached from {100 * share:.0f} % of starts) |")
    print(f"| one fit, 240 runs | {fit:.5f} | {scipy_seconds / fit:,.0f} | {one[0][2]:.9f} |")
    print(f"| one fit and 4,000 bootstraps, 240 runs | {min(x[0] for x in bootstraps):.3f} | "
          f"{4000 * scipy_seconds / min(x[0] for x in bootstraps):,.0f} | {bootstraps[0][2]:.9f} |")
    print("\n| checkpoints | seconds, with 400 bootstraps | µs a checkpoint | peak memory, MiB |")
    print("|---|---|---|---|")
    for rows, seconds, memory, _ in many:
        print(f"| {rows:,} | {seconds:.3f} | {1e6 * seconds / rows:.1f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
