import json
import sys

folder = sys.argv[1]
# --- user code
import isoflop

fit = isoflop.fit(f"{folder}/df.csv", law="chinchilla")
params = fit.params
best = fit.plan(1e24)["plans"][0]
n, d = best["params"], best["tokens"]
# --- end
print(json.dumps({"params": params, "n": n, "d": d, "intervals": fit.intervals}))
