/**
 * What a report holds, as plain JSON: the pages' own format. A report is a list of sections, each with one panel; a panel's `kind` decides which
 * file of `page/panels` draws it. To add a kind, add its type here and its file there.
 */

import type { CellDiagram } from '../spaces/diagram.ts';

/** A correlation or another figure of merit with its interval; null where it is not defined. */
export interface Measure {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** Networks that panels share: every list has one entry for each network. */
export interface NetworkTable {
  readonly space: string;
  /** Indices in the space. */
  readonly indices: readonly number[];
  /** As the space prints them. */
  readonly architectures: readonly string[];
  /** Per cent; null where it is not known. */
  readonly accuracies: readonly (number | null)[];
  /** By proxy; null where a score is not finite. */
  readonly scores: Readonly<Record<string, readonly (number | null)[]>>;
  /** Further columns of the table. */
  readonly figures?: Readonly<Record<string, readonly number[]>>;
}

/** Score against accuracy, one plot for each proxy of the networks' table. */
export interface ScatterPanel {
  readonly kind: 'scatter';
  readonly accuracy: string;
}

/** The networks' table: sorted, filtered, paged. */
export interface NetworksPanel {
  readonly kind: 'networks';
}

/** One row of correlations. */
export interface CorrelationRow {
  readonly name: string;
  /** LaTeX of the formula, where it is a program. */
  readonly latex?: string;
  /** By the measure's name in the panel. */
  readonly measures: Readonly<Record<string, Measure>>;
  /** Further columns of the table. */
  readonly figures: Readonly<Record<string, number | string | null>>;
}

/** Correlations of proxies with accuracy: bars with intervals, and a table. */
export interface CorrelationsPanel {
  readonly kind: 'correlations';
  /** Title of each measure by its name, in order. */
  readonly measures: Readonly<Record<string, string>>;
  readonly rows: readonly CorrelationRow[];
}

/** Correlation of a proxy's mean over the units of one stage. */
export interface StagesPanel {
  readonly kind: 'stages';
  /** Such as `32×32`, the extents of a stage's output. */
  readonly stages: readonly string[];
  readonly rows: readonly {
    readonly name: string;
    /** τ-b over all units, for comparison. */
    readonly all: Measure;
    readonly stages: readonly { readonly measure: Measure; readonly networks: number }[];
  }[];
}

/** One generation of a search; fitness is null where nothing was assessed. */
export interface GenerationRow {
  readonly generation: number;
  readonly best: number | null;
  readonly upper: number | null;
  readonly median: number | null;
  readonly lower: number | null;
  /** Share of the programs made that were valid. */
  readonly validity: number;
  readonly distinct: number;
  readonly population: number;
}

/** Fitness by generation, with validity and distinct programs. */
export interface GenerationsPanel {
  readonly kind: 'generations';
  readonly rows: readonly GenerationRow[];
}

/** A tree to draw. */
export interface TreeNode {
  readonly label: string;
  /** What hovering tells. */
  readonly note: string;
  readonly leaf: boolean;
  readonly operands: readonly TreeNode[];
}

export interface ProgramCard {
  readonly text: string;
  readonly latex: string;
  readonly tree: TreeNode;
  readonly fitness: number | null;
  readonly sign: 1 | -1 | null;
  /** Where it was first met. */
  readonly generation: number | null;
  readonly size: number;
}

/** Programs as formulas and drawn trees. */
export interface ProgramsPanel {
  readonly kind: 'programs';
  readonly programs: readonly ProgramCard[];
}

export interface LineageNode {
  readonly program: string;
  readonly generation: number;
  readonly operation: string;
  readonly fitness: number | null;
  /** Places of the parents in the list of nodes. */
  readonly parents: readonly number[];
}

/** How a program came about. */
export interface LineagePanel {
  readonly kind: 'lineage';
  readonly nodes: readonly LineageNode[];
  /** Whether older ancestors were left out. */
  readonly cut: boolean;
}

/** Size against fitness of every program, with the programs that no smaller one matches. */
export interface ParetoPanel {
  readonly kind: 'pareto';
  readonly points: readonly { readonly size: number; readonly fitness: number; readonly programs: number }[];
  readonly front: readonly { readonly size: number; readonly fitness: number; readonly program: string }[];
}

/** Networks that a search found, with their cells drawn. */
export interface FoundPanel {
  readonly kind: 'found';
  readonly networks: readonly {
    readonly architecture: string;
    /** Empty where its space has none. */
    readonly cells: readonly CellDiagram[];
    readonly figures: Readonly<Record<string, number | null>>;
  }[];
}

/** A point of the mean of a search's courses. */
export interface CoursePoint {
  /** Networks scored, or seconds. */
  readonly at: number;
  readonly mean: number;
  /** Mean less and plus one standard deviation over the repeats. */
  readonly low: number;
  readonly high: number;
}

/** Courses of searches in true accuracy. */
export interface CoursesPanel {
  readonly kind: 'courses';
  /** The most accurate network there is, in per cent; null where none is within the constraints. */
  readonly optimum: number | null;
  readonly searches: readonly {
    readonly name: string;
    readonly repeats: number;
    /** Of the network best by the search's own scores, and of the best that it met. */
    readonly accuracy: { readonly scored: readonly CoursePoint[]; readonly seconds: readonly CoursePoint[] };
    readonly highest: { readonly scored: readonly CoursePoint[]; readonly seconds: readonly CoursePoint[] };
  }[];
}

/** Mean and standard deviation over repeats; null where not defined. */
export interface MeanValue {
  readonly mean: number | null;
  readonly deviation: number | null;
}

/** Searches at their end. */
export interface SearchesPanel {
  readonly kind: 'searches';
  readonly optimum: number | null;
  readonly rows: readonly {
    readonly name: string;
    readonly algorithm: string;
    readonly objective: string;
    /** By repeat. */
    readonly accuracies: readonly (number | null)[];
    readonly accuracy: MeanValue;
    readonly regret: MeanValue;
    readonly highest: MeanValue;
    readonly seconds: MeanValue;
  }[];
}

/** The networks' table by two objectives, with those that none dominates. */
export interface ObjectivesPanel {
  readonly kind: 'objectives';
  readonly objectives: readonly {
    readonly name: string;
    readonly better: 'more' | 'less';
    readonly values: readonly (number | null)[];
  }[];
  /** Places of the networks that none dominates. */
  readonly front: readonly number[];
}

/** A table and no more. */
export interface TablePanel {
  readonly kind: 'table';
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** Where the time went. */
export interface TimesPanel {
  readonly kind: 'times';
  readonly stages: readonly { readonly name: string; readonly seconds: number }[];
  readonly generations: readonly {
    readonly generation: number;
    readonly evaluate: number;
    readonly save: number;
    readonly other: number;
  }[];
}

export type Panel =
  | ScatterPanel
  | NetworksPanel
  | CorrelationsPanel
  | StagesPanel
  | GenerationsPanel
  | ProgramsPanel
  | LineagePanel
  | ParetoPanel
  | FoundPanel
  | CoursesPanel
  | SearchesPanel
  | ObjectivesPanel
  | TablePanel
  | TimesPanel;

export interface Section {
  readonly title: string;
  /** A sentence or two under the title. */
  readonly note?: string;
  readonly panel: Panel;
}

export interface Report {
  readonly title: string;
  /** One sentence that says what was found. */
  readonly lead: string;
  /** How it was made. */
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  readonly networks?: NetworkTable;
  readonly sections: readonly Section[];
}
