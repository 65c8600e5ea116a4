import assert from 'node:assert/strict';
import { loadNasbench201 } from '../../lib/benchmarks/nasbench201.ts';
import { evaluateProxies } from '../../lib/evaluation/evaluate.ts';
import { scoreArchitectures } from '../../lib/evaluation/score.ts';
import type { Nasbench201Architecture } from '../../lib/spaces/nasbench201.ts';
import type { SearchSpace } from '../../lib/spaces/space.ts';

const argument = (message: RegExp) => ({ name: 'EznasError', code: 'INVALID_ARGUMENT', message });

describe('spaces and benchmarks of one’s own', () => {
  const benchmark = loadNasbench201();
  /** The same architectures, not numbered and unknown to the package. */
  const space: SearchSpace<Nasbench201Architecture> = {
    name: 'mine',
    size: undefined,
    sample: (random) => benchmark.space.sample(random),
    parse: (text) => benchmark.space.parse(text),
    print: (architecture) => benchmark.space.print(architecture),
    mutate: (architecture, random) => benchmark.space.mutate(architecture, random),
    neighbours: (architecture) => benchmark.space.neighbours(architecture),
    canonical: (architecture) => benchmark.space.canonical(architecture),
    build: (architecture, options) => benchmark.space.build(architecture, options),
  };
  const known = [5, 99, 6111];
  const mine = {
    ...benchmark,
    name: 'few',
    space,
    size: known.length,
    datasets: benchmark.datasets,
    epochs: benchmark.epochs,
    split: 'validation' as const,
    architecture: (index: number) => benchmark.architecture(known[index]!),
    index: (architecture: Nasbench201Architecture) => {
      const at = known.indexOf(benchmark.index(architecture)!);
      return at < 0 ? undefined : at;
    },
    dataset: (name: string) => benchmark.dataset(name),
    accuracy: (index: number, dataset: string) => benchmark.accuracy(known[index]!, dataset),
  };
  const texts = known.map((index) => benchmark.space.print(benchmark.architecture(index)));

  it('take the place of names', async () => {
    const { protocol, results } = await evaluateProxies({ benchmark: mine, proxies: ['params'] });
    assert.equal(protocol.space, 'mine');
    assert.equal(protocol.benchmark, 'few');
    assert.deepEqual(protocol.accuracy, { split: 'validation', epochs: 200 });
    assert.deepEqual(protocol.networks, { count: 3, chosen: 'random' });
    assert.equal(results[0]!.networks, 3);
    const { networks, architectures } = await scoreArchitectures({
      benchmark: mine,
      architectures: [2, texts[0]!, benchmark.space.print(benchmark.architecture(0))],
      proxies: ['params'],
    });
    assert.deepEqual(networks, [2, 0, null]);
    assert.equal(architectures[0], texts[2]);
  });

  it('score without accuracies, and say what lacks them', async () => {
    const { protocol, networks, scores } = await scoreArchitectures({
      space,
      dataset: 'imagenet16-120',
      architectures: texts,
      proxies: ['flops'],
      batch: 1,
    });
    assert.equal(protocol.benchmark, null);
    assert.equal(protocol.accuracy, null);
    assert.deepEqual(networks, [null, null, null]);
    const named = await scoreArchitectures({ dataset: 'imagenet16-120', architectures: texts, proxies: ['flops'] });
    assert.deepEqual(scores, named.scores);
    const lacking = argument(/no accuracies of the space mine are known/);
    await assert.rejects(evaluateProxies({ space, proxies: ['params'] }), lacking);
    await assert.rejects(scoreArchitectures({ space, networks: 3, proxies: ['params'] }), lacking);
    await assert.rejects(scoreArchitectures({ space, architectures: [0], proxies: ['params'] }), lacking);
    const unknown = scoreArchitectures({ space, dataset: 'mnist', architectures: texts, proxies: ['params'] });
    await assert.rejects(unknown, argument(/no dataset "mnist"/));
  });

  it('are refused when they do not belong together', async () => {
    await assert.rejects(
      evaluateProxies({ space: 'nasbench201', benchmark: mine, proxies: ['params'] }),
      argument(/benchmark few has architectures of the space mine, not of nasbench201/),
    );
    await assert.rejects(
      scoreArchitectures({ architectures: [texts[0]!, texts[0]!], proxies: ['params'] }),
      argument(/is listed twice/),
    );
    await assert.rejects(scoreArchitectures({ architectures: [], proxies: ['params'] }), argument(/at least one/));
  });
});
