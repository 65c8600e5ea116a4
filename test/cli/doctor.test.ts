import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { adviseOnGpus, type GpuFindings } from '../../lib/cli/gpu-diagnosis.ts';
import { doctorResult, proxiesResult } from './schemas.ts';
import { eznas, jsonOf, start, useTemporaryFolder } from './support.ts';

describe('eznas doctor', () => {
  const temporary = useTemporaryFolder();

  /** What doctor finds with another addon, and its exit code. */
  async function doctorWith(addon: string) {
    const { code, stdout, stderr } = await start(['doctor', '--json'], { EZNAS_ADDON: addon }).outcome;
    assert.equal(stderr, '');
    return { code, ...doctorResult.parse(JSON.parse(stdout)) };
  }

  it('finds the addon, SQLite and the data whole', async () => {
    const { addon, binary, data, simd, sqlite, threads } = doctorResult.parse(await jsonOf('doctor'));
    assert.ok(addon.ok && addon.path.endsWith('.node'));
    assert.equal(binary!.path, addon.path);
    assert.ok(sqlite.ok && sqlite.version.startsWith('3.'));
    assert.ok(data.length === 2 && data.every(({ ok }) => ok));
    assert.ok(simd!.supported.includes(simd!.level));
    assert.ok(threads! >= 1);
  });

  it('prints lines for people', async () => {
    const { code, stdout } = await eznas('doctor');
    assert.equal(code, 0);
    const lines = [
      'eznas',
      'Node.js',
      'platform',
      'binary',
      'addon',
      'CPU',
      'instructions',
      'threads',
      'memory',
      'GPU',
    ];
    for (const what of [...lines, 'SQLite', 'data/photographs']) assert.match(stdout, new RegExp(`^${what}\t.`, 'm'));
  });

  it('tells who chose the instructions', async () => {
    const outcome = await start(['doctor'], { EZNAS_SIMD: 'baseline' }).outcome;
    assert.match(outcome.stdout, /^instructions\tbaseline, by EZNAS_SIMD \(supported: baseline/m);
  });

  it('tells why an addon does not load: it is not there', async () => {
    const path = temporary('missing.node');
    const { code, addon, binary, simd, sqlite, gpu } = await doctorWith(path);
    assert.equal(code, 5);
    assert.deepEqual(binary, { path, origin: 'environment', why: 'EZNAS_ADDON names it', needsGlibc: null });
    assert.ok(!addon.ok);
    assert.match(addon.error, /does not load on linux-\w+ \(glibc 2\.\d+\) with Node v\d+.*missing\.node/s);
    assert.match(addon.error, /unset that to take the package's own/);
    assert.equal(simd, null);
    assert.equal(gpu.advice, null);
    assert.ok(sqlite.ok);
  });

  it('tells why an addon does not load: it is no binary', async () => {
    writeFileSync(
      temporary('text.node'),
      'no binary at all, but long enough to have a header where one is looked for\n'.repeat(10),
    );
    const { code, addon } = await doctorWith(temporary('text.node'));
    assert.equal(code, 5);
    assert.ok(!addon.ok);
    assert.match(addon.error, /text\.node: invalid ELF header/);
  });

  it('tells why an addon does not load in one line of the table', async () => {
    const { code, stdout } = await start(['doctor'], { EZNAS_ADDON: temporary('missing.node') }).outcome;
    assert.equal(code, 5);
    assert.ok(stdout.split('\n').every((line) => line === '' || line.split('\t').length === 2));
  });

  for (const [what, source, error] of [
    ['aborts', 'process.abort();', 'loading it crashed the process (SIGABRT)'],
    [
      'uses instructions that the processor lacks',
      "process.kill(process.pid, 'SIGILL');",
      'loading it crashed the process (SIGILL)',
    ],
    ['ends the process', 'process.exit(0);', 'loading it ended the process'],
  ] as const) {
    it(`outlives an addon that ${what}`, async () => {
      writeFileSync(temporary('fake.cjs'), source);
      const { code, addon } = await doctorWith(temporary('fake.cjs'));
      assert.equal(code, 5);
      assert.deepEqual(addon, { ok: false, error });
    });
  }

  it('tells that what loads is no addon of eznas', async () => {
    writeFileSync(temporary('fake.cjs'), 'module.exports = {};');
    const { code, addon } = await doctorWith(temporary('fake.cjs'));
    assert.equal(code, 5);
    assert.ok(!addon.ok);
    assert.match(addon.error, /fake\.cjs is no addon of eznas/);
  });

  it('tells of the GPUs that the addon finds', async () => {
    const device = { name: 'NVIDIA H100', computeCapability: '9.0', memory: 80 * 2 ** 30 };
    const info = {
      simd: { level: 'baseline', supported: ['baseline'] },
      threads: 3,
      memory: { limit: 0, inUse: 0 },
      compiler: 'fake',
      cuda: { driver: '13.0', runtime: '13.0', devices: [{ ...device, usable: true }] },
    };
    writeFileSync(temporary('fake.cjs'), `module.exports = { info: () => (${JSON.stringify(info)}) };`);
    const { code, gpu, threads } = await doctorWith(temporary('fake.cjs'));
    assert.deepEqual({ code, threads }, { code: 0, threads: 3 });
    assert.deepEqual(
      { ...gpu, driver: null },
      { driver: null, devices: [device], cuda: '13.0', usable: true, advice: null },
    );
    const { stdout } = await start(['doctor'], { EZNAS_ADDON: temporary('fake.cjs') }).outcome;
    assert.match(
      stdout,
      /^GPU\t.*NVIDIA H100 \(compute capability 9\.0, 80\.0 GiB\); code of CUDA 13\.0 in the binary; usable$/m,
    );
  });
});

describe('advice on GPUs', () => {
  const h100 = { name: 'NVIDIA H100', memory: 80 * 2 ** 30, computeCapability: '9.0', usable: true };
  const advise = (findings: Partial<GpuFindings>) =>
    adviseOnGpus({ driver: '580.65.06', devices: [h100], cuda: { runtime: '13.0', devices: [] }, ...findings });

  const cases: readonly (readonly [what: string, findings: Partial<GpuFindings>, advice: RegExp | null])[] = [
    ['none where CUDA finds a device', { cuda: { runtime: '13.0', devices: [h100] } }, null],
    ['none where the addon does not load', { cuda: null }, null],
    ['a driver where there is none', { driver: null, devices: [] }, /no NVIDIA driver.*r580/],
    [
      'a newer driver',
      { driver: '570.124.06', cuda: { runtime: '13.0', devices: [], error: 'cudaErrorInsufficientDriver' } },
      /570\.124\.06 is too old for CUDA 13; install r580/,
    ],
    ['another build', { cuda: undefined }, /no CUDA code; use the prebuilt linux-x64 binary.*build:source/],
    [
      'a newer GPU',
      { devices: [{ ...h100, computeCapability: '7.5' }], cuda: { runtime: '13.0', devices: [] } },
      /compute capability 7\.5 is too low; 8\.0/,
    ],
    ["CUDA's own words", { cuda: { runtime: '13.0', devices: [], error: 'out of memory' } }, /^out of memory$/],
    ['permissions', {}, /CUDA_VISIBLE_DEVICES.*\/dev\/nvidia/],
  ];
  for (const [what, findings, advice] of cases) {
    it(what, () => {
      const given = advise(findings);
      if (advice === null) assert.equal(given, null);
      else assert.match(given!, advice);
    });
  }
});

describe('eznas proxies', () => {
  it('lists the named proxies', async () => {
    const { proxies } = proxiesResult.parse(await jsonOf('proxies'));
    const eznasA = proxies.find(({ name }) => name === 'eznas-a');
    assert.equal(eznasA?.definition, 'frobenius_norm(sigmoid(logdet(sign(T1GD))))');
    assert.deepEqual(eznasA?.reads, ['T1GD']);
  });
});
