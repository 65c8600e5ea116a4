import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseProgram } from '../../lib/programs/parse.ts';
import { printProgram } from '../../lib/programs/print.ts';
import type { Shape } from '../../lib/programs/shapes.ts';
import { checkProgram, type Signature, unitSignature } from '../../lib/programs/typing.ts';

/** Every folder at or below `root` that holds program scores. */
function fixtureFolders(root: string): string[] {
  if (!existsSync(root)) return [];
  const entries = readdirSync(root, { withFileTypes: true });
  const below = entries
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => fixtureFolders(join(root, entry.name)));
  return entries.some((entry) => entry.name === 'scores.json') ? [root, ...below] : below;
}

interface Description {
  readonly tensors: readonly { readonly name: string; readonly shape: Shape }[];
}

/** One signature per unit of a fixture's network. */
function unitsOf(file: string): Signature[] {
  const { tensors } = JSON.parse(readFileSync(file, 'utf8')) as Description;
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
  const units: Signature[] = [];
  while (shapes.has(`unit${units.length}.T3`)) {
    const unit = `unit${units.length}`;
    const [before, weight, after] = ['T1D', 'T3', 'T4D'].map((tensor) => shapes.get(`${unit}.${tensor}`)!);
    units.push(unitSignature({ before: before!, weight: weight!, after: after! }, unit));
  }
  assert.ok(units.length > 0, `${file} describes no unit`);
  return units;
}

const root = process.env['EZNAS_GOLDEN'] ?? join(dirname(fileURLToPath(import.meta.url)), '..', 'fixtures', 'golden');
const folders = fixtureFolders(root);

describe('programs: validity against PyTorch', () => {
  it('has fixtures to read', function () {
    if (folders.length === 0 && process.env['EZNAS_GOLDEN'] === undefined) this.skip();
    assert.ok(folders.length > 0, `no folder with a scores.json below ${root}`);
  });

  for (const folder of folders) {
    it(`predicts which programs PyTorch rejects in ${folder}`, () => {
      const { programs } = JSON.parse(readFileSync(join(folder, 'scores.json'), 'utf8')) as {
        programs: Record<string, Record<string, { status: string }>>;
      };
      const signatures = new Map<string, Signature[]>();
      const wrong: string[] = [];
      let compared = 0;
      for (const [text, outcomes] of Object.entries(programs)) {
        const program = parseProgram(text);
        assert.equal(printProgram(program), text);
        for (const [network, { status }] of Object.entries(outcomes)) {
          if (!signatures.has(network)) signatures.set(network, unitsOf(join(folder, `${network}.json`)));
          const problem = checkProgram(program, signatures.get(network)!);
          compared += 1;
          if ((problem !== undefined) !== (status === 'invalid')) {
            wrong.push(`${text} on ${network}: ${status} there, ${problem?.message ?? 'valid'} here`);
          }
        }
      }
      assert.ok(compared > 0);
      assert.deepEqual(wrong, []);
    });
  }
});
