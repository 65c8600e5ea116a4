/** An operator over numbers of a network, in float64. */
export interface ScalarOperator {
  readonly name: string;
  readonly arity: 1 | 2;
  readonly formula: string;
  /** LaTeX with #1 and #2 in the operands' places. */
  readonly latex: string;
  /** The second operand is NaN for operators of one. */
  readonly of: (a: number, b: number) => number;
}

/** Names shared with the operators of unit programs mean the same. */
const TABLE = [
  { name: 'add', arity: 2, formula: 'a + b', latex: String.raw`\left(#1 + #2\right)`, of: (a, b) => a + b },
  { name: 'sub', arity: 2, formula: 'a - b', latex: String.raw`\left(#1 - #2\right)`, of: (a, b) => a - b },
  { name: 'mul', arity: 2, formula: 'a * b', latex: String.raw`\left(#1 \cdot #2\right)`, of: (a, b) => a * b },
  { name: 'div', arity: 2, formula: 'a / b', latex: String.raw`\frac{#1}{#2}`, of: (a, b) => a / b },
  { name: 'neg', arity: 1, formula: '-x', latex: String.raw`\left(-#1\right)`, of: (x) => -x },
  {
    name: 'log',
    arity: 1,
    formula: 'ln(x) if x > 0, NaN if x is NaN, else 0',
    latex: String.raw`\ln^{+}\left(#1\right)`,
    of: (x) => (x > 0 ? Math.log(x) : Number.isNaN(x) ? x : 0),
  },
  {
    name: 'sqrt',
    arity: 1,
    formula: 'sqrt(|x|)',
    latex: String.raw`\sqrt{\left|#1\right|}`,
    of: (x) => Math.sqrt(Math.abs(x)),
  },
  { name: 'abs', arity: 1, formula: '|x|', latex: String.raw`\left|#1\right|`, of: (x) => Math.abs(x) },
  { name: 'square', arity: 1, formula: 'x * x', latex: String.raw`\left(#1\right)^{2}`, of: (x) => x * x },
  { name: 'exp', arity: 1, formula: 'e^x', latex: String.raw`\exp\left(#1\right)`, of: (x) => Math.exp(x) },
] as const satisfies readonly ScalarOperator[];

export type ScalarOperatorName = (typeof TABLE)[number]['name'];

/** Every operator over numbers of a network. */
export const SCALAR_OPERATORS: readonly (ScalarOperator & { readonly name: ScalarOperatorName })[] = TABLE;

const byName: ReadonlyMap<string, (typeof SCALAR_OPERATORS)[number]> = new Map(
  SCALAR_OPERATORS.map((row) => [row.name, row]),
);

/** The operator of that name, if there is one. */
export function findScalarOperator(name: string) {
  return byName.get(name);
}
