import assert from 'node:assert/strict';
import { crossOver, mutate, type VariationContext, vary } from '../../lib/evolution/variation.ts';
import { ProgramGenerator } from '../../lib/programs/generate.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { symbolicSignature } from '../../lib/programs/symbols.ts';
import { leaf, type Program } from '../../lib/programs/tree.ts';
import { checkProgram } from '../../lib/programs/typing.ts';
import { Random } from '../../lib/random.ts';

const signature = symbolicSignature();
const generator = new ProgramGenerator(signature);

function context(seed: number): VariationContext {
  return { random: new Random(seed), signature, generator };
}

function population(size: number, seed: number): Program[] {
  const random = new Random(seed);
  return Array.from({ length: size }, () => generator.generate(random, 2, 6));
}

describe('variation', () => {
  it('makes valid offspring of valid programs, generation after generation, none over the height limit', () => {
    let programs = population(50, 1);
    const random = context(2);
    let made = 0;
    for (let generation = 0; generation < 60; generation++) {
      const offspring = vary(programs, 50, random);
      for (const { program, parents, operation } of offspring) {
        assert.equal(checkProgram(program, [signature]), undefined, printProgram(program));
        assert.ok(program.height <= 10);
        assert.equal(parents.length, operation === 'crossover' ? 2 : 1);
        assert.ok(parents.every((parent) => parent >= 0 && parent < programs.length));
        made += 1;
      }
      programs = offspring.map(({ program }) => program);
    }
    assert.equal(made, 3000);
  });

  it('makes crossovers, mutations and copies in the shares asked for, parents drawn evenly', () => {
    const programs = population(10, 3);
    const offspring = vary(programs, 10000, context(4));
    const share = (operation: string): number =>
      offspring.filter((child) => child.operation === operation).length / 10000;
    assert.ok(Math.abs(share('crossover') - 0.4) < 0.025);
    assert.ok(Math.abs(share('mutation') - 0.4) < 0.025);
    assert.ok(Math.abs(share('reproduction') - 0.2) < 0.025);
    const drawn = offspring.flatMap(({ parents }) => parents);
    for (let parent = 0; parent < 10; parent++) {
      const count = drawn.filter((index) => index === parent).length / drawn.length;
      assert.ok(Math.abs(count - 0.1) < 0.015, `parent ${parent}: ${count}`);
    }
    for (const { operation, parents, program } of offspring) {
      if (operation === 'crossover') assert.notEqual(parents[0], parents[1]);
      if (operation === 'reproduction') assert.equal(program, programs[parents[0]!]);
    }
    assert.ok(
      vary(programs, 100, context(5), { crossover: 0, mutation: 1 }).every(({ operation }) => operation === 'mutation'),
    );
    assert.ok(
      vary(programs, 100, context(5), { crossover: 1, mutation: 0 }).every(
        ({ operation }) => operation === 'crossover',
      ),
    );
  });

  it('gives the same offspring for the same seed', () => {
    const draw = (seed: number): string[] =>
      vary(population(20, 6), 100, context(seed)).map(({ program }) => printProgram(program));
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
  });

  it('varies a single program with itself', () => {
    const offspring = vary([parseProgram('abs(abs(T1D))')], 100, context(9));
    assert.ok(offspring.some(({ operation }) => operation === 'crossover'));
  });

  it('refuses what cannot be varied', () => {
    const programs = population(3, 10);
    assert.throws(() => vary([], 1, context(1)), { code: 'INVALID_ARGUMENT' });
    assert.throws(() => vary(programs, -1, context(1)), { code: 'INVALID_ARGUMENT' });
    for (const options of [
      { crossover: 0.7 },
      { mutation: -0.1 },
      { crossover: Number.NaN },
      { heightLimit: 1.5 },
      { heightLimit: -1 },
    ]) {
      assert.throws(() => vary(programs, 1, context(1), options), { code: 'INVALID_ARGUMENT' });
    }
    const invalid = parseProgram('abs(add(T1D, T3))');
    assert.throws(() => vary([invalid], 50, context(1), { crossover: 1, mutation: 0 }), {
      code: 'INVALID_PROGRAM',
      message: /add\(T1D, T3\)/,
    });
    assert.deepEqual(vary(programs, 0, context(1)), []);
  });
});

