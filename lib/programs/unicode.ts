/** Commands of the operator table's LaTeX as characters. */
const SYMBOLS: Readonly<Record<string, string>> = {
  nabla: '∇',
  sigma: 'σ',
  Theta: 'Θ',
  lambda: 'λ',
  odot: '⊙ ',
  cdot: '· ',
  sum: '∑',
  lVert: '‖',
  rVert: '‖',
  Vert: '‖',
  left: '',
  right: '',
  middle: '',
  ',': '',
};

/** Commands whose argument is written as it is. */
const TRANSPARENT = ['operatorname', 'mathrm', 'mathsf'];

const SUPERSCRIPTS: Readonly<Record<string, string>> = pairs('0123456789+-DNPT', '⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᴰᴺᴾᵀ');
const SUBSCRIPTS: Readonly<Record<string, string>> = pairs('0123456789+-eiux', '₀₁₂₃₄₅₆₇₈₉₊₋ₑᵢᵤₓ');

function pairs(plain: string, raised: string): Record<string, string> {
  const characters = [...raised];
  return Object.fromEntries([...plain].map((character, at) => [character, characters[at]!]));
}

/** A LaTeX formula of {@link toLatex} as one line of Unicode; commands that are not known keep their names. */
export function latexToUnicode(latex: string): string {
  const text = new Reader(latex).text().replace(/ +/g, ' ');
  // No space inside bars: one that closes is followed by its index or ends something.
  return text
    .replace(/([([]|^‖) /g, '$1')
    .replace(/ ‖(?=[_₀-₉/)\]]|$)/g, '‖')
    .trim();
}

class Reader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(latex: string) {
    this.#tokens = latex.match(/\\[A-Za-z]+ ?|\\.|[\s\S]/g) ?? [];
  }

  /** Everything up to a closing brace or the end. */
  text(): string {
    let result = '';
    while (this.#at < this.#tokens.length && this.#tokens[this.#at] !== '}') result += this.#next(result);
    return result;
  }

  #next(before: string): string {
    const token = this.#tokens[this.#at++]!;
    if (token === '^') return script(this.#argument(), SUPERSCRIPTS, '^');
    if (token === '_') {
      const index = script(this.#argument(), SUBSCRIPTS, '_');
      // What an index runs over stands apart from it.
      return this.#tokens[this.#at] === '{' ? `${index} ` : index;
    }
    if (token === '{') return this.#close();
    if (!token.startsWith('\\')) return token;
    const name = token.slice(1).trimEnd();
    if (name === 'frac') return `${grouped(this.#argument())}/${grouped(this.#argument())}`;
    if (name === 'mathbf') return this.#argument().replace('1', '𝟏').replace('0', '𝟎');
    if (name === 'sqrt') return `√${grouped(this.#argument())}`;
    // A delimiter that is not drawn.
    if ((name === 'left' || name === 'right') && this.#tokens[this.#at] === '.') this.#at++;
    if (TRANSPARENT.includes(name)) return this.#argument();
    if (name in SYMBOLS) return SYMBOLS[name]!;
    // Names of functions stand apart from letters before them.
    const after = /^[A-Za-z]/.test(this.#tokens[this.#at] ?? '') ? ' ' : '';
    return `${/[A-Za-z]$/.test(before) ? ' ' : ''}${name}${after}`;
  }

  #argument(): string {
    if (this.#tokens[this.#at] !== '{') return this.#next('');
    this.#at++;
    return this.#close();
  }

  #close(): string {
    const inside = this.text();
    this.#at++;
    return inside;
  }
}

/** Raised or lowered characters where there are some for all, else a mark and the text. */
function script(text: string, characters: Readonly<Record<string, string>>, mark: string): string {
  const written = [...text].map((character) => characters[character]);
  if (written.every((character) => character !== undefined)) return written.join('');
  return [...text].length === 1 ? `${mark}${text}` : `${mark}${grouped(text)}`;
}

function grouped(text: string): string {
  return /^[\p{L}\p{N}₀-₉⁰-⁹]+$/u.test(text) || isBracketed(text) ? text : `(${text})`;
}

/** Whether one pair of parentheses is around the whole. */
function isBracketed(text: string): boolean {
  if (!text.startsWith('(') || !text.endsWith(')')) return false;
  let depth = 0;
  for (const [at, character] of [...text].entries()) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (depth === 0 && at < [...text].length - 1) return false;
  }
  return true;
}
