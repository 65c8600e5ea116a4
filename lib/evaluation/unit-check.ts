import type { Network } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import { checkProgram, unitSignature } from '../programs/typing.ts';
import type { ProgramContender } from './contenders.ts';
import { unitShapes } from './unit-shapes.ts';

/** Holds programs to the units of networks before these run, each shape of unit once. */
export class UnitCheck {
  readonly #programs: readonly ProgramContender[];
  readonly #batch: number;
  readonly #checked = new Set<string>();

  constructor(programs: readonly ProgramContender[], batch: number) {
    this.#programs = programs;
    this.#batch = batch;
  }

  /** @throws EznasError INVALID_PROGRAM naming the program, the node that rejects its operands and their shapes */
  require(networks: readonly Network[]): void {
    for (const network of networks) {
      for (const shapes of unitShapes(network.graph, this.#batch)) {
        const key = JSON.stringify(shapes);
        if (this.#checked.has(key)) continue;
        const signature = unitSignature(shapes, `a unit of network ${network.key}`);
        for (const { name, program } of this.#programs) {
          const problem = checkProgram(program, [signature]);
          if (problem) throw new EznasError('INVALID_PROGRAM', `${name} cannot be evaluated: ${problem.message}`);
        }
        this.#checked.add(key);
      }
    }
  }
}
