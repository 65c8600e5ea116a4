/** How a program's values on a network's units become one number. */
export interface Aggregator {
  readonly name: string;
  readonly documentation: string;
  /** LaTeX with #1 in the place of the value on unit u. */
  readonly latex: string;
  /** Of at least one value, in definition order of the units. NaN where a value is NaN; infinities count as numbers. */
  readonly of: (values: Float64Array) => number;
}

function sum(values: Float64Array, term: (value: number, index: number) => number = (value) => value): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += term(values[i]!, i);
  return total;
}

function deviation(values: Float64Array): number {
  const mean = sum(values) / values.length;
  return Math.sqrt(sum(values, (value) => (value - mean) ** 2) / values.length);
}

const TABLE = [
  {
    name: 'unit_mean',
    documentation: 'Mean over the units: what EZNAS takes, and what a program alone stands for.',
    latex: String.raw`\frac{1}{U}\sum_{u}{#1}`,
    of: (values) => sum(values) / values.length,
  },
  {
    name: 'unit_sum',
    documentation: 'Sum over the units.',
    latex: String.raw`\sum_{u}{#1}`,
    of: (values) => sum(values),
  },
  {
    name: 'unit_max',
    documentation: 'Greatest value of any unit.',
    latex: String.raw`\max_{u}{#1}`,
    of: (values) => values.reduce((most, value) => Math.max(most, value)),
  },
  {
    name: 'unit_min',
    documentation: 'Least value of any unit.',
    latex: String.raw`\min_{u}{#1}`,
    of: (values) => values.reduce((least, value) => Math.min(least, value)),
  },
  {
    name: 'unit_std',
    documentation: 'Standard deviation over the units (biased): 0 for a single unit.',
    latex: String.raw`\operatorname{std}_{u}{#1}`,
    of: deviation,
  },
  {
    name: 'unit_first',
    documentation: 'Value on the first unit.',
    latex: String.raw`\left.{#1}\right|_{u=1}`,
    of: (values) => values[0]!,
  },
  {
    name: 'unit_last',
    documentation: 'Value on the last unit.',
    latex: String.raw`\left.{#1}\right|_{u=U}`,
    of: (values) => values[values.length - 1]!,
  },
  {
    name: 'unit_logsum',
    documentation: 'Sum over the units of the logarithm of the magnitude; a unit whose value is 0 adds nothing.',
    latex: String.raw`\sum_{u}\ln\left|{#1}\right|`,
    of: (values) => sum(values, (value) => (value === 0 ? 0 : Math.log(Math.abs(value)))),
  },
  {
    name: 'unit_depthmean',
    documentation:
      'Mean over the units weighted by their position: the first counts once, the last as often as there are units.',
    latex: String.raw`\frac{2}{U(U+1)}\sum_{u} u\,{#1}`,
    of: (values) => sum(values, (value, index) => value * (index + 1)) / ((values.length * (values.length + 1)) / 2),
  },
] as const satisfies readonly Aggregator[];

export type AggregatorName = (typeof TABLE)[number]['name'];

/** Every aggregator. */
export const AGGREGATORS: readonly (Aggregator & { readonly name: AggregatorName })[] = TABLE;

const byName: ReadonlyMap<string, (typeof AGGREGATORS)[number]> = new Map(AGGREGATORS.map((row) => [row.name, row]));

/** The aggregator of that name, if there is one. */
export function findAggregator(name: string) {
  return byName.get(name);
}

/** What an aggregator does to matrices. */
export function matrixDocumentation(name: AggregatorName): string {
  return `${byName.get(name)!.documentation} Here of matrices over the samples, element by element.`;
}

/** A program's values on a network's units as one number; NaN without units. */
export function aggregate(name: AggregatorName, values: Float64Array): number {
  return values.length === 0 ? Number.NaN : byName.get(name)!.of(values);
}
