// One point of the scale suite, in a process of its own so that its peak memory is its own: argument JSON, answer JSON.
import { photographs, randomNetworks, randomPrograms } from '../lib/bench/workload.ts';
import { scoreNetworks } from '../lib/engine/run.ts';
import { parseProgram } from '../lib/programs/parse.ts';
import { nasbench201 as space } from '../lib/spaces/nasbench201.ts';

/** How large a scoring run is. */
export interface ScalePoint {
  readonly networks: number;
  readonly batch: number;
  /** Random programs; 1 stands for EZNAS-A. */
  readonly population: number;
  readonly threads: number;
}

/** Networks built at a time; the rest wait as indices. */
const CHUNK = 256;

const point = JSON.parse(process.argv[2]!) as ScalePoint;
const programs =
  point.population === 1
    ? [parseProgram('frobenius_norm(sigmoid(logdet(sign(T1GD))))')]
    : randomPrograms(point.population, 0);
const inputs = photographs(point.batch, 0);
const { indices } = randomNetworks(point.networks, 0);
const start = performance.now();
for (let from = 0; from < indices.length; from += CHUNK) {
  const networks = indices
    .slice(from, from + CHUNK)
    .map((index) => ({ graph: space.build(space.architecture(index)), key: index }));
  await scoreNetworks(networks, programs, inputs, { threads: point.threads, device: 'cpu' });
}
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
