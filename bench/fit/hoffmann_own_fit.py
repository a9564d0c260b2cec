"""How Hoffmann et al. 2022 came to their own constants, as far as public data can show it.

Besiroglu et al. 2024 (section 5, and the authors' answer quoted there) explain that the loss was
averaged over the runs instead of summed, so that L-BFGS, whose stopping rule compares decreases
with max(1, |objective|), stopped early. This script minimises the mean and the sum of the same
Huber terms (delta 1e-3 on ln L) from the paper's grid of starts with scipy's L-BFGS-B and its
default stopping rule, and shows where each ends.

    python bench/fit/hoffmann_own_fit.py data/chinchilla_epoch.csv [STARTS] > bench/fit/hoffmann_own_fit.md
"""

import csv
import itertools
import random
import sys

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

DELTA = 1e-3
PUBLISHED = {"E": 1.6934, "A": 406.40, "B": 410.72, "alpha": 0.3392, "beta": 0.2849}


def runs(path):
    with open(path) as file:
        rows = [row for row in csv.DictReader(file) if row["epoch_excluded"] == "0"]
    columns = ("params_total", "tokens", "loss")
    return [np.log([float(row[name]) for row in rows]) for name in columns]


def objective(at, ln_n, ln_d, ln_loss, average):
    """Huber terms and their exact gradient by (a, b, e, alpha, beta)."""
    a, b, e, alpha, beta = at
    terms = np.stack([a - alpha * ln_n, b - beta * ln_d, np.full_like(ln_n, e)])
    total = logsumexp(terms, axis=0)
    shares = np.exp(terms - total)
    residual = ln_loss - total
    size = np.abs(residual)
    value = np.where(size <= DELTA, 0.5 * residual**2, DELTA * (size - 0.5 * DELTA)).sum()
    slope = -np.clip(residual, -DELTA, DELTA)
    gradient = np.array([
        (slope * shares[0]).sum(),
        (slope * shares[1]).sum(),
        (slope * shares[2]).sum(),
        (slope * shares[0] * -ln_n).sum(),
        (slope * shares[1] * -ln_d).sum(),
    ])
    scale = len(ln_n) if average else 1
    return value / scale, gradient / scale


def starts(count):
    """The paper's grid, or `count` of it drawn with a fixed seed."""
    grid = list(itertools.product(
        np.arange(0, 26, 5), np.arange(0, 26, 5), np.arange(-1, 1.5, 0.5),
        np.arange(0, 2.5, 0.5), np.arange(0, 2.5, 0.5),
    ))
    return random.Random(0).sample(grid, min(count, len(grid)))


def main():
    data = runs(sys.argv[1])
    count = " ".join(sys.argv[2:3])
    chosen = starts(int(sys.argv[2]) if len(sys.argv) > 2 else 4500)
    print("# Hoffmann's own fit\n")
    print(f"scipy L-BFGS-B with its default stopping rule and exact gradients, from {len(chosen)} "
          "starts of the paper's grid, on the 240 runs of `data/chinchilla_epoch.csv`. Made by "
          f"`python bench/fit/hoffmann_own_fit.py data/chinchilla_epoch.csv {count}`.\n")
    print("| objective | which start | E | A | B | alpha | beta | sum of Huber terms |")
    print("|---|---|---|---|---|---|---|---|")
    published = list(PUBLISHED.values())
    at = (np.log(published[1]), np.log(published[2]), np.log(published[0]), *published[3:])
    value = objective(at, *data, average=False)[0]
    print("| (published) | – | " + " | ".join(f"{x:.5g}" for x in published) + f" | {value:.6f} |")
    for average in (True, False):
        ends = []
        for start in chosen:
            found = minimize(objective, start, args=(*data, average), jac=True, method="L-BFGS-B")
            value = objective(found.x, *data, average=False)[0]
            a, b, e, alpha, beta = found.x
            ends.append((value, np.exp(e), np.exp(a), np.exp(b), alpha, beta, found.nit))
        ends.sort()
        name = "mean" if average else "sum"

        def line(which, end):
            print(f"| {name} | {which} | " + " | ".join(f"{x:.5g}" for x in end[1:6]) + f" | {end[0]:.6f} |")

        line("best", ends[0])
        near = min(ends, key=lambda end: max(
            abs(np.log(max(x, 1e-300) / p)) for x, p in zip(end[1:6], published)))
        line("nearest to the published constants", near)
        reached = sum(end[0] < 0.0010185 for end in ends)
        steps = sorted(end[6] for end in ends)[len(ends) // 2]
        print(f"\n{name}: {reached} of {len(ends)} starts end at the optimum (0.001018); "
              f"the median start stops after {steps} steps.\n" if not average else
              f"| {name} | (starts at the optimum) | {reached} of {len(ends)} | | | | | median steps {steps} |")


if __name__ == "__main__":
    main()
