import type { Inputs, Network } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import type { Random } from '../random.ts';

/** One evolution task: networks that a program must rank as their accuracies do. */
export interface FitnessTask {
  /** Unique within a search, such as `nasbench201/cifar10/0`. */
  readonly name: string;
  /** Search space that `indices` belong to. */
  readonly space: string;
  readonly networks: readonly Network[];
  /** Accuracy of each network after training, in any unit. */
  readonly accuracies: Float64Array;
  readonly inputs: Inputs;
  /** Each network's index in the pool it was drawn from. */
  readonly indices: readonly number[];
  /** Name of that pool: scores compare among the tasks of one. Left out where the task is by itself. */
  readonly pool?: string;
}

/** The networks of one search space with their accuracies on one dataset. */
export interface NetworkPool {
  /** Such as `nasbench201/cifar10`. */
  readonly name: string;
  /** Search space, such as `nasbench201`; pools of one space number the same networks alike. */
  readonly space: string;
  /** Networks are numbered 0 … size − 1. */
  readonly size: number;
  readonly inputs: Inputs;
  network(index: number): Network;
  accuracy(index: number): number;
  /** A text that two networks share only if they compute the same function; when left out, every network counts as its own. */
  canonical?(index: number): string;
}

/**
 * Draws tasks without replacement: no network occurs twice among them.
 *
 * @throws EznasError INVALID_ARGUMENT when the pool is too small
 */
export function drawTasks(
  pool: NetworkPool,
  random: Random,
  { tasks, networksPerTask }: { readonly tasks: number; readonly networksPerTask: number },
): FitnessTask[] {
  const needed = tasks * networksPerTask;
  if (needed > pool.size) {
    throw new EznasError(
      'INVALID_ARGUMENT',
      `${tasks} tasks of ${networksPerTask} networks need ${needed} networks, but ${pool.name} has ${pool.size}`,
    );
  }
  const drawn = random.sample(pool.size, needed);
  return Array.from({ length: tasks }, (_, task) =>
    makeTask(pool, drawn.slice(task * networksPerTask, (task + 1) * networksPerTask), `${pool.name}/${task}`),
  );
}

/** The task of given networks of a pool. */
export function makeTask(pool: NetworkPool, indices: readonly number[], name: string): FitnessTask {
  return {
    name,
    space: pool.space,
    networks: indices.map((index) => pool.network(index)),
    accuracies: Float64Array.from(indices, (index) => pool.accuracy(index)),
    inputs: pool.inputs,
    indices,
    pool: pool.name,
  };
}

/**
 * Networks for judging what a search found: drawn among those that none of its tasks holds, on whatever dataset, and that compute no
 * function that one of those computes.
 *
 * @param count how many; fewer come back when fewer are left
 */
export function drawHeldOut(pool: NetworkPool, random: Random, tasks: readonly FitnessTask[], count: number): number[] {
  const identity = (index: number): string => pool.canonical?.(index) ?? String(index);
  const used = tasks.filter((task) => task.space === pool.space).flatMap((task) => task.indices);
  const seen = new Set(used.map(identity));
  const heldOut: number[] = [];
  for (const index of random.sample(pool.size, pool.size)) {
    if (heldOut.length >= count) break;
    if (!seen.has(identity(index))) heldOut.push(index);
  }
  return heldOut;
}
