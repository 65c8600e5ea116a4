/** Milliseconds of drawing after which the browser gets its turn. */
const SLICE = 25;

const waiting = new Map<Element, () => void>();
let spent = 0;
let asleep = true;

/**
 * Does an element's drawing, at once where little was drawn since the browser had its turn, else soon, what is seen first: a page of many plots answers
 * while they are drawn. Of several drawings of one element that wait, the last counts.
 */
export function drawSoon(element: Element, work: () => void): void {
  waiting.delete(element);
  if (spent < SLICE) run(work);
  else waiting.set(element, work);
  wake();
}

/** Draws all that waits, as before printing. */
export function drawAll(): void {
  for (const [element, work] of waiting) {
    waiting.delete(element);
    work();
  }
}

addEventListener('beforeprint', drawAll);

function run(work: () => void): void {
  const began = performance.now();
  work();
  spent += performance.now() - began;
}

function wake(): void {
  if (!asleep) return;
  asleep = false;
  setTimeout(() => {
    asleep = true;
    spent = 0;
    while (waiting.size > 0 && spent < SLICE) {
      const [element, work] = next();
      waiting.delete(element);
      run(work);
    }
    if (waiting.size > 0) wake();
  });
}

function next(): [Element, () => void] {
  const entries = [...waiting];
  const seen = entries.find(([element]) => {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom >= 0 && top <= innerHeight;
  });
  return seen ?? entries[0]!;
}
