"""Zero-cost proxies in PyTorch, float64, for test/proxies/measures.test.ts.

    python3 test/oracle/measures.py test/fixtures/golden/small > test/fixtures/measures.json

Networks: those of the golden fixtures, with their parameters, and two small ones, one with biases, groups, concatenation and max pooling, one with
ReLU6, hard swish and gates, whose parameters come with the result. Images, noise and labels come with it too. Definitions follow the papers that lib/proxies/measures.ts names; autograd, hooks
and numpy.linalg do the work.
"""

import base64
import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench/rivals"))
from network import build  # noqa: E402

BATCH, CLASSES, RESOLUTION = 12, 10, 8


class Mixed(nn.Module):
    """Biases, groups, strides, concatenation, both pools."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU()
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.point = nn.Conv2d(6, 6, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(6)
        self.max = nn.MaxPool2d(3, 1, 1)
        self.down = nn.Conv2d(12, 20, 3, stride=2, padding=1, groups=2)
        self.relu2 = nn.ReLU()
        self.avg = nn.AvgPool2d(2, 2)
        self.fc = nn.Linear(20, CLASSES)

    def block_ends(self, x):
        first = self.relu(self.norm(self.stem(x)))
        branch = self.norm2(self.point(self.depthwise(first)))
        joined = torch.cat([self.max(first), branch], 1)
        return [first, joined, self.avg(self.relu2(self.down(joined)))]

    def forward(self, x):
        return self.fc(self.block_ends(x)[-1].mean((2, 3)))

    def weights(self):
        return [p for m in self.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) for p in m.parameters()]


class HardSigmoid(nn.Module):
    """PyTorch's own has no second derivative."""

    def forward(self, x):
        return F.relu6(x + 3) / 6


class Gated(Mixed):
    """ReLU6, hard swish, squeeze and excite, a value times its sigmoid."""

    def __init__(self):
        nn.Module.__init__(self)
        self.stem = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.swish = nn.Hardswish()
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False)
        self.norm2 = nn.BatchNorm2d(6)
        self.relu6 = nn.ReLU6()
        self.squeeze = nn.Conv2d(6, 3, 1)
        self.relu = nn.ReLU()
        self.excite = nn.Conv2d(3, 6, 1)
        self.gate = HardSigmoid()
        self.down = nn.Conv2d(6, 12, 3, stride=2, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(12)
        self.sigmoid = nn.Sigmoid()
        self.avg = nn.AvgPool2d(2, 2)
        self.fc = nn.Linear(12, CLASSES)

    def block_ends(self, x):
        first = self.swish(self.norm(self.stem(x)))
        filtered = self.relu6(self.norm2(self.depthwise(first)))
        gate = self.gate(self.excite(self.relu(self.squeeze(filtered.mean((2, 3), keepdim=True)))))
        gated = first + filtered * gate
        halved = self.norm3(self.down(gated))
        return [first, gated, self.avg(halved * self.sigmoid(halved))]


RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.Hardswish)
GATES = (HardSigmoid, nn.Sigmoid)


def layers(net):
    return [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


def outputs(net, kinds, x):
    """Outputs of all modules of these kinds, in the order they run, and the network's."""
    found, hooks = [], []
    for module in net.modules():
        if isinstance(module, kinds):
            hooks.append(module.register_forward_hook(lambda m, i, o: found.append((m, i[0], o))))
    result = net(x)
    for hook in hooks:
        hook.remove()
    return found, result


def loss_gradients(net, x, labels, create_graph=False):
    weights = [m.weight for m in layers(net)]
    found = torch.autograd.grad(F.cross_entropy(net(x), labels), weights, create_graph=create_graph, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found)]


