import { EznasError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { darts } from './darts.ts';
import { mobilenet } from './mobilenet.ts';
import { nasbenchMacro } from './nasbench-macro.ts';
import { nasbench101 } from './nasbench101.ts';
import { nasbench201 } from './nasbench201.ts';
import { natsSize } from './nats-size.ts';
import { ndsSpaces } from './nds.ts';
import { resnet } from './resnet.ts';
import type { SearchSpace } from './space.ts';
import { transnasMicro } from './transnas-micro.ts';

const SPACES: readonly SearchSpace<unknown>[] = [
  nasbench201,
  nasbench101,
  darts,
  natsSize,
  ...ndsSpaces,
  nasbenchMacro,
  transnasMicro,
  mobilenet,
  resnet,
];

/** Names that {@link findSpace} knows. */
export const SPACE_NAMES: readonly string[] = SPACES.map(({ name }) => name);

/**
 * The search space of that name.
 *
 * @throws EznasError INVALID_ARGUMENT naming those there are
 */
export function findSpace(name: string): SearchSpace<unknown> {
  const space = SPACES.find((candidate) => candidate.name === name);
  if (space === undefined) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `unknown search space '${name}'${didYouMean(name, SPACE_NAMES)} (known: ${SPACE_NAMES.join(', ')})`,
    );
  }
  return space;
}
