/** An addon with CUDA code where it sees no GPU, as most machines have none: it says so and runs on the CPU. */
import assert from 'node:assert/strict';
import { addon } from '../../lib/addon.ts';
import { measureMachine } from '../../lib/bench/report.ts';
import { diagnose } from '../../lib/cli/diagnosis.ts';
import { resolveDevice } from '../../lib/engine/device.ts';
import { scoreNetworks } from '../../lib/engine/run.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { randomInputs, smallNetworks } from '../engine/support.ts';
import { withCode } from './support.ts';

describe('an addon with CUDA code that sees no GPU', () => {
  it('says that the code is there, and why no device is', async () => {
    const cuda = addon().info().cuda!;
    assert.match(cuda.runtime, /^\d+\.\d+$/);
    assert.deepEqual(cuda.devices, []);
    assert.match(cuda.error!, /no NVIDIA driver is installed|sees no GPU|install driver r580/);
    const { gpu } = await diagnose();
    assert.equal(gpu.cuda, cuda.runtime);
    assert.equal(gpu.usable, false);
    assert.notEqual(gpu.advice, null);
  });

  it("runs on the CPU where 'auto' is asked for, and refuses 'cuda'", async () => {
    assert.equal(resolveDevice('auto'), 'cpu');
    const [networks, inputs] = [smallNetworks([6111, 9930]), randomInputs(2)];
    const programs = [parseProgram('mean(abs(T1GD))')];
    const scores = await scoreNetworks(networks, programs, inputs);
    assert.ok(
      [...scores.row(0)].every((score) => score > 0),
      `${scores.row(0)}`,
    );
    await assert.rejects(
      scoreNetworks(networks, programs, inputs, { device: 'cuda' }),
      withCode('NO_DEVICE', /^device 'cuda' is not available: .*use 'cpu' or 'auto'$/),
    );
    await assert.rejects(measureMachine(1, { device: 'cuda' }), withCode('NO_DEVICE'));
  });
});
