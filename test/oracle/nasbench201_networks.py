"""Parameters and unit shapes of NAS-Bench-201 networks, for test/spaces/nasbench201-network.test.ts.

    python3 test/oracle/nasbench201_networks.py GOLDEN/small GOLDEN/full > test/fixtures/nasbench201-networks.json
    npx biome format --write test/fixtures/nasbench201-networks.json

Reads the descriptions <index>.json of the golden fixtures, which PyTorch hooks recorded, and keeps names and shapes.
"""

import json
import pathlib
import sys

networks = []
for folder in sys.argv[1:]:
    for path in sorted(pathlib.Path(folder).glob("[0-9]*.json"), key=lambda path: int(path.stem)):
        fixture = json.loads(path.read_text())
        shapes = {tensor["name"]: tensor["shape"] for tensor in fixture["tensors"]}
        network = {key: fixture[key] for key in ("index", "architecture", "channels", "cellsPerStage", "classes", "resolution")}
        prefix = "parameter."
        network["parameters"] = [[name[len(prefix):], shape] for name, shape in shapes.items() if name.startswith(prefix)]
        network["units"] = []
        while f"unit{len(network['units'])}.T1D" in shapes:
            unit = f"unit{len(network['units'])}"
            network["units"].append([shapes[f"{unit}.T1D"][1:], shapes[f"{unit}.T3"], shapes[f"{unit}.T4D"][1:]])
        networks.append(network)
print("[\n" + ",\n".join(json.dumps(network) for network in networks) + "\n]")
