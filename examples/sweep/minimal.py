#!/usr/bin/env python3
"""The whole contract of a sweep's trainer, without any framework.

    python3 minimal.py SPEC RESULT [CURVE]

Reads a JSON specification, pretends to train by following a known law with a little noise, and
writes a JSON result. Replace `train` by your own.
"""

import json
import random
import sys


def train(spec, report):
    """Hoffmann's law with noise of 0.1 %; a stand-in for a real training loop."""
    noise = random.Random(f"{spec['key']}")
    steps = 10
    for step in range(1, steps + 1):
        tokens = spec["tokens"] * step / steps
        loss = 1.69 + 406.4 / spec["params"] ** 0.34 + 410.7 / tokens**0.28
        report(step, tokens, loss)
    return loss * (1 + noise.gauss(0, 0.001))


def main():
    spec_path, result_path = sys.argv[1], sys.argv[2]
    with open(spec_path) as file:
        spec = json.load(file)
    curve = open(sys.argv[3], "w", buffering=1) if len(sys.argv) > 3 else None

    def report(step, tokens, loss):
        print(f"step {step}: loss {loss:.4f}")
        if curve:
            curve.write(json.dumps({"step": step, "tokens": tokens, "loss": loss}) + "\n")

    loss = train(spec, report)
    with open(result_path, "w") as file:
        json.dump({"loss": loss, "tokens": spec["tokens"]}, file)


if __name__ == "__main__":
    main()
