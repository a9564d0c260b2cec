"""A training run that is none: a loss by a known law, with noise that is never below it."""

import random

LAW = {"E": 1.69337368, "A": 406.401018, "B": 410.722827, "alpha": 0.33917084, "beta": 0.2849083}
# As in the README's simulation, which adds 0.1 on average; here a hundredth of that, as of seeds.
NOISE = random.Random(7)


def train_and_evaluate(n: float, d: float) -> float:
    loss = LAW["E"] + LAW["A"] / n ** LAW["alpha"] + LAW["B"] / d ** LAW["beta"]
    return loss + NOISE.expovariate(1000)


def best_size(flops: float) -> float:
    """N that the law makes best for this compute (Hoffmann et al. 2022, equation 4)."""
    a, b = LAW["alpha"], LAW["beta"]
    ratio = (a * LAW["A"] / (b * LAW["B"])) ** (1 / (a + b))
    return ratio * (flops / 6) ** (b / (a + b))
