import type { CostClass, MeasureProxy, Passes } from './description.ts';
import type { MeasureName } from './measures.ts';

const ZERO_COST =
  'Zero-cost proxies for lightweight NAS (Abdelfattah, Mehrotra, Dudziak, Lane; ICLR 2021; arXiv 2101.08134)';

const LOSS = ['images', 'labels', 'weights', 'gradients of the loss'];

const RANDOM_LABELS = 'Without labels of the images, random ones do: at initialization they hardly matter.';

export const AZ_NAS = 'AZ-NAS (Lee, Ham; CVPR 2024; arXiv 2403.19232)';

const AZ_BLOCKS =
  'Of an image batch of noise; blocks are stem, cells and residual blocks, as in the released code, so that a space must mark them ' +
  '(NetworkGraph.blocks). The three parts share a pass. The authors take 64 images: fewer hurt where images are small, since the last maps have few ' +
  'positions for their channels.';

const both = (batch: number): Passes => ({ forward: batch, backward: batch });

function measure(
  name: MeasureName,
  cost: CostClass,
  reads: readonly string[],
  passes: (batch: number) => Passes,
  texts: Pick<MeasureProxy, 'definition' | 'latex' | 'paper' | 'note'>,
): MeasureProxy {
  return { kind: 'native', name, measure: name, direction: 1, cost, reads, passes, ...texts };
}

/**
 * Proxies that are computed natively. Layers are convolutions and linear layers, w their weights without biases, g the gradients of the loss,
 * which is the mean cross-entropy over the minibatch. Normalization uses the batch's statistics.
 */
