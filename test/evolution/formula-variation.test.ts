import assert from 'node:assert/strict';
import { FormulaVariation } from '../../lib/evolution/formula-variation.ts';
import { reductionsOf } from '../../lib/evolution/pruning.ts';
import { crossOver, mutate } from '../../lib/evolution/variation.ts';
import { AGGREGATORS } from '../../lib/formulas/aggregators.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import { printFormula } from '../../lib/formulas/print.ts';
import {
  aggregateOf,
  formulaSize,
  replaceSubterm,
  subterms,
  type Term,
  unitPrograms,
} from '../../lib/formulas/tree.ts';
import { ProgramGenerator } from '../../lib/programs/generate.ts';
import { OPERATORS } from '../../lib/programs/operators.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { symbolicSignature } from '../../lib/programs/symbols.ts';
import { checkProgram } from '../../lib/programs/typing.ts';
import { Random } from '../../lib/random.ts';

const signature = symbolicSignature();
const generator = new ProgramGenerator(signature, { operators: OPERATORS.map(({ name }) => name) });
const aggregators = AGGREGATORS.map(({ name }) => name);
const limits = { mutationHeights: [0, 3] as [number, number], heightLimit: 6 };
const term = (text: string) => parseFormula(text) as Term;

function valid(formula: Term): void {
  for (const program of unitPrograms(formula)) {
    assert.equal(checkProgram(program, [signature]), undefined, printFormula(formula));
    assert.ok(program.height <= 6);
  }
  assert.equal(printFormula(parseFormula(printFormula(formula))), printFormula(formula));
}

describe('variation of formulas', () => {
  it('makes formulas that are valid and can be read again, generation after generation', () => {
    const random = new Random(1);
    const settings = { ...limits, aggregators, structure: 0.4, simplified: true };
    const variation = new FormulaVariation({ random, signature, generator }, settings);
    let formulas = Array.from({ length: 30 }, () => variation.create([1, 4]));
    const kinds = new Set<string>();
    for (let generation = 0; generation < 20; generation++) {
      formulas = formulas.map((formula) => {
        const child =
          random.uniform() < 0.5 ? variation.crossOver(formula, random.choice(formulas)) : variation.mutate(formula);
        return variation.finish(child ?? formula);
      });
      for (const formula of formulas) {
        valid(formula);
        for (const part of subterms(formula)) kinds.add(part.kind);
        assert.ok(subterms(formula).length <= 7);
      }
    }
    assert.deepEqual([...kinds].sort(), ['aggregate', 'constant', 'number', 'operation']);
  });

  it('changes the aggregator alone in a fifth of mutations', () => {
    const variation = new FormulaVariation({ random: new Random(2), signature, generator }, { ...limits, aggregators });
    const before = term('unit_sum(frobenius_norm(sign(T3GD)))');
    const children = Array.from({ length: 2000 }, () => variation.mutate(before));
    const changed = children.filter(
      (child) => child?.kind === 'aggregate' && child.aggregator !== 'unit_sum',
    ) as Extract<Term, { kind: 'aggregate' }>[];
    for (const { program } of changed) assert.equal(printProgram(program), 'frobenius_norm(sign(T3GD))');
    assert.ok(Math.abs(changed.length / 2000 - 0.2) < 0.045, `${changed.length}`);
  });

  it('of the mean alone draws exactly as for programs by themselves', () => {
    const context = () => ({ random: new Random(3), signature, generator });
    const [ofFormulas, ofPrograms] = [context(), context()];
    const variation = new FormulaVariation(ofFormulas, limits);
    for (let i = 0; i < 200; i++) {
      const [first, second] = [variation.create([1, 4]), variation.create([1, 4])];
      const [one, other] = [generator.generate(ofPrograms.random, 1, 4), generator.generate(ofPrograms.random, 1, 4)];
      assert.deepEqual([first, second], [aggregateOf('unit_mean', one), aggregateOf('unit_mean', other)]);
      const child = crossOver(one, other, ofPrograms, 6);
      assert.deepEqual(variation.crossOver(first, second), child && aggregateOf('unit_mean', child));
      const mutant = mutate(one, ofPrograms, [0, 3], 6);
      assert.deepEqual(variation.mutate(first), mutant && aggregateOf('unit_mean', mutant));
    }
  });
});

describe('terms within a term', () => {
  const whole = term('add(mul(unit_sum(mean(T1D)), 2), log(params))');

  it('are found in preorder and exchanged by their place', () => {
    const texts = subterms(whole).map(printFormula);
    assert.deepEqual(texts.slice(1), [
      'mul(unit_sum(mean(T1D)), 2)',
      'unit_sum(mean(T1D))',
      '2',
      'log(params)',
      'params',
    ]);
    for (const index of texts.keys()) {
      const exchanged = replaceSubterm(whole, index, term('flops'));
      assert.equal(printFormula(exchanged), printFormula(whole).replace(texts[index]!, 'flops'));
    }
  });
});

describe('reductions', () => {
  it('are all smaller, valid, and each once', () => {
    const formula = term('add(unit_max(mean(abs(sub(T1D, T2D)))), neg(params))');
    const reduced = reductionsOf(formula, signature);
    const texts = reduced.map(printFormula);
    assert.equal(new Set(texts).size, texts.length);
    for (const one of reduced) {
      valid(one);
      assert.ok(formulaSize(one) < formulaSize(formula));
    }
    for (const expected of [
      'neg(params)',
      'unit_max(l1_norm(sub(T1D, T2D)))',
      'add(unit_max(l1_norm(sub(T1D, T2D))), params)',
      'add(unit_max(mean(sub(T1D, T2D))), neg(params))',
      'add(unit_max(l1_norm(T2D)), neg(params))',
      'add(unit_max(T1D), neg(params))',
    ])
      assert.ok(texts.includes(expected), `${expected} is not among ${texts.join('; ')}`);
  });
});
