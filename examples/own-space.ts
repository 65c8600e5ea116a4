/** A search space of one's own, with accuracies in a CSV file: evolves a proxy on it and judges it there and elsewhere. */
import { choiceSpace, evolveProxy, GraphBuilder, readCsvBenchmark } from 'eznas';

const CHANNELS = 16;
const CELLS_PER_STAGE = 5;

/** Cells are chains of three operations beside a fourth, written such as `conv3:pool:conv1:skip`. */
const chains = choiceSpace({
  name: 'chains',
  choices: Array.from({ length: 4 }, () => ['skip', 'conv1', 'conv3', 'pool'] as const),
  build(operations, { classes = 10, resolution = 32, inputChannels = 3 } = {}) {
    const builder = new GraphBuilder([inputChannels, resolution, resolution]);
    const apply = (node: number, operation: (typeof operations)[number]): number => {
      const [channels] = builder.shape(node);
      if (operation === 'skip') return node;
      if (operation === 'pool') return builder.avgPool(node, { kernel: 3, padding: 1, countPadding: false });
      return builder.reluConvBatchNorm(node, channels, { kernel: operation === 'conv1' ? 1 : 3 });
    };
    let node = builder.batchNorm(builder.conv2d(builder.input, CHANNELS, { kernel: 3 }));
    for (const stage of [0, 1, 2]) {
      if (stage > 0) node = builder.reluConvBatchNorm(node, CHANNELS * 2 ** stage, { kernel: 3, stride: 2 });
      for (let cell = 0; cell < CELLS_PER_STAGE; cell++) {
        const chain = operations.slice(0, 3).reduce(apply, node);
        node = builder.add([chain, apply(node, operations[3]!)]);
      }
    }
    return builder.finish(builder.linear(builder.globalAvgPool(builder.relu(builder.batchNorm(node))), classes));
  },
});

// The accuracies are those of NAS-Bench-201's cells of this form, see NOTICE.
const file = new URL('chains.csv', import.meta.url).pathname;
const benchmark = readCsvBenchmark(file, chains, { epochs: 200 });

const { best, tasks } = await evolveProxy({
  benchmarks: [benchmark],
  tasks: ['chains'],
  judgedTasks: ['nasbench201:cifar100'],
  seed: 1,
  search: {
    population: 12,
    generations: 3,
    kept: 6,
    tasksPerPool: 2,
    tasksPerGeneration: 2,
    choiceTasks: 2,
    networksPerTask: 8,
  },
  judgeBatch: 4,
  heldOut: 30,
});
console.log(best.program);
for (const { task, seen, heldOut, baselines } of tasks) {
  const others = baselines.map(({ name, kendallTau }) => `${name} ${kendallTau.value.toFixed(2)}`);
  console.log(`${task}${seen ? '' : ' (never seen)'}: τ ${heldOut.kendallTau.value.toFixed(2)}; ${others.join(', ')}`);
}
