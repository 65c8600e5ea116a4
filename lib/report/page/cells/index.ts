import type { Cell } from './cell.ts';
import { nasbench201Cell } from './nasbench201.ts';

/** How to read a cell from an architecture's text, by search space. Architectures of other spaces are shown as text alone. */
const READERS: Readonly<Record<string, (architecture: string) => Cell>> = { nasbench201: nasbench201Cell };

/** An architecture's cell; undefined where the space has none that is known here. */
export function cellOf(space: string, architecture: string): Cell | undefined {
  return READERS[space]?.(architecture);
}
