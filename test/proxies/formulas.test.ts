import assert from 'node:assert/strict';
import { scoreTerms } from '../../lib/engine/formulas.ts';
import { measureNetworks } from '../../lib/engine/measures.ts';
import type { Network } from '../../lib/engine/networks.ts';
import { initialParameters } from '../../lib/engine/run.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import type { MeasureName } from '../../lib/proxies/measures.ts';
import { randomInputs, smallNetworks } from '../engine/support.ts';

/** Among them one whose cells drop their input, and one without convolutions in its cells. */
const NETWORKS = [1462, 99, 6111, 3943, 186];

const NASWOT = 'logdet(unit_sum(add(gram(gt0(T1D)), gram(eq(gt0(T1D), zeros_like(T1D))))))';

/** The network with an identity in the place of every ReLU that is in no unit: naswot, which counts them all, then counts those of the units. */
function withReluOfUnits({ graph, key }: Network): Network {
  const relus = new Set(graph.units.map(({ relu }) => relu));
  assert.equal(relus.size, graph.units.length, 'every unit has a ReLU of its own');
  const nodes = graph.nodes.map((node, at) =>
    node.kind === 'relu' && !relus.has(at) ? ({ kind: 'identity', inputs: node.inputs } as const) : node,
  );
  return { graph: { ...graph, nodes }, key };
}

/** The network with weights 0 in every layer that is in no unit. */
function withWeightsOfUnits(network: Network): Network {
  const { graph, key } = network;
  const convs = new Set(graph.units.map(({ conv }) => conv));
  const given = initialParameters(network, 4);
  const parameters: Float32Array[] = [];
  for (const [at, node] of graph.nodes.entries()) {
    if (node.kind !== 'conv2d' && node.kind !== 'linear') continue;
    const values = given[parameters.length]!;
    parameters.push(convs.has(at) ? values : values.fill(0));
    if (node.bias) parameters.push(given[parameters.length]!);
  }
  assert.equal(parameters.length, given.length);
  return { graph, key, parameters };
}

async function requireEqual(
  name: MeasureName,
  text: string,
  networks: readonly Network[],
  batch: number,
  bound: number,
) {
  const inputs = randomInputs(batch);
  const [terms] = await scoreTerms(networks, [parseFormula(text)], inputs, { seed: 4 });
  const { scores } = (await measureNetworks(networks, [name], inputs, { seed: 4 })).get(name)!;
  for (const [at, score] of scores.entries()) {
    const own = terms![0]![at]!;
    const close = score === own || Math.abs(score - own) <= bound * Math.abs(score);
    assert.ok(close, `network ${networks[at]!.key}, batch ${batch}: ${own}, ${name} ${score}`);
  }
  assert.ok(scores.filter(Number.isFinite).length >= 3);
}

describe('formulas of proxies', () => {
  it('give the scores of naswot where units have all ReLUs', async () => {
    const networks = smallNetworks(NETWORKS).map(withReluOfUnits);
    for (const batch of [2, 7, 20]) await requireEqual('naswot', NASWOT, networks, batch, 1e-10);
  });

  it('give the scores of l2_norm where units have all weights', async () => {
    const networks = smallNetworks(NETWORKS).map(withWeightsOfUnits);
    await requireEqual('l2_norm', 'unit_sum(frobenius_norm(T3))', networks, 2, 1e-6);
  });
});
