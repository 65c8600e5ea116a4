/** The package as installed from its tarball; scripts/test-package.sh prepares the folders and runs this. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { doctorResult, evaluateResult, evolveResult, scoreResult } from '../cli/schemas.ts';

/** Has `bin` (the tools there are), `empty` (the folder with the package), `cache` (npm's) and `install.log`. */
const WORK = process.env['EZNAS_PACKAGE'] ?? assert.fail('run it by "npm run test:package"');
/** Command that runs another without network. */
const ISOLATION = (process.env['EZNAS_ISOLATION'] ?? '').split(' ').filter(Boolean);
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(WORK, 'empty');
const INSTALLED = join(FOLDER, 'node_modules/eznas');
const PREBUILT = join(INSTALLED, `prebuilds/linux-${process.arch}/eznas.glibc.node`);

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command where there is no compiler, and no network where rights suffice to cut it off. */
function bare(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Outcome {
  const npm = { npm_config_offline: 'true', npm_config_update_notifier: 'false' };
  const env = { PATH: join(WORK, 'bin'), HOME: WORK, PREBUILDS_ONLY: '1', ...npm, ...environment };
  const [program, ...rest] = [...ISOLATION, command, ...args];
  const { status, stdout, stderr } = spawnSync(program!, rest, { cwd: FOLDER, env, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

const eznas = (...args: string[]) => bare('npx', ['eznas', ...args]);

function jsonOf(...args: string[]): unknown {
  const { code, stdout, stderr } = eznas(...args, '--json');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return JSON.parse(stdout) as unknown;
}

/** Every file below a folder, by its path in it. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('node_modules/'));
}

describe('the tarball', () => {
  const manifest = () => JSON.parse(readFileSync(join(INSTALLED, 'package.json'), 'utf8')) as Record<string, object>;

  it('holds what runs and what the addon is built from, and nothing else', () => {
    const allowed =
      /^(dist\/.+\.(js|d\.ts)|dist\/report\/assets\/page\.css|data\/.+|docs\/.+\.md|prebuilds\/linux-(x64|arm64)\/eznas\.glibc\.(node|json)|(native|kernels)\/.+\.(cpp|h|cu|cuh|map)|cmake\/.+\.cmake|scripts\/build-source\.sh|CMakeLists\.txt|package\.json|README\.md|CHANGELOG\.md|LICENSE|NOTICE)$/;
    const files = filesOf(INSTALLED);
    assert.deepEqual(
      files.filter((path) => !allowed.test(path)),
      [],
    );
    for (const path of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
      'native/addon/addon.cpp',
      'LICENSE',
      'NOTICE',
    ]) {
      assert.ok(files.includes(path), path);
    }
  });

  it('runs nothing at installation', () => {
    const scripts = Object.keys(manifest()['scripts']!);
    assert.deepEqual(
      scripts.filter((name) => /^(pre|post)?install$/.test(name)),
      [],
    );
    assert.ok(!existsSync(join(INSTALLED, 'binding.gyp')));
    // npm announces each script that it runs; a dependency's only looks whether its binary loads.
    const log = readFileSync(join(WORK, 'install.log'), 'utf8');
    assert.match(log, /^added \d+ packages/m);
    const run = [...log.matchAll(/^> (@?[^@\s]+)@\S+ (\S+)$/gm)].map(([, name, script]) => `${name} ${script}`);
    assert.deepEqual(
      run.filter((script) => script !== '@photostructure/sqlite install'),
      [],
    );
    assert.ok(!existsSync(join(INSTALLED, 'build')));
  });

  it('came to a machine that cannot build', () => {
    if (ISOLATION.length > 0) {
      const connect = "fetch('https://registry.npmjs.org').then(() => process.exit(0), () => process.exit(9))";
      assert.equal(bare('node', ['-e', connect]).code, 9);
    }
    for (const tool of ['cc', 'c++', 'gcc', 'g++', 'clang', 'cmake', 'make', 'ninja', 'nvcc', 'python3', 'node-gyp']) {
      assert.notEqual(bare('sh', ['-c', `command -v ${tool}`]).code, 0, tool);
    }
  });
});

describe('the installed package', () => {
  it('is whole, says doctor, with the prebuilt binary', () => {
    const { addon, binary, sqlite, data, glibc } = doctorResult.parse(jsonOf('doctor'));
    assert.ok(addon.ok && sqlite.ok && data.every(({ ok }) => ok));
    assert.deepEqual({ path: binary!.path, origin: binary!.origin }, { path: PREBUILT, origin: 'prebuilt' });
    assert.match(binary!.needsGlibc!, /^2\.\d+$/);
    assert.notEqual(glibc, null);
  });

  it('takes the prebuilt binary by itself where there is no local build', () => {
    const { code, stdout } = bare('npx', ['eznas', 'doctor'], { PREBUILDS_ONLY: '' });
    assert.equal(code, 0);
    assert.match(stdout, /eznas\.glibc\.node \(prebuilt, for glibc 2\.\d+ or newer: there is no local build\)/);
  });

  it('scores', () => {
    const { scores } = scoreResult.parse(jsonOf('score', '--proxy', 'eznas-a', '--batch', '2', '6111', '9930'));
    assert.ok(scores['eznas-a']!.length === 2 && scores['eznas-a']!.every(Number.isFinite));
  });

  it('evaluates', () => {
    const { results } = evaluateResult.parse(
      jsonOf('evaluate', '--proxy', 'eznas-a', '--proxy', 'params', '--networks', '20', '--batch', '2'),
    );
    assert.deepEqual(
      results.map(({ networks }) => networks),
      [20, 20],
    );
  });

  it('evolves, and resumes', () => {
    const small = ['--generations', '2', '--population', '6', '--networks', '16', '--held-out', '10'];
    const run = join(WORK, 'run');
    const { best } = evolveResult.parse(jsonOf('evolve', ...small, '--run', run));
    assert.deepEqual(readdirSync(run).sort(), [
      'archive.sqlite',
      'checkpoint.json',
      'config.json',
      'lock',
      'report.html',
      'report.json',
      'times.jsonl',
    ]);
    assert.deepEqual(evolveResult.parse(jsonOf('evolve', '--resume', run)).best, best);
  });

  it('is typed, and runs from a script: the examples', () => {
    const sources = readdirSync(join(REPOSITORY, 'examples'));
    for (const name of sources) cpSync(join(REPOSITORY, 'examples', name), join(FOLDER, name.replace('.ts', '.mts')));
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
    const target = ['--target', 'es2023', '--lib', 'es2023,esnext.disposable', '--module', 'nodenext', '--strict'];
    const types = [
      '--typeRoots',
      join(REPOSITORY, 'node_modules/@types'),
      '--types',
      'node',
      '--skipLibCheck',
      'false',
    ];
    const files = sources.filter((name) => name.endsWith('.ts')).map((name) => name.replace('.ts', '.mts'));
    const checked = bare(process.execPath, [tsc, ...target, ...types, '--noEmitOnError', ...files]);
    assert.equal(checked.code, 0, checked.stdout);
    for (const name of ['own-statistics.mjs', 'score-networks.mjs']) {
      const { code, stdout, stderr } = bare(process.execPath, [name]);
      assert.equal(code, 0, stderr);
      assert.notEqual(stdout, '');
    }
  });
});

describe('an installed package whose binary does not fit', () => {
  const score = ['eznas', 'score', '--proxy', 'eznas-a', '--batch', '1', '6111'];
  const where = new RegExp(`on linux-${process.arch} \\(glibc 2\\.\\d+\\) with Node ${process.version}`);

  /** Replaces files of the package for the time of some work. */
  function without<T>(path: string, work: () => T): T {
    const aside = join(WORK, 'aside');
    renameSync(path, aside);
    try {
      return work();
    } finally {
      rmSync(path, { recursive: true, force: true });
      renameSync(aside, path);
    }
  }

  function fails({ code, stdout, stderr }: Outcome, ...patterns: RegExp[]): void {
    assert.deepEqual({ code, stdout }, { code: 5, stdout: '' }, stderr);
    for (const pattern of patterns) assert.match(stderr, pattern);
  }

  it('names platform, libc, Node.js and the command that builds, where there is none', () => {
    without(join(INSTALLED, 'prebuilds'), () => {
      const advice = new RegExp(`"npm run build:source" in ${INSTALLED}/`);
      fails(bare('npx', score), where, advice, /there is no local build, and no prebuilt binary/);
      const { code, stdout } = eznas('doctor');
      assert.equal(code, 5);
      assert.match(stdout, /^binary\tnone$/m);
    });
  });

  it('names those there are, where they are for another C library', () => {
    fails(
      bare('npx', score, { LIBC: 'musl' }),
      where,
      new RegExp(`none of the prebuilt binaries fits \\(.*linux-${process.arch}/eznas`),
    );
  });

  it('tells the glibc that a binary needs, where it is newer', () => {
    // Cut off, as a stand-in for one that the loader refuses.
    without(dirname(PREBUILT), () => {
      mkdirSync(dirname(PREBUILT));
      writeFileSync(PREBUILT, 'no binary');
      writeFileSync(PREBUILT.replace(/node$/, 'json'), JSON.stringify({ glibc: '2.99' }));
      fails(bare('npx', score), where, /the prebuilt binary needs glibc 2\.99 or newer: .*file too short/);
    });
  });

  it('works without run folders, where SQLite does not load', () => {
    without(join(FOLDER, 'node_modules/@photostructure/sqlite/prebuilds'), () => {
      assert.equal(bare('npx', score).code, 0);
      fails(
        eznas('evolve', '--run', join(WORK, 'none')),
        /SQLite, which keeps run folders, does not load/,
        /npm rebuild/,
      );
      const { code, stdout } = eznas('doctor');
      assert.equal(code, 5);
      assert.match(stdout, /^SQLite\tSQLite, which keeps run folders, does not load/m);
    });
  });

  it('mends itself by the command that the error names', () => {
    without(join(INSTALLED, 'prebuilds'), () => {
      const [, command, folder] = /"(npm run build:source)" in (\S+)/.exec(bare('npx', score).stderr)!;
      const cache = { npm_config_cache: join(WORK, 'cache'), CCACHE_BASEDIR: folder!, PREBUILDS_ONLY: '' };
      const built = spawnSync(`${command} -- --CDEZNAS_CUDA=OFF`, {
        cwd: folder!,
        shell: true,
        encoding: 'utf8',
        env: { ...process.env, ...cache },
      });
      assert.equal(built.status, 0, built.stderr);
      const { code, stdout } = bare('npx', ['eznas', 'doctor'], { PREBUILDS_ONLY: '' });
      assert.equal(code, 0);
      assert.match(stdout, /build\/Release\/eznas\.node \(local build/);
      assert.equal(bare('npx', score, { PREBUILDS_ONLY: '' }).code, 0);
    });
  }).timeout(900_000);
});
