import type { SuiteOptions } from '../../lib/bench/report.ts';
import type { Workload } from '../../lib/bench/workload.ts';
import type { Inputs } from '../../lib/engine/networks.ts';
import { initialParameters } from '../../lib/engine/run.ts';
import { Random } from '../../lib/random.ts';

/** Inputs of all three passes. */
type GivenInputs = Omit<Required<Inputs>, 'labels'>;

/** Inputs of all three passes given, so that both sides run on the same numbers. */
export function givenInputs(inputs: Inputs, seed: number): GivenInputs {
  const random = new Random(seed).fork('rival');
  const noise = inputs.data.map(() => random.normal());
  const perturbed = inputs.data.map((x) => x + 0.1 * random.normal());
  return { ...inputs, noise, perturbed };
}

/** The part of a rival's request that describes networks and inputs, and the floats that go with it. */
export function rivalRequest(
  workload: Workload,
  inputs: GivenInputs,
  { seed, threads, device, precision }: Pick<SuiteOptions, 'seed' | 'threads' | 'device' | 'precision'>,
) {
  const parameters = workload.networks.map((network) => initialParameters(network, seed));
  return {
    request: {
      threads,
      seed,
      device,
      precision,
      classes: 10,
      inputShape: [inputs.batch, ...inputs.shape],
      networks: workload.architectures.map((architecture, i) => ({
        architecture,
        parameterSizes: parameters[i]!.map((values) => values.length),
      })),
    },
    floats: [inputs.data, inputs.noise, inputs.perturbed, ...parameters.flat()],
  };
}

export function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
}
