"""Times PyTorch on the work that a bench describes.

    run.py REQUEST.json

The request names the task, the networks (architecture strings), the inputs and parameters (a file of float32) and the programs.
The answer, JSON on standard output, holds seconds and the values that the bench compares before it believes any time.
"""

import json
import os
import resource
import sys
import time

import torch
from network import TENSORS, build, record
from programs import parse, score, size


def read(request):
    floats = torch.from_file(request["floats"], size=os.path.getsize(request["floats"]) // 4)
    cursor = 0

    def take(count):
        nonlocal cursor
        cursor += count
        return floats[cursor - count : cursor].clone()

    shape = request["inputShape"]
    count = 1
    for dim in shape:
        count *= dim
    inputs = [take(count).view(shape) for _ in range(3)]
    networks = []
    for entry in request["networks"]:
        weights = [take(n) for n in entry["parameterSizes"]]
        networks.append(build(entry["architecture"], weights, classes=request["classes"]))
    return inputs, networks


def collect(request):
    inputs, networks = read(request)
    seconds = []
    record(networks[0], *inputs)
    norms = []
    for network in networks:
        start = time.perf_counter()
        units = record(network, *inputs)
        seconds.append(time.perf_counter() - start)
        norms.append([[float(unit[name].double().norm()) for name in TENSORS] for unit in units])
    return {"seconds": seconds, "norms": norms}


def population(request):
    inputs, networks = read(request)
    units = [record(network, *inputs) for network in networks]
    trees = [parse(text) for text in request["programs"]]
    score(trees[0], units[0])
    start = time.perf_counter()
    scores = [[score(tree, network) for network in units] for tree in trees]
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "nodes": sum(size(tree) for tree in trees), "scores": scores}


def search(request):
    from search import evolve

    return evolve(request)


def main():
    # LAPACK prints its complaints on standard output, which belongs to the answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    torch.set_num_threads(request["threads"])
    torch.manual_seed(request.get("seed", 0))
    answer = {"collect": collect, "population": population, "search": search}[request["task"]](request)
    answer["torch"] = torch.__version__
    answer["peakBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    json.dump(answer, answers)
    answers.close()


main()
