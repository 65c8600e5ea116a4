"""Kernel ridge regression as lib/forests/prediction.ts describes it, for test/forests/prediction.test.ts.

    python3 test/oracle/predicted_accuracies.py > test/fixtures/predicted-accuracies.json

The leave-one-out error is computed by leaving each network out and solving again.
"""

import json

import numpy
from scipy.stats import rankdata


def standardized(values):
    deviation = values.std()
    return (values - values.mean()) / (deviation if deviation > 0 else 1)


def views(feature):
    rank = rankdata(feature)
    return [standardized(view) for view in (rank, numpy.log(rank), numpy.log(rank / (len(rank) + 1 - rank)))]


def predict(features, accuracies):
    known = len(accuracies)
    points = numpy.array([view for feature in features for view in views(feature)]).T
    distances = ((points[:, None, :] - points[None, :, :]) ** 2).sum(2)
    below = numpy.sort(distances[numpy.tril_indices(len(points), -1)])
    kernel = numpy.exp(-distances / (10 * below[len(below) // 2]))
    target = standardized(rankdata(accuracies))
    errors = {}
    for ridge in 10 ** numpy.linspace(-4, 0, 17):
        error = 0
        for left in range(known):
            others = [i for i in range(known) if i != left]
            weights = numpy.linalg.solve(kernel[numpy.ix_(others, others)] + ridge * numpy.eye(known - 1), target[others])
            error += (target[left] - kernel[left, others] @ weights) ** 2
        errors[ridge] = error
    best = min(errors, key=errors.get)
    weights = numpy.linalg.solve(kernel[:known, :known] + best * numpy.eye(known), target)
    return kernel[:, :known] @ weights, best


def main():
    random = numpy.random.default_rng(5)
    cases = []
    for noise in (0.1, 1, 10):
        hidden = random.normal(size=14)
        features = [(hidden * random.normal() + random.normal(size=14)).round(1).tolist() for _ in range(6)]
        accuracies = (hidden + noise * random.normal(size=14))[:9].round(2).tolist()
        predicted, _ = predict(numpy.array(features), numpy.array(accuracies))
        cases.append({"features": features, "accuracies": accuracies, "predicted": predicted.tolist()})
    print(json.dumps(cases))


if __name__ == "__main__":
    main()
