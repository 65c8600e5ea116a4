import { type GraphNode, type NetworkGraph, NODE_KINDS } from './graph.ts';
import { inferShapes } from './shapes.ts';

/** Version of the word format; native/core/graph.h accepts the same. */
const FORMAT_VERSION = 1;

/**
 * The graph as the int32 words that the addon decodes; native/core/graph.h, above `decodeGraph`, gives the format.
 *
 * @throws EznasError INVALID_GRAPH when the graph is malformed
 */
export function encodeGraph(graph: NetworkGraph): Int32Array {
  inferShapes(graph);
  const { nodes, units, output, inputShape } = graph;
  const words: number[] = [FORMAT_VERSION, nodes.length, units.length, output, ...inputShape];
  for (const node of nodes) {
    words.push(NODE_KINDS.indexOf(node.kind), node.inputs.length, ...node.inputs, ...attributes(node));
  }
  for (const { relu, conv, batchNorm } of units) words.push(relu, conv, batchNorm);
  return Int32Array.from(words);
}

/** The attribute words that follow a node's inputs; none for kinds without attributes. */
function attributes(node: GraphNode): readonly number[] {
  switch (node.kind) {
    case 'conv2d': {
      const { outChannels, kernel, stride, padding, dilation, groups, bias } = node;
      return [outChannels, ...kernel, ...stride, ...padding, ...dilation, groups, Number(bias)];
    }
    case 'batchNorm':
      return [node.scaled ? 2 : Number(node.affine)];
    case 'maxPool':
      return [...node.kernel, ...node.stride, ...node.padding, Number(node.ceilMode)];
    case 'avgPool':
      return [...node.kernel, ...node.stride, ...node.padding, Number(node.ceilMode), Number(node.countPadding)];
    case 'linear':
      return [node.features, Number(node.bias)];
    case 'zero':
      return [node.stride];
    case 'slice':
      return [node.axis, node.begin, node.end];
    case 'input':
    case 'relu':
    case 'add':
    case 'concat':
    case 'globalAvgPool':
    case 'identity':
    case 'relu6':
    case 'hardSwish':
    case 'hardSigmoid':
    case 'sigmoid':
    case 'multiply':
      return [];
  }
}
