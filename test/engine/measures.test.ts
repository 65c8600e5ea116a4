import assert from 'node:assert/strict';
import { measureNetworks } from '../../lib/engine/measures.ts';
import type { Inputs, Network } from '../../lib/engine/networks.ts';
import { GraphBuilder } from '../../lib/graph/builder.ts';
import { MEASURES, type MeasureName } from '../../lib/proxies/measures.ts';
import { randomInputs, smallNetworks } from './support.ts';

const labelled = (batch: number): Inputs => ({
  ...randomInputs(batch),
  labels: Int32Array.from({ length: batch }, (_, image) => (image * 3) % 10),
});

async function scoresOf(networks: readonly Network[], names: readonly MeasureName[], inputs: Inputs, threads = 1) {
  const found = await measureNetworks(networks, names, inputs, { threads });
  return new Map([...found].map(([name, { scores }]) => [name, [...scores]]));
}

describe('measureNetworks', () => {
  it('gives each measure the same number alone, with others, and for any threads', async () => {
    const networks = smallNetworks([1462, 99, 6111]);
    const inputs = labelled(6);
    const together = await scoresOf(networks, MEASURES, inputs, 3);
    for (const name of MEASURES) {
      const alone = await scoresOf(networks, [name], inputs);
      assert.deepEqual(alone.get(name), together.get(name), name);
    }
  });

  it('gives each measure a share of the time, and those that share a pass the same', async () => {
    const found = await measureNetworks(smallNetworks([1462]), ['snip', 'plain', 'zen'], labelled(4));
    for (const [name, { share }] of found) assert.ok(share > 0 && share < 1, name);
    assert.equal(found.get('snip')!.share, found.get('plain')!.share);
  });

  it('has no finite naswot or jacob_cov where no image passes through, and finite numbers elsewhere', async () => {
    // Cell 3943 of NAS-Bench-201 drops its input.
    const scores = await scoresOf(smallNetworks([3943]), MEASURES, labelled(4));
    for (const [name, [score]] of scores) {
      const undefinedThere = ['naswot', 'jacob_cov', 'epe_nas', 'zen', 'az-expressivity', 'az-progressivity'].includes(
        name,
      );
      assert.equal(Number.isFinite(score), !undefinedThere, `${name} is ${score}`);
    }
    assert.equal(scores.get('synflow')![0], 0);
    assert.equal(scores.get('swap')![0] !== undefined && scores.get('swap')![0]! > 0, true);
  });

  it('takes a cell that is the identity for a block that passes gradients unchanged', async () => {
    // Cell 186 of NAS-Bench-201 is one skip connection.
    const [identity] = smallNetworks([186]);
    assert.ok(new Set(identity!.graph.blocks).size < identity!.graph.blocks!.length);
    const scores = await scoresOf([identity!], ['az-expressivity', 'az-progressivity', 'az-trainability'], labelled(4));
    assert.ok(scores.get('az-expressivity')![0]! > 0);
    assert.ok(scores.get('az-progressivity')![0]! <= 0);
    assert.ok(Number.isNaN(scores.get('az-trainability')![0]));
  });

  it('keeps synflow finite where the sum is beyond float64, and where activations would vanish', async () => {
    const chain = (layers: number, weight: number): Network => {
      const builder = new GraphBuilder([3, 4, 4]);
      let node = builder.input;
      for (let layer = 0; layer < layers; layer++) node = builder.relu(builder.conv2d(node, 3, { kernel: 1 }));
      const graph = builder.finish(builder.linear(builder.globalAvgPool(node), 2, false));
      const parameters = [
        ...Array.from({ length: layers }, () => new Float32Array(9).fill(-weight)),
        new Float32Array(6).fill(1),
      ];
      return { graph, key: 0, parameters };
    };
    const inputs: Inputs = { ...randomInputs(1, 4), labels: Int32Array.of(0) };
    const { synflow, logsynflow } = Object.fromEntries(
      await scoresOf([chain(400, 100), chain(3, 1e-30)], ['synflow', 'logsynflow'], inputs),
    ) as Record<MeasureName, number[]>;
    // The output is 2 · 3 · 300^400, and each of the 401 layers' Σ w·g is the output.
    const expected = Math.log(401) + Math.log(6) + 400 * Math.log(300);
    assert.ok(Math.abs(synflow[0]! - expected) <= 1e-5 * expected, `${synflow[0]} instead of ${expected}`);
    assert.ok(synflow[1]! >= 0 && synflow[1]! < 1e-20);
    assert.ok(Number.isFinite(logsynflow[0]) && logsynflow[0]! > 0);
  });

  it('counts sign patterns of more than 64 images', async () => {
    const [few, many] = await Promise.all(
      [8, 70].map((batch) => scoresOf(smallNetworks([1462]), ['swap', 'naswot'], randomInputs(batch))),
    );
    assert.ok(many!.get('swap')![0]! > few!.get('swap')![0]!);
    assert.ok(few!.get('swap')![0]! <= 2 ** 8);
    assert.ok(Number.isFinite(many!.get('naswot')![0]));
  });

  it('refuses what it cannot measure, naming it', async () => {
    const networks = smallNetworks([1462]);
    const refused = (names: readonly MeasureName[], inputs: Inputs, message: RegExp) =>
      assert.rejects(measureNetworks(networks, names, inputs), { code: 'INVALID_ARGUMENT', message });
    await refused(['snip'], randomInputs(2), /0 labels for 2 images/);
    await refused(
      ['snip'],
      { ...randomInputs(2), labels: Int32Array.of(0, 10) },
      /label 1 is 10; network 0 has classes 0 to 9/,
    );
    await refused(['fisher'], { ...randomInputs(1), labels: Int32Array.of(-1) }, /label 0 is -1/);
    await refused(['zico'], labelled(1), /2 images/);
    await refused([], labelled(1), /measures/);
    const blockless = networks.map(({ graph: { blocks: _, ...graph }, key }) => ({ graph, key }));
    await assert.rejects(measureNetworks(blockless, ['az-trainability'], labelled(1)), {
      code: 'INVALID_ARGUMENT',
      message: /network 0 has fewer than 2 blocks/,
    });
    const falling = networks.map(({ graph, key }) => ({ graph: { ...graph, blocks: [9, 2] }, key }));
    await assert.rejects(
      measureNetworks(falling, ['az-trainability'], labelled(1)),
      /block 1 ends at node 2; .*none before/,
    );
    await assert.doesNotReject(measureNetworks(networks, ['naswot', 'synflow'], randomInputs(2)));
    const builder = new GraphBuilder([3, 8, 8]);
    const headless = [{ graph: builder.finish(builder.conv2d(builder.input, 4, { kernel: 3 })), key: 0 }];
    await assert.rejects(measureNetworks(headless, ['snip'], labelled(2)), {
      code: 'INVALID_ARGUMENT',
      message: /no logits/,
    });
  });

  it('stops when the signal fires', async () => {
    const networks = new Array(2000).fill(smallNetworks([1462])[0]!);
    const controller = new AbortController();
    const job = measureNetworks(networks, ['naswot'], randomInputs(8), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await assert.rejects(job, { code: 'ABORTED' });
  });
});
