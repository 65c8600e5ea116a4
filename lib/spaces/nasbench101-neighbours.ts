import {
  edgeCount,
  encodeCell,
  MOST_EDGES,
  MOST_VERTICES,
  type Nasbench101Architecture,
  OPERATIONS,
  prune,
} from './nasbench101-cell.ts';

/**
 * Cells one decision away: another operation of a vertex, an edge more or less, a vertex more that stands on a path of its own between two others,
 * or one such vertex less. Every neighbour has the cell among its own.
 */
export function cellNeighbours(cell: Nasbench101Architecture): Nasbench101Architecture[] {
  const cells = [...otherOperations(cell), ...otherEdges(cell), ...fewerVertices(cell), ...moreVertices(cell)];
  // A vertex more beside one just like it is the same cell whichever of the two is new.
  return [...new Map(cells.map((neighbour) => [encodeCell(neighbour), neighbour])).values()];
}

function otherOperations({ operations, inputs }: Nasbench101Architecture): Nasbench101Architecture[] {
  return operations.flatMap((current, vertex) =>
    OPERATIONS.filter((operation) => operation !== current).map((operation) => ({
      operations: operations.with(vertex, operation),
      inputs,
    })),
  );
}

function otherEdges({ operations, inputs }: Nasbench101Architecture): Nasbench101Architecture[] {
  const cells: Nasbench101Architecture[] = [];
  for (const [place, sources] of inputs.entries()) {
    for (let source = 0; source <= place; source++) {
      const changed = sources.includes(source)
        ? sources.filter((other) => other !== source)
        : [...sources, source].sort((a, b) => a - b);
      cells.push({ operations, inputs: inputs.with(place, changed) });
    }
  }
  // An edge whose loss would leave a vertex off every path is no single decision.
  return cells.filter((cell) => edgeCount(cell) <= MOST_EDGES && prune(cell)?.inputs.length === inputs.length);
}

function fewerVertices({ operations, inputs }: Nasbench101Architecture): Nasbench101Architecture[] {
  return operations.flatMap((_, at) => {
    const vertex = at + 1;
    const targets = inputs.filter((sources) => sources.includes(vertex));
    if (inputs[at]!.length !== 1 || targets.length !== 1) return [];
    const shorter = {
      operations: operations.toSpliced(at, 1),
      inputs: inputs
        .toSpliced(at, 1)
        .map((sources) =>
          sources.filter((source) => source !== vertex).map((source) => (source > vertex ? source - 1 : source)),
        ),
    };
    return prune(shorter)?.inputs.length === shorter.inputs.length ? [shorter] : [];
  });
}

function moreVertices(cell: Nasbench101Architecture): Nasbench101Architecture[] {
  const { operations, inputs } = cell;
  if (inputs.length + 1 >= MOST_VERTICES || edgeCount(cell) + 2 > MOST_EDGES) return [];
  const cells: Nasbench101Architecture[] = [];
  // The new vertex becomes `vertex`; those from there on move up by one.
  for (let vertex = 1; vertex <= inputs.length; vertex++) {
    const moved = inputs.map((sources) => sources.map((source) => (source >= vertex ? source + 1 : source)));
    for (let source = 0; source < vertex; source++) {
      for (let target = vertex; target <= inputs.length; target++) {
        const rewired = moved.with(
          target - 1,
          [...moved[target - 1]!, vertex].sort((a, b) => a - b),
        );
        for (const operation of OPERATIONS) {
          cells.push({
            operations: operations.toSpliced(vertex - 1, 0, operation),
            inputs: rewired.toSpliced(vertex - 1, 0, [source]),
          });
        }
      }
    }
  }
  return cells;
}
