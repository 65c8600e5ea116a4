import assert from 'node:assert/strict';
import { collectStatistics, scoreNetworks } from '../../lib/engine/run.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { randomInputs, smallNetworks } from '../engine/support.ts';
import { deviceBytes, withCode, within } from './support.ts';

const PROGRAMS = [parseProgram('mean(abs(T1GP))')];
const INDICES = Array.from({ length: 8 }, (_, index) => index * 1801);

describe('limits of the GPUs', () => {
  const networks = smallNetworks(INDICES);
  const inputs = randomInputs(2);
  const score = () => scoreNetworks(networks, PROGRAMS, inputs, { device: 'cuda' });

  it('runs fewer networks at once where memory is short, with the same scores', async () => {
    const expected = (await score()).row(0);
    const before = deviceBytes();
    for (const bytes of [4_000_000, 1_500_000]) {
      assert.deepEqual((await within(bytes, score)).row(0), expected, `${bytes} bytes`);
    }
    assert.equal(deviceBytes(), before);
  });

  it('reports memory that does not suffice, and goes on after', async () => {
    const before = deviceBytes();
    const collect = () => collectStatistics(networks, inputs, { device: 'cuda' });
    await assert.rejects(within(1_500_000, collect), withCode('OUT_OF_MEMORY', /bytes/));
    await assert.rejects(within(10_000, score), withCode('OUT_OF_MEMORY', /EZNAS_GPU_MEMORY_LIMIT/));
    assert.equal(deviceBytes(), before);
    using statistics = await collect();
    assert.equal(statistics.networks, networks.length);
  });

  it('refuses a network that no device could ever hold, before allocating', async () => {
    const graph = nasbench201.build(nasbench201.architecture(1462), { initialChannels: 40_000 });
    await assert.rejects(
      collectStatistics([{ graph, key: 0 }], randomInputs(64, 32), { device: 'cuda' }),
      withCode('TOO_LARGE', /network 0/),
    );
  });

  it('stops when the signal fires, and reports progress up to the total', async () => {
    const controller = new AbortController();
    const job = scoreNetworks(networks, PROGRAMS, inputs, { device: 'cuda', signal: controller.signal });
    controller.abort();
    await assert.rejects(job, withCode('ABORTED'));
    const amid = new AbortController();
    const onProgress = (done: number) => {
      assert.ok(done < networks.length);
      amid.abort();
    };
    // Memory for few networks at once, so that some are left when the first are done.
    await assert.rejects(
      within(1_500_000, () =>
        scoreNetworks(networks, PROGRAMS, inputs, { device: 'cuda', signal: amid.signal, onProgress }),
      ),
      withCode('ABORTED'),
    );
    const seen: number[] = [];
    await scoreNetworks(networks, PROGRAMS, inputs, { device: 'cuda', onProgress: (done) => seen.push(done) });
    assert.equal(seen.at(-1), networks.length);
  });

  it('takes several jobs at once, with the scores of one alone', async () => {
    const [alone, ...together] = [await score(), ...(await Promise.all([score(), score(), score()]))];
    for (const scores of together) assert.deepEqual(scores.row(0), alone!.row(0));
  });
});
