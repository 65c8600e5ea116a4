import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { evaluatePrograms } from '../../lib/engine/run.ts';
import { Statistics } from '../../lib/engine/statistics.ts';
import { parseProgram } from '../../lib/programs/parse.ts';

interface Case {
  readonly tensors: Record<'T1D' | 'T3' | 'T4D', { readonly shape: number[]; readonly data: number[] }>;
  /** The mean of each program's result; 'nan' or '-inf' as text. */
  readonly values: Readonly<Record<string, number | string>>;
}

const CASES = JSON.parse(
  readFileSync(new URL('../fixtures/added-operators.json', import.meta.url), 'utf8'),
) as readonly Case[];

describe('operators beyond the paper’s', () => {
  it('give the values of PyTorch, on zeros, single elements and matrices without full rank too', async () => {
    const texts = Object.keys(CASES[0]!.values);
    using statistics = Statistics.fromTensors(
      CASES.map(({ tensors: { T1D, T3, T4D } }) => [
        {
          before: T1D.shape,
          weight: T3.shape,
          after: T4D.shape,
          tensors: {
            T1D: Float32Array.from(T1D.data),
            T3: Float32Array.from(T3.data),
            T4D: Float32Array.from(T4D.data),
          },
        },
      ]),
    );
    const scores = await evaluatePrograms(statistics, texts.map(parseProgram), { unitScores: true });
    for (const [network, { values }] of CASES.entries()) {
      for (const [row, text] of texts.entries()) {
        const value = scores.unitScores(row, network)![0]!;
        const expected = values[text]!;
        const where = `${text} on unit ${network}: ${value}, not ${expected}`;
        if (typeof expected === 'string') {
          assert.equal(String(value), { nan: 'NaN', '-inf': '-Infinity' }[expected], where);
        } else {
          assert.ok(Math.abs(value - expected) <= 2e-5 * Math.max(Math.abs(expected), 1e-3), where);
        }
      }
    }
  });
});
