import { EznasError } from '../errors.ts';
import { type OperatorName, operatorOf } from './operators.ts';
import { printProgram } from './print.ts';
import { PYTORCH_BODIES } from './pytorch.ts';
import type { TensorName } from './tensors.ts';
import { isLeaf, type Program, subtrees } from './tree.ts';

/** The forms a program can be written in. */
export const EXPORT_FORMATS = ['text', 'latex', 'pytorch'] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/**
 * A program as text (parses back), as a LaTeX formula, or as a PyTorch function.
 *
 * @throws EznasError INVALID_ARGUMENT for an unknown format
 */
export function exportProgram(program: Program, format: ExportFormat): string {
  switch (format) {
    case 'text':
      return printProgram(program);
    case 'latex':
      return toLatex(program);
    case 'pytorch':
      return toPyTorch(program);
    default:
      throw new EznasError('INVALID_ARGUMENT', `unknown format '${format}'; known are ${EXPORT_FORMATS.join(', ')}`);
  }
}

/**
 * A LaTeX formula, for math mode with amsmath: tensor T2GD is \nabla T_2^{D}, the gradient at the convolution's input in the data pass;
 * the weight T3 has no pass.
 */
export function toLatex(program: Program): string {
  if (isLeaf(program)) return tensorLatex(program.tensor);
  const operands = program.operands.map(toLatex);
  return operatorOf(program.operator).latex.replace(/#([12])/g, (_, place) => operands[Number(place) - 1]!);
}

function tensorLatex(tensor: TensorName): string {
  const [, place, gradient, pass] = /^T([1-4])(G?)([DNP]?)$/.exec(tensor)!;
  return `${gradient ? '\\nabla ' : ''}T_{${place}}${pass ? `^{\\mathrm{${pass}}}` : ''}`;
}

/**
 * Python source of a self-contained function `proxy(unit)`: from a mapping of tensor names to float32 tensors, the score of one unit, a
 * float. The score of a network is the mean over its units.
 */
export function toPyTorch(program: Program): string {
  return pythonFunction(program, [
    `"""Score of one unit: the mean of ${printProgram(program)}.`,
    "unit maps tensor names ('T1D', ...) to float32 tensors. A network's score is the mean over its units.",
    `return ${toPython(program)}.double().mean().item()`,
  ]);
}

/** The like that returns the program's value itself, in float64. */
export function toPyTorchValue(program: Program): string {
  return pythonFunction(program, [
    `"""Value of ${printProgram(program)} on one unit.`,
    "unit maps tensor names ('T1D', ...) to float32 tensors.",
    `return ${toPython(program)}.double()`,
  ]);
}

function pythonFunction(program: Program, [what, unit, result]: readonly [string, string, string]): string {
  const operators = new Set<OperatorName>();
  for (const node of subtrees(program)) if (!isLeaf(node)) operators.add(node.operator);
  const helpers = [...operators].sort().map((name) => {
    const parameters = operatorOf(name).arity === 1 ? 'x' : 'a, b';
    return [`def ${name}(${parameters}):`, ...PYTORCH_BODIES[name].map((line) => `    ${line}`), ''];
  });
  const body = [what, '', unit, '"""', 'import torch', '', ...helpers.flat(), result];
  return ['def proxy(unit):', ...body.map((line) => (line === '' ? '' : `    ${line}`)), ''].join('\n');
}

function toPython(program: Program): string {
  if (isLeaf(program)) return `unit['${program.tensor}']`;
  return `${program.operator}(${program.operands.map(toPython).join(', ')})`;
}
