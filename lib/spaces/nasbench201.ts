import { EznasError } from '../errors.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import type { Random } from '../random.ts';
import type { CellDiagram } from './diagram.ts';
import { cellFormula, EDGES, type Nasbench201Architecture, OPERATIONS, type Operation } from './nasbench201-cell.ts';
import { buildNetwork, type Nasbench201Options } from './nasbench201-network.ts';
import { NASBENCH201_SIZE, readNasbench201Table } from './nasbench201-table.ts';
import { resolveOptions } from './options.ts';
import { quoteArchitecture } from './quote.ts';
import type { NetworkOptions, NumberedSpace } from './space.ts';

export type { Nasbench201Architecture, Operation } from './nasbench201-cell.ts';

/** The networks that NAS-Bench-201 trained on CIFAR-10. */
const DEFAULTS: Nasbench201Options = {
  classes: 10,
  resolution: 32,
  inputChannels: 3,
  initialChannels: 16,
  cellsPerStage: 5,
};

const EXAMPLE = '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|';
const PATTERN = /^\|(\w+)~0\|\+\|(\w+)~0\|(\w+)~1\|\+\|(\w+)~0\|(\w+)~1\|(\w+)~2\|$/;

/**
 * An architecture as a number below 5⁶: the operations' places in {@link OPERATIONS} as base-5 digits, first edge most significant.
 *
 * @throws EznasError INVALID_ARCHITECTURE when it is not a list of six known operations
 */
export function encodeOperations(architecture: Nasbench201Architecture): number {
  checkOperations(architecture);
  return architecture.reduce((code, operation) => code * OPERATIONS.length + OPERATIONS.indexOf(operation), 0);
}

/** The architecture that {@link encodeOperations} gives this code, an integer from 0 to 5⁶ − 1. */
export function decodeOperations(code: number): Nasbench201Architecture {
  const operations = EDGES.map((_, edge) => {
    const place = OPERATIONS.length ** (EDGES.length - 1 - edge);
    return OPERATIONS[Math.floor(code / place) % OPERATIONS.length]!;
  });
  return operations as unknown as Nasbench201Architecture;
}

function checkOperations(operations: readonly string[]): asserts operations is Nasbench201Architecture {
  const unknown = operations.find((operation) => !OPERATIONS.includes(operation as Operation));
  if (unknown !== undefined || operations.length !== EDGES.length) {
    throw new EznasError(
      'INVALID_ARCHITECTURE',
      `not a NAS-Bench-201 architecture: ${quoteArchitecture(String(operations))}; it has ${EDGES.length} operations out of ${OPERATIONS.join(', ')}`,
    );
  }
}

/** Index ⇄ code in both directions, read from the shipped table when first asked for. */
let order: { readonly codes: ArrayLike<number>; readonly indices: Uint16Array } | undefined;

function canonicalOrder(): NonNullable<typeof order> {
  if (order === undefined) {
    const codes = readNasbench201Table().columns.get('code')!.integers;
    const indices = new Uint16Array(NASBENCH201_SIZE);
    for (let index = 0; index < NASBENCH201_SIZE; index++) indices[codes[index]!] = index;
    order = { codes, indices };
  }
  return order;
}

/**
 * NAS-Bench-201 (Dong & Yang, ICLR 2020; the topology space of NATS-Bench): cells with 6 edges of 5 operations, 15,625 architectures.
 * Indices are those of the published benchmark files.
 */
class Nasbench201Space implements NumberedSpace<Nasbench201Architecture> {
  readonly name = 'nasbench201';
  readonly size = NASBENCH201_SIZE;

  *enumerate(): IterableIterator<Nasbench201Architecture> {
    for (let index = 0; index < this.size; index++) yield this.architecture(index);
  }

  sample(random: Random): Nasbench201Architecture {
    return decodeOperations(random.integer(this.size));
  }

  parse(text: string): Nasbench201Architecture {
    const operations = PATTERN.exec(text.trim())?.slice(1);
    if (operations === undefined) {
      throw new EznasError(
        'INVALID_ARCHITECTURE',
        `not a NAS-Bench-201 architecture: ${quoteArchitecture(text)}; expected a text like ${EXAMPLE}`,
      );
    }
    checkOperations(operations);
    return operations;
  }

  print(architecture: Nasbench201Architecture): string {
    const [a, b, c, d, e, f] = architecture;
    return `|${a}~0|+|${b}~0|${c}~1|+|${d}~0|${e}~1|${f}~2|`;
  }

  mutate(architecture: Nasbench201Architecture, random: Random): Nasbench201Architecture {
    return random.choice(this.neighbours(architecture));
  }

  neighbours(architecture: Nasbench201Architecture): Nasbench201Architecture[] {
    return architecture.flatMap((current, edge) =>
      OPERATIONS.filter((operation) => operation !== current).map(
        (operation) => architecture.with(edge, operation) as unknown as Nasbench201Architecture,
      ),
    );
  }

  canonical(architecture: Nasbench201Architecture): string {
    return cellFormula(architecture);
  }

  architecture(index: number): Nasbench201Architecture {
    if (!Number.isInteger(index) || index < 0 || index >= this.size) {
      throw new EznasError(
        'INVALID_ARCHITECTURE',
        `NAS-Bench-201 has no architecture ${index}; indices are integers from 0 to ${this.size - 1}`,
      );
    }
    return decodeOperations(canonicalOrder().codes[index]!);
  }

  index(architecture: Nasbench201Architecture): number {
    return canonicalOrder().indices[encodeOperations(architecture)]!;
  }

  build(architecture: Nasbench201Architecture, options?: NetworkOptions): NetworkGraph {
    checkOperations(architecture);
    return buildNetwork(architecture, resolveOptions(options, DEFAULTS));
  }

  cells(architecture: Nasbench201Architecture): CellDiagram[] {
    const edges = EDGES.map(([to, from], edge) => ({ from, to, label: architecture[edge]! }));
    return [
      {
        name: '',
        nodes: ['input', '1', '2', 'output'],
        edges: edges.filter(({ label }) => label !== 'none'),
      },
    ];
  }
}

/** The NAS-Bench-201 search space. */
export const nasbench201: NumberedSpace<Nasbench201Architecture> = new Nasbench201Space();
