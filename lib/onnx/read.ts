import { createHash } from 'node:crypto';
import { dirname, normalize } from 'node:path';
import type { Network } from '../engine/networks.ts';
import { EznasError } from '../errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { parameterTensors } from '../graph/counts.ts';
import { encodeGraph } from '../graph/encode.ts';
import { findUnits } from '../graph/find-units.ts';
import type { NetworkGraph, SampleShape } from '../graph/graph.ts';
import type { SeparableUnit } from '../graph/units.ts';
import { readWhole } from '../images/files.ts';
import { constantNode, fold, folds } from './constants.ts';
import { decodeModel, type FileModel, type FileNode, type FileValue } from './decode.ts';
import { TRANSLATORS } from './operators.ts';
import { joined, Net } from './patterns.ts';
import {
  type Call,
  type Constant,
  floatsIn,
  type KeptWeights,
  LOST,
  product,
  type Remark,
  Unsupported,
  type Value,
} from './values.ts';

/** Versions of the standard operators that are read. */
const OPSETS = { least: 11, most: 21 };

/** Bytes of the largest file: a message of protocol buffers cannot be larger. */
const MAX_BYTES = 2 ** 31 - 1;

/** Nodes that an error names. */
const NAMED = 20;

/** What to do with the weights of a model. */
export const ONNX_WEIGHTS = ['initialize', 'file'] as const;

export type OnnxWeights = (typeof ONNX_WEIGHTS)[number];

export interface ReadOnnxOptions {
  /**
   * `initialize` (default): weights are drawn anew, as zero-cost proxies expect, and those of the file not even read; `file`: those of convolutions,
   * linear layers and normalizations are the file's.
   */
  readonly weights?: OnnxWeights;
  /** Which of two convolutions in a row a unit holds, default the first; see lib/graph/units.ts. */
  readonly separableUnit?: SeparableUnit;
}

/** A network of an ONNX file. */
export interface OnnxNetwork extends Network {
  /** Version of the file's standard operators. */
  readonly opset: number;
  /** Numbers that the network gives for an image. */
  readonly classes: number;
  /** Files that weights are read from besides, by path from the file's folder on. */
  readonly dataFiles: readonly string[];
  /** What is read otherwise than it is written, as sentences for people. */
  readonly notes: readonly string[];
}

/**
 * Reads a convolutional classifier from an ONNX file, with the standard operators of versions 11 to 21; docs/cli.md lists them. The image has to have
 * fixed extents, the number of images may vary. Batch normalization is by the statistics of the batch, whatever the file says. The network's key
 * follows from its graph, so that equal graphs start from equal weights.
 *
 * @param source the path of a file, or its bytes
 * @throws EznasError INVALID_FILE for a file that is no ONNX model or damaged, UNSUPPORTED_MODEL naming all that is not read, TOO_LARGE
 */
export function readOnnx(source: string | Uint8Array, options: ReadOnnxOptions = {}): OnnxNetwork {
  const path = typeof source === 'string' ? source : 'the model';
  const model = decodeModel(typeof source === 'string' ? readWhole(source, MAX_BYTES) : source, path);
  return new Reader(model, path, typeof source === 'string' ? dirname(source) : undefined, options).read();
}

/** What cannot be read of a node. */
interface Problem {
  readonly node: FileNode;
  /** Undefined where the operator is not known at all. */
  readonly reason: string | undefined;
}

class Reader {
  readonly #model: FileModel;
  readonly #path: string;
  readonly #folder: string | undefined;
  readonly #options: ReadOnnxOptions;
  readonly #opset: number;
  readonly #values = new Map<string, Value>();
  readonly #problems: Problem[] = [];
  readonly #remarks = new Map<Remark, number>();
  readonly #weights = new Map<number, KeptWeights>();
  readonly #dataFiles = new Set<string>();

