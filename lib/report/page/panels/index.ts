import type { Panel } from '../../report.ts';
import type { PageContext } from '../context.ts';
import { correlationsPanel } from './correlations.ts';
import { coursesPanel } from './courses.ts';
import { foundPanel } from './found.ts';
import { generationsPanel } from './generations.ts';
import { lineagePanel } from './lineage.ts';
import { networksPanel } from './networks.ts';
import { objectivesPanel } from './objectives.ts';
import { paretoPanel } from './pareto.ts';
import { programsPanel } from './programs.ts';
import { scatterPanel } from './scatter.ts';
import { searchesPanel } from './searches.ts';
import { stagesPanel } from './stages.ts';
import { tablePanel } from './table.ts';
import { timesPanel } from './times.ts';

type Drawer<Kind extends Panel['kind']> = (panel: Extract<Panel, { kind: Kind }>, context: PageContext) => HTMLElement;

/** Who draws each kind of panel. */
const DRAWERS: { readonly [Kind in Panel['kind']]: Drawer<Kind> } = {
  correlations: correlationsPanel,
  scatter: scatterPanel,
  stages: stagesPanel,
  networks: networksPanel,
  programs: programsPanel,
  generations: generationsPanel,
  pareto: paretoPanel,
  lineage: lineagePanel,
  times: timesPanel,
  found: foundPanel,
  courses: coursesPanel,
  searches: searchesPanel,
  objectives: objectivesPanel,
  table: tablePanel,
};

/** A panel drawn. */
export function drawPanel(panel: Panel, context: PageContext): HTMLElement {
  return (DRAWERS[panel.kind] as Drawer<Panel['kind']>)(panel as never, context);
}
