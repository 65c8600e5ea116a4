"""Makes test/fixtures/nasbench101-rows.json from the published cells: every 423rd row in ascending order of hashes.

    python3 test/oracle/nasbench101_rows.py nasbench101.csv.gz

The CSV has the columns hash, num_vertices, edge_bits, interior_ops, test_acc_mean3_108ep, trainable_params.
"""
import csv
import gzip
import json
import sys
from pathlib import Path

with gzip.open(sys.argv[1], "rt") as file:
    rows = sorted(csv.DictReader(file), key=lambda row: row["hash"])
kept = [
    [index, rows[index]["hash"], int(rows[index]["trainable_params"]), float(rows[index]["test_acc_mean3_108ep"])]
    for index in range(0, len(rows), 423)
]
lines = ",\n".join(json.dumps(row) for row in kept)
Path(__file__).parent.parent.joinpath("fixtures/nasbench101-rows.json").write_text(f"[\n{lines}\n]\n")
print(len(kept), max(float(row["test_acc_mean3_108ep"]) for row in rows))
