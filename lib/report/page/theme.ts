import { h } from './dom.ts';
import { drawAll } from './schedule.ts';
import { repaint } from './store.ts';

const CHOICES = { auto: 'Auto', light: 'Light', dark: 'Dark' } as const;

/** The choice between the system's colour scheme, light and dark. Nothing is stored: a report leaves no trace. */
export function themeToggle(): HTMLElement {
  const root = document.documentElement;
  const buttons = Object.entries(CHOICES).map(([theme, label]) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(theme === 'auto'),
        onclick: (event) => {
          if (theme === 'auto') delete root.dataset['theme'];
          else root.dataset['theme'] = theme;
          for (const button of buttons) button.setAttribute('aria-pressed', String(button === event.currentTarget));
          repaint.set(repaint.value + 1);
        },
      },
      label,
    ),
  );
  for (const query of ['(prefers-color-scheme: dark)', 'print']) {
    matchMedia(query).addEventListener('change', () => {
      repaint.set(repaint.value + 1);
      // Paper does not wait.
      if (query === 'print') drawAll();
    });
  }
  return h('div', { class: 'segments screen', role: 'group', 'aria-label': 'Colours' }, ...buttons);
}

/** The value of a colour variable of page.css now. */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
