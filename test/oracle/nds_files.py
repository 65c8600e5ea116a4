"""Small files in the format of NDS's `nds_data.zip`, for test/benchmarks/nds.test.ts.

    python3 test/oracle/nds_files.py test/fixtures/nds

Written by `json.dump`, as the published ones, so with NaN where a loss is none. Numbers of parameters are those of the networks of cell_networks.py; what
training would give is drawn.
"""

import json
import pathlib
import random
import sys

from cell_networks import DESIGNS, Network, draw_cell

EPOCHS = 3


def entry(rng, design, job, imagenet):
    nodes, operations, loose = DESIGNS[design]
    cells = {}
    genotype = {}
    for name in ("normal", "reduce"):
        chosen = [rng.choice(operations.split()) for _ in range(2 * nodes)]
        edges, concat = draw_cell(rng, nodes, chosen, loose)
        cells[name] = (edges, concat)
        genotype[name] = [list(edge) for edge in edges]
        genotype[f"{name}_concat"] = concat
    width, depth = (32, 6) if imagenet else (rng.choice([16, 24]), 4)
    network = Network(cells, width, depth, 1000 if imagenet else 10, imagenet)
    errors = [round(rng.uniform(5, 90), 2) for _ in range(EPOCHS)]
    losses = [float("nan"), float("inf"), rng.random()] if job == 1 else [rng.random() for _ in range(EPOCHS)]
    return {
        "act_mem": 1000,
        "exp_mem": 0.5,
        "flops": 1e8,
        "iter_time": 0.1,
        "job_id": job,
        "min_test_top1": min(errors),
        "net": {"aux": False, "depth": depth, "drop_prob": 0.0, "genotype": genotype, "width": width},
        "optim": {"base_lr": 0.1, "max_ep": EPOCHS, "wd": 0.0005},
        "params": sum(p.numel() for p in network.parameters()),
        "prec_time": {"test_fw": 0.01, "train_fw_bw": 0.03},
        "rng_seed": 1,
        "test_ep_top1": errors,
        "train_ep_loss": losses,
        "train_ep_top1": [round(rng.uniform(5, 90), 2) for _ in range(EPOCHS)],
        "train_it_loss": losses + losses,
        "train_it_top1": errors + errors,
    }


folder = pathlib.Path(sys.argv[1])
rng = random.Random(1)
small = [entry(rng, "darts", job, False) for job in range(3)]
(folder / "DARTS.json").write_text(json.dumps(small))
lists = {name: [entry(rng, "nasnet", job, True) for job in range(2)] for name in ("mid", "top")}
(folder / "NASNet_in.json").write_text(json.dumps(lists))
