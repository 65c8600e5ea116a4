import type { RankCorrelation } from '../correlation/index.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { rankFinite } from './ranking.ts';
import { unitShapes } from './unit-shapes.ts';

/** How well the units of one stage alone rank the networks. */
export interface StageRanking extends Pick<RankCorrelation, 'kendallTau'> {
  /** Extents of the output of the stage's units, such as `32×32`. */
  readonly name: string;
  /** Networks ranked: those with units in the stage whose mean is finite. */
  readonly networks: number;
}

/** Mean of a program's values over a network's units whose outputs have the same extents. */
export interface StageMean {
  readonly height: number;
  readonly width: number;
  readonly mean: number;
}

/** A program's values by stage, in the order of the stages' first units. */
export function stageMeans(graph: NetworkGraph, ofUnits: Float64Array): StageMean[] {
  return stagesOf(graph).map(({ height, width, units }) => {
    return { height, width, mean: units.reduce((sum, unit) => sum + ofUnits[unit]!, 0) / units.length };
  });
}

/** Programs' values by stage for every network. Networks may have different stages, and lack units in some. */
export class StageScores {
  readonly #networks: number;
  readonly #programs: readonly string[];
  /** By extents, largest first once all are known; then by program. */
  readonly #stages = new Map<string, { readonly area: number; readonly means: readonly Float64Array[] }>();

  /** @param programs their names */
  constructor(programs: readonly string[], networks: number) {
    this.#programs = programs;
    this.#networks = networks;
  }

  /** Takes a program's values on a network. */
  add(program: string, network: number, means: readonly StageMean[]): void {
    const row = this.#programs.indexOf(program);
    for (const { height, width, mean } of means) this.#stage(height, width).means[row]![network] = mean;
  }

  /** How well each stage ranks the networks, by program; the stage of the largest extents first. */
  rank(accuracies: readonly number[], seed: number): { name: string; stages: StageRanking[] }[] {
    const stages = [...this.#stages].sort(([, a], [, b]) => b.area - a.area);
    return this.#programs.map((name, row) => ({
      name,
      stages: stages.map(([stage, { means }]) => {
        const { networks, kendallTau } = rankFinite(means[row]!, accuracies, seed);
        return { name: stage, networks, kendallTau };
      }),
    }));
  }

  #stage(height: number, width: number) {
    const name = `${height}×${width}`;
    let stage = this.#stages.get(name);
    if (stage === undefined) {
      const means = this.#programs.map(() => new Float64Array(this.#networks).fill(Number.NaN));
      stage = { area: height * width, means };
      this.#stages.set(name, stage);
    }
    return stage;
  }
}

/** A network's stages with the places of their units. */
function stagesOf(graph: NetworkGraph): { height: number; width: number; units: number[] }[] {
  const stages = new Map<string, { height: number; width: number; units: number[] }>();
  for (const [unit, { after }] of unitShapes(graph, 1).entries()) {
    const [, , height, width] = after as readonly [number, number, number, number];
    const name = `${height}×${width}`;
    const stage = stages.get(name) ?? { height, width, units: [] };
    stage.units.push(unit);
    stages.set(name, stage);
  }
  return [...stages.values()];
}
