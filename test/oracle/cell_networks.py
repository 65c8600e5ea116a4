"""Networks of the cell spaces (DARTS, NDS) in PyTorch, float64, for test/spaces/cell-networks.test.ts.

    python3 test/oracle/cell_networks.py > test/fixtures/cell-networks.json
    npx biome format --write test/fixtures/cell-networks.json

Written after the published definitions: DARTS (Liu et al., ICLR 2019) and the model `nas` of facebookresearch/unnas, which NDS trained. For each
network: shapes of its convolution and linear weights in definition order, number of parameters, logits in training mode, and of each unit (a ReLU, one of
the convolutions that follow it, a normalization) the shapes and the norms of its tensors, with the gradients of the sum of the logits.
Parameters and images follow from `numbers`, so that they need not be stored.
"""

import json
import random
import re

import torch
from torch import nn

BATCH = 3
ORDER = (
    "none skip_connect avg_pool_3x3 max_pool_3x3 max_pool_5x5 max_pool_7x7 conv_1x1 conv_3x3 conv_3x1_1x3 conv_7x1_1x7 "
    "sep_conv_3x3 sep_conv_5x5 sep_conv_7x7 dil_conv_3x3 dil_conv_5x5 dil_sep_conv_3x3"
).split()
DESIGNS = {
    "darts": (4, "none max_pool_3x3 avg_pool_3x3 skip_connect sep_conv_3x3 sep_conv_5x5 dil_conv_3x3 dil_conv_5x5", False),
    "enas": (5, "skip_connect sep_conv_3x3 sep_conv_5x5 avg_pool_3x3 max_pool_3x3", True),
    "amoeba": (5, "skip_connect sep_conv_3x3 sep_conv_5x5 sep_conv_7x7 avg_pool_3x3 max_pool_3x3 dil_sep_conv_3x3 conv_7x1_1x7", True),
    "pnas": (5, "sep_conv_3x3 sep_conv_5x5 sep_conv_7x7 conv_7x1_1x7 skip_connect avg_pool_3x3 max_pool_3x3 dil_conv_3x3", False),
    "nasnet": (
        5,
        "skip_connect conv_3x1_1x3 conv_7x1_1x7 dil_conv_3x3 avg_pool_3x3 max_pool_3x3 max_pool_5x5 max_pool_7x7 conv_1x1 conv_3x3 "
        "sep_conv_3x3 sep_conv_5x5 sep_conv_7x7",
        True,
    ),
}


def numbers(count, salt):
    """Numbers in [-0.5, 0.5), all exact in float32."""
    i = torch.arange(count, dtype=torch.int64)
    x = (i * 2654435761 + salt * 40503) % 2**32
    x = ((x ^ (x >> 15)) * 2246822519) % 2**32
    x = ((x ^ (x >> 13)) * 3266489917) % 2**32
    return (((x ^ (x >> 16)) >> 12) - 2**19).double() / 2**20


def conv(channels_in, channels_out, kernel, stride=1, padding=0, dilation=1, groups=1):
    return nn.Conv2d(channels_in, channels_out, kernel, stride, padding, dilation, groups, bias=False)


class ReluConvsNorm(nn.Sequential):
    """A ReLU, one or two convolutions in a row, batch normalization."""

    def __init__(self, *convs):
        super().__init__(nn.ReLU(), *convs, nn.BatchNorm2d(convs[-1].out_channels))


class Halve(nn.Module):
    """Two 1×1 convolutions of stride 2 side by side, the second one pixel further down and to the right."""

    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.relu = nn.ReLU()
        self.even = conv(channels_in, channels_out // 2, 1, 2)
        self.odd = conv(channels_in, channels_out // 2, 1, 2)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x):
        x = self.relu(x)
        moved = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.even(x), self.odd(moved)], 1))


