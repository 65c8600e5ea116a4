import assert from 'node:assert/strict';
import { TaskEvaluator } from '../../lib/discovery/task-evaluator.ts';
import { resolveDevice } from '../../lib/engine/device.ts';
import { evaluateTerms, scoreTerms } from '../../lib/engine/formulas.ts';
import { collectStatistics, evaluatePrograms, networkGradients, scoreNetworks } from '../../lib/engine/run.ts';
import { Statistics } from '../../lib/engine/statistics.ts';
import { evolve } from '../../lib/evolution/evolve.ts';
import { resolveConfig } from '../../lib/evolution/presets.ts';
import { drawTasks } from '../../lib/evolution/task.ts';
import { parseFormula } from '../../lib/formulas/parse.ts';
import { printFormula } from '../../lib/formulas/print.ts';
import { parameterTensors, params } from '../../lib/graph/counts.ts';
import { readOnnx } from '../../lib/onnx/read.ts';
import { ProgramGenerator } from '../../lib/programs/generate.ts';
import { parseProgram } from '../../lib/programs/parse.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { symbolicSignature } from '../../lib/programs/symbols.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { Random } from '../../lib/random.ts';
import { mobilenet } from '../../lib/spaces/mobilenet.ts';
import { randomInputs, smallNetworks } from '../engine/support.ts';
import { deviceBytes, withCode } from './support.ts';

const INDICES = [1462, 6111, 0, 15_624];
/** Rounding through a network; gradients jump where it changes the sign of what a ReLU reads. */
const BOUNDS = { activation: 2e-5, gradient: 2e-3 };
/** Programs of which no rounding is amplified. */
const PROGRAMS = ['mean(abs(T1D))', 'frobenius_norm(T3GN)', 'mean(abs(T4P))', 'l1_norm(T3)', 'mean(abs(T2GD))'].map(
  parseProgram,
);

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));

function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const size = Math.max(...Array.from(b, Math.abs));
  return Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!))) / size;
}

