"""Scores golden networks with an exported module, for test/explain/pytorch-module.test.ts.

    python3 test/oracle/exported_score.py FOLDER NAME,NAME MODULE.py...

Prints JSON: for each module the scores in the order of the names, and `same`: whether a network with in-place ReLUs scores as one without, and is left as it was.
"""

import importlib.util
import json
import pathlib
import sys

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench/rivals"))
from network import Network  # noqa: E402


def load(path):
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def golden(folder, name):
    about = json.loads((folder / f"{name}.json").read_text())
    floats = np.fromfile(folder / f"{name}.bin", dtype="<f4")
    entries = {entry["name"]: entry for entry in about["tensors"]}

    def values(key):
        shape, offset = entries[key]["shape"], entries[key]["offset"]
        return torch.from_numpy(floats[offset : offset + int(np.prod(shape))].reshape(shape).copy())

    operations = [edge.split("~")[0] for edge in about["architecture"].replace("+", "").split("|") if edge]
    network = Network(operations, about["channels"], about["cellsPerStage"], about["classes"])
    weights = [p for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) for p in m.parameters()]
    given = [values(key) for key in entries if key.startswith("parameter.")]
    by_shape = [list(g.shape) for g in given]
    assert by_shape == [list(w.shape) for w in weights], "parameters in another order"
    with torch.no_grad():
        for weight, value in zip(weights, given):
            weight.copy_(value)
    return network, [values(f"input.{kind}") for kind in ("data", "noise", "perturbed")]


def chain(inplace):
    torch.manual_seed(3)
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)]
    for _ in range(2):
        layers += [nn.ReLU(inplace), nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)]
    return nn.Sequential(*layers, nn.ReLU(inplace), nn.Flatten(), nn.Linear(4 * 64, 5))


def same(module):
    torch.manual_seed(5)
    inputs = [torch.randn(2, 3, 8, 8) for _ in range(3)]
    plain, inplace = chain(False), chain(True)
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    scores = [module.score(network, *inputs) for network in (plain, inplace, plain)]
    kept = all(torch.equal(before[key], value) for key, value in plain.state_dict().items())
    return scores[0] == scores[1] == scores[2] and kept and all(p.grad is None for p in plain.parameters())


def main():
    torch.set_num_threads(1)
    folder, names = pathlib.Path(sys.argv[1]), sys.argv[2].split(",")
    networks = [golden(folder, name) for name in names]
    results = []
    for path in sys.argv[3:]:
        module = load(path)
        result = {"scores": [module.score(network, *inputs) for network, inputs in networks], "same": same(module)}
        try:
            module.score(nn.Linear(2, 2), torch.ones(1, 2))
        except ValueError as error:
            result["without"] = str(error)
        results.append(result)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
