import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { scoreTerms } from '../../lib/engine/formulas.ts';
import { AGGREGATORS } from '../../lib/formulas/aggregators.ts';
import { combineTerms } from '../../lib/formulas/combine.ts';
import { MATRIX_OPERATORS } from '../../lib/formulas/matrix-operators.ts';
import { NETWORK_NUMBERS } from '../../lib/formulas/numbers.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import { formulaToPyTorchModule } from '../../lib/formulas/pytorch.ts';
import { SCALAR_OPERATORS } from '../../lib/formulas/scalar-operators.ts';
import { asProgram, COMBINERS } from '../../lib/formulas/tree.ts';
import { toPyTorchModule } from '../../lib/programs/pytorch-module.ts';
import { nasbench201 } from '../../lib/spaces/nasbench201.ts';
import { anyFormula } from '../formulas/arbitraries.ts';
import { type GoldenNetwork, goldenFolders } from '../golden/fixture.ts';

interface Fixture {
  readonly networks: readonly string[];
  readonly formulas: readonly {
    readonly formula: string;
    readonly sha256: string;
    /** By network, then by term. */
    readonly terms: readonly (readonly number[])[];
    readonly scores?: readonly number[];
    readonly reference?: readonly (readonly number[])[];
    /** Scores of the first two networks beside the reference. */
    readonly referenced?: readonly number[];
  }[];
}

/** What PyTorch gave, see test/oracle/exported_formulas.py. */
const FIXTURE = JSON.parse(
  readFileSync(new URL('../fixtures/exported-formulas.json', import.meta.url), 'utf8'),
) as Fixture;

describe('the PyTorch module of a formula', () => {
  const networks = goldenFolders().find(({ name }) => name === 'small')!.networks;
  const formulas = FIXTURE.formulas.map(({ formula }) => parseFormula(formula));

  /** By term. */
  async function termsOn(golden: GoldenNetwork) {
    const { architecture, classes, resolution, channels, cellsPerStage, batch, index: key } = golden;
    const options = { classes, resolution, initialChannels: channels, cellsPerStage };
    const graph = nasbench201.build(nasbench201.parse(architecture), options);
    const parameters = golden.parameters().map(({ values }) => values);
    const input = (name: string) => golden.values(`input.${name}`)!;
    const rows = await scoreTerms([{ graph, key, parameters }], formulas, {
      batch,
      shape: [3, resolution, resolution],
      data: input('data'),
      noise: input('noise'),
      perturbed: input('perturbed'),
    });
    return rows.map((terms) => terms.map((values) => values[0]!));
  }

  it('gives every term as we do', async () => {
    for (const [at, name] of FIXTURE.networks.entries()) {
      const ours = await termsOn(networks.find((network) => network.name === name)!);
      for (const [place, { formula, terms }] of FIXTURE.formulas.entries()) {
        for (const [term, theirs] of terms[at]!.entries()) {
          const own = ours[place]![term]!;
          assert.ok(
            Math.abs(own - theirs) <= 1e-4 * Math.abs(theirs),
            `${formula}, term ${term} of network ${name}: ${own} here, ${theirs} there`,
          );
        }
      }
    }
  });

  it('combines terms as we do, among themselves and beside a reference', () => {
    for (const [at, { terms, scores, reference, referenced }] of FIXTURE.formulas.entries()) {
      const formula = formulas[at]!;
      assert.equal(scores !== undefined, formula.kind === 'forest');
      if (formula.kind !== 'forest') continue;
      const columns = (rows: readonly (readonly number[])[]) =>
        rows[0]!.map((_, term) => Float64Array.from(rows, (row) => row[term]!));
      const close = (ours: Float64Array, theirs: readonly number[]) => {
        for (const [place, score] of theirs.entries()) assert.ok(Math.abs(ours[place]! - score) < 1e-9);
      };
      close(combineTerms(formula.combiner, columns(terms)), scores!);
      close(combineTerms(formula.combiner, columns(terms.slice(0, 2)), reference), referenced!);
    }
  });

  it('is the one that the fixture was made with', () => {
    for (const { formula, sha256 } of FIXTURE.formulas) {
      const source = formulaToPyTorchModule(parseFormula(formula));
      const digest = createHash('sha256').update(source).digest('hex');
      assert.equal(digest, sha256, `${formula}: make the fixture again with test/oracle/exported_formulas.py`);
    }
  });

  it('was tried with every aggregator, number, operator and combiner', () => {
    const all = FIXTURE.formulas.map(({ formula }) => formula).join(' ');
    const names = [...AGGREGATORS, ...NETWORK_NUMBERS, ...SCALAR_OPERATORS, ...MATRIX_OPERATORS].map(
      ({ name }) => name,
    );
    for (const name of [...names, ...COMBINERS]) assert.match(all, new RegExp(`\\b${name}\\b`));
  });

  it('defines what it calls, and is that of a program where the formula is one', () => {
    fc.assert(
      fc.property(anyFormula, (formula) => {
        const source = formulaToPyTorchModule(formula);
        const program = asProgram(formula);
        if (program) return assert.equal(source, toPyTorchModule(program));
        assert.match(source, formula.kind === 'forest' ? /^def scores\(networks, data/m : /^def score\(network, data/m);
        const [, expressions] = /^ {4}return \[\n([\s\S]*?)\n {4}\]$/m.exec(source)!;
        for (const [, name] of expressions!.matchAll(/(_\w+)\(/g)) {
          assert.match(source, new RegExp(`^def ${name}\\(`, 'm'));
        }
      }),
    );
  });
});
