import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseProgram } from '../../lib/programs/parse.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { SYMBOLS, type SymbolicOptions, symbolicSignature } from '../../lib/programs/symbols.ts';
import { subtreeAt } from '../../lib/programs/tree.ts';
import {
  checkProgram,
  formatShape,
  inferShapes,
  requireValid,
  tensorShape,
  unitSignature,
} from '../../lib/programs/typing.ts';
import { anyProgram } from './arbitraries.ts';

const keeping = unitSignature({ before: [2, 4, 8, 8], weight: [4, 4, 3, 3], after: [2, 4, 8, 8] }, 'cell unit');
const reducing = unitSignature({ before: [2, 4, 8, 8], weight: [8, 4, 3, 3], after: [2, 8, 4, 4] }, 'reducing unit');

describe('checking programs against units', () => {
  it('knows the shapes of the 22 tensors', () => {
    for (const name of ['T1D', 'T1GP', 'T2N', 'T2GP'] as const)
      assert.equal(tensorShape(name, reducing), reducing.before);
    for (const name of ['T3', 'T3GD', 'T3GP'] as const) assert.equal(tensorShape(name, reducing), reducing.weight);
    for (const name of ['T4D', 'T4GP'] as const) assert.equal(tensorShape(name, reducing), reducing.after);
  });

  it('infers the shape of every node in preorder', () => {
    assert.deepEqual(inferShapes(parseProgram('add(mean(T1D), det(T3))'), reducing), [
      [8, 4],
      [],
      [2, 4, 8, 8],
      [8, 4],
      [8, 4, 3, 3],
    ]);
  });

  it('finds the node, the operands and the unit that do not fit', () => {
    const program = parseProgram('mean(add(abs(T1D), T4D))');
    assert.equal(checkProgram(program, [keeping]), undefined);
    const problem = checkProgram(program, [keeping, reducing])!;
    assert.equal(printProgram(problem.node), 'add(abs(T1D), T4D)');
    assert.equal(problem.index, 1);
    assert.equal(problem.node, subtreeAt(program, 1));
    assert.deepEqual(problem.operands, [
      [2, 4, 8, 8],
      [2, 8, 4, 4],
    ]);
    assert.equal(problem.signature, reducing);
    assert.match(
      problem.message,
      /^add\(abs\(T1D\), T4D\) \(node 1\) does not fit reducing unit: .*; the operands are 2×4×8×8 and 2×8×4×4$/,
    );
    assert.throws(() => requireValid(program, [reducing]), { code: 'INVALID_PROGRAM', message: problem.message });
    assert.doesNotThrow(() => requireValid(program, [keeping]));
  });

  it('is content with every program where there is no unit', () => {
    assert.equal(checkProgram(parseProgram('det(mean(T3))'), []), undefined);
  });

  it('refuses shapes that are none', () => {
    for (const bad of [[0, 1, 1, 1], [2, -1, 3, 3], [1.5], [1, 1, 1, 1, 1], [Number.NaN]]) {
      assert.throws(() => unitSignature({ ...keeping, weight: bad }, 'u'), {
        code: 'INVALID_ARGUMENT',
        message: /'weight'/,
      });
    }
  });
});

describe('symbolic signatures', () => {
  const shapesOf = (options: SymbolicOptions) => {
    const signature = symbolicSignature(options);
    return ['before', 'weight', 'after'].map((key) => formatShape(signature[key as 'before'], signature.symbols));
  };

  it('give a symbol to each size, equal ones sharing it', () => {
    assert.deepEqual(shapesOf({}), ['B×Cin×H×H', 'Cout×Cin×kh×kh', "B×Cout×H'×H'"]);
    assert.deepEqual(shapesOf({ square: false }), ['B×Cin×H×W', 'Cout×Cin×kh×kw', "B×Cout×H'×W'"]);
    assert.deepEqual(shapesOf({ grouped: true }), ['B×Cin×H×H', 'Cout×Cg×kh×kh', "B×Cout×H'×H'"]);
    assert.deepEqual(
      shapesOf({
        same: [
          ['Cout', 'Cin'],
          ["W'", 'H'],
        ],
      }),
      ['B×Cin×H×H', 'Cin×Cin×kh×kh', 'B×Cin×H×H'],
    );
    assert.throws(() => symbolicSignature({ same: [['X' as 'B', 'B']] }), { code: 'INVALID_ARGUMENT', message: /'X'/ });
  });

  it('appear in messages', () => {
    const problem = checkProgram(parseProgram('add(T1D, T3)'), [symbolicSignature()])!;
    assert.match(problem.message, /the operands are B×Cin×H×H and Cout×Cin×kh×kh$/);
  });

  it('promise validity on every unit: whatever the sizes, ones included', () => {
    const anySize = fc.integer({ min: 1, max: 4 });
    const sizes = fc.record(
      Object.fromEntries(SYMBOLS.map((symbol) => [symbol, anySize])) as Record<
        (typeof SYMBOLS)[number],
        typeof anySize
      >,
    );
    let promised = 0;
    fc.assert(
      fc.property(anyProgram, sizes, fc.boolean(), fc.boolean(), (program, s, square, grouped) => {
        if (checkProgram(program, [symbolicSignature({ square, grouped })])) return;
        promised += 1;
        const [W, Wo, kw, Cg] = [
          square ? s.H : s.W,
          square ? s["H'"] : s["W'"],
          square ? s.kh : s.kw,
          grouped ? s.Cg : s.Cin,
        ];
        const unit = unitSignature({
          before: [s.B, s.Cin, s.H, W],
          weight: [s.Cout, Cg, s.kh, kw],
          after: [s.B, s.Cout, s["H'"], Wo],
        });
        assert.equal(checkProgram(program, [unit]), undefined);
      }),
      { numRuns: 5000 },
    );
    assert.ok(promised > 500);
  });
});
