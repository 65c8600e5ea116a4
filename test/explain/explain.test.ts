import assert from 'node:assert/strict';
import fc from 'fast-check';
import temml from 'temml';
import { explain, toPyTorchSource } from '../../lib/explain/explain.ts';
import { AGGREGATORS } from '../../lib/formulas/aggregators.ts';
import { formulaToLatex } from '../../lib/formulas/latex.ts';
import { MATRIX_OPERATORS } from '../../lib/formulas/matrix-operators.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import { SCALAR_OPERATORS } from '../../lib/formulas/scalar-operators.ts';
import { toLatex } from '../../lib/programs/export.ts';
import { OPERATORS } from '../../lib/programs/operators.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { toPyTorchModule } from '../../lib/programs/pytorch-module.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { latexToUnicode } from '../../lib/programs/unicode.ts';
import { PROXIES } from '../../lib/proxies/catalogue.ts';
import { anyProgram } from '../programs/arbitraries.ts';

describe('explaining', () => {
  it('a program: formula, tree with shapes, leaves and cost', () => {
    const { program, cost, proxy } = explain('add(square(T3GD), square(T3GD))', 4);
    assert.equal(proxy, null);
    assert.equal(program!.text, 'add(square(T3GD), square(T3GD))');
    assert.equal(program!.unicode, '((∇T₃ᴰ)² + (∇T₃ᴰ)²)');
    assert.deepEqual(
      program!.nodes.map(({ name, depth, shape }) => [name, depth, shape]),
      [
        ['add', 0, 'Cout×Cin×kh×kh'],
        ['square', 1, 'Cout×Cin×kh×kh'],
        ['T3GD', 2, 'Cout×Cin×kh×kh'],
        ['square', 1, 'Cout×Cin×kh×kh'],
        ['T3GD', 2, 'Cout×Cin×kh×kh'],
      ],
    );
    assert.deepEqual(program!.leaves, [
      { tensor: 'T3GD', meaning: "gradient at the convolution's weight, in the pass over the minibatch" },
    ]);
    assert.deepEqual(
      cost,
      { forward: 4, backward: 4, operations: 2, multiplyAdds: 12 * 220_119_690 },
      'equal subtrees once',
    );
  });

  it('a weight alone costs no pass, and a difference two', () => {
    assert.deepEqual(explain('T3').cost, { forward: 0, backward: 0, operations: 0, multiplyAdds: 0 });
    assert.deepEqual(explain('mean(T4P)').cost, {
      forward: 2,
      backward: 0,
      operations: 1,
      multiplyAdds: 2 * 220_119_690,
    });
  });

  it('what does not fit on every unit, and why', () => {
    const { problem, nodes } = explain('add(T4P, T1N)').program!;
    assert.match(problem!, /does not fit every unit/);
    assert.equal(nodes[0]!.shape, null);
  });

  it('every proxy of the catalogue', () => {
    for (const { name, kind } of PROXIES) {
      const { proxy, program, cost } = explain(name);
      assert.equal(proxy!.name, name);
      assert.equal(program === null, kind !== 'program');
      assert.ok(cost.forward >= 0 && cost.backward >= 0);
    }
  });

  it('a forest: combiner, aggregators, numbers, nodes of its programs with shapes, cost of all together', () => {
    const text = 'rank_sum(unit_sum(mean(T3GD)), neg(unit_max(mean(T3GD))), mul(2, params), unit_mean(T4N))';
    const { proxy, program, formula, cost } = explain(text, 2);
    assert.deepEqual([proxy, program], [null, null]);
    assert.deepEqual(parseFormula(formula!.text), parseFormula(text));
    assert.equal(formula!.combiner!.name, 'rank_sum');
    assert.deepEqual(
      formula!.aggregators.map(({ name }) => name),
      ['unit_sum', 'unit_max', 'unit_mean'],
    );
    assert.deepEqual(formula!.numbers, [{ name: 'params', meaning: 'Trainable parameters.' }]);
    assert.deepEqual(
      formula!.nodes.map(({ name, depth }) => `${depth} ${name}`),
      [
        ...['0 rank_sum', '1 unit_sum', '2 mean', '3 T3GD', '1 neg', '2 unit_max', '3 mean', '4 T3GD'],
        ...['1 mul', '2 2', '2 params', '1 unit_mean', '2 T4N'],
      ],
    );
    assert.equal(formula!.nodes[3]!.shape, 'Cout×Cin×kh×kh');
    assert.deepEqual(
      formula!.leaves.map(({ tensor }) => tensor),
      ['T3GD', 'T4N'],
    );
    // The largest network of NAS-Bench-201 has 220,119,690 multiply-adds; gradients are asked of the pass on data alone, of two images.
    assert.deepEqual(cost, { forward: 4, backward: 2, operations: 1, multiplyAdds: 8 * 220_119_690 });
  });

  it('a formula of one term, one of numbers alone, and where a program does not fit', () => {
    const { formula, cost } = explain('div(unit_std(mean(T3)), log(depth))');
    assert.equal(formula!.combiner, null);
    assert.match(formula!.unicode, /^\(stdᵤ ?mean\(T₃\)\)\/\(?ln⁺\(depth\)\)?$/);
    assert.equal(cost.forward, 0);
    assert.deepEqual(explain('units').cost, { forward: 0, backward: 0, operations: 0, multiplyAdds: 0 });
    assert.match(explain('unit_sum(add(T4P, T1N))').formula!.problem!, /does not fit every unit/);
  });

  it('refuses what is neither, and to export what compares networks', () => {
    assert.throws(() => explain('frobenius(T3)'), { code: 'INVALID_PROGRAM' });
    assert.throws(() => explain('rank_sum(unit_sum(mean(T3)), param)'), { code: 'INVALID_PROGRAM' });
    assert.throws(() => toPyTorchSource('az-nas'), {
      code: 'INVALID_ARGUMENT',
      message: /az-nas compares networks.*export its parts: az-expressivity,/,
    });
  });
});

