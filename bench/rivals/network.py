"""NASBench-201 networks in PyTorch, and the 22 tensors of every ReLU-Conv-BN unit, recorded with hooks as the released EZNAS code does."""

import torch
from torch import nn

TENSORS = ("T1D T1N T1P T1GD T1GN T1GP T2D T2N T2P T2GD T2GN T2GP T3 T3GD T3GN T3GP T4D T4N T4P T4GD T4GN T4GP").split()
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))


class Unit(nn.Module):
    """ReLU, convolution, batch normalization."""

    def __init__(self, c_in, c_out, kernel, stride=1):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        return self.bn(self.conv(self.relu(x)))


class Zero(nn.Module):
    def forward(self, x):
        return x.mul(0.0)


def operation(name, channels):
    if name == "none":
        return Zero()
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    return Unit(channels, channels, 3 if name == "nor_conv_3x3" else 1)


class Cell(nn.Module):
    def __init__(self, operations, channels):
        super().__init__()
        self.edges = nn.ModuleList(operation(name, channels) for name in operations)

    def forward(self, x):
        nodes = [x]
        for node in range(1, 4):
            nodes.append(sum(edge(nodes[j]) for edge, (i, j) in zip(self.edges, EDGES) if i == node))
        return nodes[3]


class Residual(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.a = Unit(c_in, c_out, 3, 2)
        self.b = Unit(c_out, c_out, 3)
        self.d = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x):
        return self.d(x) + self.b(self.a(x))


class Network(nn.Module):
    """`operations`: the six of a cell, in EDGES order. Parameters come out in the order that eznas defines them."""

    def __init__(self, operations, channels=16, cells=5, classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        blocks = []
        for stage in range(3):
            width = channels << stage
            if stage > 0:
                blocks.append(Residual(width // 2, width))
            blocks += [Cell(operations, width) for _ in range(cells)]
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        return self.fc(self.last(self.blocks(self.stem(x))).mean((2, 3)))

    def units(self):
        return [module for module in self.modules() if isinstance(module, Unit)]

    def weights(self):
        """Convolution and linear parameters in definition order."""
        return [p for m in self.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) for p in m.parameters()]


def operations_of(architecture):
    return [edge.split("~")[0] for node in architecture.split("+") for edge in node.strip("|").split("|")]


def build(architecture, weights=None, **options):
    network = Network(operations_of(architecture), **options)
    with torch.no_grad():
        if weights is None:
            for module in network.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                elif isinstance(module, nn.Linear):
                    nn.init.normal_(module.weight, 0, 0.01)
                    nn.init.zeros_(module.bias)
        else:
            for parameter, values in zip(network.weights(), weights, strict=True):
                parameter.copy_(values.view_as(parameter))
    return network.train()


def run_pass(network, x):
    """One forward and backward pass: a dictionary per unit."""
    units = network.units()
    records = [{} for _ in units]
    hooks = []
    for unit, record in zip(units, records):

        def on_relu(_, inputs, output, record=record):
            record["T1"] = inputs[0].detach()
            record["T2"] = output.detach()
            if output.requires_grad:
                output.register_hook(lambda g, record=record: record.__setitem__("T2G", g))

        def on_norm(_, __, output, record=record):
            record["T4"] = output.detach()
            if output.requires_grad:
                output.register_hook(lambda g, record=record: record.__setitem__("T4G", g))

        hooks += [unit.relu.register_forward_hook(on_relu), unit.bn.register_forward_hook(on_norm)]
    network.zero_grad(set_to_none=True)
    logits = network(x)
    logits.backward(torch.ones_like(logits))
    for hook in hooks:
        hook.remove()
    for unit, record in zip(units, records):
        record.setdefault("T2G", torch.zeros_like(record["T2"]))
        record.setdefault("T4G", torch.zeros_like(record["T4"]))
        record["T1G"] = record["T2G"] * (record["T1"] > 0)
        grad = unit.conv.weight.grad
        record["T3G"] = torch.zeros_like(unit.conv.weight) if grad is None else grad.clone()
    return records


def record(network, data, noise, perturbed):
    """All 22 tensors of every unit; P tensors are pass P minus pass D."""
    passes = [run_pass(network, x) for x in (data, noise, perturbed)]
    result = []
    for unit, d, n, p in zip(network.units(), *passes):
        tensors = {"T3": unit.conv.weight.detach()}
        for name in ("T1", "T1G", "T2", "T2G", "T3G", "T4", "T4G"):
            tensors[name + "D"], tensors[name + "N"], tensors[name + "P"] = d[name], n[name], p[name] - d[name]
        result.append(tensors)
    return result
