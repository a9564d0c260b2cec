import json
import sys

from truth import train_and_evaluate

folder = sys.argv[1]
# --- user code
import isoflop
import numpy as np

rng = np.random.default_rng(0)
runs = []
for i in range(100 + 1):
    if i < 100:
        C, ratio = 10 ** rng.uniform(15, 16), 10 ** rng.uniform(1, 2)
        N = (C / 6 / ratio) ** 0.5
        D = N * ratio
    else:
        fit = isoflop.fit(runs, law="chinchilla", bootstraps=0)
        best = fit.plan(10 * max(6 * run["N"] * run["D"] for run in runs))["plans"][0]
        N, D = best["params"], best["tokens"]
    runs.append({"N": N, "D": D, "loss": train_and_evaluate(N, D)})
# --- end
print(json.dumps({"n": N, "d": D}))
