import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { scoreNetworks } from '../../lib/engine/run.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { randomInputs, smallNetworks } from './support.ts';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

// Workers load TypeScript through a small JavaScript entry that registers tsx first.
function startWorker(workerData: string): Worker {
  const entry = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(fixture('worker.ts'))}); });`;
  return new Worker(entry, { eval: true, workerData });
}

describe('the addon in a process', () => {
  it('loads and unloads again and again in worker threads, with the same scores', async () => {
    const scores = await scoreNetworks(
      smallNetworks([1462, 99]),
      [parseProgram('frobenius_norm(T4D)')],
      randomInputs(2),
    );
    for (let round = 0; round < 4; round++) {
      const workers = [startWorker('score'), startWorker('score')];
      const answers = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
      for (const answer of answers) assert.deepEqual(answer, [...scores.row(0)]);
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  });

  it('survives a worker terminated in the middle of native work', async () => {
    for (let round = 0; round < 3; round++) {
      const worker = startWorker('hang');
      await once(worker, 'message');
      await worker.terminate();
    }
  });

  it('lets the process exit in the middle of native work', () => {
    const { status, signal, stderr } = spawnSync(process.execPath, ['--import', 'tsx', fixture('exit.ts')], {
      encoding: 'utf8',
    });
    assert.deepEqual({ status, signal }, { status: 7, signal: null }, stderr);
  });
});
