import { GraphBuilder } from '../graph/builder.ts';
import type { NetworkGraph } from '../graph/graph.ts';
import { convBatchNormActivation } from '../graph/units.ts';
import { choiceSpace } from './choices.ts';
import { addInvertedResidual } from './inverted-residual.ts';
import { resolveOptions } from './options.ts';
import type { NetworkOptions, NumberedSpace } from './space.ts';

/** What a layer can be: identity, an inverted residual block of kernel 3 and expansion 3, or one of kernel 5 and expansion 6. */
const LAYERS = ['0', '1', '2'] as const;

/** Layers of each stage; the first of a stage halves the extents and doubles the channels. */
const STAGES = [2, 3, 3] as const;

/** Channels of the last convolution. */
const FEATURES = 1280;

/** The eight layers of a NAS-Bench-Macro architecture. */
export type NasbenchMacroArchitecture = readonly (typeof LAYERS)[number][];

const DEFAULTS = { classes: 10, resolution: 32, inputChannels: 3, initialChannels: 32 };

/**
 * The network of NAS-Bench-Macro (Su et al., CVPR 2021, section 4 and the released code): a 3×3 convolution as stem, three stages, a 1×1 convolution,
 * global average pooling, a linear classifier; all activations are ReLUs. An identity that changes shapes is a 1×1 convolution with normalization.
 */
function build(architecture: NasbenchMacroArchitecture, options?: NetworkOptions): NetworkGraph {
  const { classes, resolution, inputChannels, initialChannels } = resolveOptions(options, DEFAULTS);
  const builder = new GraphBuilder([inputChannels, resolution, resolution]);
  const stem = builder.conv2d(builder.input, initialChannels, { kernel: 3 });
  let node = builder.block(builder.relu(builder.batchNorm(stem)));
  const layers = architecture.values();
  for (const [stage, count] of STAGES.entries()) {
    for (let place = 0; place < count; place++) {
      const shape = { channels: initialChannels * 2 ** (stage + 1), stride: place === 0 ? 2 : 1 };
      node = builder.block(addLayer(builder, node, layers.next().value!, shape));
    }
  }
  const features = convBatchNormActivation(builder, node, FEATURES, { kernel: 1 });
  return builder.finish(builder.linear(builder.globalAvgPool(features), classes));
}

function addLayer(
  builder: GraphBuilder,
  input: number,
  layer: (typeof LAYERS)[number],
  { channels, stride }: { readonly channels: number; readonly stride: number },
): number {
  if (layer === '0') {
    return stride === 1 ? input : builder.batchNorm(builder.conv2d(input, channels, { kernel: 1, stride }));
  }
  const [expansion, kernel] = layer === '1' ? [3, 3] : [6, 5];
  return addInvertedResidual(builder, input, { channels, expansion, kernel, stride, activation: 'relu' });
}

/** Identities within a stage do nothing wherever they stand, but for the first layer; this puts them last, as the published file does. */
function canonical(architecture: NasbenchMacroArchitecture): string {
  let begin = 0;
  return STAGES.map((count) => {
    const [first, ...rest] = architecture.slice(begin, begin + count);
    begin += count;
    return (
      first! +
      rest
        .filter((layer) => layer !== '0')
        .join('')
        .padEnd(count - 1, '0')
    );
  }).join('');
}

/** NAS-Bench-Macro: eight layers of three kinds, 6,561 architectures, of which 3,969 differ; written as in the published file, such as `22212220`. */
export const nasbenchMacro: NumberedSpace<NasbenchMacroArchitecture> = choiceSpace({
  name: 'nasbench-macro',
  choices: Array.from({ length: 8 }, () => LAYERS),
  template: '????????',
  build,
  canonical,
});
