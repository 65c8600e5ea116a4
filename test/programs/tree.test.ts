import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodePrograms, OPERATOR_WORD } from '../../lib/programs/encode.ts';
import { OPERATORS } from '../../lib/programs/operators.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import {
  apply,
  canonicalText,
  equalPrograms,
  isLeaf,
  leaf,
  MAX_HEIGHT,
  type Program,
  replaceSubtree,
  subtreeAt,
  subtrees,
  tensorsRead,
} from '../../lib/programs/tree.ts';
import { anyProgram } from './arbitraries.ts';

describe('program trees', () => {
  const program = parseProgram('add(mul(T1D, abs(T2D)), T3)');

  it('know their size and height, a leaf having height 0', () => {
    assert.equal(leaf('T3').height, 0);
    assert.equal(program.size, 6);
    assert.equal(program.height, 3);
  });

  it('are walked in preorder', () => {
    const order = ['add(mul(T1D, abs(T2D)), T3)', 'mul(T1D, abs(T2D))', 'T1D', 'abs(T2D)', 'T2D', 'T3'];
    assert.deepEqual([...subtrees(program)].map(printProgram), order);
    assert.deepEqual(
      order.map((_, i) => printProgram(subtreeAt(program, i))),
      order,
    );
  });

  it('exchange one subtree and leave the original as it was', () => {
    const replaced = [0, 1, 2, 3, 4, 5].map((i) => printProgram(replaceSubtree(program, i, leaf('T4P'))));
    assert.deepEqual(replaced, [
      'T4P',
      'add(T4P, T3)',
      'add(mul(T4P, abs(T2D)), T3)',
      'add(mul(T1D, T4P), T3)',
      'add(mul(T1D, abs(T4P)), T3)',
      'add(mul(T1D, abs(T2D)), T4P)',
    ]);
    assert.equal(printProgram(program), 'add(mul(T1D, abs(T2D)), T3)');
  });

  it('reject an index outside the tree', () => {
    for (const index of [-1, 6, 1.5, Number.NaN]) {
      assert.throws(() => subtreeAt(program, index), { code: 'INVALID_ARGUMENT' });
      assert.throws(() => replaceSubtree(program, index, program), { code: 'INVALID_ARGUMENT' });
    }
  });

  it('replacing a subtree by itself changes nothing; sizes and heights follow the nodes', () => {
    const height = (node: Program): number => (isLeaf(node) ? 0 : 1 + Math.max(...node.operands.map(height)));
    fc.assert(
      fc.property(anyProgram, fc.nat(), (tree, seed) => {
        const index = seed % tree.size;
        assert.ok(equalPrograms(replaceSubtree(tree, index, subtreeAt(tree, index)), tree));
        assert.equal(tree.size, [...subtrees(tree)].length);
        assert.equal(tree.height, height(tree));
      }),
    );
  });

  it('are equal when they print alike', () => {
    fc.assert(
      fc.property(anyProgram, anyProgram, (a, b) => {
        assert.equal(equalPrograms(a, b), printProgram(a) === printProgram(b));
        assert.ok(equalPrograms(a, parseProgram(printProgram(a))));
      }),
    );
  });

  it('have one canonical text for every order of commutative operands', () => {
    const mirrored = (node: Program): Program => {
      if (isLeaf(node)) return node;
      const operands = node.operands.map(mirrored);
      const { commutative } = OPERATORS.find((row) => row.name === node.operator)!;
      return apply(node.operator, ...(commutative ? operands.reverse() : operands));
    };
    fc.assert(
      fc.property(anyProgram, (tree) => {
        assert.equal(canonicalText(mirrored(tree)), canonicalText(tree));
        assert.equal(canonicalText(parseProgram(canonicalText(tree))), canonicalText(tree));
      }),
    );
    assert.notEqual(canonicalText(parseProgram('sub(T1D, T2D)')), canonicalText(parseProgram('sub(T2D, T1D)')));
  });

  it('tell which tensors they read', () => {
    assert.equal(tensorsRead(parseProgram('add(T1D, mul(T4GP, T1D))')), (1 << 0) | (1 << 21));
  });

  it('refuse wrong operands and what is too large, without overflowing the stack', () => {
    assert.throws(() => apply('add', leaf('T1D')), { code: 'INVALID_PROGRAM', message: /add takes 2 operands, got 1/ });
    assert.throws(() => apply('nonsense' as 'add'), { code: 'INVALID_PROGRAM' });
    assert.throws(() => leaf('T9' as 'T3'), { code: 'INVALID_PROGRAM' });
    assert.throws(
      () => {
        let high: Program = leaf('T3');
        for (let i = 0; i <= MAX_HEIGHT; i++) high = apply('abs', high);
      },
      { code: 'INVALID_PROGRAM', message: /too large/ },
    );
    assert.throws(
      () => {
        let wide: Program = leaf('T3');
        for (let i = 0; i < 13; i++) wide = apply('add', wide, wide);
      },
      { code: 'INVALID_PROGRAM', message: /too large/ },
    );
  });
});

describe('program code', () => {
  /** Reads postfix words back into a tree. */
  function decode(words: Uint32Array): Program {
    const stack: Program[] = [];
    for (const word of words) {
      if (word < OPERATOR_WORD) {
        stack.push(leaf(TENSORS[word]!));
      } else {
        const { name, arity } = OPERATORS[word - OPERATOR_WORD]!;
        stack.push(apply(name, ...stack.splice(stack.length - arity)));
      }
    }
    assert.equal(stack.length, 1);
    return stack[0]!;
  }

  it('is postfix: operands first, tensors by index, operators from 64 on', () => {
    const { code, offsets } = encodePrograms([parseProgram('sub(T1D, abs(T4GP))'), parseProgram('T3')]);
    assert.deepEqual([...code], [0, 21, 64 + 9, 64 + 1, 12]);
    assert.deepEqual([...offsets], [0, 4, 5]);
  });

  it('of no program is empty', () => {
    const { code, offsets } = encodePrograms([]);
    assert.equal(code.length, 0);
    assert.deepEqual([...offsets], [0]);
  });

  it('decodes to the same trees', () => {
    fc.assert(
      fc.property(fc.array(anyProgram, { maxLength: 8 }), (programs) => {
        const { code, offsets } = encodePrograms(programs);
        programs.forEach((program, i) => {
          assert.ok(equalPrograms(decode(code.slice(offsets[i], offsets[i + 1])), program));
        });
      }),
    );
  });
});
