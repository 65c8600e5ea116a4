"""Networks of NAS-Bench-Macro, TransNAS-Bench-101 micro, and like MobileNet and ResNet in PyTorch, float64, for test/spaces/choice-networks.test.ts.

    python3 test/oracle/choice_networks.py > test/fixtures/choice-networks.json
    npx biome format --write test/fixtures/choice-networks.json

Written after the published definitions: MobileNetV2 and V3 and ResNet as in torchvision's documentation, NAS-Bench-Macro (xiusu/NAS-Bench-Macro) and
TransNAS-Bench-101 (yawen-d/TransNASBench). For each network: shapes of its weights in definition order, number of parameters, logits in training mode, and of
each unit (an activation, a convolution, a normalization) the shapes and norms of its tensors, with the gradients of the sum of the logits.
"""

import json
import re

import torch
from torch import nn

from cell_networks import Halve, numbers

BATCH = 3
ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6, "hardSwish": nn.Hardswish}
KINKS = {nn.ReLU: (0,), nn.ReLU6: (0, 6), nn.Hardswish: (-3, 3)}
FIRST_SALT = 999
# Images are drawn anew until every activation keeps this distance from where its gradient jumps: float32 then takes the same side as float64.
LEAST_MARGIN = 4e-6


class Units:
    """Collects (activation, convolution, normalization) as networks are defined."""

    def __init__(self):
        self.found = []


def conv(channels_in, channels_out, kernel, stride=1, groups=1, bias=False):
    return nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=bias)


class ConvNormAct(nn.Module):
    def __init__(self, units, channels_in, channels_out, kernel, stride=1, groups=1, act="relu", unit=True):
        super().__init__()
        self.conv = conv(channels_in, channels_out, kernel, stride, groups)
        self.norm = nn.BatchNorm2d(channels_out)
        self.act = ACTIVATIONS[act]()
        if unit:
            units.found.append((self.act, self.conv, self.norm))

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class ActConvNorm(nn.Module):
    def __init__(self, units, channels_in, channels_out, kernel, stride=1):
        super().__init__()
        self.act = nn.ReLU()
        self.conv = conv(channels_in, channels_out, kernel, stride)
        self.norm = nn.BatchNorm2d(channels_out)
        units.found.append((self.act, self.conv, self.norm))

    def forward(self, x):
        return self.norm(self.conv(self.act(x)))


