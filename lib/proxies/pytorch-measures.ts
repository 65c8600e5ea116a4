import type { MeasureProxy, StructuralProxy } from './description.ts';
import type { MeasureName } from './measures.ts';
import { PART_CALLS, PYTORCH_PARTS } from './pytorch-parts.ts';

type PartName = keyof typeof PYTORCH_PARTS;

/** How a proxy is computed in PyTorch. */
interface Recipe {
  readonly parts: readonly PartName[];
  /** Parameters of `score` after the network. */
  readonly parameters: string;
  /** What they are. */
  readonly about: string;
  /** Lines of `score`, without indentation. */
  readonly body: string;
}

const IMAGES = 'images: a minibatch, normalized (batch x channels x height x width).';
const NOISE = 'noise: standard normal numbers in place of images (batch x channels x height x width).';
const LABELS = `${IMAGES} labels: the class of each, drawn from torch's generator where not given.`;
const BLOCKS = `${NOISE} blocks: the modules of the network that end its stem, cells and residual blocks.`;

const withLoss = (parts: readonly PartName[], body: string): Recipe => ({
  parts: ['copy', 'layers', 'labels', ...parts],
  parameters: 'images, labels=None',
  about: LABELS,
  body: `network = _copy(network)\nlabels = _labels(network, images, labels)\n${body}`,
});

const ofProducts = (sum: string): Recipe =>
  withLoss(
    ['loss'],
    `pairs = zip(_layers(network), _gradients(network, images, labels))\nreturn sum(${sum} for layer, g in pairs)`,
  );

