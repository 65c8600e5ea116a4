import { ACTIVATIONS, type Activation, type GraphNode, type NetworkGraph, type Unit } from './graph.ts';
import type { SeparableUnit } from './units.ts';

/**
 * Finds the units of a network whose builder marked none; units.ts says what a unit is. Where every activation reads a convolution's normalization
 * (or convolution), or a sum with one, that nothing else reads, as in VGG, ResNet and MobileNets, units are convolution → normalization → activation, without the
 * stem; otherwise, as in NAS-Bench-201 and DARTS, activation → convolution → normalization, one for each activation: of convolutions that share one, such
 * as a shortcut's, that with the largest kernel, then the first. What sees only averages of whole maps, as in squeeze-excitation, or comes
 * after a linear layer, has none.
 *
 * @returns units in the order of their convolutions
 */
export function findUnits(
  graph: Pick<NetworkGraph, 'nodes' | 'output'>,
  { separableUnit = 'first' }: { readonly separableUnit?: SeparableUnit } = {},
): Unit[] {
  const finder = new UnitFinder(graph);
  const units = finder.activatesAfter() ? finder.unitsBefore(separableUnit) : finder.unitsAfter(separableUnit);
  return units.sort((a, b) => a.conv - b.conv);
}

/** A convolution, or two in a row, up to the normalization: what a unit is about. */
interface Chain {
  readonly convolutions: readonly number[];
  /** The normalization, or the last convolution. */
  readonly end: number;
}

class UnitFinder {
  readonly #nodes: readonly GraphNode[];
  readonly #readers: number[][];
  /** Whether a node depends on the images through averages of whole maps and linear layers alone. */
  readonly #squeezed: boolean[] = [];

  constructor({ nodes }: Pick<NetworkGraph, 'nodes' | 'output'>) {
    this.#nodes = nodes;
    this.#readers = nodes.map(() => []);
    for (const [index, node] of nodes.entries()) {
      for (const input of new Set(node.inputs)) this.#readers[input]!.push(index);
      this.#squeezed[index] =
        node.kind === 'globalAvgPool' ||
        node.kind === 'linear' ||
        (node.inputs.length > 0 && node.inputs.every((input) => this.#squeezed[input]));
    }
  }

  /** Whether activations come after convolutions, each for one alone. */
  activatesAfter(): boolean {
    const activations = this.#activations();
    return activations.length > 0 && activations.every((activation) => this.#chainBefore(activation) !== undefined);
  }

  unitsBefore(separable: SeparableUnit): Unit[] {
    return this.#activations().flatMap((activation) => {
      const { convolutions, end } = this.#chainBefore(activation)!;
      if (this.#isStem(convolutions[0]!)) return [];
      return [unitOf(activation, convolutions, end, separable)];
    });
  }

  unitsAfter(separable: SeparableUnit): Unit[] {
    return this.#activations().flatMap((activation) => {
      const chains = this.#chainsAfter(activation);
      if (chains.length === 0) return [];
      const area = ({ convolutions }: Chain) => Math.max(...convolutions.map((conv) => this.#kernelArea(conv)));
      const largest = Math.max(...chains.map(area));
      const { convolutions, end } = chains.find((chain) => area(chain) === largest)!;
      return [unitOf(activation, convolutions, end, separable)];
    });
  }

  #activations(): number[] {
    return [...this.#nodes.keys()].filter(
      (index) => ACTIVATIONS.includes(this.#nodes[index]!.kind as Activation) && !this.#squeezed[index],
    );
  }

  #kernelArea(index: number): number {
    const node = this.#nodes[index]!;
    return node.kind === 'conv2d' ? node.kernel[0] * node.kernel[1] : 0;
  }

  /** Up through nodes that pass on what they read, all of it or a part. */
  #above(index: number): number {
    let at = index;
    for (let node = this.#nodes[at]!; node.kind === 'identity' || node.kind === 'slice'; node = this.#nodes[at]!)
      at = node.inputs[0];
    return at;
  }

  /** Down through such nodes, where one alone reads. */
  #below(index: number): number | undefined {
    const readers = this.#readers[index]!;
    if (readers.length !== 1) return undefined;
    const [reader] = readers as [number];
    const { kind } = this.#nodes[reader]!;
    return kind === 'identity' || kind === 'slice' ? this.#below(reader) : reader;
  }

  /** The convolutions that an activation reads through their normalization, with nobody else; of a sum, the first that has any. */
  #chainBefore(activation: number): Chain | undefined {
    const read = this.#above(this.#nodes[activation]!.inputs[0]!);
    if (this.#below(read) !== activation) return undefined;
    if (this.#nodes[read]!.kind !== 'add') return this.#chainTo(read, activation);
    return this.#nodes[read]!.inputs.map((input) => this.#chainTo(this.#above(input), read)).find((chain) => chain);
  }

  /** The convolutions that end in a node, their normalization or the last of them, which one other alone reads. */
  #chainTo(end: number, reader: number): Chain | undefined {
    if (this.#below(end) !== reader) return undefined;
    const node = this.#nodes[end]!;
    const last = node.kind === 'batchNorm' ? this.#above(node.inputs[0]) : end;
    if (this.#nodes[last]!.kind !== 'conv2d' || (last !== end && this.#below(last) !== end)) return undefined;
    const convolutions = [last];
    for (;;) {
      const before = this.#above(this.#nodes[convolutions[0]!]!.inputs[0]!);
      if (this.#nodes[before]!.kind !== 'conv2d' || this.#below(before) !== convolutions[0]) break;
      convolutions.unshift(before);
    }
    return { convolutions, end };
  }

  /** The convolutions that read an activation, each with those that follow in a row and the normalization; joined ones are one. */
  #chainsAfter(activation: number): Chain[] {
    const starts = [...this.#nodes.keys()].filter((index) => {
      const node = this.#nodes[index]!;
      return node.kind === 'conv2d' && this.#above(node.inputs[0]) === activation;
    });
    const chains = new Map<number, Chain>();
    for (const start of starts) {
      const convolutions = [start];
      let after = this.#below(start);
      while (after !== undefined && this.#nodes[after]!.kind === 'conv2d') {
        convolutions.push(after);
        after = this.#below(after);
      }
      // The halves of a factorized reduction stand side by side before one normalization.
      if (after !== undefined && this.#nodes[after]!.kind === 'concat') {
        const below = this.#below(after);
        after = below !== undefined && this.#nodes[below]!.kind === 'batchNorm' ? below : undefined;
      }
      const normalized = after !== undefined && this.#nodes[after]!.kind === 'batchNorm';
      const end = normalized ? after! : convolutions.at(-1)!;
      const joined = chains.get(end);
      chains.set(
        end,
        joined ? { convolutions: [...joined.convolutions, ...convolutions], end } : { convolutions, end },
      );
    }
    return [...chains.values()];
  }

  /** Whether a convolution reads the images through no other. */
  #isStem(conv: number): boolean {
    const open = [...this.#nodes[conv]!.inputs];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      const node = this.#nodes[index]!;
      if (node.kind === 'conv2d') return false;
      open.push(...node.inputs);
    }
    return true;
  }
}

function unitOf(relu: number, convolutions: readonly number[], end: number, separable: SeparableUnit): Unit {
  const conv = separable === 'first' ? convolutions[0]! : convolutions.at(-1)!;
  const normalized = !convolutions.includes(end);
  return { relu, conv, batchNorm: normalized ? end : conv };
}
