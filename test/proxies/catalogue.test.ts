import assert from 'node:assert/strict';
import { GraphBuilder } from '../../lib/graph/builder.ts';
import { symbolicSignature } from '../../lib/programs/symbols.ts';
import { checkProgram } from '../../lib/programs/typing.ts';
import { type NamedProxy, PROXIES, resolveProxy } from '../../lib/proxies/catalogue.ts';
import { MEASURES } from '../../lib/proxies/measures.ts';

function programProxy(name: string): NamedProxy & { kind: 'program' } {
  const proxy = resolveProxy(name);
  assert.ok(proxy.kind === 'program');
  return proxy;
}

describe('proxy catalogue', () => {
  it('names each proxy once', () => {
    const names = PROXIES.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const name of [
      'eznas-a',
      'eznas-a-t3gn',
      'eznas-topprog',
      'eznas-enas',
      'eznas-pnas',
      'eznas-nasnet',
      'params',
      'flops',
      ...MEASURES,
      'swap-reg',
      'az-nas',
    ]) {
      assert.equal(resolveProxy(name).name, name);
    }
  });

  it('documents each: formula, paper, direction, cost', () => {
    for (const { name, definition, paper, note, direction, cost, passes } of PROXIES) {
      for (const text of [definition, paper, note]) assert.ok(text.length > 4, name);
      const { forward, backward } = passes(16);
      assert.equal(forward > 0, cost !== 'structure', name);
      assert.equal(backward > 0, cost === 'backward' || cost === 'many-passes', name);
      if (!name.startsWith('eznas')) assert.equal(direction, 1, name);
    }
  });

  it('counts the passes of programs: a perturbed tensor needs the data too', () => {
    assert.deepEqual(resolveProxy('eznas-a').passes(16), { forward: 16, backward: 16 });
    assert.deepEqual(resolveProxy('eznas-topprog').passes(16), { forward: 16, backward: 0 });
    assert.deepEqual(resolveProxy('eznas-pnas').passes(2), { forward: 4, backward: 4 });
    assert.deepEqual(resolveProxy('eznas-nasnet').passes(1), { forward: 3, backward: 0 });
  });

  it('combines scores: swap-reg prefers the largest of the networks at equal swap', () => {
    const proxy = resolveProxy('swap-reg');
    assert.ok(proxy.kind === 'combined');
    const [small, large, silent] = proxy.combine([Float64Array.of(8, 8, Number.NaN), Float64Array.of(50, 100, 70)]);
    assert.equal(large, 8);
    assert.ok(Math.abs(small! - 8 * Math.exp(-0.25)) < 1e-12);
    assert.ok(Number.isNaN(silent));
  });

  it('combines ranks: az-nas adds their logarithms, the lowest rank where a part is not defined', () => {
    const proxy = resolveProxy('az-nas');
    assert.ok(proxy.kind === 'combined');
    const rising = Float64Array.of(1, 2, 3);
    const scores = proxy.combine([rising, rising, Float64Array.of(5, Number.NaN, 4), rising]);
    const expected = [3 * Math.log(1 / 3), 3 * Math.log(2 / 3) + Math.log(1 / 3), Math.log(2 / 3)];
    for (const [at, score] of scores.entries()) assert.ok(Math.abs(score - expected[at]!) < 1e-12, `${scores}`);
  });

  it('suggests the nearest name for an unknown one', () => {
    assert.throws(() => resolveProxy('eznas_a'), {
      code: 'INVALID_ARGUMENT',
      message: /did you mean 'eznas-a'\?.*known: eznas-a, /,
    });
    assert.throws(() => resolveProxy('quantum'), {
      code: 'INVALID_ARGUMENT',
      message: /^unknown proxy 'quantum' \(known/,
    });
  });

  it('knows what each program reads and costs', () => {
    assert.deepEqual(programProxy('eznas-a').reads, ['T1GD']);
    assert.equal(programProxy('eznas-a').cost, 'backward');
    assert.deepEqual(programProxy('eznas-a-t3gn').reads, ['T3GN']);
    assert.deepEqual(programProxy('eznas-topprog').reads, ['T2N']);
    assert.equal(programProxy('eznas-topprog').cost, 'forward');
    assert.deepEqual(programProxy('eznas-pnas').reads, ['T4GD', 'T4GP']);
    assert.deepEqual(programProxy('eznas-nasnet').reads, ['T1N', 'T4P']);
  });

  it('holds programs valid on every unit, save the one that mixes activations before and after', () => {
    for (const proxy of PROXIES) {
      if (proxy.kind !== 'program') continue;
      const valid = checkProgram(proxy.program, [symbolicSignature()]) === undefined;
      assert.equal(valid, proxy.name !== 'eznas-nasnet', proxy.name);
    }
    const steady = symbolicSignature({
      same: [
        ['Cin', 'Cout'],
        ['H', "H'"],
      ],
    });
    assert.equal(checkProgram(programProxy('eznas-nasnet').program, [steady]), undefined);
  });

  it('counts parameters and multiply-adds on the graph', () => {
    const builder = new GraphBuilder([3, 8, 8]);
    const conv = builder.batchNorm(builder.conv2d(builder.relu(builder.input), 4, { kernel: 3, stride: 2 }));
    const graph = builder.finish(builder.linear(builder.globalAvgPool(conv), 10));
    const count = (name: string): number => {
      const proxy = resolveProxy(name);
      assert.ok(proxy.kind === 'structural');
      return proxy.count(graph);
    };
    assert.equal(count('params'), 4 * 3 * 9 + 2 * 4 + 10 * 4 + 10);
    assert.equal(count('flops'), 4 * 3 * 9 * 16 + 10 * 4 + 10);
  });
});
