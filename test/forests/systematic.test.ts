import assert from 'node:assert/strict';
import { systematicPrograms } from '../../lib/forests/systematic.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { simplify } from '../../lib/programs/simplify.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { canonicalText } from '../../lib/programs/tree.ts';

describe('systematic programs', () => {
  const programs = systematicPrograms();
  const texts = programs.map(canonicalText);

  it('are distinct, and as simple as they can be', () => {
    assert.equal(new Set(texts).size, texts.length);
    for (const program of programs) assert.equal(canonicalText(simplify(program)), canonicalText(program));
  });

  it('read every tensor', () => {
    const printed = programs.map(printProgram).join('\n');
    for (const tensor of TENSORS) assert.match(printed, new RegExp(`\\b${tensor}\\b`));
  });

  it('have the terms of the literature among them', () => {
    for (const text of ['frobenius_norm(sign(T3GD))', 'participation_ratio(T3GN)', 'spectral_entropy(T3GD)']) {
      assert.ok(texts.includes(text), text);
    }
  });

  it('are the same every time', () => {
    assert.deepEqual(systematicPrograms().map(canonicalText), texts);
  });
});
