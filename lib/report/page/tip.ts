import { h } from './dom.ts';

const tip = h('div', { class: 'tip screen', role: 'status', hidden: true });

/** Shows a card beside a point of the window, inside it. */
export function showTip(content: Node, x: number, y: number): void {
  if (!tip.isConnected) document.body.append(tip);
  tip.replaceChildren(content);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 16 + width > innerWidth ? x - 16 - width : x + 16;
  const top = Math.min(Math.max(8, y - height / 2), innerHeight - height - 8);
  tip.style.transform = `translate(${Math.max(8, left)}px, ${top}px)`;
}

export function hideTip(): void {
  tip.hidden = true;
}
