import assert from 'node:assert/strict';
import { ProgramGenerator } from '../../lib/programs/generate.ts';
import { operatorOf, PAPER_OPERATORS } from '../../lib/programs/operators.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { symbolicSignature } from '../../lib/programs/symbols.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { apply, isLeaf, leaf, type Program, subtrees } from '../../lib/programs/tree.ts';
import { checkProgram, formatShape, inferShapes } from '../../lib/programs/typing.ts';
import { Random } from '../../lib/random.ts';

const signature = symbolicSignature();
const generator = new ProgramGenerator(signature);

const shapesOf = (program: Program) => {
  const shapes = inferShapes(program, signature);
  assert.ok(Array.isArray(shapes));
  return shapes;
};

/** Depths at which leaves stand. */
function leafDepths(program: Program, depth = 0): number[] {
  return isLeaf(program) ? [depth] : program.operands.flatMap((operand) => leafDepths(operand, depth + 1));
}

/** DEAP's generator as it is: untyped, one call. */
function untyped(random: Random, min: number, max: number): Program {
  const full = random.integer(2) === 0;
  const height = min + random.integer(max - min + 1);
  const terminalRatio = TENSORS.length / (TENSORS.length + PAPER_OPERATORS.length);
  const grow = (depth: number): Program => {
    if (depth === height || (!full && depth >= min && random.uniform() < terminalRatio))
      return leaf(random.choice(TENSORS));
    const { name, arity } = operatorOf(random.choice(PAPER_OPERATORS));
    return apply(name, ...Array.from({ length: arity }, () => grow(depth + 1)));
  };
  return grow(0);
}