def fisher(net, x, labels):
    records, logits = outputs(net, (nn.Conv2d, nn.Linear), x)
    maps = [o for _, _, o in records]
    grads = torch.autograd.grad(F.cross_entropy(logits, labels), maps, allow_unused=True)
    total = 0.0
    for a, g in zip(maps, grads):
        if g is not None:
            products = (a * g).flatten(2).sum(2) if a.dim() == 4 else a * g
            total += float((products**2).mean(0).sum() / 2)
    return total


def grasp(net, x, labels):
    weights = [m.weight for m in layers(net)]
    first = [g.detach() for g in loss_gradients(net, x, labels)]
    second = loss_gradients(net, x, labels, create_graph=True)
    z = sum((a * b).sum() for a, b in zip(first, second))
    curvature = torch.autograd.grad(z, weights, allow_unused=True)
    return -sum(float((w * h).sum()) for w, h in zip(weights, curvature) if h is not None)


def synflow(net):
    """ln(1 + Σ |w·g|) and Σ |w| ln(1 + g) of the network of magnitudes without normalization."""
    saved = {name: p.detach().clone() for name, p in net.named_parameters()}
    # Bounds lose their meaning where signals grow from layer to layer: gates stand open.
    norms = [m for m in net.modules() if isinstance(m, (nn.BatchNorm2d, nn.ReLU6, nn.Hardswish))]
    gates = [m for m in net.modules() if isinstance(m, GATES)]
    for norm in norms:
        norm.forward = lambda x: x
    for gate in gates:
        gate.forward = torch.ones_like
    with torch.no_grad():
        for p in net.parameters():
            p.abs_()
    out = net(torch.ones(1, 3, RESOLUTION, RESOLUTION, dtype=torch.float64)).sum()
    weights = [m.weight for m in layers(net)]
    grads = torch.autograd.grad(out, weights, allow_unused=True) if out.requires_grad else [None] * len(weights)
    pairs = [(w, g) for w, g in zip(weights, grads) if g is not None]
    plain, logs = sum(float((w * g).sum()) for w, g in pairs), sum(float((w * torch.log1p(g)).sum()) for w, g in pairs)
    for module in norms + gates:
        del module.forward
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.copy_(saved[name])
    return math.log1p(plain), logs


def input_gradients(net, x):
    x = x.clone().requires_grad_(True)
    logits = net(x)
    if not logits.requires_grad:
        return np.zeros((len(x), x[0].numel()))
    (g,) = torch.autograd.grad(logits.sum(), x, allow_unused=True)
    return (torch.zeros_like(x) if g is None else g).flatten(1).numpy()


def jacob_cov(rows):
    v = np.linalg.eigvalsh(np.corrcoef(rows))
    return float(-np.sum(np.log(v + 1e-5) + 1 / (v + 1e-5)))


def epe(rows, labels):
    return float(sum(abs(np.sum(np.log(np.abs(np.corrcoef(rows[labels == c])) + 1e-5))) for c in set(labels.tolist())))


def patterns(net, x):
    with torch.no_grad():
        codes = torch.cat([(o > 0).flatten(1) for _, _, o in outputs(net, RECTIFIERS, x)[0]], 1).double()
    k = codes @ codes.T + (1 - codes) @ (1 - codes).T
    return float(torch.linalg.slogdet(k).logabsdet), len(np.unique(codes.numpy(), axis=1).T)


def zen(net, noise, change, deviations):
    saved = [p.detach().clone() for p in net.weights()]
    with torch.no_grad():
        for p, deviation in zip(net.weights(), deviations):
            p.copy_(p / deviation if deviation > 0 else torch.zeros_like(p))
        features = []
        variances = []
        for x in (noise, noise + 0.01 * change):
            if isinstance(net, Mixed):
                hook = net.avg.register_forward_hook(lambda m, i, o: features.append(o))
            else:
                hook = net.last.register_forward_hook(lambda m, i, o: features.append(o))
            records, _ = outputs(net, nn.BatchNorm2d, x)
            hook.remove()
            variances.append([float(i.var((0, 2, 3), unbiased=False).mean()) for _, i, _ in records])
        for p, values in zip(net.weights(), saved):
            p.copy_(values)
    distance = float((features[0] - features[1]).abs().flatten(1).sum(1).mean())
    scale = sum(math.log(v) / 2 for v in variances[0] if v > 0)
    return (math.log(distance) if distance > 0 else -math.inf) + scale


