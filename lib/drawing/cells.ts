import type { CellDiagram } from '../spaces/diagram.ts';

/** Sizes in pixels. */
const GAP = 190;
const MARGIN = 20;
const NODE_HEIGHT = 30;
const LETTER = 7.2;
/** Height of an arc for each node that it spans. */
const ARC = 46;
const TITLE = 26;

const nodeWidth = (label: string): number => Math.max(NODE_HEIGHT, label.length * LETTER + 16);

/**
 * Cells as an SVG image: nodes in a row from input to output, edges as arcs above with what they do. It takes the colours of the page where it
 * stands in one.
 */
export function drawCells(cells: readonly CellDiagram[]): string {
  const parts: string[] = [];
  let top = MARGIN;
  let width = 0;
  for (const cell of cells) {
    const span = Math.max(1, ...cell.edges.map(({ from, to }) => to - from));
    const y = top + (cell.name ? TITLE : 0) + span * ARC + NODE_HEIGHT / 2;
    parts.push(drawCell(cell, top, y));
    width = Math.max(width, 2 * MARGIN + 120 + (cell.nodes.length - 1) * GAP);
    top = y + NODE_HEIGHT / 2 + MARGIN;
  }
  const style = 'font-family="ui-monospace, monospace" font-size="12" fill="currentColor" stroke="none"';
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" role="img" ` +
    `aria-label="${escapeMarkup(describeCells(cells))}" ${style}>\n` +
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">' +
    `<path d="M0 0 8 4 0 8z"/></marker></defs>\n${parts.join('\n')}\n</svg>\n`
  );
}

function drawCell({ name, nodes, edges }: CellDiagram, top: number, y: number): string {
  const x = (node: number) => MARGIN + 60 + node * GAP;
  const parts = name ? [`<text x="${MARGIN}" y="${top + 12}" font-weight="bold">${escapeMarkup(name)}</text>`] : [];
  for (const { from, to, label } of edges) {
    const height = (to - from) * ARC;
    const middle = (x(from) + x(to)) / 2;
    const base = y - NODE_HEIGHT / 2;
    // Ends are apart from each other, so that arrows into one node can be told apart.
    const start = x(from) + 5 * (to - from);
    const end = x(to) - 5 * (to - from);
    const path = `M${start} ${base}C${start} ${base - height} ${end} ${base - height} ${end} ${base}`;
    parts.push(`<path d="${path}" fill="none" stroke="currentColor" stroke-opacity="0.6" marker-end="url(#tip)"/>`);
    if (label) {
      parts.push(
        `<text x="${middle}" y="${base - 0.75 * height - 5}" text-anchor="middle">${escapeMarkup(label)}</text>`,
      );
    }
  }
  for (const [node, label] of nodes.entries()) {
    const wide = nodeWidth(label);
    parts.push(
      `<rect x="${x(node) - wide / 2}" y="${y - NODE_HEIGHT / 2}" width="${wide}" height="${NODE_HEIGHT}" rx="6" fill="none" stroke="currentColor"/>`,
      `<text x="${x(node)}" y="${y + 4}" text-anchor="middle">${escapeMarkup(label)}</text>`,
    );
  }
  return parts.join('\n');
}

/** Cells as lines of text, such as `2 = nor_conv_3x3(0) + skip_connect(1)`. */
export function describeCells(cells: readonly CellDiagram[]): string {
  const lines = cells.flatMap(({ name, nodes, edges }) => [
    ...(name ? [`${name}:`] : []),
    ...nodes.flatMap((node, place) => {
      const terms = edges
        .filter(({ to }) => to === place)
        .map(({ from, label }) => (label ? `${label}(${nodes[from]!})` : nodes[from]!));
      return terms.length > 0 ? [`${node} = ${terms.join(' + ')}`] : [];
    }),
  ]);
  return lines.join('\n');
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
