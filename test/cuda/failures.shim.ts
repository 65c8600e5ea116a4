/** What only the host shim can be told to do: fail, have several devices, or none. Each in a process of its own. */
import assert from 'node:assert/strict';
import { type Attempt, attemptTwice } from './support.ts';

const FAIL = 'EZNAS_SHIM_FAIL';

describe('a GPU that fails', () => {
  let right: Attempt;

  before(async () => {
    right = (await attemptTwice('cuda', {}))[0]!;
    assert.equal(right.scores?.length, 3);
  });

  it('a call that fails: the error names it, and the next run is right', async () => {
    for (const call of ['cudaGraphInstantiate', 'cudaMemcpyAsync', 'cudaEventRecord', 'cudaMemsetAsync']) {
      const [first, second] = await attemptTwice('cuda', { [FAIL]: `${call}:1:cudaErrorInvalidValue` });
      assert.equal(first!.error?.code, 'CUDA_ERROR', call);
      assert.match(first!.error!.message, new RegExp(`^${call} failed: cudaErrorInvalidValue .*can still be used`));
      assert.deepEqual(second, right, call);
    }
  });

  it('a kernel that crashes: the error names it, and later runs say that the device is lost to the process', async () => {
    const [first, second] = await attemptTwice('cuda', { [FAIL]: 'cudaLaunchKernel:4:cudaErrorLaunchFailure' });
    assert.equal(first!.error?.code, 'CUDA_ERROR');
    assert.match(first!.error!.message, /launching the kernel eznas::cuda::.+ failed: cudaErrorLaunchFailure/);
    for (const { error } of [first!, second!]) {
      assert.equal(error?.code, 'CUDA_ERROR');
      assert.match(error!.message, /cannot use the device any more, start it again/);
    }
  });

  it('memory for networks that is refused for a moment: fewer at once, the same scores', async () => {
    for (const nth of [3, 5, 8]) {
      const attempts = await attemptTwice('cuda', { [FAIL]: `cudaMalloc:${nth}:cudaErrorMemoryAllocation` });
      assert.deepEqual(attempts, [right, right], `allocation ${nth}`);
    }
  });

  it('memory for the scores themselves, which fewer networks would not spare: the error says so, and the next run is right', async () => {
    for (const nth of [1, 2]) {
      const [first, second] = await attemptTwice('cuda', { [FAIL]: `cudaMalloc:${nth}:cudaErrorMemoryAllocation` });
      assert.equal(first!.error?.code, 'OUT_OF_MEMORY', `allocation ${nth}`);
      assert.match(first!.error!.message, /cannot allocate \d+ bytes on device cuda:0/);
      assert.deepEqual(second, right, `allocation ${nth}`);
    }
  });

  it('several devices split the networks, with the same scores', async () => {
    for (const devices of ['2', '5']) {
      assert.deepEqual(await attemptTwice('cuda', { EZNAS_SHIM_DEVICES: devices }), [right, right]);
    }
  });

  it("no device: NO_DEVICE says why for 'cuda', and 'auto' takes the CPU", async () => {
    const none = { EZNAS_SHIM_DEVICES: '0' };
    for (const { error } of await attemptTwice('cuda', none)) {
      assert.equal(error?.code, 'NO_DEVICE');
      assert.match(error!.message, /^device 'cuda' is not available: .*sees no GPU.*use 'cpu' or 'auto'$/);
    }
    assert.deepEqual(await attemptTwice('auto', none), await attemptTwice('cpu', {}));
  });
});