def zico(net, x, labels):
    half = len(x) // 2
    a, b = (loss_gradients(net, x[k : k + half], labels[k : k + half]) for k in (0, half))
    score = 0.0
    for first, second in zip(a, b):
        grads = np.stack([first.numpy().ravel(), second.numpy().ravel()])
        deviation = grads.std(0)
        moving = deviation != 0
        total = (np.abs(grads).mean(0)[moving] / deviation[moving]).sum()
        score += math.log(total) if total > 0 else 0
    return score


def meco(net, image):
    total = 0.0
    with torch.no_grad():
        kinds = (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, *RECTIFIERS, *GATES)
        for _, _, output in outputs(net, kinds, image)[0]:
            rows = output[0].flatten(1).numpy()
            if rows.shape[1] < 2:
                continue  # no correlation of single numbers
            with np.errstate(invalid="ignore", divide="ignore"):
                correlations = np.nan_to_num(np.corrcoef(rows), nan=0, posinf=0, neginf=0)
            total += np.linalg.eigvalsh(correlations)[0]
    return float(total)


def gradsign(net, x, labels):
    signs = [[g.sign() for g in loss_gradients(net, x[i : i + 1], labels[i : i + 1])] for i in range(len(x))]
    return float(sum(sum(layer).abs().sum() for layer in zip(*signs)))