const RECIPES: Readonly<Record<MeasureName | 'params' | 'flops', Recipe>> = {
  params: {
    parts: [],
    parameters: '',
    about: '',
    body: 'return sum(p.numel() for p in network.parameters() if p.requires_grad)',
  },
  flops: {
    parts: ['copy'],
    parameters: 'images',
    about: `${IMAGES} Only the shape matters.`,
    body: `network = _copy(network)
total = []

def count(module, inputs, output):
    positions = output[0, 0].numel() if output.dim() == 4 else 1
    total.append(positions * sum(p.numel() for p in module.parameters()))

for module in network.modules():
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        module.register_forward_hook(count)
with torch.no_grad():
    network(images[:2])
return sum(total)`,
  },
  l2_norm: {
    parts: ['layers'],
    parameters: '',
    about: '',
    body: 'return sum(float(layer.weight.detach().norm()) for layer in _layers(network))',
  },
  grad_norm: withLoss(['loss'], 'return sum(float(g.norm()) for g in _gradients(network, images, labels))'),
  plain: ofProducts('float((layer.weight.detach() * g).sum())'),
  snip: ofProducts('float((layer.weight.detach() * g).abs().sum())'),
  grasp: withLoss(
    ['loss'],
    `weights = [layer.weight for layer in _layers(network)]
first = [g.detach() for g in _gradients(network, images, labels)]
second = _gradients(network, images, labels, create_graph=True)
product = sum((a * b).sum() for a, b in zip(first, second))
curvature = torch.autograd.grad(product, weights, allow_unused=True)
return -sum(float((w.detach() * h).sum()) for w, h in zip(weights, curvature) if h is not None)`,
  ),
  fisher: withLoss(
    ['record'],
    `records, logits = _record(network, (nn.Conv2d, nn.Linear), images)
maps = [output for _, output in records]
gradients = torch.autograd.grad(F.cross_entropy(logits, labels), maps, allow_unused=True)
total = 0.0
for a, g in zip(maps, gradients):
    if g is not None:
        products = (a * g).detach()
        if products.dim() == 4:
            products = products.flatten(2).sum(2)
        total += float((products**2).mean(0).sum() / 2)
return total`,
  ),
  synflow: {
    parts: ['flow'],
    parameters: 'images',
    about: `${IMAGES} Only the shape matters.`,
    body: 'return math.log1p(sum(float((w * g).sum()) for w, g in _flow(network, images)))',
  },
  logsynflow: {
    parts: ['flow'],
    parameters: 'images',
    about: `${IMAGES} Only the shape matters.`,
    body: 'return sum(float((w * torch.log1p(g)).sum()) for w, g in _flow(network, images))',
  },
  jacob_cov: {
    parts: ['copy', 'rows', 'correlations'],
    parameters: 'images',
    about: IMAGES,
    body: `correlations = _correlations(_rows(_copy(network), images))
if not bool(torch.isfinite(correlations).all()):
    return math.nan
values = torch.linalg.eigvalsh(correlations) + 1e-5
return -float((torch.log(values) + 1 / values).sum())`,
  },
  epe_nas: {
    parts: ['copy', 'labels', 'rows', 'correlations'],
    parameters: 'images, labels=None',
    about: LABELS,
    body: `network = _copy(network)
labels = _labels(network, images, labels)
rows = _rows(network, images)
with torch.no_grad():
    classes = network(images).shape[1]
scores = []
for label in labels.unique():
    correlations = _correlations(rows[labels == label])
    total = float(torch.log(correlations.abs() + 1e-5).sum())
    scores.append(total / len(correlations) if classes > 100 else total)
if classes > 100:
    return sum(abs(a - b) for a in scores for b in scores) / len(scores)
return sum(abs(score) for score in scores)`,
  },
  naswot: {
    parts: ['signs'],
    parameters: 'images',
    about: IMAGES,
    body: `signs = _signs(network, images)
shared = signs @ signs.T + (1 - signs) @ (1 - signs).T
return float(torch.linalg.slogdet(shared)[1])`,
  },
  swap: {
    parts: ['signs'],
    parameters: 'images',
    about: IMAGES,
    body: 'return torch.unique(_signs(network, images), dim=1).shape[1]',
  },
  zen: {
    parts: ['copy', 'layers'],
    parameters: 'noise, change=None, draw=True',
    about: `${NOISE} change: the like, drawn where not given. draw: whether weights are drawn anew from the standard normal distribution.`,
    body: `network = _copy(network)
if draw:
    with torch.no_grad():
        for layer in _layers(network):
            layer.weight.normal_()
            if layer.bias is not None:
                layer.bias.zero_()
maps, variances = [], []

def keep(module, inputs, output):
    if output.dim() == 4 and not isinstance(module, nn.AdaptiveAvgPool2d):
        maps.append(output)
    if isinstance(module, nn.BatchNorm2d):
        variances.append(float(inputs[0].var((0, 2, 3), unbiased=False).mean()))

for module in network.modules():
    if not list(module.children()):
        module.register_forward_hook(keep)
with torch.no_grad():
    network(noise)
    last, scale = maps[-1], sum(math.log(v) / 2 for v in variances if v > 0)
    network(noise + 0.01 * (torch.randn_like(noise) if change is None else change))
distance = float((last - maps[-1]).abs().flatten(1).sum(1).mean())
return (math.log(distance) if distance > 0 else -math.inf) + scale`,
  },
  zico: withLoss(
    ['loss'],
    `half = len(images) // 2
halves = [_gradients(network, images[k : k + half], labels[k : k + half]) for k in (0, half)]
score = 0.0
for first, second in zip(*halves):
    mean, deviation = (first.abs() + second.abs()) / 2, (first - second).abs() / 2
    moving = deviation != 0
    total = float((mean[moving] / deviation[moving]).sum())
    score += math.log(total) if total > 0 else 0
return score`,
  ),
  meco: {
    parts: ['copy', 'record', 'correlations'],
    parameters: 'noise',
    about: `${NOISE} The first is taken.`,
    body: `rectifiers = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Sigmoid, nn.Hardsigmoid)
kinds = (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d) + rectifiers
with torch.no_grad():
    records, _ = _record(_copy(network), kinds, noise[:1])
total = 0.0
for _, output in records:
    rows = output[0].flatten(1).double()
    if rows.shape[1] > 1:
        correlations = _correlations(rows)
        correlations[~torch.isfinite(correlations)] = 0
        total += float(torch.linalg.eigvalsh(correlations)[0])
return total`,
  },
  gradsign: withLoss(
    ['loss'],
    `total = None
for at in range(len(images)):
    signs = [g.sign() for g in _gradients(network, images[at : at + 1], labels[at : at + 1])]
    total = signs if total is None else [a + b for a, b in zip(total, signs)]
return sum(float(layer.abs().sum()) for layer in total)`,
  ),
  'az-expressivity': {
    parts: ['blocks'],
    parameters: 'noise, blocks',
    about: BLOCKS,
    body: 'return sum(_entropies(network, blocks, noise))',
  },
  'az-progressivity': {
    parts: ['blocks'],
    parameters: 'noise, blocks',
    about: BLOCKS,
    body: `entropies = _entropies(network, blocks, noise)
return min(after - before for before, after in zip(entropies, entropies[1:]))`,
  },
  'az-trainability': {
    parts: ['blocks'],
    parameters: 'noise, blocks, signs=None',
    about: `${BLOCKS} signs: of each block but the first, -1 or 1 in the shape of its output, drawn where not given.`,
    body: `features = _features(network, blocks, noise)
scores = []
for at in range(1, len(features)):
    before, after = features[at - 1], features[at]
    g_out = torch.randint_like(after, 2) * 2 - 1 if signs is None else signs[at - 1]
    (g_in,) = torch.autograd.grad(after, before, g_out, retain_graph=True, allow_unused=True)
    g_in = torch.zeros_like(before) if g_in is None else g_in
    if g_in.shape == g_out.shape and bool((g_in == g_out).all()):
        return math.nan
    if g_in.shape[2] != g_out.shape[2]:
        g_in = F.pixel_unshuffle(g_in, g_in.shape[2] // g_out.shape[2])
    flat = [g.permute(0, 2, 3, 1).reshape(-1, g.shape[1]) for g in (g_in, g_out)]
    s = float(torch.linalg.svdvals(flat[0].T @ flat[1] / len(flat[1])).max())
    scores.append(2 - s - 1 / (s + 1e-6))
return sum(scores) / len(scores)`,
  },
};

/**
 * Source of a standalone Python module (PyTorch 1.10 or later) that computes a native proxy, or counts, on any `nn.Module` that gives logits:
 * `score(network, …)`. The network is left as it was.
 */
export function measureToPyTorchModule({ name, definition, paper }: MeasureProxy | StructuralProxy): string {
  const { parts, parameters, about, body } = RECIPES[name as keyof typeof RECIPES];
  const used = new Set(parts.flatMap((part) => [...(PART_CALLS[part] ?? []), part]));
  const functions = (Object.keys(PYTORCH_PARTS) as PartName[]).filter((part) => used.has(part));
  const given = parameters === '' ? '' : `, ${parameters}`;
  const lines = body.split('\n').map((line) => (line === '' ? '' : `    ${line}`));
  return `"""Zero-cost proxy ${name}: ${definition}

${paper}

    from this_module import score
    score(network${given.replaceAll(/, \w+=\w+/g, '')})  # a number; the network is left as it was

Made by eznas. Needs PyTorch 1.10 or later.
"""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F


${functions.map((part) => `${PYTORCH_PARTS[part]}\n\n`).join('')}def score(network${given}):
    """Score of a network${parameters.includes('draw') ? '' : ', with its parameters as they are'}.${about === '' ? '' : `\n\n    ${about.replaceAll('. ', '.\n    ')}\n    `}"""
${lines.join('\n')}
`;
}
