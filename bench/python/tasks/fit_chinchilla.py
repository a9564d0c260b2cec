import json
import sys

# The README's first example, on `df.csv` in the folder that is given.
folder = sys.argv[1]
# --- user code
import numpy as np
from chinchilla import Chinchilla

cc = Chinchilla(
    folder,
    param_grid=dict(
        E=np.linspace(1, 2, 5),
        a=np.linspace(1, 10, 5),
        b=np.linspace(1, 10, 5),
        alpha=np.linspace(0.1, 0.7, 5),
        beta=np.linspace(0.1, 0.7, 5),
    ),
)
cc.fit()
params = cc.params
n, d = cc.allocate_compute(C=1e24)
# --- end
print(json.dumps({"params": {k: float(v) for k, v in params.items()}, "n": float(n), "d": float(d)}))
