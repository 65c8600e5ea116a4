/** Evaluates a formula on tensors from elsewhere, such as those of a network that another framework ran. */
import { evaluatePrograms, parseProgram, Statistics } from 'eznas';

// One network with one unit: batch 2, 3 channels in, 4 out, 3×3 convolution on 8×8 images.
const before = [2, 3, 8, 8];
const weight = [4, 3, 3, 3];
const after = [2, 4, 8, 8];
const filled = (shape: readonly number[], value: (at: number) => number) =>
  Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, at) => value(at));

using statistics = Statistics.fromTensors([
  [
    {
      before,
      weight,
      after,
      tensors: { T1D: filled(before, (at) => Math.sin(at)), T3: filled(weight, (at) => 1 / (at + 1)) },
    },
  ],
]);

const programs = ['frobenius_norm(T3)', 'mean(gt0(T1D))'].map(parseProgram);
const scores = await evaluatePrograms(statistics, programs);
for (const row of programs.keys()) console.log(scores.score(row, 0));
