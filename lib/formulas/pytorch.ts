import { toPyTorch, toPyTorchValue } from '../programs/export.ts';
import { toPyTorchModule } from '../programs/pytorch-module.ts';
import { PYTORCH_RECORDER } from '../programs/pytorch-recorder.ts';
import { TENSORS } from '../programs/tensors.ts';
import type { Program } from '../programs/tree.ts';
import type { AggregatorName } from './aggregators.ts';
import { DistinctPrograms } from './distinct-programs.ts';
import type { MatrixOperatorName } from './matrix-operators.ts';
import type { NetworkNumberName } from './numbers.ts';
import { printFormula } from './print.ts';
import { PYTORCH_COMBINERS, PYTORCH_MATRIX, PYTORCH_MATRIX_BODIES, PYTORCH_NUMBERS } from './pytorch-parts.ts';
import type { ScalarOperatorName } from './scalar-operators.ts';
import { asProgram, type Formula, formulaTensors, type Term, termsOf } from './tree.ts';

/** Python expressions over `v`, the list of a program's values on the units, which is neither empty nor has a NaN. */
const AGGREGATES: Readonly<Record<AggregatorName, string>> = {
  unit_mean: 'sum(v) / len(v)',
  unit_sum: 'sum(v)',
  unit_max: 'max(v)',
  unit_min: 'min(v)',
  unit_std: '(sum((x - sum(v) / len(v)) * (x - sum(v) / len(v)) for x in v) / len(v)) ** 0.5',
  unit_first: 'v[0]',
  unit_last: 'v[-1]',
  unit_logsum: 'sum(math.log(abs(x)) for x in v if x != 0)',
  unit_depthmean: 'sum((i + 1) * x for i, x in enumerate(v)) / (len(v) * (len(v) + 1) / 2)',
};

/** Python expressions over x, or a and b, in float64 with IEEE's infinities, which Python would raise for. */
const OPERATORS: Readonly<Record<ScalarOperatorName, string>> = {
  add: 'a + b',
  sub: 'a - b',
  mul: 'a * b',
  div: 'float(torch.tensor(a, dtype=torch.float64) / torch.tensor(b, dtype=torch.float64))',
  neg: '-x',
  log: 'math.log(x) if x > 0 else x if x != x else 0.0',
  sqrt: 'abs(x) ** 0.5',
  abs: 'abs(x)',
  square: 'x * x',
  exp: 'float(torch.exp(torch.tensor(x, dtype=torch.float64)))',
};

/**
 * Source of a standalone Python module (PyTorch 1.8 or later) that computes a formula on any `nn.Module`: `score(network, data)`, or, for a forest,
 * `scores(networks, data)` and `terms(network, data)`. Units are found as `toPyTorchModule` of a program finds them.
 */
export function formulaToPyTorchModule(formula: Formula): string {
  const program = asProgram(formula);
  if (program) return toPyTorchModule(program);
  const mask = formulaTensors(formula);
  const read = TENSORS.filter((_, index) => (mask >> index) & 1);
  const used = new Used();
  const expressions = termsOf(formula).map((term) => expression(term, used));
  const forest = formula.kind === 'forest';
  const usage = forest
    ? '    from this_module import scores\n    scores(networks, images)  # a list of floats'
    : '    from this_module import score\n    score(network, images)  # a float';
  const parts = [
    `"""Zero-cost proxy: ${printFormula(formula)}

${usage}; networks are left as they were

A program of a unit (an nn.ReLU, an nn.Conv2d and an nn.BatchNorm2d, one after the other) is aggregated over the units of a network, in the order in which
they run.${forest ? ' A forest compares networks with each other, or with a reference sample of them.' : ''}
Made by eznas. Needs PyTorch 1.8 or later.
"""

import copy
import math

import torch
from torch import nn

# The tensors that the programs read: place (1 the ReLU's input, 2 the convolution's, 3 its weight, 4 the normalization's output), G for gradients,
# and the pass: D over the images, N over noise, P over the images with a little noise, less D.
READS = ${JSON.stringify(read)}`,
    ...functions(used.programs, '_program', toPyTorch),
    ...functions(used.matrices, '_matrix', toPyTorchValue),
    `PROGRAMS = ${listOf(used.programs, '_program')}`,
    ...(used.matrices.programs.length > 0
      ? [`MATRICES = ${listOf(used.matrices, '_matrix')}`, PYTORCH_MATRIX.trimEnd()]
      : []),
    ...[...used.aggregators].map((name) => aggregateSource(name)),
    ...[...used.operators].map((name) => operatorSource(name)),
    ...[...used.matrixOperators].map((name) => matrixOperatorSource(name)),
    PYTORCH_RECORDER.trimEnd(),
    ...(used.numbers.size > 0 ? [PYTORCH_NUMBERS.trimEnd()] : []),
    `def terms(network, data, noise=None, perturbed=None):
    """Values of the formula's terms for a network, with its parameters as they are, on a minibatch of normalized images (batch x channels x height x
    width). noise and perturbed, of the same shape, are drawn from torch's generator where they are not given and a program reads them.
    """
    units = _units(network, data, noise, perturbed)
    values = [[program(unit) for unit in units] for program in PROGRAMS]${
      used.matrices.programs.length > 0
        ? '\n    matrices = [[program(unit) for unit in units] for program in MATRICES]'
        : ''
    }${used.numbers.size > 0 ? '\n    numbers = _numbers(network, data, units)' : ''}
    return [
${expressions.map((text) => `        ${text},`).join('\n')}
    ]`,
    forest
      ? `${PYTORCH_COMBINERS[formula.combiner].trimEnd()}\n\n\n${SCORES}`
      : `def score(network, data, noise=None, perturbed=None):
    """Score of a network; arguments as of terms."""
    return terms(network, data, noise, perturbed)[0]
`,
  ];
  return parts.join('\n\n\n');
}

