import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { findOperator, OPERATORS, operatorOf } from '../../lib/programs/operators.ts';
import { isShape, type Shape } from '../../lib/programs/shapes.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('operator table', () => {
  it('is the native table: names, order and arities of kernels/operators.h', () => {
    const header = read('../../kernels/operators.h');
    const native = [...header.matchAll(/X\((\w+), (\d)\)/g)].map(([, name, arity]) => ({ name, arity: Number(arity) }));
    assert.deepEqual(
      OPERATORS.map(({ name, arity }) => ({ name, arity })),
      native,
    );
    assert.equal(Number(/kOperatorCount = (\d+)/.exec(header)![1]), OPERATORS.length);
    assert.deepEqual(
      OPERATORS.map((row) => row.opcode),
      native.map((_, opcode) => opcode),
    );
  });

  it('names the tensors in the order of kernels/tensors.h', () => {
    const native = [...read('../../kernels/tensors.h').matchAll(/\bk(T\d\w*)(?=,)/g)].map(([, name]) => name);
    assert.deepEqual([...TENSORS], native);
  });

  it('finds rows by name', () => {
    for (const row of OPERATORS) assert.equal(findOperator(row.name), row);
    assert.equal(findOperator('constructor'), undefined);
  });

  it('documents every operator and places each operand in the LaTeX', () => {
    for (const { name, documentation, formula, latex, arity } of OPERATORS) {
      assert.match(documentation, /^[A-Z].*\.$/, name);
      assert.notEqual(formula, '', name);
      assert.equal(latex.includes('#1'), true, name);
      assert.equal(latex.includes('#2'), arity === 2, name);
      assert.equal(latex.split('{').length, latex.split('}').length, name);
    }
  });
});

describe('shape rules', () => {
  const { shapes, results } = JSON.parse(read('../fixtures/operator-shapes.json')) as {
    shapes: Shape[];
    results: Record<string, (Shape | null)[]>;
  };
  for (const [name, expected] of Object.entries(results)) {
    it(`${name} takes and gives the shapes that PyTorch does`, () => {
      const { shape, arity } = findOperator(name)!;
      const operands = arity === 1 ? shapes.map((x) => [x]) : shapes.flatMap((a) => shapes.map((b) => [a, b]));
      assert.equal(operands.length, expected.length);
      operands.forEach((given, i) => {
        const result = shape(...given);
        assert.deepEqual(isShape(result) ? result : null, expected[i], `${name} of ${JSON.stringify(given)}`);
      });
    });
  }

  it('commutative operators treat their operands alike', () => {
    for (const { name, commutative, shape } of OPERATORS) {
      if (!commutative) continue;
      for (const a of shapes) for (const b of shapes) assert.deepEqual(shape(a, b), shape(b, a), name);
    }
  });

  it('says why operands do not fit', () => {
    const reason = (name: Parameters<typeof operatorOf>[0], ...operands: Shape[]): string => {
      const result = operatorOf(name).shape(...operands);
      assert.ok(!isShape(result));
      return result.reason;
    };
    assert.match(reason('det', [3]), /two dimensions/);
    assert.match(reason('det', [2, 3]), /must be equal/);
    assert.match(reason('matmul', [2, 3], [2, 3]), /last dimension/);
    assert.match(reason('matmul', [2, 3, 3], [5, 3, 3]), /before the last two/);
    assert.match(reason('add', [2], [3]), /broadcast/);
    assert.match(reason('hamming', [2], [3]), /number of elements/);
  });
});
