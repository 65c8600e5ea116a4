import { describeTensor } from '../programs/describe.ts';
import { toLatex } from '../programs/export.ts';
import { operatorOf } from '../programs/operators.ts';
import { parseProgram } from '../programs/parse.ts';
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