def philox_signs(shape, seed, key, tensor):
    """±1 by the lowest bits of Philox 4×32-10 (kernels/random.h), element by element."""
    count = math.prod(shape)
    groups = np.arange((count + 3) // 4, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    x = [groups, np.full_like(groups, tensor), np.full_like(groups, key & 0xFFFFFFFF), np.full_like(groups, key >> 32)]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = x[0] * np.uint64(0xD2511F53), x[2] * np.uint64(0xCD9E8D57)
        hi0, hi1 = p0 >> np.uint64(32), p1 >> np.uint64(32)
        x = [hi1 ^ x[1] ^ np.uint64(k0), p1 & mask, hi0 ^ x[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    bits = np.stack(x, 1).ravel()[:count] & np.uint64(1)
    return torch.from_numpy(np.where(bits == 1, 1.0, -1.0)).view(shape)


def block_ends(net, x):
    if isinstance(net, Mixed):
        return net.block_ends(x)
    features = [net.stem(x)]
    for block in net.blocks:
        features.append(block(features[-1]))
    return features


def az_nas(net, x, key):
    features = block_ends(net, x)
    entropies = []
    for f in features:
        rows = f.detach().transpose(0, 1).flatten(1)
        s = torch.linalg.eigvalsh(torch.cov(rows, correction=0))
        p = s / s.sum()
        entropies.append(float((-p * torch.log(p + 1e-8)).sum()))
    scores = []
    for i in range(1, len(features)):
        g_out = philox_signs(features[i].shape, 0, key, 0x80000002 + i)
        (g_in,) = torch.autograd.grad(features[i], features[i - 1], g_out, retain_graph=True, allow_unused=True)
        g_in = torch.zeros_like(features[i - 1]) if g_in is None else g_in
        if g_in.shape == g_out.shape and bool((g_in == g_out).all()):
            scores.append(math.nan)
            continue
        if g_in.shape[2] != g_out.shape[2]:
            g_in = F.pixel_unshuffle(g_in, g_in.shape[2] // g_out.shape[2])
        flat = [g.permute(0, 2, 3, 1).reshape(-1, g.shape[1]) for g in (g_in, g_out)]
        s = float(torch.linalg.svdvals(flat[0].T @ flat[1] / len(flat[1])).max())
        scores.append(2 - s - 1 / (s + 1e-6))
    steps = np.diff(entropies)
    return sum(entropies), float(steps.min()), float(np.mean(scores))


def deviation(p, linear):
    if p.dim() == 1:
        return 0
    return 0.01 if linear else math.sqrt(2 / (p.shape[0] * p.shape[2] * p.shape[3]))


def measure(net, x, noise, change, labels, key):
    net = net.double().train()
    weights = [m.weight.detach() for m in layers(net)]
    grads = [g.detach() for g in loss_gradients(net, x, labels)]
    rows = input_gradients(net, x)
    deviations = [float(np.float32(deviation(p, isinstance(m, nn.Linear)))) for m in layers(net) for p in m.parameters()]
    result = {
        "l2_norm": float(sum(w.norm() for w in weights)),
        "grad_norm": float(sum(g.norm() for g in grads)),
        "plain": float(sum((w * g).sum() for w, g in zip(weights, grads))),
        "snip": float(sum((w * g).abs().sum() for w, g in zip(weights, grads))),
        "grasp": grasp(net, x, labels),
        "fisher": fisher(net, x, labels),
        "zen": zen(net, noise, change, deviations),
        "zico": zico(net, x, labels),
        "meco": meco(net, noise[:1]),
        "gradsign": gradsign(net, x, labels),
    }
    result["synflow"], result["logsynflow"] = synflow(net)
    with np.errstate(all="ignore"):
        result["jacob_cov"] = jacob_cov(rows) if np.isfinite(np.corrcoef(rows)).all() else math.nan
        result["epe_nas"] = epe(rows, labels.numpy())
    result["naswot"], result["swap"] = patterns(net, x)
    names = ("az-expressivity", "az-progressivity", "az-trainability")
    result.update(zip(names, az_nas(net, noise, key)))
    return {name: value if math.isfinite(value) else None for name, value in result.items()}


def packed(values):
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def main():
    torch.manual_seed(5)
    data, noise, shift = (torch.randn(BATCH, 3, RESOLUTION, RESOLUTION) for _ in range(3))
    perturbed = data + 0.1 * shift
    labels = torch.tensor([0, 3, 3, 0, 9, 3, 5, 5, 0, 9, 9, 1])
    # As the addon computes it, in float32.
    change = ((perturbed - data) / 0.1).double()
    mixed = Mixed()
    for p in mixed.weights():
        if p.dim() == 1:
            nn.init.normal_(p, 0, 0.3)
    gated = Gated()
    networks = {"mixed": mixed, "gated": gated}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("[0-9]*.json"), key=lambda path: int(path.stem)):
        fixture = json.loads(path.read_text())
        floats = np.fromfile(path.with_suffix(".bin"), dtype="<f4")
        weights = [
            torch.from_numpy(floats[t["offset"] : t["offset"] + math.prod(t["shape"])].copy())
            for t in fixture["tensors"]
            if t["name"].startswith("parameter.")
        ]
        networks[path.stem] = build(fixture["architecture"], weights, channels=fixture["channels"], cells=fixture["cellsPerStage"])
    # The whole of a network's parameters in float32 come first: measure() makes them float64.
    parameters = {name: [packed(p.detach().numpy()) for p in networks[name].weights()] for name in ("mixed", "gated")}
    scores = {
        name: measure(net, data.double(), noise.double(), change, labels, 0 if name in parameters else int(name))
        for name, net in networks.items()
    }
    fixture = {
        "batch": BATCH,
        "resolution": RESOLUTION,
        "labels": labels.tolist(),
        "data": packed(data),
        "noise": packed(noise),
        "perturbed": packed(perturbed),
        **parameters,
        "scores": scores,
    }
    print(json.dumps(fixture, indent=1))


if __name__ == "__main__":
    main()