const SCORES = `def scores(networks, data, noise=None, perturbed=None, reference=None):
    """Scores of networks, compared with each other, or each with a reference: for every term its values on a sample of networks, equally many. Other
    arguments as of terms. NaN for a network on which a term is NaN; such networks do not count for the others either.
    """
    if noise is None:
        noise = torch.randn_like(data)
    if perturbed is None:
        perturbed = data + 0.1 * torch.randn_like(data)
    rows = [terms(network, data, noise, perturbed) for network in networks]
    known = [row for row in rows if not any(x != x for x in row)]
    parts = [
        _parts([row[at] for row in known], None if reference is None else list(reference[at]))
        for at in range(len(known[0]) if known else 0)
    ]
    sums = iter([sum(part[place] for part in parts) for place in range(len(known))])
    return [float("nan") if any(x != x for x in row) else next(sums) for row in rows]
`;

/** What of Python a formula needs. */
class Used {
  readonly aggregators = new Set<AggregatorName>();
  readonly operators = new Set<ScalarOperatorName>();
  readonly numbers = new Set<NetworkNumberName>();
  readonly matrixOperators = new Set<MatrixOperatorName>();
  readonly programs = new DistinctPrograms();
  readonly matrices = new DistinctPrograms();
}

/** One Python function for each of the programs, `_name_0` and so on. */
function functions({ programs }: DistinctPrograms, name: string, source: (program: Program) => string): string[] {
  return programs.map((program, at) =>
    source(program).replace('def proxy(unit):', `def ${name}_${at}(unit):`).trimEnd(),
  );
}

function listOf({ programs }: DistinctPrograms, name: string): string {
  return `[${programs.map((_, at) => `${name}_${at}`).join(', ')}]`;
}

function expression(term: Term, used: Used): string {
  switch (term.kind) {
    case 'aggregate':
      used.aggregators.add(term.aggregator);
      return `_${term.aggregator}(values[${used.programs.add(term.program)}])`;
    case 'matrix': {
      used.aggregators.add(term.aggregator);
      used.matrixOperators.add(term.operator);
      const matrices = `matrices[${used.matrices.add(term.program)}]`;
      return `_${term.operator}(_matrix(_${term.aggregator}, ${matrices}))`;
    }
    case 'number':
      used.numbers.add(term.name);
      return `numbers["${term.name}"]`;
    case 'constant':
      return `float("${term.value}")`;
    case 'operation': {
      used.operators.add(term.operator);
      return `_${term.operator}(${term.operands.map((operand) => expression(operand, used)).join(', ')})`;
    }
  }
}

function aggregateSource(name: AggregatorName): string {
  return `def _${name}(v):
    if any(x != x for x in v):
        return float("nan")
    return ${AGGREGATES[name]}`;
}

function matrixOperatorSource(name: MatrixOperatorName): string {
  return `def _${name}(m):
    if not bool(torch.isfinite(m).all()):
        return float("nan")
${PYTORCH_MATRIX_BODIES[name].map((line) => `    ${line}`).join('\n')}`;
}

function operatorSource(name: ScalarOperatorName): string {
  const binary = ['add', 'sub', 'mul', 'div'].includes(name);
  return `def _${name}(${binary ? 'a, b' : 'x'}):
    return ${OPERATORS[name]}`;
}
