import assert from 'node:assert/strict';
import { scoreArchitectures } from '../../lib/evaluation/score.ts';
import { type Nasbench201Architecture, nasbench201 } from '../../lib/spaces/nasbench201.ts';
import type { NetworkOptions } from '../../lib/spaces/space.ts';
import { withCode } from './support.ts';

/** NAS-Bench-201 with networks for tests. */
const small: typeof nasbench201 = Object.assign(Object.create(nasbench201), {
  name: 'small',
  build: (architecture: Nasbench201Architecture, options?: NetworkOptions) =>
    nasbench201.build(architecture, { ...options, initialChannels: 4, cellsPerStage: 1 }),
});
const dataset = { name: 'tiny', classes: 10, resolution: 8, channels: 3, normalization: 'cifar10' };
const common = { space: small, dataset, images: 'noise', batch: 2 } as const;
const architectures = [6111, 99].map((index) => nasbench201.print(nasbench201.architecture(index)));
const score = (device: 'auto' | 'cpu' | 'cuda', proxies: readonly string[]) =>
  scoreArchitectures({ ...common, architectures, device, proxies });

describe('where contenders run', () => {
  it("'auto' runs programs on the GPUs and native measures on the CPU, and the protocol says so", async () => {
    const both = await score('auto', ['eznas-a', 'naswot', 'params']);
    assert.deepEqual([both.protocol.device, both.protocol.measures], ['cuda', 'cpu']);
    assert.ok(both.protocol.gpus.length > 0);
    const cpu = await score('cpu', ['eznas-a', 'naswot']);
    assert.deepEqual([cpu.protocol.device, cpu.protocol.measures, cpu.protocol.gpus], ['cpu', 'cpu', []]);
    assert.deepEqual(both.scores['naswot'], cpu.scores['naswot']);
  });

  it('names the device of what ran alone', async () => {
    const measures = (await score('auto', ['naswot', 'params'])).protocol;
    assert.deepEqual([measures.device, measures.measures, measures.gpus], ['cpu', 'cpu', []]);
    const programs = (await score('auto', ['eznas-a'])).protocol;
    assert.deepEqual([programs.device, programs.measures], ['cuda', null]);
  });

  it("'cuda' refuses native measures by name, those of combined proxies too", async () => {
    await assert.rejects(
      score('cuda', ['eznas-a', 'naswot', 'zen']),
      withCode('INVALID_ARGUMENT', /'cuda' does not run naswot, zen:/),
    );
    await assert.rejects(
      score('cuda', ['az-nas']),
      withCode('INVALID_ARGUMENT', /'cuda' does not run az-expressivity, az-progressivity, az-trainability:/),
    );
    assert.equal((await score('cuda', ['eznas-a', 'params'])).protocol.device, 'cuda');
  });
});
