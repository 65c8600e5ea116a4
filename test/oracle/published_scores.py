"""A sample of the published scores of NAS-Bench-201 networks on CIFAR-10, for test/proxies/published.test.ts.

    python3 test/oracle/published_scores.py nasbench201-published-scores-cifar10.csv.gz > test/fixtures/published-scores.json

The table has a line `index,params_M,naswot,synflow,logsynflow` for each of the 15,625 networks: scores that FreeREA (MIT) published. Every 400th
network is taken.
"""

import csv
import gzip
import json
import sys

with gzip.open(sys.argv[1], "rt") as file:
    rows = list(csv.DictReader(file))
sample = [row for row in rows if int(row["index"]) % 400 == 77]
columns = {name: [float(row[name]) for row in sample] for name in ("params_M", "naswot", "synflow", "logsynflow")}
print(json.dumps({"networks": [int(row["index"]) for row in sample], **columns}))
