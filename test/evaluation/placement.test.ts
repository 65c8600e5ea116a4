import assert from 'node:assert/strict';
import { EznasError } from '../../lib/errors.ts';
import { resolveContenders } from '../../lib/evaluation/contenders.ts';
import { requireDevice, scoredBy } from '../../lib/evaluation/placement.ts';

describe('where contenders run', () => {
  it('tells programs, native measures and counts apart, also in combined proxies', () => {
    const of = (...proxies: string[]) => scoredBy(resolveContenders({ proxies }));
    assert.deepEqual(of('params', 'flops'), { programs: false, measures: false, labelled: false });
    assert.deepEqual(of('eznas-a', 'params'), { programs: true, measures: false, labelled: false });
    assert.deepEqual(of('naswot'), { programs: false, measures: true, labelled: false });
    assert.deepEqual(of('eznas-a', 'snip'), { programs: true, measures: true, labelled: true });
    assert.equal(of('az-nas').measures, true);
  });

  it("'cuda' refuses native measures by name; no other device refuses anything", () => {
    const contenders = resolveContenders({ proxies: ['params', 'zen', 'snip'], programs: ['mean(T3)'] });
    for (const device of ['auto', 'cpu'] as const) requireDevice({ device }, contenders);
    requireDevice({ device: 'cuda' }, resolveContenders({ proxies: ['params'], programs: ['mean(T3)'] }));
    assert.throws(
      () => requireDevice({ device: 'cuda' }, contenders),
      (error: unknown) =>
        error instanceof EznasError &&
        error.code === 'INVALID_ARGUMENT' &&
        /^device 'cuda' does not run zen, snip: .*'auto'/.test(error.message),
    );
  });
});
