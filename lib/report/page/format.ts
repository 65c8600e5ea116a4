/** A number as people read it: a few significant digits, powers of ten where it is very large or small; `–` for none. */
export function formatNumber(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return minus(value.toLocaleString('en'));
  if (size >= 1e6 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(Math.max(0, digits - 2)).split('e') as [string, string];
    return minus(`${mantissa}e${exponent.replace('+', '')}`);
  }
  return minus(String(Number(value.toPrecision(digits))));
}

/** A correlation or share with three decimals; an accuracy, which is beyond both, with two. */
export function formatCorrelation(value: number | null): string {
  if (value === null) return '–';
  return minus(value.toFixed(Math.abs(value) > 1 ? 2 : 3));
}

/** Seconds, minutes or hours. */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 100) return `${seconds.toPrecision(2)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function minus(text: string): string {
  return text.replace('-', '−');
}
