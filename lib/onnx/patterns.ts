import type { FileModel, FileNode } from './decode.ts';
import type { Value } from './values.ts';

/** The nodes of a model as a net: who makes a value, and who reads it. */
export class Net {
  readonly #makers = new Map<string, FileNode>();
  readonly #readers = new Map<string, FileNode[]>();
  readonly #outputs: ReadonlySet<string>;

  constructor(nodes: readonly FileNode[], outputs: readonly string[]) {
    this.#outputs = new Set(outputs);
    for (const node of nodes) {
      for (const output of node.outputs) if (output !== '') this.#makers.set(output, node);
      for (const input of node.inputs) {
        const readers = this.#readers.get(input);
        if (readers) readers.push(node);
        else if (input !== '') this.#readers.set(input, [node]);
      }
    }
  }

  /** The node that makes a value, where it is of that operator. */
  maker(value: string | undefined, op?: string): FileNode | undefined {
    const node = value === undefined ? undefined : this.#makers.get(value);
    return node && (op === undefined || (node.op === op && node.domain === '')) ? node : undefined;
  }

  readers(value: string): readonly FileNode[] {
    return this.#readers.get(value) ?? [];
  }

  isOutput(value: string): boolean {
    return this.#outputs.has(value);
  }

  /** The one reader of a value that is no output. */
  onlyReader(value: string): FileNode | undefined {
    const readers = this.readers(value);
    return readers.length === 1 && !this.isOutput(value) ? readers[0] : undefined;
  }

  /** Nodes on which values depend. */
  ancestors(values: readonly string[]): Set<FileNode> {
    const found = new Set<FileNode>();
    const open = [...values];
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      const node = this.#makers.get(value);
      if (node === undefined || found.has(node)) continue;
      found.add(node);
      for (const input of node.inputs) open.push(input);
    }
    return found;
  }
}

/** Several nodes that are one of ours: what stands for the last, and the others, which are left out. */
interface Match {
  readonly node: FileNode;
  readonly parts: readonly FileNode[];
}

/** Constant tensors by name. */
type Constants = ReadonlyMap<string, Extract<Value, { kind: 'constant' }>>;

/** Nodes with those that are one operation joined. */
export function joined(model: FileModel, constants: Constants): readonly FileNode[] {
  const net = new Net(
    model.nodes,
    model.outputs.map(({ name }) => name),
  );
  const left = new Set<FileNode>();
  const replaced = new Map<FileNode, FileNode>();
  for (const node of model.nodes) {
    if (node.domain !== '') continue;
    const match = biasOf(node, net, constants) ?? normalizationOf(node, net);
    if (!match || match.parts.some((part) => left.has(part))) continue;
    replaced.set(node, match.node);
    for (const part of match.parts) left.add(part);
  }
  return model.nodes.filter((node) => !left.has(node)).map((node) => replaced.get(node) ?? node);
}

/** A convolution or matrix product with a constant added to its channels: its bias. */
function biasOf(node: FileNode, net: Net, constants: Constants): Match | undefined {
  if (node.op !== 'Add' || node.inputs.length !== 2) return undefined;
  for (const at of [0, 1]) {
    const [product, bias] = [net.maker(node.inputs[at]), node.inputs[1 - at]!];
    const shape = constants.get(bias)?.shape;
    if (!product || !shape || product.inputs.length !== 2 || product.domain !== '') continue;
    if (!net.onlyReader(product.outputs[0]!)) continue;
    const channels = product.op === 'Conv' ? shape.at(-3) : shape.at(-1);
    const own = ['Conv', 'MatMul', 'Gemm'].includes(product.op);
    const weight = constants.get(product.inputs[1]!);
    const outputs = product.op === 'Conv' ? weight?.shape[0] : undefined;
    const size = shape.reduce((total, extent) => total * extent, 1);
    if (!own || size !== channels || (outputs !== undefined && outputs !== channels)) continue;
    return { node: { ...product, inputs: [...product.inputs, bias], outputs: node.outputs }, parts: [product] };
  }
  return undefined;
}

/** (x − mean) / √(variance + ε) with the statistics of the batch, spelt out. */
function normalizationOf(node: FileNode, net: Net): Match | undefined {
  if (node.op !== 'Div') return undefined;
  const centred = net.maker(node.inputs[0], 'Sub');
  const deviation = net.maker(node.inputs[1], 'Sqrt');
  const raised = net.maker(deviation?.inputs[0], 'Add');
  const variance = net.maker(raised?.inputs[0], 'ReduceMean');
  const squares = net.maker(variance?.inputs[0], 'Mul');
  const mean = net.maker(centred?.inputs[1], 'ReduceMean');
  if (!centred || !deviation || !raised || !variance || !squares || !mean) return undefined;
  const image = centred.inputs[0]!;
  const overBatch = [mean, variance].every((one) => one.attributes.get('axes')?.integers.join() === '0,2,3');
  const whole = mean.inputs[0] === image && squares.inputs.every((input) => input === centred.outputs[0]);
  const parts = [mean, centred, squares, variance, raised, deviation];
  const inner = new Set<FileNode>([...parts, node]);
  const alone = parts.every(({ outputs }) => net.readers(outputs[0]!).every((reader) => inner.has(reader)));
  if (!overBatch || !whole || !alone) return undefined;
  return { node: { ...node, op: 'BatchNormalization', inputs: [image], attributes: new Map() }, parts };
}
