"""Small classifiers exported by PyTorch with their logits, for test/onnx/read.test.ts.

    python3 test/oracle/onnx_models.py test/fixtures/onnx

Writes <name>.onnx and logits.json: {name: {"input": [N, C, H, W], "logits": [...], "parameters": count}}. Images are
sin(0.37 * i) + cos(0.11 * i) at element i, so that no file of them is needed. Logits are those of training mode (batch statistics) unless the model
has its normalization folded. The model that is as after training, with scales and shifts, has besides "gradients": those of the sum of its logits by
each of its parameters. PyTorch 1.13; torch.onnx.export needs no other package.
"""

import json
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.onnx import TrainingMode

FOLDER = sys.argv[1]
BATCH = 3
PRESERVE = dict(training=TrainingMode.PRESERVE, do_constant_folding=False)
DYNAMIC = dict(input_names=["images"], dynamic_axes={"images": {0: "N"}})


def images(shape):
    i = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (torch.sin(0.37 * i) + torch.cos(0.11 * i)).reshape(shape).float()


class Basic(nn.Module):
    """A residual block as torchvision's."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)) if stride > 1 else None

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + (self.down(x) if self.down else x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.blocks = nn.Sequential(Basic(4, 4, 1), Basic(4, 8, 2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(self.blocks(self.stem(x))), 1))


class View(nn.Module):
    """Flattens by the number of images, as x.view(x.size(0), -1)."""

    def forward(self, x):
        return x.view(x.size(0), -1)


def vgg(channels, norm):
    def layer(inputs, outputs):
        return [nn.Conv2d(inputs, outputs, 3, padding=1), *([nn.BatchNorm2d(outputs)] if norm else []), nn.ReLU()]

    return nn.Sequential(
        *layer(channels, 4), *layer(4, 4), nn.MaxPool2d(2), *layer(4, 6), nn.MaxPool2d(2, ceil_mode=True),
        View(), nn.Linear(6 * 3 * 3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 4), nn.LogSoftmax(1),
    )  # fmt: skip


class Dense(nn.Module):
    """Pre-activation, joined channels, several pools, groups, dilation, a mean over places."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.n1, self.c1 = nn.BatchNorm2d(4), nn.Conv2d(4, 4, (1, 3), padding=(0, 1), groups=2, bias=False)
        self.n2, self.c2 = nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3, stride=2, padding=2, dilation=2, bias=False)
        self.a, self.b = nn.AvgPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.c = nn.AvgPool2d(2, 2, ceil_mode=True)
        self.n3, self.fc = nn.BatchNorm2d(30), nn.Linear(30, 3)

    def forward(self, x):
        x = self.stem(x)
        x = torch.cat([x, self.c1(F.relu(self.n1(x)))], 1)
        x = torch.cat([self.c2(F.relu(self.n2(x))), self.a(x), self.b(x), self.c(x)], 1)
        return self.fc(F.relu(self.n3(x)).mean([2, 3]))


class Shuffle(nn.Module):
    """Channels split, shuffled between groups by reshape and transpose, padded and sliced; zeros on two sides alone."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, bias=False)
        self.dw, self.pw = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), nn.Conv2d(4, 4, 1, bias=False)
        self.bn, self.fc = nn.BatchNorm2d(4), nn.Linear(10, 4, bias=False)

    def forward(self, x):
        x = self.stem(F.pad(x, (0, 1, 0, 1)))
        a, b = x.chunk(2, 1)
        x = torch.cat([a, F.relu(self.bn(self.pw(self.dw(b))))], 1)
        n, c, h, w = x.size()
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)
        x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 1))
        return self.fc(F.adaptive_avg_pool2d(x, 1).squeeze(3).squeeze(2))


class Mobile(nn.Module):
    """Inverted residuals with several activations and a gate."""

    def __init__(self):
        super().__init__()
        self.stem, self.n0 = nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4)
        self.a, self.na = nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8)
        self.b, self.nb = nn.Conv2d(8, 8, 5, 1, 2, groups=8, bias=False), nn.BatchNorm2d(8)
        self.g, self.h = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.c, self.nc = nn.Conv2d(8, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = F.relu6(self.n0(self.stem(x)))
        y = F.silu(self.nb(self.b(F.hardswish(self.na(self.a(x))))))
        y = y * F.hardsigmoid(self.h(F.relu(self.g(F.adaptive_avg_pool2d(y, 1)))))
        return self.fc(F.hardswish(x + self.nc(self.c(y))).mean((2, 3)))


MODELS = [
    # name, model, extents, training statistics, options of the export
    ("resnet-kept", ResNet(), (3, 32, 32), True, dict(opset_version=13, **PRESERVE, **DYNAMIC)),
    ("resnet-training", ResNet(), (3, 32, 32), True, dict(opset_version=14, training=TrainingMode.TRAINING, do_constant_folding=False)),
    ("resnet-folded", ResNet(), (3, 32, 32), False, dict(opset_version=11, **DYNAMIC)),
    ("vgg", vgg(3, True), (3, 12, 12), True, dict(opset_version=12, **PRESERVE, **DYNAMIC)),
    ("vgg-plain", vgg(1, False), (1, 10, 10), False, dict(opset_version=16)),
    ("dense", Dense(), (3, 11, 9), True, dict(opset_version=15, **PRESERVE, **DYNAMIC)),
    ("shuffle", Shuffle(), (3, 16, 16), True, dict(opset_version=17, **PRESERVE, **DYNAMIC)),
    ("mobile", Mobile(), (3, 14, 14), True, dict(opset_version=14, **PRESERVE, **DYNAMIC)),
    ("mobile-13", Mobile(), (3, 14, 14), True, dict(opset_version=13, **PRESERVE, **DYNAMIC)),
    ("trained", Mobile(), (3, 14, 14), True, dict(opset_version=14, **PRESERVE, **DYNAMIC)),
]

known = {}
for seed, (name, model, shape, batch_statistics, options) in enumerate(MODELS):
    torch.manual_seed(seed)
    for parameter in model.modules():
        if hasattr(parameter, "reset_parameters"):
            parameter.reset_parameters()
    if name == "trained":
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, -0.5, 1.5)
                nn.init.normal_(module.bias, 0, 0.5)
    if not batch_statistics:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    training = options.get("training") == TrainingMode.TRAINING
    model.train(training)
    x = images((BATCH, *shape))
    torch.onnx.export(model, x, f"{FOLDER}/{name}.onnx", **options)
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and batch_statistics:
            module.train()
    # Networks are read without their last softmax.
    whole = nn.Sequential(*list(model)[:-1]) if isinstance(model, nn.Sequential) else model
    logits = whole(x)
    known[name] = {
        "input": [BATCH, *shape],
        "logits": [round(value, 7) for value in logits.flatten().tolist()],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    if name == "trained":
        gradients = torch.autograd.grad(logits.sum(), list(model.parameters()))
        known[name]["gradients"] = [[round(value, 6) for value in gradient.flatten().tolist()] for gradient in gradients]

with open(f"{FOLDER}/logits.json", "w") as file:
    json.dump(known, file)