export const MEASURE_PROXIES: readonly MeasureProxy[] = [
  measure('l2_norm', 'structure', ['weights'], () => ({ forward: 0, backward: 0 }), {
    latex: String.raw`\sum_{\ell} \left\lVert w_{\ell} \right\rVert_{2}`,
    definition: 'Σ over layers of ‖w‖₂',
    paper: ZERO_COST,
    note: 'Sees nothing but the initial weights, so it counts layers and their widths.',
  }),
  measure('grad_norm', 'backward', LOSS, both, {
    latex: String.raw`\sum_{\ell} \left\lVert \nabla_{w_{\ell}} L \right\rVert_{2}`,
    definition: 'Σ over layers of ‖g‖₂',
    paper: ZERO_COST,
    note: RANDOM_LABELS,
  }),
  measure('plain', 'backward', LOSS, both, {
    latex: String.raw`\sum_{w} w \, \nabla_{w} L`,
    definition: 'Σ w·g',
    paper: ZERO_COST,
    note: `A layer followed by a normalization has Σ w·g = 0 but for rounding, so little of it is left in most networks. ${RANDOM_LABELS}`,
  }),
  measure('snip', 'backward', LOSS, both, {
    latex: String.raw`\sum_{w} \left\lvert w \, \nabla_{w} L \right\rvert`,
    definition: 'Σ |w·g|',
    paper: `SNIP (Lee, Ajanthan, Torr; ICLR 2019; arXiv 1810.02340), as a proxy in ${ZERO_COST}`,
    note: RANDOM_LABELS,
  }),
  measure(
    'grasp',
    'many-passes',
    [...LOSS, 'Hessian-vector product'],
    (batch) => ({ forward: 5 * batch, backward: 5 * batch }),
    {
      latex: String.raw`-\sum_{w} w \left(H \, \nabla_{w} L\right)`,
      definition: '−Σ w·(H g), H the Hessian of the loss',
      paper: `GraSP (Wang, Zhang, Grosse; ICLR 2020; arXiv 2002.07376), as a proxy in ${ZERO_COST}`,
      note:
        'With the minus sign, as the zero-cost paper has it; pruning takes the other. Computed as −d/dε g·∇L((1 + ε)w) by central differences ' +
        `with all ReLUs held, which is H as automatic differentiation has it. ${RANDOM_LABELS}`,
    },
  ),
  measure('fisher', 'backward', ['images', 'labels', 'activations', 'gradients of the loss'], both, {
    latex: String.raw`\sum_{\ell, c} \frac{1}{B} \sum_{b} \frac{1}{2} \left(\sum_{x, y} a \, \frac{\partial L}{\partial a}\right)^{2}`,
    definition:
      'Σ over layers and channels of the mean over images of ½ (Σ over positions of a · ∂L/∂a)², a the layer’s output',
    paper: `Fisher pruning (Theis et al.; 2018; arXiv 1801.05787), as a proxy in ${ZERO_COST}`,
    note: RANDOM_LABELS,
  }),
  measure('synflow', 'backward', ['magnitudes of weights'], () => ({ forward: 1, backward: 1 }), {
    latex: String.raw`\ln\left(1 + \sum_{w} \left\lvert w \right\rvert \frac{\partial R}{\partial \left\lvert w \right\rvert}\right)`,
    definition:
      'ln(1 + Σ |w|·∂R/∂|w|), R the sum of the outputs for an image of ones, all parameters by magnitude, no normalization',
    paper: `SynFlow (Tanaka, Kunin, Yamins, Ganguli; NeurIPS 2020; arXiv 2006.05467), as a proxy in ${ZERO_COST}`,
    note:
      'Published scores are the sum itself, which leaves the range of floating point in deep networks; its logarithm ranks the same. Every ' +
      'feature map has an exponent of its own, so nothing overflows.',
  }),
  measure('logsynflow', 'backward', ['magnitudes of weights'], () => ({ forward: 1, backward: 1 }), {
    latex: String.raw`\sum_{w} \left\lvert w \right\rvert \ln\left(1 + \frac{\partial R}{\partial \left\lvert w \right\rvert}\right)`,
    definition: 'Σ |w|·ln(1 + ∂R/∂|w|), R as for synflow',
    paper: 'FreeREA (Cavagnero, Robbiano, Caputo, Averta; WACV 2023; arXiv 2207.05135)',
    note: 'Depends on the initialization’s scale, unlike synflow’s ranking.',
  }),
  measure('jacob_cov', 'backward', ['images', 'gradients of the logits with respect to images'], both, {
    latex: String.raw`-\sum_{i} \left(\ln\left(v_{i} + 10^{-5}\right) + \frac{1}{v_{i} + 10^{-5}}\right)`,
    definition:
      '−Σ (ln(v + 10⁻⁵) + 1/(v + 10⁻⁵)) over the eigenvalues v of the correlations between the images’ gradients of the summed logits',
    paper:
      'Neural architecture search without training (Mellor, Turner, Storkey, Crowley; first version, 2020; arXiv 2006.04647v1)',
    note: 'Not defined where no gradient reaches the images.',
  }),
  measure('epe_nas', 'backward', ['images', 'labels', 'gradients of the logits with respect to images'], both, {
    latex: String.raw`\sum_{c} \left\lvert \sum_{i, j \in c} \ln\left(\left\lvert r_{ij} \right\rvert + 10^{-5}\right) \right\rvert`,
    definition:
      'Σ over classes of |Σ ln(|r| + 10⁻⁵)|, r the correlations between the gradients of a class’s images; over 100 classes: mean differences of classes',
    paper: 'EPE-NAS (Lopes, Alirezazadeh, Alexandre; ICANN 2021; arXiv 2102.08099)',
    note: 'Means little without true labels and several images per class, so take a batch of many times the number of classes.',
  }),
  measure('naswot', 'forward', ['images', 'activations'], (batch) => ({ forward: batch, backward: 0 }), {
    latex: String.raw`\ln \left\lvert \det K \right\rvert`,
    definition: 'ln |det K|, K[i][j] = ReLU outputs whose sign images i and j share',
    paper:
      'Neural architecture search without training (Mellor, Turner, Storkey, Crowley; ICML 2021; arXiv 2006.04647)',
    note:
      'Every ReLU of the network counts, also those that lead nowhere, as in the published scores. −∞, and so not a number, where two images ' +
      'have the same signs, as in networks that no image passes through.',
  }),
  measure('swap', 'forward', ['images', 'activations'], (batch) => ({ forward: batch, backward: 0 }), {
    latex: String.raw`\left\lvert \left\{\operatorname{sign} a_{k}\right\}_{k} \right\rvert`,
    definition: 'number of different sign patterns over the minibatch among all ReLU outputs',
    paper: 'SWAP-NAS (Peng, Song, Fayek, Ciesielski, Chang; ICLR 2024; arXiv 2403.04161)',
    note: 'At most 2^batch: small batches saturate. The authors average 32 initializations; --seeds does the like.',
  }),
  measure('zen', 'forward', ['noise', 'activations'], (batch) => ({ forward: 2 * batch, backward: 0 }), {
    latex: String.raw`\ln \mathrm{E} \left\lVert f(x) - f(x + 0.01\, x^{\prime}) \right\rVert_{1} + \sum_{n} \frac{1}{2} \ln \overline{\sigma_{n}^{2}}`,
    definition:
      'ln of the mean over images of ‖f(x) − f(x + 0.01·x′)‖₁ + Σ over normalizations of ½ ln of the mean variance of their input; x, x′ and weights ~ N(0, 1), f the last feature map',
    paper: 'Zen-NAS (Lin et al.; ICCV 2021; arXiv 2102.01063)',
    note:
      'Released code takes running variances, which mix in their start value 1; here it is the variance of the batch, as in the paper. It expects a ' +
      'chain without parallel branches, and ranks cells with many branches badly.',
  }),
  measure('zico', 'backward', LOSS, both, {
    latex: String.raw`\sum_{\ell} \ln \sum_{w \in \ell} \frac{\mathrm{E} \left\lvert \nabla_{w} L \right\rvert}{\operatorname{std}\left(\nabla_{w} L\right)}`,
    definition: 'Σ over layers of ln Σ mean|g| / std(g), over the gradients of minibatches',
    paper: 'ZiCo (Li et al.; ICLR 2023; arXiv 2301.11300)',
    note:
      'The two halves of the minibatch serve as the paper’s two minibatches. Released code does not clear gradients between them; here they are. ' +
      RANDOM_LABELS,
  }),
  measure('meco', 'forward', ['noise', 'activations'], () => ({ forward: 1, backward: 0 }), {
    latex: String.raw`\sum_{\ell} \lambda_{\min}\left(C_{\ell}\right)`,
    definition:
      'Σ over convolutions, normalizations, ReLUs and pools of the smallest eigenvalue of the correlations between the channels of their output for one image of noise',
    paper: 'MeCo (Jiang, Wang, Bie; NeurIPS 2023)',
    note: 'Released code counts the containers of modules too, so that some outputs count several times, and takes 64 × 64 noise; here the resolution is the dataset’s.',
  }),
  measure('gradsign', 'many-passes', LOSS, both, {
    latex: String.raw`\sum_{w} \left\lvert \sum_{b} \operatorname{sign} \nabla_{w} L_{b} \right\rvert`,
    definition: 'Σ over weights of |Σ over images of sign(g of that image alone)|',
    paper: 'GradSign (Zhang, Jia; ICLR 2022; arXiv 2110.08616)',
    note: `Every image is a pass of its own, normalized by itself. ${RANDOM_LABELS}`,
  }),
  measure('az-expressivity', 'backward', ['noise', 'activations'], both, {
    latex: String.raw`-\sum_{k} \sum_{i} p_{k,i} \ln\left(p_{k,i} + 10^{-8}\right)`,
    definition:
      'Σ over blocks of −Σ p·ln(p + 10⁻⁸), p the shares of the eigenvalues of the covariance of the channels at the block’s end',
    paper: AZ_NAS,
    note: AZ_BLOCKS,
  }),
  measure('az-progressivity', 'backward', ['noise', 'activations'], both, {
    latex: String.raw`\min_{k} \left(E_{k} - E_{k-1}\right)`,
    definition: 'the least growth of that entropy from one block to the next',
    paper: AZ_NAS,
    note: AZ_BLOCKS,
  }),
  measure('az-trainability', 'backward', ['noise', 'gradients through blocks'], both, {
    latex: String.raw`\frac{1}{K} \sum_{k} \left(2 - s_{k} - \frac{1}{s_{k} + 10^{-6}}\right)`,
    definition:
      'mean over blocks of 2 − s − 1/(s + 10⁻⁶), s the largest singular value of the mean of g_in ⊗ g_out, g_out random signs at the block’s end and g_in their gradient at its start',
    paper: AZ_NAS,
    note: `Not defined where a block passes gradients unchanged. ${AZ_BLOCKS}`,
  }),
];

/** Proxies whose scores depend on labels. */
export const LABELLED: ReadonlySet<string> = new Set(
  MEASURE_PROXIES.filter(({ reads }) => reads.includes('labels')).map(({ name }) => name),
);
