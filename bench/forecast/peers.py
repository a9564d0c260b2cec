"""What people run today, each as a function from the fitted rows to a forecast of ln loss.

Rows are dictionaries of arrays in natural logarithms: n (parameters), d (tokens), c (compute or
whatever else a curve runs over), y (loss).
"""

import numpy as np
from scipy.optimize import least_squares, minimize, nnls


def _ln_sum(terms):
    terms = np.stack(terms)
    largest = terms.max(0)
    shares = np.exp(terms - largest)
    total = shares.sum(0)
    return largest + np.log(total), shares / total


def approach_3(rows, full_grid=False, delta=1e-3):
    """Hoffmann et al. 2022: Huber on ln L, L-BFGS-B from a grid of starts, exact gradient."""
    n, d, y = rows["n"], rows["d"], rows["y"]

    def objective(p):
        a, b, e, alpha, beta = p
        said, share = _ln_sum([a - alpha * n, b - beta * d, e + 0 * n])
        r = said - y
        size = np.abs(r)
        value = np.where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta)).sum()
        g = np.clip(r, -delta, delta)
        by = [(g * share[0]).sum(), (g * share[1]).sum(), (g * share[2]).sum()]
        return value, np.array(by + [-(g * share[0] * n).sum(), -(g * share[1] * d).sum()])

    exponents = np.arange(0, 2.1, 0.5) if full_grid else (0.0, 0.5, 1.0)
    levels = np.arange(0, 26, 5.0) if full_grid else (0.0, 10.0, 20.0)
    floors = np.arange(-1, 1.1, 0.5) if full_grid else (-1.0, 0.0, 1.0)
    best = None
    for alpha in exponents:
        for beta in exponents:
            for e in floors:
                for a in levels:
                    for b in levels:
                        found = minimize(objective, [a, b, e, alpha, beta], jac=True, method="L-BFGS-B")
                        if best is None or found.fun < best.fun:
                            best = found
    a, b, e, alpha, beta = best.x
    return lambda q: _ln_sum([a - alpha * q["n"], b - beta * q["d"], e + 0 * q["n"]])[0]


def vpnls(rows):
    """Variable projection: E, A, B >= 0 by least squares on L inside, the exponents outside."""
    n, d, loss = rows["n"], rows["d"], np.exp(rows["y"])
    n0, d0 = n.mean(), d.mean()

    def inside(alpha, beta):
        factors = [np.ones_like(n), np.exp(-alpha * (n - n0)), np.exp(-beta * (d - d0))]
        return nnls(np.stack(factors, 1), loss)

    grid = np.linspace(0.05, 0.95, 19)
    _, alpha, beta = min((inside(a, b)[1], a, b) for a in grid for b in grid)
    found = minimize(
        lambda p: inside(*np.clip(p, 1e-3, 3))[1],
        [alpha, beta],
        method="Nelder-Mead",
        options=dict(xatol=1e-7, fatol=1e-12, maxiter=2000),
    )
    alpha, beta = np.clip(found.x, 1e-3, 3)
    e, a, b = inside(alpha, beta)[0]
    return lambda q: np.log(
        e + a * np.exp(-alpha * (q["n"] - n0)) + b * np.exp(-beta * (q["d"] - d0))
    )


def power_c(rows):
    """L(C) = a C^b + c (GPT-4 technical report 2023), Huber on ln L."""
    c, y = rows["c"], rows["y"]
    c0 = c.mean()

    def said(p, c):
        return _ln_sum([p[0] - p[1] * (c - c0), p[2] + 0 * c])[0]

    best = None
    for b in (0.02, 0.05, 0.1, 0.2, 0.4, 0.8):
        for e in (-5.0, y.min() - 1, y.min() - 0.3, y.min() - 0.05):
            a = np.log(max(np.exp(y.mean()) - np.exp(e), 1e-3))
            found = least_squares(
                lambda p: said(p, c) - y, [a, b, e], loss="huber", f_scale=1e-3, max_nfev=2000
            )
            if best is None or found.cost < best.cost:
                best = found
    return lambda q: said(best.x, q["c"])


def bnsl(rows):
    """Broken neural scaling law with one break (Caballero et al. 2022), squares of ln L."""
    c, y = rows["c"], rows["y"]
    c0 = c.mean()
    rng = np.random.default_rng(0)

    def said(p, c):
        x = c - c0
        width = np.exp(p[5])
        power = p[1] - p[2] * x - p[3] * width * np.logaddexp(0, (x - p[4]) / width)
        return np.logaddexp(p[0], power)

    best = None
    for _ in range(60):
        start = [
            y.min() - rng.exponential(0.5),
            rng.normal(0, 1) + y.mean() - 0.5,
            rng.uniform(0.01, 0.5),
            rng.normal(0, 0.2),
            rng.uniform(c.min(), c.max() + 2) - c0,
            rng.normal(-1, 1),
        ]
        try:
            found = least_squares(lambda p: said(p, c) - y, start, max_nfev=500)
        except ValueError:
            continue
        if best is None or found.cost < best.cost:
            best = found
    return lambda q: said(best.x, q["c"])