class Nothing(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return 0 * x[:, :, :: self.stride, :: self.stride]


def depthwise(channels, kernel, stride, dilation):
    padding = dilation * (kernel - 1) // 2
    return ReluConvsNorm(conv(channels, channels, kernel, stride, padding, dilation, channels), conv(channels, channels, 1))


def operation(name, channels, stride):
    kind, *sizes = re.match(r"([a-z_]+?)_?(?:(\d)x(\d)(?:_\dx\d)?)?$", name).groups()
    kernel = max(int(size) for size in sizes) if sizes[0] else 0
    if kind == "none":
        return Nothing(stride)
    if kind == "skip_connect":
        return nn.Identity() if stride == 1 else Halve(channels, channels)
    if kind == "avg_pool":
        return nn.AvgPool2d(kernel, stride, kernel // 2, count_include_pad=False)
    if kind == "max_pool":
        return nn.MaxPool2d(kernel, stride, kernel // 2)
    if kind == "conv" and name.count("x") == 2:
        row = conv(channels, channels, (1, kernel), (1, stride), (0, kernel // 2))
        return ReluConvsNorm(row, conv(channels, channels, (kernel, 1), (stride, 1), (kernel // 2, 0)))
    if kind == "conv":
        return ReluConvsNorm(conv(channels, channels, kernel, stride, kernel // 2))
    if kind == "dil_conv":
        return depthwise(channels, kernel, stride, 2)
    dilation = {"sep_conv": 1, "dil_sep_conv": 2}[kind]
    return nn.Sequential(depthwise(channels, kernel, stride, dilation), depthwise(channels, kernel, 1, dilation))


class Cell(nn.Module):
    def __init__(self, edges, concat, before, last, channels, reduces, reduced_before):
        super().__init__()
        self.first = Halve(before, channels) if reduced_before else ReluConvsNorm(conv(before, channels, 1))
        self.second = ReluConvsNorm(conv(last, channels, 1))
        self.operations = nn.ModuleList(
            operation(name, channels, 2 if reduces and state < 2 else 1) for name, state in edges
        )
        self.states = [state for _, state in edges]
        self.concat = concat

    def forward(self, before, last):
        found = [self.first(before), self.second(last)]
        for node in range(len(self.states) // 2):
            pair = (2 * node, 2 * node + 1)
            found.append(sum(self.operations[edge](found[self.states[edge]]) for edge in pair))
        return torch.cat([found[state] for state in self.concat], 1)


class Network(nn.Module):
    def __init__(self, genotype, width, depth, classes, imagenet):
        super().__init__()
        self.imagenet = imagenet
        if imagenet:
            self.stem0 = nn.Sequential(
                conv(3, width // 2, 3, 2, 1), nn.BatchNorm2d(width // 2), nn.ReLU(), conv(width // 2, width, 3, 2, 1), nn.BatchNorm2d(width)
            )
            self.stem1 = nn.Sequential(nn.ReLU(), conv(width, width, 3, 2, 1), nn.BatchNorm2d(width))
            before = last = width
        else:
            self.stem = nn.Sequential(conv(3, 3 * width, 3, 1, 1), nn.BatchNorm2d(3 * width))
            before = last = 3 * width
        self.cells = nn.ModuleList()
        channels, reduced = width, imagenet
        for place in range(depth):
            reduces = place in (depth // 3, 2 * depth // 3)
            channels *= 2 if reduces else 1
            edges, concat = genotype["reduce" if reduces else "normal"]
            self.cells.append(Cell(edges, concat, before, last, channels, reduces, reduced))
            before, last, reduced = last, len(concat) * channels, reduces
        self.classifier = nn.Linear(last, classes)

    def forward(self, x):
        if self.imagenet:
            before = self.stem0(x)
            last = self.stem1(before)
        else:
            before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        return self.classifier(last.mean((2, 3)))


def units(network):
    """(ReLU, its convolutions, normalization) in definition order."""
    found, relu, convs = [], None, []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            relu, convs = module, []
        elif isinstance(module, nn.Conv2d):
            convs.append(module)
        elif isinstance(module, nn.BatchNorm2d):
            if relu is not None:
                found.append((relu, convs, module))
            relu = None
    return found


def draw_cell(rng, nodes, operations, loose):
    """A cell with these operations on random states; the edges of a node in the order in which the package prints them."""
    edges = []
    for node in range(nodes):
        pair = [(operations[2 * node + side], rng.randrange(node + 2)) for side in range(2)]
        edges += sorted(pair, key=lambda edge: (edge[1], ORDER.index(edge[0])))
    read = {state for _, state in edges}
    return edges, [state for state in range(2, nodes + 2) if not (loose and state in read)]


def text(genotype):
    cells = [f"{name}:|" + "|".join(f"{op}~{state}" for op, state in edges) + "|" for name, (edges, _) in genotype.items()]
    return " ".join(cells)


def run(design, genotype, width, depth, imagenet, resolution, classes):
    network = Network(genotype, width, depth, classes, imagenet).double().train()
    weights = []
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            weights += [module.weight] + ([] if module.bias is None else [module.bias])
    with torch.no_grad():
        for salt, weight in enumerate(weights):
            weight.copy_(numbers(weight.numel(), salt).reshape(weight.shape))
    images = numbers(BATCH * 3 * resolution**2, 999).reshape(BATCH, 3, resolution, resolution).requires_grad_(True)

    records = {}

    def keep(module, inputs, output):
        given = inputs[0] * 1  # the gradient through this module alone
        output.retain_grad()
        records[module] = (inputs[0], output)

    taken = {}

    def isolate(module, inputs):
        own = inputs[0] * 1
        own.retain_grad()
        taken[module] = own
        return (own,)

    found = units(network)
    for relu, convs, norm in found:
        for module in (relu, *convs):
            module.register_forward_pre_hook(isolate)
        norm.register_forward_hook(keep)
    logits = network(images)
    logits.sum().backward()

    def norm(tensor):
        return 0.0 if tensor is None else float(f"{float(tensor.norm()):.7g}")

    described = []
    for relu, convs, normalization in found:
        unit = {"T1": [list(taken[relu].shape[1:]), norm(taken[relu]), norm(taken[relu].grad)]}
        output = records[normalization][1]
        unit["T4"] = [list(output.shape[1:]), norm(output), norm(output.grad)]
        unit["convolutions"] = [
            {"T2": [norm(taken[c]), norm(taken[c].grad)], "T3": [list(c.weight.shape), norm(c.weight.grad)]} for c in convs
        ]
        described.append(unit)
    return {
        "space": f"nds-{design}{'-in' if imagenet else ''}",
        "architecture": f"{text(genotype)} width:{width} depth:{depth}",
        "resolution": resolution,
        "classes": classes,
        "weights": [list(weight.shape) for weight in weights],
        "parameters": sum(p.numel() for p in network.parameters()),
        "logits": [float(f"{value:.8g}") for value in logits.flatten().tolist()],
        "units": described,
    }


def main():
    rng = random.Random(0)
    networks = []
    for design, (nodes, operations, loose) in DESIGNS.items():
        names = operations.split()
        for imagenet, resolution, depth in ((False, 8, 4), (True, 33, 3)):
            edges = (names * 4)[: 4 * nodes]  # every operation occurs
            rng.shuffle(edges)
            halves = {"normal": edges[: 2 * nodes], "reduce": edges[2 * nodes :]}
            genotype = {name: draw_cell(rng, nodes, half, loose) for name, half in halves.items()}
            networks.append(run(design, genotype, 4, depth, imagenet, resolution, 5))
    print(json.dumps(networks))


if __name__ == "__main__":
    main()