describe('crossover', () => {
  const first = parseProgram('add(T1D, mean(abs(T3)))');
  const second = parseProgram('mul(frobenius_norm(T4D), sign(T2N))');

  it('exchanges a subtree below the root for one of equal shape, every pair equally likely', () => {
    const ctx = context(1);
    const counts = new Map<string, number>();
    for (let i = 0; i < 3000; i++) {
      const text = printProgram(crossOver(first, second, ctx, 10)!);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    // T1D meets sign(T2N) and T2N; mean(abs(T3)) meets the norm; T3 and abs(T3) meet nothing.
    const expected = ['add(T1D, frobenius_norm(T4D))', 'add(T2N, mean(abs(T3)))', 'add(sign(T2N), mean(abs(T3)))'];
    assert.deepEqual([...counts.keys()].sort(), expected);
    for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 130);
  });

  it('gives the first program where either is a leaf or no shapes match', () => {
    assert.equal(crossOver(leaf('T1D'), second, context(1), 10), leaf('T1D'));
    assert.equal(crossOver(first, leaf('T1D'), context(1), 10), first);
    const weights = parseProgram('abs(abs(T3))');
    assert.equal(crossOver(weights, parseProgram('abs(T1D)'), context(1), 10), weights);
  });

  it('gives nothing over the height limit, and the population a parent instead', () => {
    const high = parseProgram(`${'abs('.repeat(10)}T1D${')'.repeat(10)}`);
    let over = 0;
    const ctx = context(2);
    for (let i = 0; i < 200; i++) {
      const child = crossOver(high, high, ctx, 10);
      if (child === undefined) over += 1;
      else assert.ok(child.height <= 10);
    }
    assert.ok(over > 50 && over < 150);
    const other = parseProgram(`${'relu('.repeat(10)}T1D${')'.repeat(10)}`);
    for (const { program } of vary([high, other], 300, context(3))) assert.ok(program.height <= 10);
  });
});

describe('mutation', () => {
  it('changes one subtree for a new one of its shape, anywhere in the tree', () => {
    const program = parseProgram('add(T1D, mean(abs(T3)))');
    const ctx = context(1);
    const kept = { first: 0, second: 0, root: 0 };
    for (let i = 0; i < 2000; i++) {
      const child = mutate(program, ctx, [0, 5], 10)!;
      assert.equal(checkProgram(child, [signature]), undefined);
      const text = printProgram(child);
      if (text.startsWith('add(T1D, ')) kept.first += 1;
      if (text.endsWith(', mean(abs(T3)))')) kept.second += 1;
      if (!text.startsWith('add(')) kept.root += 1;
    }
    // Five nodes, evenly: three of them lie in the second operand, one is the first, one is the root.
    assert.ok(Math.abs(kept.first / 2000 - 3 / 5) < 0.1);
    assert.ok(Math.abs(kept.second / 2000 - 1 / 5) < 0.1);
    assert.ok(Math.abs(kept.root / 2000 - 1 / 5) < 0.05);
  });

  it('leaves a program as it is where no tree of the shape and height exists', () => {
    const program = parseProgram('abs(mean(T3))');
    const outcomes = new Set<string>();
    const ctx = context(2);
    for (let i = 0; i < 200; i++) outcomes.add(printProgram(mutate(program, ctx, [0, 0], 10)!));
    // A scalar needs an operator, so only the weight and the root can change for a leaf.
    assert.ok(outcomes.has('abs(mean(T3))') && outcomes.has('abs(mean(T3GD))') && outcomes.has('T1D'));
    assert.ok([...outcomes].every((text) => /^(T\w+|abs\(mean\(T3\w*\)\))$/.test(text)));
  });

  it('gives nothing over the height limit', () => {
    const program = parseProgram('abs(abs(abs(T1D)))');
    const ctx = context(3);
    const children = Array.from({ length: 300 }, () => mutate(program, ctx, [0, 5], 3));
    assert.ok(children.some((child) => child === undefined));
    for (const child of children) assert.ok(child === undefined || child.height <= 3);
  });
});
