import type { MatrixOperatorName } from './matrix-operators.ts';
import type { Combiner } from './tree.ts';

/** Python for matrices of a network: `_matrix(aggregate, values)`, the units' matrices made one element by element. */
export const PYTORCH_MATRIX = `def _matrix(aggregate, values):
    """The units' matrices made one, element by element."""
    elements = torch.stack([value.flatten() for value in values], 1).tolist()
    return torch.tensor([aggregate(v) for v in elements], dtype=torch.float64).reshape(values[0].shape)
`;

/** Python bodies over m, a finite square matrix in float64. */
export const PYTORCH_MATRIX_BODIES: Readonly<Record<MatrixOperatorName, readonly string[]>> = {
  logdet: ['d = float(torch.logdet(m))', 'return 0.0 if d != d else d'],
  logabsdet: ['n = len(m)', 'return float(torch.linalg.slogdet(m + 1e-6 * torch.eye(n, dtype=torch.float64))[1]) / n'],
  symeig_ratio: ['values = torch.linalg.eigvalsh(m @ m.t())', 'return float(values[-1] / values[0])'],
  spectral_entropy: [
    'values = torch.linalg.eigvalsh(m @ m.t()).clamp(min=0)',
    'return float(torch.special.entr(values / values.sum()).sum()) if values.sum() > 0 else 0.0',
  ],
  participation_ratio: ['g = m @ m.t()', 'return float(g.trace() ** 2 / g.square().sum()) if g.trace() > 0 else 0.0'],
};

/** Python for the numbers of a network: `_numbers(network, data, units)`. */
export const PYTORCH_NUMBERS = `def _numbers(network, data, units):
    """Numbers of the network itself."""
    network = copy.deepcopy(network).train()
    counted = []

    def count(module, args, output):
        weights = sum(p.numel() for p in module.parameters(recurse=False))
        counted.append(weights * (output[0, 0].numel() if isinstance(module, nn.Conv2d) else 1))

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    logits = network(data)
    while not isinstance(logits, torch.Tensor):
        logits = logits[-1]
    for hook in hooks:
        hook.remove()
    return {
        "params": float(sum(p.numel() for p in network.parameters())),
        "flops": float(sum(counted)),
        "units": float(len(units)),
        "depth": float(_depth(logits.grad_fn)),
        "stages": float(len({unit["extents"] for unit in units})),
    }


def _depth(root):
    """Convolutions and linear layers on the longest way to a node of autograd's graph."""
    depths, stack = {}, [root]
    while stack:
        node = stack[-1]
        before = [one for one, _ in node.next_functions if one is not None]
        waiting = [one for one in before if one not in depths]
        if waiting:
            stack += waiting
            continue
        own = any(name in type(node).__name__ for name in ("Conv", "Addmm", "Linear"))
        depths[node] = max([depths[one] for one in before], default=0) + (1 if own else 0)
        stack.pop()
    return depths[root]
`;

/** Python for each combiner: `_parts(values, reference)`, what each network's value of a term adds to its score. */
export const PYTORCH_COMBINERS: Readonly<Record<Combiner, string>> = {
  rank_sum: ranked('Logarithms of ranks', (share) => `math.log(${share})`),
  share_sum: ranked('Ranks', (share) => share),
  z_sum: `def _parts(values, reference):
    """Distances from the mean in standard deviations; an infinity takes the place of the nearest finite value."""
    among = values if reference is None else reference
    finite = [x for x in among if math.isfinite(x)]
    low, high = min(finite, default=math.inf), max(finite, default=-math.inf)
    clamp = lambda x: min(high, max(low, x))
    kept = [clamp(x) for x in among]
    mean = sum(kept) / len(kept)
    deviation = (sum((x - mean) * (x - mean) for x in kept) / len(kept)) ** 0.5
    parts = []
    for value in values:
        distance = (value if math.isfinite(value) else clamp(value)) - mean
        z = distance / deviation if deviation > 0 else distance * math.inf
        parts.append(0.0 if z != z else z)
    return parts
`,
};

function ranked(what: string, part: (share: string) => string): string {
  return `def _parts(values, reference):
    """${what} as shares; equal values share the mean of theirs."""
    among = values if reference is None else reference
    own = 0 if reference is None else 1
    parts = []
    for value in values:
        less = sum(1 for x in among if x < value)
        equal = sum(1 for x in among if x == value) + own
        parts.append(${part('(less + (equal + 1) / 2) / (len(among) + own)')})
    return parts
`;
}
