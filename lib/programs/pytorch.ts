import type { OperatorName } from './operators.ts';

/** Elimination makes the determinants of singular matrices, such as those of signs, a little more or less than 0: their rank decides. */
const SINGULAR = [
  'x = x.double()',
  'rank = torch.linalg.matrix_rank(torch.nan_to_num(x))',
  'singular = x.isfinite().all(-1).all(-1) & (rank < x.shape[-1])',
];

/**
 * PyTorch bodies of the operators, over x or over a and b (float32 tensors), with reductions accumulated in float64. Valid from torch 1.8 on.
 * They raise where an operator rejects its operands' shapes.
 */
export const PYTORCH_BODIES: Readonly<Record<OperatorName, readonly string[]>> = {
  add: ['return a + b'],
  sub: ['return a - b'],
  mul: ['return a * b'],
  matmul: ['return torch.matmul(a.reshape(1) if a.dim() == 0 else a, b.reshape(1) if b.dim() == 0 else b)'],
  lt: ['return (a < b).float()'],
  gt: ['return (a > b).float()'],
  eq: ['return (a == b).float()'],
  log: ['return torch.log(torch.where(x <= 0, torch.ones_like(x), x))'],
  abslog: ['return torch.log(torch.where(x == 0, torch.ones_like(x), x)).abs()'],
  abs: ['return x.abs()'],
  square: ['return x * x'],
  exp: ['return x.exp()'],
  relu: ['return torch.relu(x)'],
  sign: ['return torch.sign(x)'],
  sigmoid: ['return torch.sigmoid(x)'],
  normalize: [
    'wide = x.double()',
    'z = ((wide - wide.mean()) / wide.std()).float()',
    'return torch.where(torch.isnan(z), torch.zeros_like(z), z)',
  ],
  heaviside: ['return (x > 0).float()'],
  gt0: ['return (x > 0).float()'],
  lt0: ['return (x < 0).float()'],
  reciprocal: ['return 1 / x'],
  softmax: ['return torch.softmax(x, 0 if x.dim() in (0, 1, 3) else 1)'],
  ones_like: ['return torch.ones_like(x)'],
  zeros_like: ['return torch.zeros_like(x)'],
  frobenius_norm: ['return x.double().square().sum().sqrt().float()'],
  l1_norm: ['return (x.double().abs().sum() / x.numel()).float()'],
  mean: ['return (x.double().sum() / x.numel()).float()'],
  numel: ['return torch.tensor([float(x.numel())], device=x.device)'],
  det: [...SINGULAR, 'return torch.det(x).masked_fill(singular, 0).float()'],
  logdet: [
    ...SINGULAR,
    "d = torch.logdet(x).masked_fill(singular, -float('inf')).float()",
    'return torch.where(torch.isnan(d), torch.zeros_like(d), d)',
  ],
  symeig_ratio: [
    'if x.dim() == 0:',
    '    return torch.zeros(1, device=x.device)',
    'rows = x.reshape(x.shape[0], -1).double()',
    'values = torch.linalg.eigvalsh(rows @ rows.t())',
    'return (values[-1] / values[0]).float()',
  ],
  eig_ratio: [
    'if x.dim() == 0:',
    '    return torch.zeros(1, device=x.device)',
    'rows = x.reshape(x.shape[0], -1).double()',
    'values = torch.linalg.eigvalsh(rows @ rows.t()).abs()',
    'return (values.max() / values.min()).float()',
  ],
  hamming: ['a, b = a.reshape(-1) > 0, b.reshape(-1) > 0', 'return (a != b).sum().float()'],
  kl_div: [
    'entropy = b.double() * torch.where(b == 0, torch.ones_like(b), b).double().log()',
    'terms = entropy - b.double() * a.double()',
    'return (terms.sum() / (a.shape[0] if a.dim() else 1)).float()',
  ],
  channels_first: ['return x.transpose(0, 1).contiguous()'],
  flatten: ['return x.reshape(x.shape[0], -1)'],
  gram: ['rows = x.reshape(x.shape[0], -1).double()', 'return (rows @ rows.t()).float()'],
  covariance: [
    'rows = x.reshape(x.shape[0], -1).double()',
    'rows = rows - rows.mean(1, keepdim=True)',
    'return (rows @ rows.t() / rows.shape[1]).float()',
  ],
  logabsdet: [
    'n = x.shape[-1]',
    'return (torch.linalg.slogdet(x.double() + 1e-6 * torch.eye(n, dtype=torch.double, device=x.device))[1] / n).float()',
  ],
  spectral_entropy: [
    'rows = x.reshape(x.shape[0], -1).double()',
    'values = torch.linalg.eigvalsh(rows @ rows.t()).clamp(min=0)',
    'if values.sum() == 0:',
    '    return torch.zeros((), device=x.device)',
    'p = values / values.sum()',
    'return torch.special.entr(p).sum().float()',
  ],
  participation_ratio: [
    'rows = x.reshape(x.shape[0], -1).double()',
    'g = rows @ rows.t()',
    'if g.trace() == 0:',
    '    return torch.zeros((), device=x.device)',
    'return (g.trace() ** 2 / g.square().sum()).float()',
  ],
  std: ['return x.double().std().float()'],
  min: ['return x.min()'],
  max: ['return x.max()'],
  count_nonzero: ['return (x != 0).sum().float()'],
  cosine: [
    'if a.dim() == 0 or b.dim() == 0:',
    '    return torch.zeros(1, device=a.device)',
    'a = a.reshape(a.shape[0], -1)',
    'b = b.reshape(b.shape[0], -1)',
    'return torch.nn.functional.cosine_similarity(a, b, dim=1, eps=1e-8).double().sum().float()',
  ],
};
