"""Scores the golden networks of a folder with exported native proxies, for test/explain/measure-module.test.ts.

    python3 test/oracle/exported_measures.py FOLDER FIXTURE NAME,NAME PROXY=MODULE.py...

FIXTURE is measures.json, whose images, noise and labels the networks see, in float64. Prints JSON: for each proxy its scores in the order of the names, and
`kept`: whether the networks are as they were.
"""

import base64
import copy
import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch import nn

from exported_score import golden, load
from measures import block_ends, deviation, layers, philox_signs


def unpacked(text, shape):
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), dtype="<f4").reshape(shape).copy())


def normal_weights(network):
    """Initial weights as if they had been drawn with deviation 1."""
    network = copy.deepcopy(network)
    with torch.no_grad():
        for layer in layers(network):
            for p in layer.parameters():
                scale = float(np.float32(deviation(p, isinstance(layer, nn.Linear))))
                p.copy_(p / scale if scale > 0 else torch.zeros_like(p))
    return network


def score(module, proxy, network, key, inputs):
    data, noise, change, labels = inputs
    if proxy in ("params", "l2_norm"):
        return module.score(network)
    if proxy == "zen":
        return module.score(normal_weights(network), noise, change, draw=False)
    if proxy == "meco":
        return module.score(network, noise)
    if proxy.startswith("az-"):
        blocks = [network.stem, *network.blocks]
        if proxy != "az-trainability":
            return module.score(network, noise, blocks)
        shapes = [x.shape for x in block_ends(copy.deepcopy(network), noise)]
        return module.score(network, noise, blocks, [philox_signs(s, 0, key, 0x80000003 + at) for at, s in enumerate(shapes[1:])])
    labelled = "labels" in module.score.__code__.co_varnames
    return module.score(network, data, labels) if labelled else module.score(network, data)


def main():
    torch.set_num_threads(1)
    folder, fixture, names = pathlib.Path(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text()), sys.argv[3].split(",")
    shape = (fixture["batch"], 3, fixture["resolution"], fixture["resolution"])
    data, noise, perturbed = (unpacked(fixture[kind], shape) for kind in ("data", "noise", "perturbed"))
    change = ((perturbed - data) / 0.1).double()
    inputs = data.double(), noise.double(), change, torch.tensor(fixture["labels"])
    networks = {name: golden(folder, name)[0].double() for name in names}
    before = {name: copy.deepcopy(network.state_dict()) for name, network in networks.items()}
    results = {}
    for argument in sys.argv[4:]:
        proxy, path = argument.split("=")
        module = load(path)
        scores = [score(module, proxy, network, int(name), inputs) for name, network in networks.items()]
        results[proxy] = [value if math.isfinite(value) else None for value in scores]
    kept = all(torch.equal(value, before[name][key]) for name, n in networks.items() for key, value in n.state_dict().items())
    print(json.dumps({"scores": results, "kept": kept}))


main()
