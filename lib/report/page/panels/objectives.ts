import type { ObjectivesPanel } from '../../report.ts';
import type { PageContext } from '../context.ts';
import { h } from '../dom.ts';
import { networkDots } from '../dots.ts';

/** One plot for each pair of the first objective with another. */
export function objectivesPanel({ objectives, front }: ObjectivesPanel, { report }: PageContext): HTMLElement {
  const [first, ...others] = objectives;
  const marked = new Set(front);
  const title = ({ name, better }: ObjectivesPanel['objectives'][number]) => `${name} (${better} is better)`;
  const plots = others.map((other) =>
    networkDots({
      name: `objectives-${other.name}`,
      title: `${first!.name} against ${other.name}`,
      table: report.networks!,
      axes: () => ({
        x: { values: other.values, label: title(other) },
        y: { values: first!.values, label: title(first!) },
      }),
      marked,
    }),
  );
  return h('div', { class: plots.length === 1 ? 'plots one' : 'plots' }, ...plots.map(({ element }) => element));
}
