import type { Network } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import { formulaProblem } from '../formulas/validity.ts';
import { unitSignature } from '../programs/typing.ts';
import type { FormulaContender } from './contenders.ts';
import { unitShapes } from './unit-shapes.ts';

/** Holds formulas' programs to the units of networks before these run, each shape of unit once. */
export class UnitCheck {
  readonly #formulas: readonly FormulaContender[];
  readonly #batch: number;
  readonly #checked = new Set<string>();

  constructor(formulas: readonly FormulaContender[], batch: number) {
    this.#formulas = formulas;
    this.#batch = batch;
  }

  /** @throws EznasError INVALID_PROGRAM naming the program, the node that rejects its operands and their shapes */
  require(networks: readonly Network[]): void {
    for (const network of networks) {
      for (const shapes of unitShapes(network.graph, this.#batch)) {
        const key = JSON.stringify(shapes);
        if (this.#checked.has(key)) continue;
        const signature = unitSignature(shapes, `a unit of network ${network.key}`);
        for (const { name, formula } of this.#formulas) {
          const problem = formulaProblem(formula, signature);
          if (problem) throw new EznasError('INVALID_PROGRAM', `${name} cannot be evaluated: ${problem}`);
        }
        this.#checked.add(key);
      }
    }
  }
}
