/** A point's merits, one for each objective; more is better. None is NaN. */
export type Merits = readonly number[];

/** Whether a point is at least as good as another by every objective, and better by one. */
export function dominates(a: Merits, b: Merits): boolean {
  return a.every((merit, at) => merit >= b[at]!) && a.some((merit, at) => merit > b[at]!);
}

/**
 * Points in fronts, as places in the list: the first is dominated by none, the second only by points of the first, and so on. Time quadratic in
 * the number of points.
 */
export function nonDominatedFronts(points: readonly Merits[]): number[][] {
  const dominated = points.map((point) => points.flatMap((other, place) => (dominates(point, other) ? [place] : [])));
  const dominators = points.map(() => 0);
  for (const places of dominated) for (const place of places) dominators[place]!++;
  const fronts: number[][] = [];
  let front = [...points.keys()].filter((place) => dominators[place] === 0);
  while (front.length > 0) {
    fronts.push(front);
    const next: number[] = [];
    for (const place of front) for (const other of dominated[place]!) if (--dominators[other]! === 0) next.push(other);
    front = next.sort((a, b) => a - b);
  }
  return fronts;
}

/** The points that none dominates, as places in the list, ascending. Time grows with points × front. */
export function nonDominated(points: readonly Merits[]): number[] {
  // No point dominates one that comes before it in descending lexicographic order.
  const order = [...points.keys()].sort((a, b) => {
    const at = points[a]!.findIndex((merit, objective) => merit !== points[b]![objective]);
    return at < 0 ? a - b : points[b]![at]! > points[a]![at]! ? 1 : -1;
  });
  const front: number[] = [];
  for (const place of order) if (!front.some((member) => dominates(points[member]!, points[place]!))) front.push(place);
  return front.sort((a, b) => a - b);
}

/**
 * How far apart each point's neighbours are, summed over the objectives, each in units of its range over the points; infinite at the ends. More
 * means less crowded.
 */
export function crowdingDistances(points: readonly Merits[]): number[] {
  const distances = points.map(() => 0);
  const objectives = points[0]?.length ?? 0;
  for (let objective = 0; objective < objectives; objective++) {
    const merit = (place: number) => points[place]![objective]!;
    const order = [...points.keys()].sort((a, b) => (merit(a) === merit(b) ? a - b : merit(a) < merit(b) ? -1 : 1));
    const [first, last] = [order[0]!, order.at(-1)!];
    const range = merit(last) - merit(first);
    distances[first] = distances[last] = Number.POSITIVE_INFINITY;
    if (!(range > 0 && range < Number.POSITIVE_INFINITY)) continue;
    for (let at = 1; at < order.length - 1; at++) {
      distances[order[at]!]! += (merit(order[at + 1]!) - merit(order[at - 1]!)) / range;
    }
  }
  return distances;
}