def divisible(value):
    result = max(8, int(value + 4) // 8 * 8)
    return result + 8 if result < 0.9 * value else result


class Gate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        squeezed = divisible(channels / 4)
        self.squeeze = conv(channels, squeezed, 1, bias=True)
        self.relu = nn.ReLU()
        self.excite = conv(squeezed, channels, 1, bias=True)
        self.sigmoid = nn.Hardsigmoid()

    def forward(self, x):
        return x * self.sigmoid(self.excite(self.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))


class InvertedResidual(nn.Module):
    def __init__(self, units, channels_in, channels_out, kernel, stride, expansion, act, gated=False):
        super().__init__()
        inside = channels_in * expansion
        layers = [] if expansion == 1 else [ConvNormAct(units, channels_in, inside, 1, act=act)]
        layers.append(ConvNormAct(units, inside, inside, kernel, stride, inside, act))
        layers += [Gate(inside)] if gated else []
        layers += [conv(inside, channels_out, 1), nn.BatchNorm2d(channels_out)]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


def head(layers, channels, classes):
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def nasbench_macro(units, text, width, classes):
    layers = [ConvNormAct(units, 3, width, 3, unit=False)]
    channels = width
    for stage in (text[:2], text[2:5], text[5:]):
        for place, kind in enumerate(stage):
            out, stride = (2 * channels, 2) if place == 0 else (channels, 1)
            if kind == "0" and place == 0:
                layers += [conv(channels, out, 1, stride), nn.BatchNorm2d(out)]
            elif kind != "0":
                kernel, expansion = (3, 3) if kind == "1" else (5, 6)
                layers.append(InvertedResidual(units, channels, out, kernel, stride, expansion, "relu"))
            channels = out
    layers.append(ConvNormAct(units, channels, 1280, 1))
    return head(layers, 1280, classes)


def mobilenet(units, text, width, classes, small):
    act, *stages = text.split("-")
    layers = [ConvNormAct(units, 3, width, 3, 1 if small else 2, act=act, unit=False)]
    layers.append(InvertedResidual(units, width, width // 2, 3, 1, 1, act))
    channels = width // 2
    table = ((24, 1 if small else 2), (32, 2), (64, 2), (96, 1), (160, 2), (320, 1))
    for stage, (out, stride) in zip(stages, table):
        depth, kernel, expansion, gate = re.match(r"d(\d)k(\d)e(\d)([ps])$", stage).groups()
        for place in range(int(depth)):
            args = int(kernel), stride if place == 0 else 1, int(expansion), act, gate == "s"
            layers.append(InvertedResidual(units, channels, out * width // 32, *args))
            channels = out * width // 32
    layers.append(ConvNormAct(units, channels, 1280, 1, act=act))
    return head(layers, 1280, classes)


class ResidualBlock(nn.Module):
    def __init__(self, units, bottleneck, channels_in, width, stride):
        super().__init__()
        out = 4 * width if bottleneck else width
        if bottleneck:
            self.inner = nn.Sequential(ConvNormAct(units, channels_in, width, 1), ConvNormAct(units, width, width, 3, stride))
        else:
            self.inner = ConvNormAct(units, channels_in, width, 3, stride)
        self.conv = conv(width, out, 1 if bottleneck else 3)
        self.norm = nn.BatchNorm2d(out)
        same = stride == 1 and channels_in == out
        self.shortcut = nn.Identity() if same else nn.Sequential(conv(channels_in, out, 1, stride), nn.BatchNorm2d(out))
        self.act = nn.ReLU()
        units.found.append((self.act, self.conv, self.norm))

    def forward(self, x):
        return self.act(self.norm(self.conv(self.inner(x))) + self.shortcut(x))


def resnet(units, text, width, classes, small):
    kind, *stages = text.split("-")
    bottleneck = kind == "bottleneck"
    layers = [ConvNormAct(units, 3, width, 3 if small else 7, 1 if small else 2, unit=False)]
    layers += [] if small else [nn.MaxPool2d(3, 2, 1)]
    channels = width
    for place, stage in enumerate(stages):
        depth, inner = map(int, re.match(r"d(\d+)w(\d+)$", stage).groups())
        for block in range(depth):
            layers.append(ResidualBlock(units, bottleneck, channels, inner, 2 if place > 0 and block == 0 else 1))
            channels = 4 * inner if bottleneck else inner
    return head(layers, channels, classes)


class Cell(nn.Module):
    def __init__(self, units, text, channels_in, channels_out, stride):
        super().__init__()
        self.stride, self.channels_out = stride, channels_out
        self.edges = nn.ModuleDict()
        for target, kinds in enumerate(text.split("_"), 1):
            for source, kind in enumerate(kinds):
                step, before = (stride, channels_in) if source == 0 else (1, channels_out)
                if kind == "1" and (step != 1 or before != channels_out):
                    edge = Halve(before, channels_out)
                    units.found.append((edge.relu, edge.even, edge.norm))
                elif kind == "1":
                    edge = nn.Identity()
                elif kind in "23":
                    edge = ActConvNorm(units, before, channels_out, 1 if kind == "2" else 3, step)
                else:
                    continue
                self.edges[f"{target}<{source}"] = edge

    def forward(self, x):
        shape = x.shape[0], self.channels_out, *((extent + self.stride - 1) // self.stride for extent in x.shape[2:])
        states = [x]
        for target in range(1, 4):
            edges = [(source, f"{target}<{source}") for source in range(target)]
            states.append(sum((self.edges[name](states[s]) for s, name in edges if name in self.edges), x.new_zeros(shape)))
        return states[3]


def transnas_micro(units, text, width, classes):
    cell = text.split("-")[2]
    layers = [conv(3, width // 2, 3, 2), nn.BatchNorm2d(width // 2), ActConvNorm(units, width // 2, width, 3, 2)]
    channels = width
    for module in "41414":
        for place in range(2):
            halves = module == "4" and place == 0
            layers.append(Cell(units, cell, channels, 2 * channels if halves else channels, 2 if halves else 1))
            channels *= 2 if halves else 1
    return head(layers, channels, classes)


def significant(value):
    return float(f"{value:.7g}")


def images_of(resolution, salt):
    return numbers(BATCH * 3 * resolution**2, salt).reshape(BATCH, 3, resolution, resolution)


def margin(network, images):
    """How near the input of an activation comes to a value where its gradient jumps, in standard deviations of the inputs."""
    least = []

    def measure(module, inputs):
        x = inputs[0].detach()
        least.extend(float(((x - kink).abs() / x.std()).min()) for kink in KINKS[type(module)])

    hooks = [m.register_forward_pre_hook(measure) for m in network.modules() if type(m) in KINKS]
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()
    return min(least)


def run(space, build, architecture, width, resolution, classes, **stem):
    units = Units()
    network = build(units, architecture, width, classes, *([stem["stem"] == "cifar"] if stem else [])).double().train()
    weights = [p for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) for p in m.parameters()]
    with torch.no_grad():
        for salt, weight in enumerate(weights):
            weight.copy_(numbers(weight.numel(), salt).reshape(weight.shape))
    salt = next(salt for salt in range(FIRST_SALT, FIRST_SALT + 1000) if margin(network, images_of(resolution, salt)) > LEAST_MARGIN)
    images = images_of(resolution, salt).requires_grad_(True)
    taken, outputs = {}, {}

    def isolate(module, inputs):
        taken[module] = inputs[0] * 1  # the gradient through this module alone
        taken[module].retain_grad()
        return (taken[module],)

    def keep(module, _, output):
        output.retain_grad()
        outputs[module] = output

    for act, convolution, norm in units.found:
        act.register_forward_pre_hook(isolate)
        convolution.register_forward_pre_hook(isolate)
        norm.register_forward_hook(keep)
    logits = network(images)
    logits.sum().backward()

    def norms(tensor):
        return [0.0 if t is None else significant(float(t.norm())) for t in (tensor, tensor.grad)]

    return {
        "space": space,
        "architecture": architecture,
        "salt": salt,
        "options": {"initialChannels": width, "resolution": resolution, "classes": classes, **stem},
        "weights": [list(weight.shape) for weight in weights],
        "parameters": sum(p.numel() for p in network.parameters()),
        "logits": [significant(value) for value in logits.flatten().tolist()],
        "units": [
            {
                "T1": norms(taken[act]),
                "T2": norms(taken[convolution]),
                "T3": norms(convolution.weight),
                "T4": norms(outputs[norm]),
            }
            for act, convolution, norm in units.found
        ],
    }


def main():
    networks = [
        run("nasbench-macro", nasbench_macro, "20121102", 4, 16, 10),
        run("nasbench-macro", nasbench_macro, "00000000", 4, 8, 3),
        run("nasbench-macro", nasbench_macro, "12201210", 2, 13, 3),
        run("transnas-micro", transnas_micro, "64-41414-1_02_333", 4, 32, 5),
        run("transnas-micro", transnas_micro, "64-41414-2_10_013", 4, 37, 5),
        run("transnas-micro", transnas_micro, "64-41414-0_10_201", 4, 65, 5),
        run("mobilenet", mobilenet, "relu6-d2k3e6p-d1k5e3p-d2k3e4s-d1k7e3s-d1k3e6p-d1k3e3s", 8, 16, 5, stem="cifar"),
        run("mobilenet", mobilenet, "hardSwish-d1k3e3s-d2k5e4s-d1k3e6p-d1k3e3s-d1k5e6s-d1k3e3p", 8, 33, 5, stem="imagenet"),
        run("resnet", resnet, "basic-d2w16-d1w48-d2w64-d1w128", 8, 16, 5, stem="cifar"),
        run("resnet", resnet, "bottleneck-d1w16-d2w32-d1w96-d1w128", 8, 33, 5, stem="imagenet"),
    ]
    print(json.dumps(networks))


if __name__ == "__main__":
    main()
