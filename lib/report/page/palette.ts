const SERIES = 8;

/** The colour of a series by its place; the colours come again after eight. */
export function seriesColor(place: number): string {
  return `var(--series-${(place % SERIES) + 1})`;
}