describe('formulas of the catalogue', () => {
  it('are LaTeX that renders, of every proxy that is no program', () => {
    for (const { name, kind, latex } of PROXIES) {
      if (kind === 'program') assert.equal(latex, undefined, name);
      else assert.match(temml.renderToString(latex!, { throwOnError: true }), /^<math/, name);
    }
  });
});

describe('formulas in Unicode', () => {
  it('are lines that people read', () => {
    const written = (text: string) => latexToUnicode(toLatex(parseProgram(text)));
    assert.equal(written('frobenius_norm(sigmoid(logdet(sign(T1GD))))'), '‖σ(ln det(sign(∇T₁ᴰ)))‖_F');
    assert.equal(written('reciprocal(add(T3, exp(T3)))'), '1/(T₃ + exp(T₃))');
    assert.equal(written('lt0(mul(T4N, T4P))'), '[(T₄ᴺ ⊙ T₄ᴾ) < 0]');
  });

  it('have no LaTeX left, whatever the operator', () => {
    for (const { name, arity } of OPERATORS) {
      const text = `${name}(${Array(arity).fill('T3').join(', ')})`;
      assert.doesNotMatch(latexToUnicode(toLatex(parseProgram(text))), /[\\{}]/, name);
    }
    const written = (text: string) => latexToUnicode(formulaToLatex(parseFormula(text)));
    for (const { name } of AGGREGATORS) assert.doesNotMatch(written(`z_sum(${name}(mean(T3)))`), /[\\{}]/, name);
    for (const { name } of MATRIX_OPERATORS) {
      assert.doesNotMatch(written(`${name}(unit_depthmean(gram(T1D)))`), /[\\{}]/, name);
    }
    for (const { name, arity } of SCALAR_OPERATORS) {
      assert.doesNotMatch(written(`${name}(${['params', '1e-7'].slice(0, arity).join(', ')})`), /[\\{}]/, name);
    }
    assert.equal(written('rank_sum(unit_max(mean(T3)), params)'), 'ln r(maxᵤ mean(T₃)) + ln r(params)');
    fc.assert(fc.property(anyProgram, (program) => !/[\\{}]/.test(latexToUnicode(toLatex(program)))));
  });
});

describe('the PyTorch module of a program', () => {
  it('names the tensors that it reads, and defines score', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        const source = toPyTorchModule(program);
        const read = JSON.parse(/^READS = (.*)$/m.exec(source)![1]!) as string[];
        assert.ok(read.length > 0 && read.every((name) => (TENSORS as readonly string[]).includes(name)));
        assert.match(source, /^def score\(network, data, noise=None, perturbed=None\):$/m);
      }),
    );
  });
});
