import { h } from './dom.ts';

/** A row of buttons of which one is pressed. */
export function segments<Key extends string>(
  label: string,
  choices: Readonly<Record<Key, string>>,
  first: Key,
  onChange: (key: Key) => void,
): HTMLElement {
  const buttons = (Object.entries(choices) as [Key, string][]).map(([key, text]) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(key === first),
        onclick: (event) => {
          for (const button of buttons) button.setAttribute('aria-pressed', String(button === event.currentTarget));
          onChange(key);
        },
      },
      text,
    ),
  );
  return h('div', { class: 'segments screen', role: 'group', 'aria-label': label }, ...buttons);
}
