import assert from 'node:assert/strict';
import { addon, fromNative, type NativeCollectRequest, type NativePrograms, runNative } from '../../lib/addon.ts';
import { EznasError } from '../../lib/errors.ts';
import { encodeGraph } from '../../lib/graph/encode.ts';
import { OPERATORS } from '../../lib/programs/operators.ts';
import { Random } from '../../lib/random.ts';
import { randomInputs, smallNetworks } from './support.ts';

const ROUNDS = 400;
/** Values that break careless arithmetic. */
const NASTY = [0, 1, -1, 2, 3, 7, 64, 127, 255, 65_535, 100_000, 2 ** 30, 2 ** 31 - 1, -(2 ** 31)];

function request(graph: Int32Array): NativeCollectRequest {
  const inputs = randomInputs(1);
  return {
    graphs: [graph],
    keys: Float64Array.of(1),
    batch: 1,
    inputShape: inputs.shape,
    data: inputs.data,
    seed: 0,
    tensors: 2 ** 22 - 1,
    threads: 1,
  };
}

/** Anything but an EznasError is a failure; a crash ends the process and the suite with it. */
async function mustAnswer(start: () => Promise<unknown>): Promise<'ran' | 'refused'> {
  try {
    await start();
    return 'ran';
  } catch (error) {
    const typed = fromNative(error);
    assert.ok(typed instanceof EznasError, `not typed: ${error}`);
    assert.ok(typed.message.length > 10, typed.message);
    return 'refused';
  }
}

describe('native code given anything', () => {
  const valid = encodeGraph(smallNetworks([1462])[0]!.graph);

  it('refuses or runs graphs with words changed, cut or made up', async () => {
    const random = new Random(11);
    const outcomes = { ran: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      let words = valid.slice();
      const kind = random.integer(4);
      if (kind === 0) words = words.slice(0, random.integer(words.length));
      if (kind === 1) words = Int32Array.from({ length: random.integer(60) }, () => random.choice(NASTY));
      const changes = kind < 2 ? 0 : 1 + random.integer(3);
      for (let change = 0; change < changes; change++) {
        words[random.integer(words.length)] = kind === 2 ? random.choice(NASTY) : random.integer(40);
      }
      const outcome = await mustAnswer(async () => {
        await runNative((native) => native.collect(request(words)));
      });
      outcomes[outcome]++;
    }
    assert.ok(outcomes.refused > ROUNDS / 4, JSON.stringify(outcomes));
  });

  it('refuses or runs program code made up', async () => {
    const random = new Random(12);
    const statistics = await runNative((native) => native.collect(request(valid)));
    const outcomes = { ran: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const length = random.integer(24);
      // Half the rounds keep the stack plausible: leaves first, operators after.
      const code = Uint32Array.from({ length }, (_, i) =>
        round % 2 === 0
          ? random.choice(NASTY) >>> 0
          : i < length / 2
            ? random.integer(22)
            : 64 + random.integer(OPERATORS.length),
      );
      const programs: NativePrograms = { code, offsets: Uint32Array.of(0, length) };
      outcomes[await mustAnswer(() => runNative((native) => native.evaluate(statistics, programs, { threads: 1 })))]++;
    }
    assert.ok(outcomes.refused > 0 && outcomes.ran > 0, JSON.stringify(outcomes));
    const badOffsets = [[], [1], [0, 5], [3, 0], [0, 2 ** 32 - 1]];
    for (const offsets of badOffsets) {
      const programs = { code: Uint32Array.of(0), offsets: Uint32Array.from(offsets) };
      await mustAnswer(() => runNative((native) => native.evaluate(statistics, programs, { threads: 1 })));
    }
  });

  it('refuses arguments of the wrong kind', async () => {
    const native = addon() as unknown as Record<string, (...words: unknown[]) => unknown>;
    const junk = [undefined, null, 0, -1, Number.NaN, 'x', {}, [], new Int32Array(3), () => 0, 2n];
    for (const name of Object.keys(native)) {
      if (['info', 'setMemoryLimit', 'benchMachine'].includes(name)) continue;
      for (const first of junk) {
        for (const second of junk) {
          const answer = await mustAnswer(async () => {
            const result = native[name]!(first, second, first) as { promise?: Promise<unknown> } | undefined;
            await result?.promise;
          });
          // No networks at all is a fair request.
          assert.ok(
            answer === 'refused' || (name === 'statisticsFromTensors' && Array.isArray(first)),
            `${name}(${String(first)})`,
          );
        }
      }
    }
  });
});
