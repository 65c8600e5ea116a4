"""The released method of evaluating programs: one PyTorch call per node of every tree, one unit after another."""

import re

import torch

UNARY = {}
BINARY = {}


def unary(f):
    UNARY[f.__name__.rstrip("_")] = f
    return f


def binary(f):
    BINARY[f.__name__.rstrip("_")] = f
    return f


@binary
def add(a, b):
    return a + b


@binary
def sub(a, b):
    return a - b


@binary
def mul(a, b):
    return a * b


@binary
def matmul(a, b):
    return torch.matmul(a.reshape(1) if a.dim() == 0 else a, b.reshape(1) if b.dim() == 0 else b)


@binary
def lt(a, b):
    return (a < b).float()


@binary
def gt(a, b):
    return (a > b).float()


@binary
def eq(a, b):
    return (a == b).float()


@unary
def log(x):
    x = x.clone()
    x[x <= 0] = 1
    return torch.log(x)


@unary
def abslog(x):
    x = x.clone()
    x[x == 0] = 1
    return torch.abs(torch.log(x))


UNARY.update(abs=torch.abs, square=torch.square, exp=torch.exp, relu=torch.relu, sign=torch.sign, sigmoid=torch.sigmoid)
UNARY.update(reciprocal=torch.reciprocal, ones_like=torch.ones_like, zeros_like=torch.zeros_like)


@unary
def normalize(x):
    y = (x - x.mean()) / x.std()
    y[torch.isnan(y)] = 0
    return y


@unary
def heaviside(x):
    return torch.heaviside(x, torch.zeros((), device=x.device))


@unary
def gt0(x):
    return (x > 0).float()


@unary
def lt0(x):
    return (x < 0).float()


@unary
def softmax(x):
    return torch.softmax(x, 0 if x.dim() in (0, 1, 3) else 1)


@unary
def frobenius_norm(x):
    return torch.norm(x)


@unary
def l1_norm(x):
    return torch.sum(torch.abs(x)) / x.numel()


@unary
def mean(x):
    return torch.sum(x) / x.numel()


@unary
def numel(x):
    return torch.tensor([float(x.numel())], device=x.device)


@unary
def det(x):
    return torch.linalg.det(x)


@unary
def logdet(x):
    y = torch.logdet(x)
    return torch.where(torch.isnan(y), torch.zeros((), device=y.device), y)


def gram(x):
    rows = x.reshape(x.shape[0], -1)
    return rows @ rows.T


@unary
def symeig_ratio(x):
    if x.dim() == 0:
        return torch.zeros(1, device=x.device)
    values = torch.linalg.eigvalsh(gram(x))
    return values[-1] / values[0]


@unary
def eig_ratio(x):
    if x.dim() == 0:
        return torch.zeros(1, device=x.device)
    values = torch.linalg.eigvals(gram(x)).abs()
    return values.max() / values.min()


@binary
def hamming(a, b):
    return torch.sum((a.flatten() > 0) != (b.flatten() > 0)).float()


@binary
def kl_div(a, b):
    return torch.nn.functional.kl_div(a, b, reduction="batchmean")


@binary
def cosine(a, b):
    if a.dim() == 0 or b.dim() == 0:
        return torch.zeros(1, device=a.device)
    return torch.cosine_similarity(a.reshape(a.shape[0], -1), b.reshape(b.shape[0], -1), dim=1).sum()


def parse(text):
    """Nested tuples (function, operand, …); a leaf is its name."""
    tokens = iter(re.findall(r"\w+|[(),]", text) + [""])

    def expression(name):
        function = UNARY.get(name) or BINARY.get(name)
        if function is None:
            return name
        assert next(tokens) == "("
        operands = []
        while True:
            operands.append(expression(next(tokens)))
            if next(tokens) == ")":
                return (function, *operands)

    return expression(next(tokens))


def size(tree):
    return 1 if isinstance(tree, str) else 1 + sum(size(operand) for operand in tree[1:])


def value(tree, tensors):
    if isinstance(tree, str):
        return tensors[tree]
    return tree[0](*(value(operand, tensors) for operand in tree[1:]))


def score(tree, units):
    """Mean over the units of the mean of the root's elements; None when a shape is rejected or the score is not finite."""
    total = 0.0
    for tensors in units:
        try:
            unit = float(value(tree, tensors).double().mean())
        except (RuntimeError, IndexError):
            return None
        if unit != unit or unit in (float("inf"), float("-inf")):
            return None
        total += unit
    return total / len(units)
