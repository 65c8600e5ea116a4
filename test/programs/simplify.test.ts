import assert from 'node:assert/strict';
import { ProgramGenerator } from '../../lib/programs/generate.ts';
import { OPERATORS } from '../../lib/programs/operators.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { SIMPLIFICATIONS, simplify } from '../../lib/programs/simplify.ts';
import { symbolicSignature } from '../../lib/programs/symbols.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { equalPrograms, isLeaf, type Program, subtrees } from '../../lib/programs/tree.ts';
import { inferShapes, tensorShape, unitSignature } from '../../lib/programs/typing.ts';
import { Random } from '../../lib/random.ts';
import { evaluateReference, parseReference, type ReferenceTensor } from '../oracle/evaluator.ts';

/** All but products of matrices, decompositions, kl_div and cosine: no rule looks inside these, and they would dilute the sample. */
const LEFT_OUT = new Set(
  'matmul det logdet symeig_ratio eig_ratio kl_div cosine channels_first flatten gram covariance logabsdet spectral_entropy participation_ratio'.split(
    ' ',
  ),
);
const OPERATORS_UNDER_TEST = OPERATORS.map((row) => row.name).filter((name) => !LEFT_OUT.has(name));

const unit = unitSignature({ before: [2, 3, 2, 2], weight: [4, 3, 1, 1], after: [2, 4, 2, 2] });

/** Tensors with every kind of number in them. */
function tensors(random: Random, special: boolean): Map<string, ReferenceTensor> {
  const odd = [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-40, 3e38, -3e38];
  return new Map(
    TENSORS.map((name) => {
      const shape = tensorShape(name, unit);
      const length = shape.reduce((product, size) => product * size, 1);
      const draw = (): number => (special && random.uniform() < 0.4 ? random.choice(odd) : random.normal());
      return [name, { shape, data: Float64Array.from({ length }, draw).map(Math.fround) }];
    }),
  );
}

function values(program: Program, leaves: Map<string, ReferenceTensor>): ReferenceTensor {
  const reference = { leaf: (name: string) => leaves.get(name)!, rounding: Math.fround };
  return evaluateReference(parseReference(printProgram(program)), reference);
}

describe('simplification', () => {
  it('brings equal programs to one form', () => {
    const cases: [text: string, simple: string][] = [
      ['abs(abs(T1D))', 'abs(T1D)'],
      ['relu(sigmoid(T1D))', 'sigmoid(T1D)'],
      ['relu(relu(T1D))', 'relu(T1D)'],
      ['sign(sign(T1D))', 'sign(T1D)'],
      ['heaviside(T1D)', 'gt0(T1D)'],
      ['gt(T1D, T2D)', 'lt(T2D, T1D)'],
      ['lt(abs(T1D), abs(T1D))', 'zeros_like(T1D)'],
      ['square(sign(gt0(relu(T1D))))', 'gt0(T1D)'],
      ['lt0(exp(T3))', 'zeros_like(T3)'],
      ['log(lt0(T3))', 'zeros_like(T3)'],
      ['log(relu(T3))', 'log(T3)'],
      ['reciprocal(exp(log(gt0(T3))))', 'ones_like(T3)'],
      ['normalize(ones_like(T3))', 'zeros_like(T3)'],
      ['ones_like(softmax(normalize(T3)))', 'ones_like(T3)'],
      ['numel(abs(T3))', 'numel(T3)'],
      ['mean(abs(T3))', 'l1_norm(T3)'],
      ['l1_norm(square(abs(T3)))', 'mean(square(T3))'],
      ['square(abs(frobenius_norm(abs(T2N))))', 'square(frobenius_norm(T2N))'],
      ['l1_norm(frobenius_norm(T3))', 'frobenius_norm(T3)'],
      ['mean(mean(T3))', 'mean(T3)'],
      ['hamming(relu(T1D), sign(T2D))', 'hamming(T1D, T2D)'],
    ];
    for (const [text, simple] of cases) assert.equal(printProgram(simplify(parseProgram(text))), simple, text);
  });

  it('leaves alone what NaN, infinities, signed zeros or shapes tell apart', () => {
    for (const text of [
      'abs(relu(T1D))',
      'sub(T1D, T1D)',
      'eq(T1D, T1D)',
      'gt0(log(T1D))',
      'sign(exp(T1D))',
      'lt0(relu(T1D))',
      'ones_like(add(T1D, T4D))',
      'ones_like(mean(T1D))',
      'mean(numel(T1D))',
      'reciprocal(reciprocal(T1D))',
      'l1_norm(mean(T1D))',
    ]) {
      assert.equal(printProgram(simplify(parseProgram(text))), text);
    }
  });

  it('keeps every value, shape and validity, never grows, and is done after one pass', () => {
    const random = new Random(11);
    const generator = new ProgramGenerator(symbolicSignature(), { operators: OPERATORS_UNDER_TEST });
    const sets = [tensors(random, false), tensors(random, true)];
    let changed = 0;
    for (let i = 0; i < 3000; i++) {
      const program = generator.generate(random, 1, 5);
      const simple = simplify(program);
      assert.ok(simple.size <= program.size);
      assert.ok(equalPrograms(simplify(simple), simple), printProgram(program));
      if (equalPrograms(simple, program)) continue;
      changed += 1;
      for (const leaves of sets) {
        const [was, is] = [values(program, leaves), values(simple, leaves)];
        assert.deepEqual(is.shape, was.shape);
        was.data.forEach((value, k) => {
          const equal = Object.is(value, is.data[k]) || Math.abs(value - is.data[k]!) <= 1e-6 * Math.abs(value);
          assert.ok(equal, `${printProgram(program)} -> ${printProgram(simple)}: ${value} became ${is.data[k]}`);
        });
      }
      const shapes = inferShapes(simple, symbolicSignature());
      assert.ok(Array.isArray(shapes));
    }
    assert.ok(changed > 1000);
  });

  it('has no rule that never applies', () => {
    const random = new Random(12);
    const generator = new ProgramGenerator(symbolicSignature());
    const unused = new Set(SIMPLIFICATIONS);
    for (let i = 0; i < 40000 && unused.size > 0; i++) {
      for (const node of subtrees(generator.generate(random, 1, 4))) {
        if (isLeaf(node)) continue;
        for (const rule of unused) if (rule.rewrite(node)) unused.delete(rule);
      }
    }
    assert.deepEqual(
      [...unused].map((rule) => rule.name),
      [],
    );
  });
});
