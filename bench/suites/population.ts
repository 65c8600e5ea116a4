import { benchPopulation, POPULATION } from '../../lib/bench/population.ts';
import type { BenchEntry, BenchMachine, SuiteOptions } from '../../lib/bench/report.ts';
import { nodeElements, photographs, randomNetworks, randomPrograms } from '../../lib/bench/workload.ts';
import { collectStatistics, evaluatePrograms } from '../../lib/engine/run.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { runPyTorch } from '../rivals/pytorch.ts';
import { givenInputs, rivalRequest } from './shared.ts';

/** One PyTorch call per node takes long: the rival runs as many as the suite does on a CPU, and is compared by the second. */
const { programs: PROGRAMS, networks: NETWORKS } = POPULATION.cpu;
/** Scores that must agree to 10⁻³ before any time counts; the rest are ill-conditioned (see test/golden/conditioning.ts). */
const AGREEMENT = 0.9;

/** The shipped suite, with the released method (one PyTorch call per node) on the same programs and tensors beside it. */
export async function benchPopulationBeside(machine: BenchMachine, options: SuiteOptions): Promise<BenchEntry[]> {
  const entries = await benchPopulation(machine, options);
  options.onEntry?.('PyTorch, one call per node');
  const workload = randomNetworks(NETWORKS, options.seed);
  const programs = randomPrograms(PROGRAMS, options.seed);
  const inputs = givenInputs(photographs(1, options.seed), options.seed);
  const { request, floats } = rivalRequest(workload, inputs, options);
  const answer = runPyTorch<{ seconds: number; nodes: number; scores: (number | null)[][] }>(
    { task: 'population', programs: programs.map(printProgram), ...request },
    floats,
  );
  if (answer.missing !== undefined) {
    console.error(`rival left out: ${answer.missing}`);
    return entries;
  }

  using statistics = await collectStatistics(workload.networks, inputs, { seed: options.seed, device: options.device });
  const scores = await evaluatePrograms(statistics, programs);
  let agreeing = 0;
  answer.scores.forEach((row, program) => {
    row.forEach((expected, network) => {
      const got = scores.score(program, network);
      if (expected === null ? Number.isNaN(got) : Math.abs(got - expected) <= 1e-3 * Math.abs(expected)) agreeing++;
    });
  });
  const agreement = agreeing / (PROGRAMS * NETWORKS);
  if (agreement < AGREEMENT)
    throw new Error(`only ${(100 * agreement).toFixed(1)} % of the scores agree with PyTorch's`);

  const units = workload.networks.flatMap((_, network) => statistics.units(network));
  const rival: BenchEntry = {
    suite: 'population',
    name: 'PyTorch, one call per node',
    timing: { median: answer.seconds, low: answer.seconds, high: answer.seconds, samples: 1 },
    figures: {
      nodes: answer.nodes,
      nodeElementsPerSecond: nodeElements(programs, units) / answer.seconds,
      programsPerSecond: PROGRAMS / answer.seconds,
      percentOfScoresAgreeing: 100 * agreement,
    },
  };
  return [
    ...entries.map((entry) => ({
      ...entry,
      figures: {
        ...entry.figures,
        timesFasterThanRival: entry.figures['nodeElementsPerSecond']! / rival.figures['nodeElementsPerSecond']!,
      },
    })),
    rival,
  ];
}