describe('generating programs', () => {
  it('finds the types that shapes can reach', () => {
    const names = (options: Parameters<typeof symbolicSignature>[0]) => {
      const s = symbolicSignature(options);
      return new ProgramGenerator(s).types.map((type) => formatShape(type, s.symbols));
    };
    const common = ['B×Cin×H×H', 'Cout×Cin×kh×kh', "B×Cout×H'×H'", 'scalar', '1', 'B×Cin', 'Cout×Cin', 'B×Cout'];
    assert.deepEqual(names({}), common);
    assert.deepEqual(names({ square: false }), ['B×Cin×H×W', 'Cout×Cin×kh×kw', "B×Cout×H'×W'", 'scalar', '1']);
    assert.ok(names({ grouped: true }).includes('B×Cg'));
  });

  it('gives valid programs with leaves at the heights asked for, all operators and tensors among them', () => {
    const random = new Random(1);
    const seen = new Set<string>();
    let full = 0;
    const count = 4000;
    for (let i = 0; i < count; i++) {
      const program = generator.generate(random, 2, 6);
      assert.equal(checkProgram(program, [signature]), undefined);
      const depths = leafDepths(program);
      assert.ok(Math.min(...depths) >= 2 && Math.max(...depths) <= 6);
      if (Math.min(...depths) === Math.max(...depths)) full += 1;
      for (const node of subtrees(program)) seen.add(isLeaf(node) ? node.tensor : node.operator);
    }
    assert.equal(seen.size, PAPER_OPERATORS.length + TENSORS.length);
    assert.ok(full > count / 2 && full < count);
  });

  it('gives programs of the type asked for', () => {
    const random = new Random(2);
    for (const type of generator.types) {
      for (let i = 0; i < 200; i++) {
        const program = generator.generate(random, 0, 5, type);
        assert.deepEqual(shapesOf(program)[0], type);
        assert.ok(program.height <= 5);
      }
    }
    assert.ok(generator.canGenerate(0, 0, signature.before));
    assert.ok(!generator.canGenerate(0, 0, []));
    assert.ok(generator.canGenerate(0, 1, []));
    assert.ok(!generator.canGenerate(0, 5, [7, 7, 7]));
    assert.throws(() => generator.generate(random, 0, 0, []), { code: 'INVALID_ARGUMENT', message: /shape scalar/ });
  });

  it('draws every possible height alike when heights are uniform', () => {
    const random = new Random(3);
    const counts = [0, 0, 0];
    // Trees of one unary operator are as high as what was drawn, unless grown, where a leaf may come early.
    const chains = new ProgramGenerator(signature, { operators: ['abs'], tensors: ['T1D'] });
    for (let i = 0; i < 6000; i++) counts[chains.generate(random, 0, 2).height]! += 1;
    // Full: 1/3 each. Grown, with a leaf half the time: heights 0, 1, 2 with 1/3 + 1/3·1/2·2, 1/3·1/2 + 1/3·1/4, 1/3·1/4.
    const expected = [(1 / 3 + 2 / 3) / 2, (1 / 3 + 1 / 4) / 2, (1 / 3 + 1 / 12) / 2];
    counts.forEach((count, height) => {
      assert.ok(Math.abs(count / 6000 - expected[height]!) < 0.03, `height ${height}: ${count / 6000}`);
    });
  });

  it('draws, with conditional heights, what rejection from the untyped generator leaves', () => {
    const random = new Random(4);
    const rejected: Program[] = [];
    while (rejected.length < 6000) {
      const program = untyped(random, 1, 4);
      if (!checkProgram(program, [signature])) rejected.push(program);
    }
    const conditional = new ProgramGenerator(signature, { heights: 'conditional' });
    const drawn = Array.from({ length: 6000 }, () => conditional.generate(random, 1, 4));

    const featuresOf = (program: Program): string[] => [
      `height ${program.height}`,
      `root ${isLeaf(program) ? 'leaf' : program.operator}`,
      `type ${shapesOf(program)[0]!.join()}`,
      `size ${Math.min(program.size, 12)}`,
      ...new Set([...subtrees(program)].map((node) => (isLeaf(node) ? node.tensor : `has ${node.operator}`))),
    ];
    const shares = (programs: readonly Program[]): Map<string, number> => {
      const counts = new Map<string, number>();
      for (const program of programs) {
        for (const feature of featuresOf(program))
          counts.set(feature, (counts.get(feature) ?? 0) + 1 / programs.length);
      }
      return counts;
    };
    const [ours, theirs] = [shares(drawn), shares(rejected)];
    for (const feature of new Set([...ours.keys(), ...theirs.keys()])) {
      const [p, q] = [ours.get(feature) ?? 0, theirs.get(feature) ?? 0];
      // Five standard errors of the difference of two shares.
      const bound = 5 * Math.sqrt((p * (1 - p) + q * (1 - q)) / 6000) + 1e-3;
      assert.ok(Math.abs(p - q) < bound, `${feature}: ${p} drawn, ${q} by rejection`);
    }
  });

  it('uses only the operators and tensors it was given', () => {
    const random = new Random(5);
    const few = new ProgramGenerator(signature, { operators: ['abs', 'mean', 'add'], tensors: ['T3', 'T1D'] });
    for (let i = 0; i < 200; i++)
      assert.match(printProgram(few.generate(random, 0, 4)), /^(abs|mean|add|T3|T1D|[(), ])*$/);
    assert.deepEqual(few.types, [signature.weight, signature.before, []]);
  });

  it('gives the same programs for the same seed', () => {
    const draw = (seed: number): string[] => {
      const random = new Random(seed);
      return Array.from({ length: 50 }, () => printProgram(new ProgramGenerator(signature).generate(random, 2, 6)));
    };
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
  });

  it('refuses impossible requests', () => {
    const random = new Random(6);
    for (const [min, max] of [
      [3, 2],
      [-1, 2],
      [0, 12],
      [0.5, 2],
      [Number.NaN, 2],
    ] as const) {
      assert.throws(() => generator.generate(random, min, max), { code: 'INVALID_ARGUMENT' });
    }
    assert.throws(() => new ProgramGenerator(signature, { operators: [] }), { code: 'INVALID_ARGUMENT' });
    assert.throws(() => new ProgramGenerator(signature, { tensors: [] }), { code: 'INVALID_ARGUMENT' });
    assert.throws(() => new ProgramGenerator(signature, { tensors: ['T9' as 'T3'] }), {
      code: 'INVALID_ARGUMENT',
      message: /'T9'/,
    });
    assert.throws(() => new ProgramGenerator(signature, { operators: ['nop' as 'add'] }), {
      code: 'INVALID_ARGUMENT',
      message: /'nop'/,
    });
    // Determinants of determinants of B×Cin do not exist.
    assert.throws(
      () => new ProgramGenerator(signature, { operators: ['det'], tensors: ['T1D'] }).generate(random, 2, 3),
      {
        code: 'INVALID_ARGUMENT',
      },
    );
  });
});
