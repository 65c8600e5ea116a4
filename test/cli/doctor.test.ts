import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { doctorResult, proxiesResult } from './schemas.ts';
import { eznas, jsonOf, start, useTemporaryFolder } from './support.ts';

describe('eznas doctor', () => {
  const temporary = useTemporaryFolder();

  it('finds the addon and the data whole', async () => {
    const { addon, data, simd, threads } = doctorResult.parse(await jsonOf('doctor'));
    assert.ok(addon.ok && addon.path?.endsWith('.node'));
    assert.ok(data.length === 2 && data.every(({ ok }) => ok));
    assert.ok(simd!.supported.includes(simd!.level));
    assert.ok(threads! >= 1);
  });

  it('prints lines for people', async () => {
    const { code, stdout } = await eznas('doctor');
    assert.equal(code, 0);
    for (const what of ['eznas', 'Node.js', 'addon', 'CPU', 'instructions', 'threads', 'memory', 'GPU']) {
      assert.match(stdout, new RegExp(`^${what}\t.`, 'm'));
    }
  });

  it('tells why an addon does not load', async () => {
    const { code, stdout } = await start(['doctor', '--json'], { EZNAS_ADDON: temporary('missing.node') }).outcome;
    assert.equal(code, 5);
    const { addon, simd } = doctorResult.parse(JSON.parse(stdout));
    assert.ok(!addon.ok);
    assert.match(addon.error, /does not load.*missing\.node/s);
    assert.equal(simd, null);
  });

  it('outlives an addon that crashes the process', async () => {
    const crasher = temporary('crasher.cjs');
    writeFileSync(crasher, 'process.abort();');
    const { code, stdout } = await start(['doctor', '--json'], { EZNAS_ADDON: crasher }).outcome;
    assert.equal(code, 5);
    const { addon } = doctorResult.parse(JSON.parse(stdout));
    assert.deepEqual(addon, { ok: false, error: 'loading it crashed the process (SIGABRT)' });
  });
});

describe('eznas proxies', () => {
  it('lists the named proxies', async () => {
    const { proxies } = proxiesResult.parse(await jsonOf('proxies'));
    const eznasA = proxies.find(({ name }) => name === 'eznas-a');
    assert.equal(eznasA?.definition, 'frobenius_norm(sigmoid(logdet(sign(T1GD))))');
    assert.deepEqual(eznasA?.reads, ['T1GD']);
  });
});
