import { z } from 'zod';

/** The shapes of the JSON that commands print, as docs/cli.md has them; strict, so that an undocumented field is an error. */

/** NaN is null in JSON. */
const estimate = z.strictObject({
  value: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
});

const spreadEstimate = estimate.extend({ spread: z.number().nullable() });

const STATISTICS = ['kendallTau', 'spearmanRho', 'pearsonR', 'weightedTau', 'top10', 'top1', 'bestAccuracy'] as const;

const perSeed = Object.fromEntries(STATISTICS.map((name) => [name, z.number().nullable()]));

const ranking = {
  networks: z.int().min(0),
  kendallTau: estimate,
  spearmanRho: estimate,
  pearsonR: estimate,
};

const protocol = z.strictObject({
  version: z.string(),
  space: z.literal('nasbench201'),
  benchmark: z.literal('nasbench201'),
  dataset: z.enum(['cifar10', 'cifar100', 'imagenet16-120']),
  networks: z.strictObject({
    count: z.int().min(1),
    chosen: z.enum(['random', 'all', 'listed', 'held-out', 'searched']),
  }),
  accuracy: z.strictObject({ split: z.literal('test'), epochs: z.literal(200) }),
  batch: z.int().min(1),
  seed: z.int().min(0),
  seeds: z.array(z.int().min(0)).min(1),
  images: z.string(),
  labels: z.enum(['images', 'random']).nullable(),
  initialization: z.literal('kaiming-normal-fan-out'),
  separableUnit: z.enum(['first', 'second']).nullable(),
  onnx: z.null(),
  device: z.enum(['cpu', 'cuda']),
  measures: z.literal('cpu').nullable(),
  gpus: z.array(z.string()),
  precision: z.enum(['float32', 'tf32']).nullable(),
  simd: z.enum(['baseline', 'avx2', 'avx512']).nullable(),
  threads: z.int().min(1).nullable(),
});

export const scoreResult = z.strictObject({
  protocol,
  networks: z.array(z.int()),
  architectures: z.array(z.string()),
  scores: z.record(z.string(), z.array(z.number().nullable())),
});

/** `eznas score --onnx`. */
export const scoreOnnxResult = scoreResult.extend({
  protocol: protocol.extend({ space: z.literal('onnx'), benchmark: z.null(), accuracy: z.null() }),
  networks: z.array(z.null()),
  models: z.array(
    z.strictObject({
      file: z.string(),
      opset: z.int(),
      input: z.tuple([z.int(), z.int(), z.int()]),
      classes: z.int(),
      params: z.int(),
      flops: z.int(),
      units: z.int(),
      notes: z.array(z.string()),
    }),
  ),
});

export const evaluateResult = z.strictObject({
  protocol,
  request: z.strictObject({
    contenders: z.array(z.strictObject({ name: z.string(), kind: z.enum(['proxy', 'program']) })),
    space: z.string().optional(),
    benchmark: z.string().optional(),
    dataset: z.string().optional(),
    networks: z.union([z.int(), z.literal('all'), z.array(z.int())]).optional(),
    images: z.string().optional(),
    batch: z.int().optional(),
    seed: z.int(),
    seeds: z.array(z.int()),
  }),
  results: z.array(
    z.strictObject({
      name: z.string(),
      networks: z.int().min(0),
      ...Object.fromEntries(STATISTICS.map((name) => [name, spreadEstimate])),
      ...({} as Record<(typeof STATISTICS)[number], typeof spreadEstimate>),
      bySeed: z.array(z.strictObject({ seed: z.int(), ...perSeed })),
      secondsPerNetwork: z.number().min(0).nullable(),
      cached: z.int().min(0),
      cost: z.strictObject({
        forwardImages: z.int().min(0),
        backwardImages: z.int().min(0),
        multiplyAdds: z.number().min(0),
      }),
    }),
  ),
  replay: z.strictObject({ file: z.string(), same: z.boolean(), differences: z.array(z.string()) }).optional(),
  /** With --details. */
  networks: z
    .strictObject({
      indices: z.array(z.int()),
      architectures: z.array(z.string()),
      accuracies: z.array(z.number()),
      scores: z.record(z.string(), z.array(z.number().nullable())),
    })
    .optional(),
  stages: z
    .array(
      z.strictObject({
        name: z.string(),
        stages: z.array(z.strictObject({ name: z.string(), networks: z.int(), kendallTau: estimate })),
      }),
    )
    .optional(),
});

const judgements = z.array(
  z.strictObject({
    task: z.string(),
    seen: z.boolean(),
    judged: z.strictObject({ networks: z.int(), shortened: z.boolean(), batch: z.int() }),
    heldOut: z.strictObject(ranking),
    baselines: z.array(z.strictObject({ name: z.string(), ...ranking })),
  }),
);

export const evolveResult = z.strictObject({
  protocol,
  search: z.looseObject({ seed: z.int(), population: z.int(), generations: z.int(), batch: z.int() }),
  best: z.strictObject({
    program: z.string(),
    fitness: z.number(),
    sign: z.literal([1, -1]),
    heldOut: z.strictObject(ranking),
  }),
  front: z.array(
    z.strictObject({ program: z.string(), size: z.int().min(1), fitness: z.number(), sign: z.literal([1, -1]) }),
  ),
  baselines: z.array(z.strictObject({ name: z.string(), ...ranking })),
  tasks: judgements,
  runFolder: z.string().nullable(),
});