describe('the GPUs beside the CPU', () => {
  const networks = smallNetworks(INDICES);
  const inputs = randomInputs(3);

  it("'auto' takes the GPUs where there are any", async () => {
    assert.equal(resolveDevice('auto'), 'cuda');
    using statistics = await collectStatistics(smallNetworks([99]), inputs);
    assert.equal(statistics.device, 'cuda');
  });

  it('records the same tensors to rounding, and the same initial weights to the bit', async () => {
    using gpu = await collectStatistics(networks, inputs, { device: 'cuda', seed: 5, logits: true });
    using cpu = await collectStatistics(networks, inputs, { device: 'cpu', seed: 5, logits: true });
    assert.deepEqual([gpu.device, cpu.device], ['cuda', 'cpu']);
    for (let network = 0; network < INDICES.length; network++) {
      assert.deepEqual(gpu.units(network), cpu.units(network));
      for (let unit = 0; unit < cpu.units(network).length; unit++) {
        for (const name of TENSORS) {
          const [got, expected] = [gpu, cpu].map((statistics) => statistics.tensor(network, unit, name)!);
          if (name === 'T3') assert.deepEqual(got, expected);
          const base = cpu.tensor(network, unit, name.replace(/P$/, 'D') as typeof name)!;
          const bound = name.includes('G') ? BOUNDS.gradient : BOUNDS.activation;
          const distance = norm(got!.map((x, i) => x - expected![i]!)) / (norm(expected!) + norm(base) + 1e-3);
          assert.ok(distance <= bound, `network ${network}, unit ${unit}, ${name}: ${distance}`);
        }
      }
      for (const pass of ['D', 'N', 'P'] as const) {
        const distance = relativeDifference(gpu.logits(network, pass)!, cpu.logits(network, pass)!);
        assert.ok(distance < 1e-4, `logits ${pass}: ${distance}`);
      }
    }
  });

  it('gives the scores of the CPU, streamed as recorded', async () => {
    const options = { seed: 5, unitScores: true };
    const cpu = await scoreNetworks(networks, PROGRAMS, inputs, { ...options, device: 'cpu' });
    const gpu = await scoreNetworks(networks, PROGRAMS, inputs, { ...options, device: 'cuda' });
    using statistics = await collectStatistics(networks, inputs, { seed: 5, device: 'cuda' });
    const recorded = await evaluatePrograms(statistics, PROGRAMS, { unitScores: true });
    for (let program = 0; program < PROGRAMS.length; program++) {
      assert.deepEqual(gpu.row(program), recorded.row(program));
      const distance = relativeDifference(gpu.row(program), cpu.row(program));
      assert.ok(distance < 2e-3, `${printProgram(PROGRAMS[program]!)}: ${distance}`);
      for (let network = 0; network < networks.length; network++) {
        assert.deepEqual(gpu.unitScores(program, network), recorded.unitScores(program, network));
        assert.equal(gpu.unitScores(program, network)!.length, cpu.unitScores(program, network)!.length);
      }
    }
  });

  it("gives a network's matrices as the CPU, streamed as recorded", async () => {
    const formulas = ['logdet(unit_sum(gram(T1D)))', 'spectral_entropy(unit_max(add(gram(T4D), gram(T2D))))'].map(
      parseFormula,
    );
    const cpu = await scoreTerms(networks, formulas, inputs, { seed: 5, device: 'cpu' });
    const gpu = await scoreTerms(networks, formulas, inputs, { seed: 5, device: 'cuda' });
    using statistics = await collectStatistics(networks, inputs, { seed: 5, device: 'cuda' });
    assert.deepEqual(await evaluateTerms(statistics, networks, formulas), gpu);
    for (const at of formulas.keys()) {
      const distance = relativeDifference(gpu[at]![0]!, cpu[at]![0]!);
      assert.ok(distance < 1e-4, `${printFormula(formulas[at]!)}: ${distance}`);
    }
  });

  it('gives the scores of the CPU on networks with other activations and gates', async () => {
    const gated = [
      'relu6-d1k3e3p-d1k5e3p-d2k3e3p-d1k3e3p-d1k3e3p-d1k3e3p',
      'hardSwish-d1k3e3s-d2k3e3s-d1k5e3s-d1k3e3s-d1k3e3s-d1k3e3s',
    ].map((text, key) => ({
      graph: mobilenet.build(mobilenet.parse(text), { initialChannels: 4, resolution: 8 }),
      key,
    }));
    const [cpu, gpu] = [
      await scoreNetworks(gated, PROGRAMS, inputs, { seed: 5, device: 'cpu' }),
      await scoreNetworks(gated, PROGRAMS, inputs, { seed: 5, device: 'cuda' }),
    ];
    for (let program = 0; program < PROGRAMS.length; program++) {
      const distance = relativeDifference(gpu.row(program), cpu.row(program));
      assert.ok(distance < 2e-3, `${printProgram(PROGRAMS[program]!)}: ${distance}`);
    }
  });

  it('gives random programs on equal tensors the outcomes of the CPU', async () => {
    const generator = new ProgramGenerator(symbolicSignature());
    const random = new Random(3);
    const programs = Array.from({ length: 60 }, () => generator.generate(random, 2, 5));
    using cpu = await collectStatistics(networks.slice(0, 3), inputs, { device: 'cpu' });
    const given = [0, 1, 2].map((network) =>
      cpu.units(network).map((shapes, unit) => ({
        ...shapes,
        tensors: Object.fromEntries(TENSORS.map((name) => [name, cpu.tensor(network, unit, name)!])),
      })),
    );
    using gpu = Statistics.fromTensors(given, { device: 'cuda' });
    for (const name of TENSORS) assert.deepEqual(gpu.tensor(2, 4, name), cpu.tensor(2, 4, name));
    const [expected, got] = [await evaluatePrograms(cpu, programs), await evaluatePrograms(gpu, programs)];
    let far = 0;
    for (const [row, program] of programs.entries()) {
      for (let network = 0; network < 3; network++) {
        assert.equal(got.status(row, network), expected.status(row, network), printProgram(program));
        if (got.status(row, network) !== 'ok') continue;
        const [a, b] = [got.score(row, network), expected.score(row, network)];
        if (Math.abs(a - b) > 1e-3 * Math.abs(b)) far++;
      }
    }
    // Eigenvalue ratios and determinants of nearly singular matrices have no digits to compare.
    assert.ok(far <= 0.05 * 3 * programs.length, `${far} scores are far from the CPU's`);
  });

  it('gives the gradients of the CPU', async () => {
    const [gpu, cpu] = await Promise.all(
      (['cuda', 'cpu'] as const).map((device) => networkGradients(networks[0]!, inputs, { device })),
    );
    assert.ok(relativeDifference(gpu!.logits, cpu!.logits) < 1e-4);
    assert.ok(relativeDifference(gpu!.input, cpu!.input) < 1e-3);
    for (const [index, values] of cpu!.parameters.entries()) {
      if (norm(values) > 1e-3) assert.ok(relativeDifference(gpu!.parameters[index]!, values) < 1e-3, `${index}`);
    }
  });

  it('normalizes with the scales and shifts of a trained file', async () => {
    const trained = readOnnx(new URL('../fixtures/onnx/trained.onnx', import.meta.url).pathname, { weights: 'file' });
    const shape = trained.graph.inputShape;
    const random = new Random(4);
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 4) }, () => random.normal());
    const images = { batch: 4, shape, data };
    const [gpu, cpu] = [
      await networkGradients(trained, images, { device: 'cuda' }),
      await networkGradients(trained, images, { device: 'cpu' }),
    ];
    assert.ok(relativeDifference(gpu.logits, cpu.logits) < 1e-4);
    for (const [index, { role }] of parameterTensors(trained.graph).entries()) {
      const [got, expected] = [gpu.parameters[index]!, cpu.parameters[index]!];
      if (norm(expected) <= 1e-3) continue;
      const distance = relativeDifference(got, expected);
      assert.ok(distance < 1e-3, `${role} ${index}: ${distance}`);
    }
    const scores = async (device: 'cpu' | 'cuda') => scoreNetworks([trained], PROGRAMS, images, { device });
    const [onGpu, onCpu] = [await scores('cuda'), await scores('cpu')];
    for (const row of PROGRAMS.keys()) assert.ok(relativeDifference(onGpu.row(row), onCpu.row(row)) < 2e-3, `${row}`);
  });

  it('multiplies with 10 bits of mantissa where asked to, and the CPU does not', async () => {
    const score = async (device: 'cpu' | 'cuda', precision: 'float32' | 'tf32') =>
      (await scoreNetworks(networks, PROGRAMS, inputs, { device, precision })).row(0);
    const [exact, rounded] = [await score('cuda', 'float32'), await score('cuda', 'tf32')];
    assert.notDeepEqual(rounded, exact);
    assert.ok(relativeDifference(rounded, exact) < 0.01);
    assert.deepEqual(await score('cpu', 'tf32'), await score('cpu', 'float32'));
  });

  it('evolves from a seed what the CPU evolves from it', async () => {
    const pool = {
      name: 'small/data',
      space: 'small',
      size: 15_625,
      inputs: randomInputs(1),
      network: (index: number) => smallNetworks([index])[0]!,
      accuracy: (index: number) => params(smallNetworks([index])[0]!.graph),
    };
    const changes = { population: 8, generations: 2, tasksPerPool: 2, tasksPerGeneration: 2, networksPerTask: 5 };
    const config = resolveConfig('paper', { ...changes, sign: 'shared', heightDraw: 'uniform', seed: 3 });
    const tasks = drawTasks(pool, new Random(3), { tasks: 2, networksPerTask: 5 });
    const search = async (device: 'cpu' | 'cuda') => {
      using evaluator = new TaskEvaluator({ seed: 3, device });
      return await evolve({ config, tasks, signature: symbolicSignature(), evaluator: evaluator.evaluate });
    };
    const [gpu, cpu] = [await search('cuda'), await search('cpu')];
    assert.equal(printFormula(gpu.best.formula), printFormula(cpu.best.formula));
    assert.equal(gpu.best.sign, cpu.best.sign);
    // Rounding may exchange two networks of a task, which are 10 pairs.
    assert.ok(Math.abs(gpu.best.fitness - cpu.best.fitness) <= 0.2 + 1e-9, `${gpu.best.fitness}, ${cpu.best.fitness}`);
  });

  it('frees what statistics hold when they are disposed', async () => {
    const before = deviceBytes();
    const statistics = await collectStatistics(networks, inputs, { device: 'cuda' });
    assert.ok(statistics.bytes > 0);
    assert.ok(deviceBytes() >= before + statistics.bytes, `${before} + ${statistics.bytes}, ${deviceBytes()}`);
    const pending = evaluatePrograms(statistics, PROGRAMS);
    statistics.dispose();
    await pending;
    assert.equal(deviceBytes(), before);
  });

  it('evaluates programs where the statistics lie, and nowhere else', async () => {
    using statistics = await collectStatistics(smallNetworks([99]), inputs, { device: 'cuda' });
    assert.equal((await evaluatePrograms(statistics, PROGRAMS, { device: 'cuda' })).networks, 1);
    await assert.rejects(
      evaluatePrograms(statistics, PROGRAMS, { device: 'cpu' }),
      withCode('INVALID_ARGUMENT', /lie on 'cuda'.*device 'cpu'/),
    );
  });
});
