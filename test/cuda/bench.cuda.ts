import assert from 'node:assert/strict';
import { addon, type NativeConvolution, type NativeDeviceTimes } from '../../lib/addon.ts';
import { benchCollect } from '../../lib/bench/collect.ts';
import { benchConvolutionOnGpu } from '../../lib/bench/conv.ts';
import { gpuOf, runOnGpu } from '../../lib/bench/gpu.ts';
import { benchPopulation } from '../../lib/bench/population.ts';
import { type BenchMachine, benchReport, describeFigures, measureMachine } from '../../lib/bench/report.ts';
import type { Workload } from '../../lib/bench/workload.ts';
import { collectStatistics, nativeRequest } from '../../lib/engine/run.ts';
import { flops } from '../../lib/graph/counts.ts';
import { encodePrograms } from '../../lib/programs/encode.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { randomInputs, smallNetworks } from '../engine/support.ts';
import { withCode, within } from './support.ts';

const networks = smallNetworks([6111]);
const meanMultiplyAdds = flops(networks[0]!.graph);
const workload: Workload = { indices: [], architectures: [], networks, meanMultiplyAdds, resolution: 8 };
const options = {
  device: 'cuda',
  precision: 'float32',
  threads: 2,
  samples: 1,
  seed: 0,
  workload,
  programs: 6,
} as const;
/** So little that few items are timed at once, as a test can. */
const BYTES = 4_000_000;

const convolution: NativeConvolution = {
  ...{ inChannels: 4, outChannels: 6, groups: 1, kernel: 3, stride: 2, padding: 1, dilation: 1 },
  ...{ height: 9, width: 7, batch: 2 },
};

function byBothClocks({ deviceSeconds, wallSeconds }: NativeDeviceTimes, repeats: number): void {
  assert.deepEqual([deviceSeconds.length, wallSeconds.length], [repeats, repeats]);
  deviceSeconds.forEach((seconds, run) => {
    assert.ok(seconds > 0 && seconds <= wallSeconds[run]! + 1e-4, `${seconds} of ${wallSeconds[run]} s`);
  });
}

describe('benches on a GPU', () => {
  let machine: BenchMachine;

  before(async () => {
    machine = await within(BYTES, () => measureMachine(2, { device: 'cuda' }));
  });

  it('know the device that they measure', () => {
    const { cuda } = addon().info();
    const gpu = gpuOf(machine);
    assert.equal(gpu.name, cuda!.devices[0]!.name);
    assert.deepEqual(gpu.cuda, { driver: cuda!.driver, runtime: cuda!.runtime });
    for (const rate of [gpu.bandwidthGBs, gpu.peakGflops.float32, gpu.peakGflops.tf32]) assert.ok(rate > 0);
  });

  it('time convolutions in all directions, and count what they compute and move', async () => {
    const { inChannels, outChannels, kernel, height, width, batch } = convolution;
    const outputs = batch * outChannels * 5 * 4;
    for (const direction of [0, 1, 2]) {
      const times = await within(BYTES, () =>
        runOnGpu((native) => native.benchDeviceConvolution(convolution, direction, 2, 'float32')),
      );
      byBothClocks(times, 2);
      // Taps of a gradient that fall beside the map are counted by some kernels and not by others.
      const operations = times.operations / times.items / (2 * outputs * inChannels * kernel ** 2);
      assert.ok(operations > 0.6 && operations < 1.6, `${operations}`);
      const least = 4 * (batch * inChannels * height * width + outputs);
      assert.ok(times.bytes / times.items >= least, `${times.bytes / times.items} bytes`);
      assert.ok(times.items > 1);
    }
    const name = 'small';
    const entry = await within(BYTES, () =>
      benchConvolutionOnGpu({ name, convolution, direction: 0 }, machine, options),
    );
    assert.match(describeFigures(entry), /^gflops [^;]+; on the device deviceSeconds .*percentOfBandwidth/);
  });

  it('refuse a convolution that is none', async () => {
    const wrong = { ...convolution, groups: 3 };
    await assert.rejects(
      async () => runOnGpu((native) => native.benchDeviceConvolution(wrong, 0, 1, 'float32')),
      withCode('INVALID_ARGUMENT', /groups must divide/),
    );
  });

  it('count the products of a forward pass as the graph does', async () => {
    const request = nativeRequest(networks, randomInputs(3), { device: 'cuda' });
    const times = await runOnGpu((native) =>
      native.benchDeviceNetworks(request, encodePrograms([parseProgram('mean(T4D)')]), 2),
    );
    byBothClocks(times, 2);
    assert.equal(times.items, 1);
    const share = times.operations / (3 * 2 * meanMultiplyAdds);
    // No unit is behind the last layers, which are then left out.
    assert.ok(share > 0.9 && share <= 1, `${share}`);
  });

  it('report device, driver, commit and both clocks', async () => {
    const entries = [...(await benchCollect(machine, options)), ...(await benchPopulation(machine, options))];
    const report = JSON.parse(JSON.stringify(benchReport(machine, options, entries))) as Record<string, unknown>;
    assert.deepEqual([report['device'], report['precision']], ['cuda', 'float32']);
    assert.match(String(report['commit']), /^[0-9a-f]{7,}/);
    assert.ok('driver' in (report['machine'] as { gpu: object }).gpu);
    assert.deepEqual(
      entries.map(({ suite, name }) => `${suite}: ${name}`),
      [
        ...[1, 16].flatMap((batch) => [`collect: 22 tensors batch ${batch}`, `collect: eznas-a batch ${batch}`]),
        ...['unshared', 'shared'].map((how) => `population: 6 programs 1 networks ${how}`),
      ],
    );
    for (const { name, timing, onDevice } of entries) {
      assert.ok(timing.median > 0 && onDevice!.deviceSeconds > 0, name);
      for (const [figure, value] of Object.entries(onDevice!)) assert.ok(Number.isFinite(value) && value > 0, figure);
    }
  });

  it('refuse statistics that lie on the CPU', async () => {
    using statistics = await collectStatistics(networks, randomInputs(1), { device: 'cpu' });
    await assert.rejects(
      async () =>
        runOnGpu((native) =>
          native.benchDevicePopulation(statistics.handle, encodePrograms([parseProgram('mean(T1D)')]), 1),
        ),
      withCode('INVALID_ARGUMENT', /lie on the CPU/),
    );
  });
});