const check = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.discriminatedUnion('ok', [
    z.strictObject({ ok: z.literal(true), ...shape }),
    z.strictObject({ ok: z.literal(false), error: z.string() }),
  ]);

export const doctorResult = z.strictObject({
  eznas: z.string(),
  node: z.string(),
  napi: z.string(),
  platform: z.string(),
  glibc: z.string().nullable(),
  cpu: z.strictObject({ model: z.string(), available: z.int().min(1) }),
  binary: z
    .strictObject({
      path: z.string(),
      origin: z.enum(['environment', 'local build', 'prebuilt']),
      why: z.string(),
      needsGlibc: z.string().nullable(),
    })
    .nullable(),
  addon: check({ path: z.string(), compiler: z.string() }),
  simd: z
    .strictObject({
      level: z.string(),
      supported: z.array(z.string()),
      chosenBy: z.enum(['EZNAS_SIMD', 'processor']),
    })
    .nullable(),
  threads: z.int().nullable(),
  memory: z.strictObject({ total: z.number(), constrained: z.number().nullable(), limit: z.number().nullable() }),
  gpu: z.strictObject({
    driver: z.string().nullable(),
    devices: z.array(
      z.strictObject({ name: z.string(), memory: z.number().nullable(), computeCapability: z.string() }),
    ),
    cuda: z.string().nullable(),
    usable: z.boolean(),
    advice: z.string().nullable(),
  }),
  sqlite: check({ version: z.string() }),
  data: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), error: z.string().optional() })),
});

export const proxiesResult = z.strictObject({
  proxies: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.enum(['program', 'structural', 'native', 'combined']),
      definition: z.string(),
      latex: z.string().nullable(),
      reads: z.array(z.string()),
      cost: z.enum(['structure', 'forward', 'backward', 'many-passes']),
      direction: z.literal([1, 0, -1]),
      paper: z.string(),
      note: z.string(),
    }),
  ),
});

const spread = z.strictObject({ mean: z.number(), deviation: z.number().min(0), least: z.number(), most: z.number() });

const curve = z.array(
  z.strictObject({
    scored: z.int().min(1),
    seconds: z.number().min(0),
    accuracy: z.number().nullable(),
    highest: z.number(),
  }),
);

const architecture = z.string();

export const searchResult = z.strictObject({
  protocol,
  search: z.strictObject({
    algorithm: z.enum(['aging', 'random', 'local', 'nsga2']),
    budget: z.int(),
    seed: z.int(),
    chunk: z.int(),
    population: z.int(),
    sample: z.int(),
    warmup: z.strictObject({ metric: z.string(), count: z.int(), keep: z.int() }).nullable(),
    move: z.string().nullable(),
    objectives: z.array(
      z.strictObject({
        name: z.string(),
        terms: z.array(z.strictObject({ metric: z.string(), weight: z.number() })),
      }),
    ),
    constraints: z.array(z.strictObject({ metric: z.string(), most: z.number() })),
  }),
  scored: z.int().min(1),
  proposals: z.int().min(1),
  ended: z.enum(['budget', 'exhausted']),
  seconds: z.number().min(0),
  best: z.array(
    z.strictObject({
      architecture,
      index: z.int().nullable(),
      found: z.int().min(1),
      values: z.record(z.string(), z.number().nullable()),
      params: z.int(),
      flops: z.int(),
      accuracy: z.number().nullable(),
    }),
  ),
  optimum: z.strictObject({ architecture, accuracy: z.number() }).nullable(),
  regret: z.number().nullable(),
  curve,
  trained: z
    .strictObject({
      epochs: z.int(),
      totalEpochs: z.int(),
      networks: z.array(z.strictObject({ architecture, accuracy: z.number() })),
      best: z.strictObject({ architecture, accuracy: z.number() }),
    })
    .nullable(),
  comparison: z.array(
    z.strictObject({
      name: z.string(),
      algorithm: z.string(),
      objective: z.string(),
      accuracies: z.array(z.number().nullable()),
      accuracy: spread,
      highest: spread,
      regret: spread,
      seconds: spread,
      curves: z.array(curve),
    }),
  ),
  networks: z
    .strictObject({
      architectures: z.array(architecture),
      indices: z.array(z.int().nullable()),
      accuracies: z.array(z.number().nullable()),
      values: z.record(z.string(), z.array(z.number().nullable())),
      merits: z.array(z.array(z.number().nullable())),
    })
    .optional(),
  runFolder: z.string().nullable(),
});

export const growResult = z.strictObject({
  protocol,
  search: z.looseObject({ seed: z.int(), terms: z.int(), networks: z.int(), unlabelled: z.int(), batch: z.int() }),
  best: z.strictObject({
    formula: z.string(),
    fitness: z.number(),
    tau: z.number(),
    growth: z.array(z.strictObject({ term: z.string(), fitness: z.number() })).min(1),
    heldOut: z.strictObject(ranking),
    reference: z.array(z.array(z.number())),
  }),
  programs: z.int(),
  baselines: z.array(z.strictObject({ name: z.string(), ...ranking })),
  tasks: judgements,
  runFolder: z.string().nullable(),
});
