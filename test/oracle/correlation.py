"""Writes test/fixtures/correlation.json: SciPy's rank statistics of samples with many kinds of ties.

Usage: python3 test/oracle/correlation.py test/fixtures/correlation.json
"""

import json
import sys

import numpy as np
from scipy import stats


def samples(rng):
    yield "no ties", rng.normal(size=200), rng.normal(size=200)
    x = rng.normal(size=300)
    yield "correlated", x, x + rng.normal(size=300)
    yield "anticorrelated", x, -x + 0.5 * rng.normal(size=300)
    yield "ties in x", rng.integers(0, 5, 150), rng.normal(size=150)
    yield "ties in y", rng.normal(size=150), rng.integers(0, 3, 150)
    x = rng.integers(0, 4, 250)
    yield "joint ties", x, x + rng.integers(0, 3, 250)
    yield "binary", rng.integers(0, 2, 100), rng.integers(0, 2, 100)
    yield "two points", np.array([1.0, 2.0]), np.array([5.0, 3.0])
    yield "twenty networks", rng.normal(size=20), np.round(rng.normal(90, 2, size=20), 1)
    yield "large values", 1e200 * rng.normal(size=50), 1e-200 * rng.normal(size=50)
    yield "large offset", 1e8 + rng.normal(size=80), rng.normal(size=80)


def entry(name, x, y):
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    # Pearson's r is unchanged by scale; SciPy is given values whose squares neither overflow nor vanish.
    r = stats.pearsonr(x / np.abs(x).max(), y / np.abs(y).max())[0]
    return {
        "name": name,
        "x": x.tolist(),
        "y": y.tolist(),
        "ranks": stats.rankdata(x).tolist(),
        "kendallTauB": stats.kendalltau(x, y)[0],
        "spearmanRho": stats.spearmanr(x, y)[0],
        "pearsonR": r,
    }


def main(path):
    rng = np.random.default_rng(7)
    entries = [entry(*sample) for sample in samples(rng)]
    x = rng.normal(size=500)
    y = x + rng.normal(size=500)
    statistics = {
        "kendallTau": lambda a, b: stats.kendalltau(a, b)[0],
        "spearmanRho": lambda a, b: stats.spearmanr(a, b)[0],
        "pearsonR": lambda a, b: stats.pearsonr(a, b)[0],
    }
    intervals = {}
    for name, statistic in statistics.items():
        result = stats.bootstrap(
            (x, y), statistic, paired=True, vectorized=False, n_resamples=4000, method="percentile", random_state=1
        )
        low, high = result.confidence_interval
        intervals[name] = {"low": low, "high": high}
    document = {
        "scipy": __import__("scipy").__version__,
        "samples": entries,
        "bootstrap": {"x": x.tolist(), "y": y.tolist(), "intervals": intervals},
    }
    with open(path, "w") as file:
        json.dump(document, file)
        file.write("\n")


main(sys.argv[1])
