import type { RankCorrelation } from '../correlation/index.ts';
import type { UnitValues } from '../engine/formulas.ts';
import type { Network } from '../engine/networks.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import type { Program } from '../programs/tree.ts';
import { rankFinite } from './ranking.ts';
import { unitShapes } from './unit-shapes.ts';

/** How well the units of one stage alone rank the networks. */
export interface StageRanking extends Pick<RankCorrelation, 'kendallTau'> {
  /** Extents of the output of the stage's units, such as `32×32`. */
  readonly name: string;
  /** Networks ranked: those with units in the stage whose mean is finite. */
  readonly networks: number;
}

interface NamedProgram {
  readonly name: string;
  readonly program: Program;
}

/**
 * A program's values by stage: the mean over the units whose outputs have the same extents, for every network. Networks may have different
 * stages, and lack units in some.
 */
export class StageScores {
  readonly #networks: number;
  readonly #programs: readonly NamedProgram[];
  /** By extents, largest first once all are known; then by program. */
  readonly #stages = new Map<string, { readonly area: number; readonly means: readonly Float64Array[] }>();

  constructor(programs: readonly NamedProgram[], networks: number) {
    this.#programs = programs;
    this.#networks = networks;
  }

  /**
   * Takes the values of a chunk of networks.
   *
   * @param start place of the first of the networks
   */
  add(networks: readonly Network[], values: UnitValues, start: number): void {
    for (const [at, { graph }] of networks.entries()) {
      for (const { name, area, units } of stagesOf(graph)) {
        const { means } = this.#stage(name, area);
        for (const [row, { program }] of this.#programs.entries()) {
          const ofUnits = values(program, at);
          means[row]![start + at] = units.reduce((sum, unit) => sum + ofUnits[unit]!, 0) / units.length;
        }
      }
    }
  }

  /** How well each stage ranks the networks, by program; the stage of the largest extents first. */
  rank(accuracies: readonly number[], seed: number): { name: string; stages: StageRanking[] }[] {
    const stages = [...this.#stages].sort(([, a], [, b]) => b.area - a.area);
    return this.#programs.map(({ name }, row) => ({
      name,
      stages: stages.map(([stage, { means }]) => {
        const { networks, kendallTau } = rankFinite(means[row]!, accuracies, seed);
        return { name: stage, networks, kendallTau };
      }),
    }));
  }

  #stage(name: string, area: number) {
    let stage = this.#stages.get(name);
    if (stage === undefined) {
      const means = this.#programs.map(() => new Float64Array(this.#networks).fill(Number.NaN));
      stage = { area, means };
      this.#stages.set(name, stage);
    }
    return stage;
  }
}

/** A network's stages with the places of their units. */
function stagesOf(graph: NetworkGraph): { name: string; area: number; units: number[] }[] {
  const stages = new Map<string, { name: string; area: number; units: number[] }>();
  for (const [unit, { after }] of unitShapes(graph, 1).entries()) {
    const [, , height, width] = after as readonly [number, number, number, number];
    const name = `${height}×${width}`;
    const stage = stages.get(name) ?? { name, area: height * width, units: [] };
    stage.units.push(unit);
    stages.set(name, stage);
  }
  return [...stages.values()];
}
