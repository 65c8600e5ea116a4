"""Some entries of NAS-Bench-Macro's file (xiusu/NAS-Bench-Macro, data/nas-bench-macro_cifar10.json, Apache-2.0), for test/benchmarks/nasbench-macro.test.ts.

    python3 test/oracle/nasbench_macro_rows.py nas-bench-macro_cifar10.json > test/fixtures/nas-bench-macro_part.json
"""

import json
import random
import sys

with open(sys.argv[1]) as file:
    everything = json.load(file)
named = ["00000000", "11111111", "22222222", "22212220", "20121200", "20211200", "01010101", "01100110"]
drawn = random.Random(0).sample(sorted(set(everything) - set(named)), 60 - len(named))
print(json.dumps({text: everything[text] for text in named + drawn}))
