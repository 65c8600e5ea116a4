import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHOICE = fileURLToPath(new URL('../../cmake/cuda-choice.cmake', import.meta.url));

describe('the choice of the CUDA backend', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'eznas-cuda-choice-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Calls a function of the file with variables to set; gives them, in a machine that has these programs. */
  function call(name: string, variables: readonly string[], programs: Readonly<Record<string, string>>): string[] {
    const bin = mkdtempSync(join(folder, 'bin-'));
    for (const [program, body] of Object.entries(programs))
      writeFileSync(join(bin, program), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    const script = join(bin, 'script.cmake');
    const show = variables.map((variable) => `message("${variable}=\${${variable}}")`);
    writeFileSync(
      script,
      [
        // The version that eznas asks for; nothing of this machine is looked at.
        'cmake_minimum_required(VERSION 3.25)',
        `set(CMAKE_SYSTEM_PREFIX_PATH "")`,
        `set(ENV{PATH} "${bin}")`,
        `include("${CHOICE}")`,
        `${name}(${variables.join(' ')})`,
        ...show,
      ].join('\n'),
    );
    const { status, stderr } = spawnSync('cmake', ['-P', script], {
      encoding: 'utf8',
      env: { ...process.env, CUDACXX: '' },
    });
    assert.equal(status, 0, stderr);
    const lines = stderr.trimEnd().split('\n');
    return variables.map((variable, i) => {
      assert.ok(lines[i]?.startsWith(`${variable}=`), stderr);
      return lines[i]!.slice(variable.length + 1);
    });
  }

  const gpus = (body?: string) =>
    call('eznas_find_gpus', ['usable', 'architectures', 'why'], body === undefined ? {} : { 'nvidia-smi': body });

  it('takes the GPUs that the backend has code for, each kind once', () => {
    assert.deepEqual(gpus('echo 9.0; echo 8.6; echo 9.0; echo 7.5'), [
      'TRUE',
      '90-real;86-real',
      'GPUs of compute capability 9.0, 8.6, 7.5',
    ]);
    assert.deepEqual(gpus('echo 12.0').slice(0, 2), ['TRUE', '120-real']);
  });

  it('leaves it out where there are none, or only older ones', () => {
    assert.deepEqual(gpus('echo 7.5'), ['FALSE', '', 'compute capability 7.5 is below 8.0']);
    assert.deepEqual(gpus('echo No devices were found'), ['FALSE', '', 'nvidia-smi lists no GPU']);
    if (existsSync('/dev/nvidiactl')) return;
    for (const body of [undefined, 'exit 9']) assert.deepEqual(gpus(body), ['FALSE', '', 'no NVIDIA GPU can be seen']);
  });

  const nvcc = (version: string) =>
    call('eznas_find_nvcc', ['nvcc', 'problem'], {
      nvcc: `echo "Cuda compilation tools, ${version}"`,
    });

  it('asks for CUDA 13 or newer', () => {
    for (const version of ['release 13.0, V13.0.88', 'release 14.2, V14.2.1']) {
      const [path, problem] = nvcc(version);
      assert.match(path!, /\/nvcc$/);
      assert.equal(problem, '');
    }
    const [path, problem] = nvcc('release 12.9, V12.9.86');
    assert.equal(path, '');
    assert.match(problem!, /nvcc is of CUDA 12\.9; 13\.0 or newer is needed/);
    assert.match(nvcc('nothing')[1]!, /no nvcc that tells its version/);
  });
});
