"""Writes test/fixtures/operator-shapes.json: what shape PyTorch gives each operator on every choice of operand shapes, null where it raises.

    python3 test/oracle/operator_shapes.py > test/fixtures/operator-shapes.json

Made with torch 1.13. A scalar is [].
"""
import itertools
import json

import torch

SHAPES = [
    (), (1,), (3,), (5,), (1, 1), (3, 3), (3, 5), (5, 3), (1, 3, 3), (2, 3, 3), (3, 3, 5),
    (2, 3, 5, 5), (2, 1, 5, 5), (2, 3, 5, 3), (4, 3, 1, 1), (4, 3, 3, 3),
]


def at_least_1d(x):
    return x.reshape(1) if x.dim() == 0 else x


def scalar_or(x, then):
    return torch.zeros(1) if x.dim() == 0 else then(x)


def gram_ratio(x):
    rows = x.reshape(x.shape[0], -1)
    values = torch.linalg.eigvalsh(rows @ rows.t() + torch.eye(rows.shape[0]))
    return values[-1] / values[0]


def rows_of(x):
    return x.reshape(x.shape[0], -1)


def hamming(a, b):
    return ((a.flatten() > 0) != (b.flatten() > 0)).sum().float()


def cosine(a, b):
    if a.dim() == 0 or b.dim() == 0:
        return torch.zeros(1)
    a, b = a.reshape(a.shape[0], -1), b.reshape(b.shape[0], -1)
    return torch.nn.CosineSimilarity(dim=1)(a, b).sum()


KLDIV = torch.nn.KLDivLoss(reduction='batchmean')
OPERATORS = {
    'add': torch.add, 'sub': torch.sub, 'mul': torch.mul,
    'matmul': lambda a, b: at_least_1d(a) @ at_least_1d(b),
    'lt': torch.lt, 'gt': torch.gt, 'eq': torch.eq,
    'softmax': lambda x: torch.softmax(x, 0 if x.dim() in (0, 1, 3) else 1),
    'normalize': lambda x: (x - x.mean()) / x.std(),
    'frobenius_norm': torch.norm,
    'mean': lambda x: torch.sum(x) / x.numel(),
    'numel': lambda x: torch.Tensor([x.numel()]),
    'det': torch.det, 'logdet': torch.logdet,
    'symeig_ratio': lambda x: scalar_or(x, gram_ratio),
    'channels_first': lambda x: x.transpose(0, 1),
    'flatten': rows_of,
    'gram': lambda x: rows_of(x) @ rows_of(x).t(),
    'covariance': lambda x: torch.cov(rows_of(x), correction=0).reshape(x.shape[0], x.shape[0]),
    'logabsdet': lambda x: torch.linalg.slogdet(x)[1],
    'spectral_entropy': lambda x: torch.linalg.eigvalsh(rows_of(x) @ rows_of(x).t()).sum(),
    'std': torch.std, 'min': torch.min, 'count_nonzero': torch.count_nonzero,
    'hamming': hamming,
    'kl_div': KLDIV,
    'cosine': cosine,
}
BINARY = {'add', 'sub', 'mul', 'matmul', 'lt', 'gt', 'eq', 'hamming', 'kl_div', 'cosine'}


def shape_of(operator, operands):
    try:
        return list(operator(*operands).shape)
    except (RuntimeError, IndexError):
        return None


results = {}
for name, operator in OPERATORS.items():
    choices = itertools.product(SHAPES, repeat=2 if name in BINARY else 1)
    results[name] = [shape_of(operator, [torch.rand(s) + 0.1 for s in shapes]) for shapes in choices]
print('{"shapes": %s, "results": {' % json.dumps([list(s) for s in SHAPES]))
print(',\n'.join('"%s": %s' % (name, json.dumps(rows, separators=(',', ':'))) for name, rows in results.items()))
print('}}')
