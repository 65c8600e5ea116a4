import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EXPORT_FORMATS, exportProgram, toLatex, toPyTorch } from '../../lib/programs/export.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { PROXIES } from '../../lib/proxies/catalogue.ts';
import { anyProgram } from './arbitraries.ts';

const eznasA = parseProgram('frobenius_norm(sigmoid(logdet(sign(T1GD))))');

describe('exporting programs', () => {
  it('writes LaTeX', () => {
    const expected = String.raw`\left\lVert \sigma\left(\ln\det\left(\operatorname{sign}\left(\nabla T_{1}^{\mathrm{D}}\right)\right)\right) \right\rVert_{F}`;
    assert.equal(toLatex(eznasA), expected);
    assert.equal(toLatex(parseProgram('T3')), 'T_{3}');
    assert.equal(toLatex(parseProgram('T3GP')), String.raw`\nabla T_{3}^{\mathrm{P}}`);
  });

  it('writes LaTeX with balanced braces and delimiters', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        const text = toLatex(program);
        assert.equal(text.split('{').length, text.split('}').length);
        assert.equal(text.split('\\left').length, text.split('\\right').length);
        assert.doesNotMatch(text, /#/);
      }),
    );
  });

  it('writes a self-contained PyTorch function', () => {
    const source = toPyTorch(eznasA);
    assert.match(source, /^def proxy\(unit\):\n {4}"""/);
    assert.match(
      source,
      /\n {4}return frobenius_norm\(sigmoid\(logdet\(sign\(unit\['T1GD'\]\)\)\)\)\.double\(\)\.mean\(\)\.item\(\)\n$/,
    );
    const defined = [...source.matchAll(/\n {4}def (\w+)\(/g)].map(([, name]) => name);
    assert.deepEqual(defined, ['frobenius_norm', 'logdet', 'sigmoid', 'sign']);
  });

  it('writes PyTorch that defines each operator it calls once and stays within the function', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        const lines = toPyTorch(program).trimEnd().split('\n');
        assert.ok(lines.slice(1).every((line) => line === '' || line.startsWith('    ')));
        const defined = lines.flatMap((line) => /^ {4}def (\w+)\((x|a, b)\):$/.exec(line)?.[1] ?? []);
        const called = [...lines.at(-1)!.matchAll(/(?<![.\w])([a-z]\w*)\(/g)].map(([, name]) => name!);
        assert.deepEqual(new Set(defined), new Set(called));
        assert.equal(defined.length, new Set(defined).size);
      }),
    );
  });

  it('writes every released program in every format, and refuses other formats', () => {
    for (const proxy of PROXIES) {
      if (proxy.kind !== 'program') continue;
      for (const format of EXPORT_FORMATS) assert.ok(exportProgram(proxy.program, format).length > 0);
      assert.equal(exportProgram(proxy.program, 'text'), proxy.definition);
    }
    assert.throws(() => exportProgram(eznasA, 'pdf' as 'text'), { code: 'INVALID_ARGUMENT', message: /'pdf'/ });
  });
});
