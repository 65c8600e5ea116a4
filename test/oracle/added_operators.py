"""Writes test/fixtures/added-operators.json: values that PyTorch and NumPy give the operators beyond the paper's 34.

    python3 test/oracle/added_operators.py > test/fixtures/added-operators.json

Made with torch 1.13. Every unit has before B x Cin x H x W, weight Cout x Cin x k x k, after B x Cout x H' x W'; programs read T1D (before),
T3 (weight) and T4D (after). Every operator's result is rounded to float32. A value is the mean of the result's elements in float64, or 'nan' or '-inf'.
"""
import json

import torch

torch.manual_seed(7)


def rows(x):
    return x.reshape(x.shape[0], -1).double()


def covariance(x):
    return torch.cov(rows(x), correction=0).reshape(x.shape[0], x.shape[0])


def logabsdet(x):
    n = x.shape[-1]
    return torch.linalg.slogdet(x.double() + 1e-6 * torch.eye(n, dtype=torch.double))[1] / n


def shares(x):
    values = torch.linalg.svdvals(rows(x)).square()
    return values / values.sum() if values.sum() > 0 else torch.zeros(0, dtype=torch.double)


OPERATORS = {
    'channels_first': lambda x: x.transpose(0, 1),
    'flatten': rows,
    'gram': lambda x: rows(x) @ rows(x).t(),
    'covariance': covariance,
    'logabsdet': logabsdet,
    'spectral_entropy': lambda x: torch.special.entr(shares(x)).sum(),
    'participation_ratio': lambda x: 1 / shares(x).square().sum() if len(shares(x)) else torch.zeros(()),
    'std': lambda x: x.double().std(),
    'min': torch.min,
    'max': torch.max,
    'count_nonzero': lambda x: (x != 0).sum(),
    'square': lambda x: x * x,
    'softmax': lambda x: torch.softmax(x, 0 if x.dim() in (0, 1, 3) else 1),
    'sign': torch.sign,
    'frobenius_norm': lambda x: x.norm(),
}
PROGRAMS = [
    'std(T1D)', 'min(T1D)', 'max(T4D)', 'count_nonzero(T1D)', 'std(T3)',
    'logabsdet(T1D)', 'logabsdet(gram(T3))', 'logabsdet(gram(sign(T3)))', 'logabsdet(covariance(channels_first(sign(T4D))))',
    'gram(T1D)', 'covariance(T3)', 'covariance(channels_first(T4D))', 'covariance(flatten(T1D))',
    'frobenius_norm(covariance(channels_first(T1D)))',
    'spectral_entropy(T1D)', 'spectral_entropy(T3)', 'spectral_entropy(channels_first(sign(T4D)))', 'spectral_entropy(gram(T4D))',
    'participation_ratio(T3)', 'participation_ratio(channels_first(T4D))', 'participation_ratio(T1D)',
    'softmax(channels_first(T1D))', 'square(gram(flatten(T4D)))', 'frobenius_norm(softmax(channels_first(T4D)))',
]


def evaluate(text, leaves):
    if '(' not in text:
        return leaves[text]
    name, inner = text[:-1].split('(', 1)
    return OPERATORS[name](evaluate(inner, leaves)).float()


def number(x):
    value = x.double().mean().item()
    return value if value == value and abs(value) != float('inf') else str(value)


def unit(b, cin, h, cout, k, after, fill=torch.randn):
    return {'T1D': fill(b, cin, h, h), 'T3': fill(cout, cin, k, k), 'T4D': fill(b, cout, after, after)}


def zeros(*shape):
    return torch.zeros(*shape)


def low_rank(*shape):
    x = torch.randn(*shape)
    return x[:1].expand(*shape).contiguous()


def halves(*shape):
    return torch.relu(torch.randn(*shape))


UNITS = [
    unit(2, 3, 5, 4, 3, 3), unit(1, 1, 1, 1, 1, 1), unit(5, 17, 3, 19, 1, 2), unit(3, 2, 8, 33, 3, 4), unit(2, 3, 4, 5, 3, 4, zeros),
    unit(4, 3, 4, 6, 3, 4, low_rank), unit(2, 8, 6, 8, 3, 6, halves),
]

cases = []
for leaves in UNITS:
    tensors = {name: {'shape': list(t.shape), 'data': [float('%.9g' % v) for v in t.flatten().tolist()]} for name, t in leaves.items()}
    cases.append({'tensors': tensors, 'values': {text: number(evaluate(text, leaves)) for text in PROGRAMS}})
print(json.dumps(cases, separators=(',', ':')))
