import { readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { EznasError } from '../errors.ts';
import type { Random } from '../random.ts';
import type { NetworkOptions, SearchSpace } from '../spaces/space.ts';
import { type OnnxNetwork, type ReadOnnxOptions, readOnnx } from './read.ts';

export interface OnnxSpaceOptions extends ReadOnnxOptions {
  /** Where relative paths begin, and whose files are drawn from; default the current folder. */
  readonly folder?: string;
}

/** Networks in ONNX files as a search space; an architecture is the path of a file. */
export interface OnnxSpace extends SearchSpace<string> {
  /** An architecture's network, read once. @throws EznasError what {@link readOnnx} throws */
  network(path: string): OnnxNetwork;
}

/** Networks in ONNX files, to be scored, ranked against accuracies (see openOnnxBenchmark), and learned from. */
export function onnxSpace({ folder = '.', ...reading }: OnnxSpaceOptions = {}): OnnxSpace {
  const known = new Map<string, OnnxNetwork>();
  const network = (path: string): OnnxNetwork => {
    const found = known.get(path) ?? readOnnx(isAbsolute(path) ? path : join(folder, path), reading);
    known.set(path, found);
    return found;
  };
  const files = (): string[] => {
    const found = readdirSync(folder).filter((name) => name.endsWith('.onnx'));
    if (found.length === 0) throw new EznasError('INVALID_ARGUMENT', `folder ${folder} holds no .onnx files`);
    return found.sort();
  };
  return {
    name: 'onnx',
    separable: true,
    size: undefined,
    network,
    sample: (random: Random) => random.choice(files()),
    parse: (text) => {
      network(text.trim());
      return text.trim();
    },
    print: (path) => path,
    mutate: (path, random) => random.choice(files().filter((other) => other !== path)),
    neighbours: (path) => files().filter((other) => other !== path),
    // Weights that are drawn are the same for the same graph.
    canonical: (path) => (reading.weights === 'file' ? path : String(network(path).key)),
    start: network,
    build: (path, options) => {
      const { graph, classes } = network(path);
      requireFit(path, [...graph.inputShape, classes], options);
      return graph;
    },
  };
}

/** A network of a file is of one size: what is asked for besides has to be that. */
function requireFit(
  path: string,
  [channels, height, width, classes]: readonly number[],
  { inputChannels = channels!, resolution, classes: asked = classes! }: NetworkOptions = {},
): void {
  const fits =
    inputChannels === channels &&
    (resolution ?? height) === height &&
    (resolution ?? width) === width &&
    asked === classes;
  if (fits) return;
  const side = resolution ?? height;
  throw new EznasError(
    'INVALID_ARGUMENT',
    `${path} takes images of ${channels}×${height}×${width} and gives ${classes} classes; asked for are ${inputChannels}×${side}×${side} and ${asked}`,
  );
}
