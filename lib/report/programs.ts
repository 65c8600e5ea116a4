import { toLatex } from '../programs/export.ts';
import { operatorOf } from '../programs/operators.ts';
import { parseProgram } from '../programs/parse.ts';
import type { TensorName } from '../programs/tensors.ts';
import { isLeaf, type Program } from '../programs/tree.ts';
import type { ProgramCard, TreeNode } from './report.ts';

/** Larger programs are not drawn as formulas: nobody reads them, and browsers take long. */
const MAX_FORMULA = 200;

/** A program's text as a card. */
export function programCard(
  text: string,
  found: Pick<ProgramCard, 'fitness' | 'sign' | 'generation'> = { fitness: null, sign: null, generation: null },
): ProgramCard {
  const program = parseProgram(text);
  return { text, latex: formulaOf(program), tree: treeOf(program), size: program.size, ...found };
}

/** LaTeX of a formula that can be read; empty for one too large. */
export function formulaOf(program: Program): string {
  return program.size > MAX_FORMULA ? '' : toLatex(program);
}

/** A program as a tree to draw. */
export function treeOf(program: Program): TreeNode {
  if (isLeaf(program)) {
    return { label: program.tensor, note: describeTensor(program.tensor), leaf: true, operands: [] };
  }
  const { documentation } = operatorOf(program.operator);
  return { label: program.operator, note: documentation, leaf: false, operands: program.operands.map(treeOf) };
}

const PLACES = [
  '',
  "the ReLU's input",
  "the convolution's input",
  "the convolution's weight",
  "the normalization's output",
];

const PASSES = {
  D: 'in the pass over the minibatch',
  N: 'in the pass over noise',
  P: 'in the pass over the minibatch with a little noise, less that over the minibatch',
};

/** What a tensor is, in words, such as `gradient at the convolution's input, in the pass over noise`. */
export function describeTensor(tensor: TensorName): string {
  const [, place, gradient, pass] = /^T([1-4])(G?)([DNP]?)$/.exec(tensor)!;
  const what = `${gradient ? 'gradient at ' : ''}${PLACES[Number(place)]}`;
  return pass ? `${what}, ${PASSES[pass as keyof typeof PASSES]}` : what;
}
