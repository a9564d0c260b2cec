import json
import sys

from truth import train_and_evaluate

# The README's second example without a search for model configurations: 100 seeds, one scaled run.
folder = sys.argv[1]
# --- user code
import numpy as np
from chinchilla import Chinchilla

cc = Chinchilla(
    folder,
    param_grid=dict(
        E=np.linspace(1.1, 1.5, 5),
        A=np.linspace(200, 1000, 5),
        B=np.linspace(200, 1000, 5),
        alpha=np.linspace(0.1, 0.5, 5),
        beta=np.linspace(0.1, 0.5, 5),
    ),
    seed_ranges=dict(C=(1e15, 1e16), N_to_D=(10, 100)),
    scaling_factor=10.0,
)
for i in range(100 + 1):
    (N, D), _ = cc.step(num_seeding_steps=100)
    loss = train_and_evaluate(N, D)
    cc.append(N=N, D=D, loss=loss)
# --- end
print(json.dumps({"n": float(N), "d": float(D)}))
