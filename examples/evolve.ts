/** Evolves a proxy in a few small generations and prints the formula, in PyTorch too, with the front of fitness and size. */
import { evolveProxy, formulaToPyTorchModule, parseFormula } from 'eznas';

const { best, front, baselines } = await evolveProxy({
  seed: 2,
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
  heldOut: 40,
  onProgress: ({ stage, done, total }) => {
    if (done === total) console.log(`${stage}: ${total} done`);
  },
});

console.log(best.program);
console.log(formulaToPyTorchModule(parseFormula(best.program)));
for (const { program, size, fitness } of front) console.log(`${size} nodes, fitness ${fitness.toFixed(2)}: ${program}`);
console.log(`on unseen networks: τ ${best.heldOut.kendallTau.value.toFixed(2)}`);
for (const { name, kendallTau } of baselines) console.log(`  ${name}: τ ${kendallTau.value.toFixed(2)}`);
