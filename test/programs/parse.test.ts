import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EznasError } from '../../lib/errors.ts';
import { nearestName } from '../../lib/nearest.ts';
import { OPERATORS } from '../../lib/programs/operators.ts';
import { ProgramSyntaxError, parseProgram } from '../../lib/programs/parse.ts';
import { printProgram } from '../../lib/programs/print.ts';
import { TENSORS } from '../../lib/programs/tensors.ts';
import { MAX_HEIGHT, MAX_SIZE } from '../../lib/programs/tree.ts';
import { anyProgram } from './arbitraries.ts';

function failure(text: string): ProgramSyntaxError {
  try {
    parseProgram(text);
  } catch (error) {
    assert.ok(error instanceof ProgramSyntaxError);
    assert.equal(error.code, 'INVALID_PROGRAM');
    return error;
  }
  throw new Error(`parsed: ${text}`);
}

describe('parsing programs', () => {
  it('reads what it prints', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        const text = printProgram(program);
        assert.equal(printProgram(parseProgram(text)), text);
      }),
    );
  });

  it('ignores white space between tokens', () => {
    assert.equal(printProgram(parseProgram(' \n add (\tT1D ,T2D\r\n) ')), 'add(T1D, T2D)');
  });

  it('names the offending token, its place and what would be right', () => {
    const cases: [text: string, offset: number, message: RegExp][] = [
      ['', 0, /expected an operator or a tensor, found the end \(line 1, column 1/],
      ['lodget(T1D)', 0, /unknown operator 'lodget'; did you mean 'logdet'\?/],
      ['abs(T1GDD)', 4, /unknown tensor 'T1GDD'; did you mean 'T1GD'\?.*column 5/],
      ['abs(t1gd)', 4, /did you mean 'T1GD'/],
      ['zzzzzz(T3)', 0, /unknown operator 'zzzzzz' \(/],
      ['abs', 3, /abs takes 1 operand in parentheses, found the end/],
      ['abs(T3', 6, /expected ',' or '\)', found the end/],
      ['abs()', 4, /expected an operator or a tensor, found '\)'/],
      ['abs(T3, T3)', 6, /abs takes 1 operand, got more/],
      ['add(T3)', 6, /add takes 2 operands, got 1/],
      ['add(T3,\n  T3 T3)', 13, /found 'T3' \(line 2, column 6/],
      ['abs(T3))', 7, /unexpected '\)' after the end/],
      ['T3(T3)', 2, /tensor 'T3' takes no operands/],
      ['abs(😀)', 4, /found '😀'/],
      ['abs(-T3)', 4, /found '-'/],
    ];
    for (const [text, offset, message] of cases) {
      const error = failure(text);
      assert.match(error.message, message);
      assert.equal(error.offset, offset, text);
    }
  });

  it('bounds height and size without overflowing the stack', () => {
    assert.equal(parseProgram(`${'abs('.repeat(MAX_HEIGHT)}T3${')'.repeat(MAX_HEIGHT)}`).height, MAX_HEIGHT);
    assert.match(failure('abs('.repeat(1e5)).message, /higher than 200/);
    const tree = (height: number): string => (height === 0 ? 'T3' : `add(${tree(height - 1)}, ${tree(height - 1)})`);
    assert.equal(parseProgram(tree(11)).size, 4095);
    assert.match(failure(tree(13)).message, new RegExp(`more than ${MAX_SIZE} nodes`));
  });

  it('keeps messages short, whatever the text', () => {
    assert.ok(failure('x'.repeat(1e6)).message.length < 400);
    assert.ok(failure(`abs(${' '.repeat(1e6)}`).message.length < 400);
  });

  it('gives a program or a syntax error for any text', () => {
    const words = [...OPERATORS.map((row) => row.name), ...TENSORS, '(', ')', ',', ' ', '(', ')', '\n', 'T5', '0'];
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((parts) => parts.join('')),
      fc.tuple(anyProgram, fc.nat(), fc.string({ maxLength: 2 })).map(([program, at, noise]) => {
        const text = printProgram(program);
        const cut = at % text.length;
        return text.slice(0, cut) + noise + text.slice(cut + 1);
      }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        try {
          parseProgram(text);
        } catch (error) {
          assert.ok(error instanceof EznasError && error.code === 'INVALID_PROGRAM');
        }
      }),
      { numRuns: 2000 },
    );
    for (const value of [undefined, null, 3, {}]) {
      assert.throws(() => parseProgram(value as unknown as string), { code: 'INVALID_PROGRAM' });
    }
  });
});

describe('nearest name', () => {
  it('finds slips of a few letters, and nothing for what is far', () => {
    assert.equal(nearestName('sigmod', ['sigmoid', 'sign']), 'sigmoid');
    assert.equal(nearestName('sgin', ['sigmoid', 'sign']), 'sign');
    assert.equal(nearestName('ABS', ['abs']), 'abs');
    assert.equal(nearestName('cosine', ['sign', 'abs']), undefined);
    assert.equal(nearestName('', ['abs']), undefined);
    assert.equal(nearestName('x'.repeat(1e6), ['abs']), undefined);
  });
});
