import type { OperatorName } from './operators.ts';

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
  det: ['return torch.det(x)'],
  logdet: ['d = torch.logdet(x)', 'return torch.where(torch.isnan(d), torch.zeros_like(d), d)'],
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
  cosine: [
    'if a.dim() == 0 or b.dim() == 0:',
    '    return torch.zeros(1, device=a.device)',
    'a = a.reshape(a.shape[0], -1)',
    'b = b.reshape(b.shape[0], -1)',
    'return torch.nn.functional.cosine_similarity(a, b, dim=1, eps=1e-8).double().sum().float()',
  ],
};
