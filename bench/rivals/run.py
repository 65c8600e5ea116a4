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
        networks.append(build(entry["architecture"], weights, classes=request["classes"]).to(request["device"]))
    return [x.to(request["device"]) for x in inputs], networks


def multiply_in(precision):
    """How a GPU multiplies in convolutions and matrix products."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def now(request):
    """Seconds, once the device is done."""
    if request["device"] == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def collect(request):
    inputs, networks = read(request)
    exact = request["precision"] == "float32"
    seconds = []
    record(networks[0], *inputs)
    norms = []
    for network in networks:
        start = now(request)
        units = record(network, *inputs)
        seconds.append(now(request) - start)
        if not exact:
            # What is compared is what both can agree on.
            multiply_in("float32")
            units = record(network, *inputs)
            multiply_in(request["precision"])
        norms.append([[float(unit[name].double().norm()) for name in TENSORS] for unit in units])
    return {"seconds": seconds, "norms": norms}


def population(request):
    inputs, networks = read(request)
    units = [record(network, *inputs) for network in networks]
    trees = [parse(text) for text in request["programs"]]
    score(trees[0], units[0])
    start = now(request)
    scores = [[score(tree, network) for network in units] for tree in trees]
    seconds = now(request) - start
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
    if request.get("device") == "cuda":
        if not torch.cuda.is_available():
            advice = "install a PyTorch that has CUDA, and name its Python by EZNAS_PYTHON"
            json.dump({"missing": f"PyTorch {torch.__version__} of {sys.executable} sees no GPU; {advice}"}, answers)
            answers.close()
            return
        multiply_in(request["precision"])
    torch.set_num_threads(request["threads"])
    torch.manual_seed(request.get("seed", 0))
    answer = {"collect": collect, "population": population, "search": search}[request["task"]](request)
    answer["torch"] = torch.__version__
    answer["peakBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    json.dump(answer, answers)
    answers.close()


main()
