"""Output extents of PyTorch convolutions and pools on random settings, for test/graph/shapes.test.ts.

    python3 test/oracle/window_shapes.py > test/fixtures/window-shapes.json
    npx biome format --write test/fixtures/window-shapes.json

Each case is [kind, extent, kernel, stride, padding, dilation, ceil, output]; output null means that PyTorch refuses.
"""

import json
import random

import torch
from torch import nn

random.seed(0)
cases = []
for _ in range(900):
    kind = random.choice(["conv2d", "maxPool", "avgPool"])
    extent, kernel, stride = random.randint(1, 12), random.randint(1, 5), random.randint(1, 4)
    padding = random.randint(0, 3)
    dilation = random.randint(1, 3) if kind == "conv2d" else 1
    ceil = kind != "conv2d" and random.random() < 0.7
    if kind == "conv2d":
        layer = nn.Conv2d(1, 1, (kernel, 1), (stride, 1), (padding, 0), (dilation, 1))
    elif kind == "maxPool":
        layer = nn.MaxPool2d((kernel, 1), (stride, 1), (padding, 0), ceil_mode=ceil)
    else:
        layer = nn.AvgPool2d((kernel, 1), (stride, 1), (padding, 0), ceil_mode=ceil)
    try:
        output = layer(torch.zeros(1, 1, extent, 1)).shape[2]
    except RuntimeError:
        output = None
    cases.append([kind, extent, kernel, stride, padding, dilation, ceil, output])
print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
