"""SciPy's weightedtau, for test/correlation/agreement.test.ts.

    python3 test/oracle/weighted_tau.py > test/fixtures/weighted-tau.json
"""

import json

import numpy as np
from scipy.stats import weightedtau

rng = np.random.default_rng(0)
cases = []
for n in (2, 3, 5, 10, 50):
    for ties in (False, True):
        x = np.round(rng.normal(size=n), 0 if ties else 3)
        y = np.round(x + rng.normal(size=n), 0 if ties else 3)
        tau = weightedtau(x, y)[0]
        if np.isfinite(tau):
            cases.append({"x": x.tolist(), "y": y.tolist(), "tau": float(tau)})
print(json.dumps(cases))