  constructor(model: FileModel, path: string, folder: string | undefined, options: ReadOnnxOptions) {
    this.#model = model;
    this.#path = path;
    this.#folder = folder;
    this.#options = options;
    this.#opset = model.opsets.get('') ?? 0;
    if (this.#opset < OPSETS.least || this.#opset > OPSETS.most) {
      this.#refuse(
        `it has operators of version ${this.#opset}; ${OPSETS.least} to ${OPSETS.most} are read: export it with opset_version=17`,
      );
    }
  }

  read(): OnnxNetwork {
    const { nodes: all, initializers, outputs } = this.#model;
    for (const [name, tensor] of initializers) {
      this.#values.set(name, { kind: 'constant', shape: tensor.shape, tensor });
    }
    for (const node of all) if (node.op === 'Constant' && node.domain === '') this.#constant(node);
    const input = this.#input();
    const builder = new GraphBuilder(input.shape);
    this.#values.set(input.name, { kind: 'feature', node: builder.input, shape: input.shape });
    const nodes = joined(this.#model, this.#values as ReadonlyMap<string, Constant>).filter(
      ({ op }) => op !== 'Constant',
    );
    const net = new Net(
      nodes,
      outputs.map(({ name }) => name),
    );
    const output = outputs[0] ?? this.#refuse('it has no output');
    const needed = net.ancestors([output.name]);
    const elsewhere = net.ancestors(outputs.slice(1).map(({ name }) => name));
    for (const node of nodes) {
      if (needed.has(node)) this.#translate(node, { builder, net, batch: input.batch, needed: true });
      // What leads to no output at all was trained with the rest, and counts; what leads to another output is another network.
      else if (!elsewhere.has(node)) this.#translate(node, { builder, net, batch: input.batch, needed: false });
    }
    this.#requireRead();
    const result = this.#values.get(output.name);
    if (result?.kind !== 'feature') return this.#refuse(`its output ${output.name} does not depend on the images`);
    if (result.margins) return this.#refuse(`its output ${output.name} is a map with zeros around it`);
    const found = builder.finish(result.node);
    const graph = { ...found, units: findUnits(found, this.#options) };
    const parameters = this.#options.weights === 'file' ? this.#parameters(graph) : undefined;
    return {
      graph,
      key: keyOf(graph),
      ...(parameters && { parameters }),
      opset: this.#opset,
      classes: product(result.shape),
      dataFiles: [...this.#dataFiles],
      notes: this.#notes(graph, outputs.length),
    };
  }

  #refuse(problem: string): never {
    throw new EznasError('UNSUPPORTED_MODEL', `${this.#path}: ${problem}`);
  }

  #constant(node: FileNode): void {
    try {
      this.#values.set(node.outputs[0]!, constantNode(node));
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      this.#values.set(node.outputs[0]!, { kind: 'constant', shape: [] });
    }
  }

  /** The images: their name, extents, and how many the model takes where that is fixed. */
  #input(): { name: string; shape: SampleShape; batch: number | undefined } {
    const inputs = this.#model.inputs.filter(({ name }) => !this.#model.initializers.has(name));
    const [input] = inputs;
    if (input === undefined || inputs.length > 1) {
      return this.#refuse(
        `it has ${inputs.length} inputs (${inputs.map(({ name }) => name).join(', ')}); one, the images, is needed`,
      );
    }
    const { name, shape } = input;
    if (shape?.length !== 4) {
      return this.#refuse(
        `its input ${name} has ${shapeText(input)}; images, number × channels × height × width, are needed`,
      );
    }
    const open = ['channels', 'height', 'width'].filter((_, at) => {
      const extent = shape[at + 1]!;
      return typeof extent === 'string' || extent < 1;
    });
    if (open.length > 0) {
      return this.#refuse(
        `its input ${name} has ${shapeText(input)}, where ${open.join(' and ')} may vary; a network is scored at fixed extents, only the ` +
          'number of images may vary: export it with dynamic_axes for axis 0 alone, or with none',
      );
    }
    const [batch, ...sample] = shape as [number | string, number, number, number];
    return { name, shape: sample, batch: typeof batch === 'number' && batch > 0 ? batch : undefined };
  }

  #translate(
    node: FileNode,
    { builder, net, batch, needed }: { builder: GraphBuilder; net: Net; batch: number | undefined; needed: boolean },
  ): void {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : (this.#values.get(name) ?? LOST)));
    const give = (values: readonly Value[]) => {
      for (const [at, name] of node.outputs.entries()) if (name !== '') this.#values.set(name, values[at] ?? LOST);
    };
    const constants = inputs.every((value) => value?.kind !== 'feature');
    const known =
      node.domain === '' &&
      (constants ? folds(node.op) || Object.hasOwn(TRANSLATORS, node.op) : Object.hasOwn(TRANSLATORS, node.op));
    if (!known && needed) this.#problems.push({ node, reason: undefined });
    const nowhere = node.inputs.find((name) => name !== '' && !this.#values.has(name));
    if (nowhere !== undefined && needed)
      this.#problems.push({ node, reason: `it reads ${nowhere}, which nothing before it gives` });
    if (!known || inputs.some((value) => value?.kind === 'lost')) {
      give([]);
      return;
    }
    const [first = ''] = node.outputs;
    const call: Call = {
      node,
      inputs: inputs as Call['inputs'],
      builder,
      opset: this.#opset,
      folder: this.#folder,
      batch,
      last: net.isOutput(first) && net.readers(first).length === 0,
      remark: (what) => this.#remarks.set(what, (this.#remarks.get(what) ?? 0) + 1),
      fileWeights: this.#options.weights === 'file',
      keep: (made, weights) => this.#weights.set(made, weights),
    };
    try {
      const value = constants && folds(node.op) ? fold(call) : TRANSLATORS[node.op]!(call);
      give(Array.isArray(value) ? (value as readonly Value[]) : [value as Value]);
    } catch (error) {
      const misfit = error instanceof EznasError && error.code === 'INVALID_GRAPH';
      if (!(error instanceof Unsupported) && !misfit) throw error;
      if (needed) this.#problems.push({ node, reason: (error as Error).message });
      give([]);
    }
  }

  /** One error for all that is not read. */
  #requireRead(): void {
    if (this.#problems.length === 0) return;
    const unknown = new Map<string, string[]>();
    for (const { node, reason } of this.#problems) {
      if (reason !== undefined) continue;
      const op = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
      unknown.set(op, [...(unknown.get(op) ?? []), labelOf(node)]);
    }
    const operators = [...unknown].map(([op, names]) => `${op} (${some(names, ', ')})`);
    const others = this.#problems.flatMap(({ node, reason }) =>
      reason === undefined ? [] : [`${node.op} ${labelOf(node)}: ${reason}`],
    );
    const parts = [
      ...(operators.length > 0 ? [`operators that are not read: ${operators.join(', ')}`] : []),
      ...(others.length > 0 ? [some(others, '; ')] : []),
    ];
    this.#refuse(`${parts.join('; ')}. docs/cli.md lists what is read`);
  }

  /** The file's weights, in the order of our parameters. */
  #parameters(graph: NetworkGraph): Float32Array[] {
    const call = { folder: this.#folder } as Call;
    try {
      return parameterTensors(graph).map(({ node, role, shape }) => {
        const { weight, bias, transposed = false } = this.#weights.get(node)!;
        const source = role === 'weight' || role === 'scale' ? weight : bias!;
        const floats = floatsIn(source, call);
        const location = source.tensor?.external?.get('location');
        if (location !== undefined) this.#dataFiles.add(normalize(location));
        if (floats.length !== product(shape))
          throw new Unsupported(`weights of ${floats.length} numbers are no ${shape.join('×')}`);
        return role === 'weight' && transposed ? exchanged(floats, shape[0]!) : floats;
      });
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      throw new EznasError('INVALID_FILE', `${this.#path}: ${error.message}`, { cause: error });
    }
  }

  #notes({ nodes, units }: NetworkGraph, outputs: number): string[] {
    const count = (what: Remark) => this.#remarks.get(what) ?? 0;
    const has = (kind: string) => nodes.some((node) => node.kind === kind);
    const notes: string[] = [];
    if (!has('batchNorm') && has('conv2d')) {
      notes.push(
        'it has no batch normalization: it never had any, or it was folded into the convolutions. Without it activations and gradients grow and ' +
          "shrink with depth, T4 is the convolution's own output, and scores do not compare with those of the network as it is trained. To keep it, " +
          'export with training=torch.onnx.TrainingMode.PRESERVE and do_constant_folding=False',
      );
    }
    if (count('inference normalization') > 0) {
      notes.push(
        `${times(count('inference normalization'), 'batch normalization')} written for inference: the statistics of the batch are taken instead`,
      );
    }
    if (count('epsilon') > 0)
      notes.push(`${times(count('epsilon'), 'batch normalization')} with another epsilon than 1e-5, which is taken`);
    if (count('dropout') > 0) notes.push(`${times(count('dropout'), 'dropout')} left out`);
    if (count('softmax') > 0) notes.push('the softmax at its end left out: scores are of the logits');
    if (outputs > 1)
      notes.push(`of its ${outputs} outputs the first is taken, and what leads to the others alone left out`);
    if (units.length === 0) {
      notes.push(
        'it has no units, convolutions with an activation of their own, so that programs have no score; lib/graph/units.ts tells which are',
      );
    }
    return notes;
  }
}

/** Weights of a linear layer as features × inputs, given inputs × features. */
function exchanged(floats: Float32Array, features: number): Float32Array {
  const inputs = floats.length / features;
  return Float32Array.from(
    { length: floats.length },
    (_, at) => floats[(at % inputs) * features + Math.floor(at / inputs)]!,
  );
}

/** 53 bits of a hash of the graph. */
function keyOf(graph: NetworkGraph): number {
  const words = encodeGraph({ ...graph, units: [] });
  const digest = createHash('sha256').update(Buffer.from(words.buffer)).digest();
  return digest.readUIntBE(0, 6) * 2 ** 5 + (digest[6]! >> 3);
}

const labelOf = ({ name, outputs }: FileNode): string =>
  name || outputs.find((output) => output !== '') || 'without a name';

const times = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const some = (texts: readonly string[], separator: string): string =>
  texts.slice(0, NAMED).join(separator) + (texts.length > NAMED ? `${separator}and ${texts.length - NAMED} more` : '');

function shapeText({ shape }: FileValue): string {
  return shape === undefined
    ? 'no shape'
    : `the shape ${shape.map((extent) => (extent === '' ? '?' : extent)).join(' × ') || '1'}`;
}
