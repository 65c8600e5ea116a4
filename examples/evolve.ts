/** Evolves a proxy in a few small generations and prints the formula in three languages. */
import { evolveProxy, exportProgram, parseProgram } from 'eznas';

const { best, baselines } = await evolveProxy({
  seed: 2,
  search: { population: 12, generations: 3, kept: 6, tasksPerPool: 2, tasksPerGeneration: 2, networksPerTask: 8 },
  judgeBatch: 4,
  heldOut: 40,
  onProgress: ({ stage, done, total }) => {
    if (done === total) console.log(`${stage}: ${total} done`);
  },
});

const program = parseProgram(best.program);
console.log(exportProgram(program, 'text'));
console.log(exportProgram(program, 'latex'));
console.log(exportProgram(program, 'pytorch'));
console.log(`on unseen networks: τ ${best.heldOut.kendallTau.value.toFixed(2)}`);
for (const { name, kendallTau } of baselines) console.log(`  ${name}: τ ${kendallTau.value.toFixed(2)}`);
