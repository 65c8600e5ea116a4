import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EznasError } from '../../lib/errors.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import { canonicalFormula, printFormula } from '../../lib/formulas/print.ts';
import { asProgram, MAX_TERM_NODES, MAX_TERMS } from '../../lib/formulas/tree.ts';
import { ProgramSyntaxError } from '../../lib/programs/parse.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { anyProgram } from '../programs/arbitraries.ts';
import { anyFormula } from './arbitraries.ts';

function failure(text: string): ProgramSyntaxError {
  try {
    parseFormula(text);
  } catch (error) {
    assert.ok(error instanceof ProgramSyntaxError, String(error));
    assert.equal(error.code, 'INVALID_PROGRAM');
    return error;
  }
  throw new Error(`parsed: ${text}`);
}

describe('parsing formulas', () => {
  it('reads what it prints', () => {
    fc.assert(
      fc.property(anyFormula, (formula) => {
        const text = printFormula(formula);
        assert.deepEqual(parseFormula(text), formula);
      }),
    );
  });

  it('leaves the programs of the paper as they are', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        const text = printProgram(program);
        const formula = parseFormula(text);
        assert.equal(printProgram(asProgram(formula)!), text);
        assert.equal(printFormula(formula), text);
        assert.equal(printFormula(parseFormula(`unit_mean(${text})`)), text);
      }),
    );
  });

  it('tells operators over tensors from those over numbers by what they hold', () => {
    const same = [
      'add(T1D, T2D)',
      'abs(mean(T4D))',
      'add(unit_sum(add(T1D, T2D)), log(params))',
      'rank_sum(unit_max(mean(T4D)), neg(flops), T3)',
      'z_sum(T3)',
      'abs(mul(1e+21, depth))',
      'div(-1.5e-7, params)',
      'neg(unit_std(exp(T3)))',
      'add(1, 2)',
      'logdet(unit_sum(gram(T1D)))',
      'rank_sum(sub(logabsdet(unit_max(gram(T4D))), units), unit_max(logdet(T3)), logdet(T3))',
    ];
    for (const text of same) assert.equal(printFormula(parseFormula(text)), text);
    assert.equal(printFormula(parseFormula(' neg (\n unit_sum( T3 ) ) ')), 'neg(unit_sum(T3))');
  });

  it('names the offending token, its place and what would be right', () => {
    const cases: [text: string, offset: number, message: RegExp][] = [
      ['', 0, /found the end/],
      ['unit_smu(T3)', 0, /unknown name 'unit_smu'; did you mean 'unit_sum'\?/],
      ['rank_sum(T3, parms)', 13, /unknown name 'parms'; did you mean 'params'\?/],
      ['add(unit_sum(T1D), mean(T2D))', 19, /'mean' is of a unit and needs an aggregator/],
      ['neg(T3)', 4, /'T3' is of a unit and needs an aggregator/],
      ['unit_sum(unit_max(T3))', 9, /unit_sum takes a program of a unit, found 'unit_max'/],
      ['unit_sum(params)', 9, /takes a program of a unit/],
      ['matmul(unit_sum(T3), params)', 0, /matmul is an operator over tensors of a unit; .* add, sub, mul/],
      ['neg(rank_sum(T3))', 4, /can only be the outermost/],
      ['params(T3)', 6, /params takes no operands/],
      ['unit_sum', 8, /takes operands in parentheses, found the end/],
      ['unit_sum(T3, T3)', 11, /expected '\)'/],
      ['add(params)', 10, /add takes 2 operands, got 1/],
      ['neg(params, flops)', 10, /neg takes 1 operand, got more/],
      ['mul(-x, params)', 5, /expected a number/],
      ['mul(1e999, params)', 4, /beyond/],
      ['rank_sum()', 9, /found '\)'/],
      ['params flops', 7, /after the end/],
      ['logdet(params)', 7, /takes matrices of its units in an aggregator, such as unit_sum\(…\), found 'params'/],
      ['logdet(add(unit_sum(gram(T1D)), 1))', 7, /found 'add'/],
      ['logdet(unit_sum(gram(T1D)), T3)', 26, /expected '\)'/],
      ['unit_sum(lodget(T3))', 9, /unknown operator 'lodget'; did you mean 'logdet'/],
    ];
    for (const [text, offset, message] of cases) {
      const error = failure(text);
      assert.match(error.message, message);
      assert.equal(error.offset, offset, `${text}: ${error.message}`);
    }
  });

  it('bounds terms and forests, and never overflows the stack', () => {
    assert.match(failure('neg('.repeat(1e5)).message, /./);
    assert.match(
      failure(`${'neg('.repeat(MAX_TERM_NODES)}params${')'.repeat(MAX_TERM_NODES)}`).message,
      /more than 256/,
    );
    assert.match(failure(`rank_sum(${'T3, '.repeat(MAX_TERMS)}T3)`).message, /at most 32/);
    assert.equal(parseFormula(`rank_sum(${'T3, '.repeat(MAX_TERMS - 1)}T3)`).kind, 'forest');
  });

  it('gives a formula or a syntax error for any text', () => {
    const anyText = fc.oneof(
      fc.string(),
      fc.tuple(anyFormula, fc.nat(), fc.string({ maxLength: 2 })).map(([formula, at, noise]) => {
        const text = printFormula(formula);
        const cut = at % text.length;
        return text.slice(0, cut) + noise + text.slice(cut + 1);
      }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        try {
          parseFormula(text);
        } catch (error) {
          assert.ok(error instanceof EznasError && error.code === 'INVALID_PROGRAM', String(error));
        }
      }),
      { numRuns: 500 },
    );
    assert.throws(() => parseFormula(3 as unknown as string), { code: 'INVALID_PROGRAM' });
  });

  it('has one canonical text for formulas that differ in order alone', () => {
    const canonical = (text: string) => canonicalFormula(parseFormula(text));
    assert.equal(canonical('rank_sum(T3, neg(params))'), canonical('rank_sum(neg(params), unit_mean(T3))'));
    assert.equal(canonical('add(params, unit_max(add(T1D, T2D)))'), canonical('add(unit_max(add(T2D, T1D)), params)'));
    assert.notEqual(canonical('sub(params, flops)'), canonical('sub(flops, params)'));
  });
});
