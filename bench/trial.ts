// Runs one suite in this process: argument JSON {suite, machine, options}, entries as JSON on standard output.

import type { BenchMachine, SuiteOptions } from '../lib/bench/report.ts';
import { findSuite, SUITES } from '../lib/bench/suites.ts';
import { benchCollectBeside } from './suites/collect.ts';
import { benchPopulationBeside } from './suites/population.ts';
import { benchScale } from './suites/scale.ts';
import { benchSearch } from './suites/search.ts';

const suites = {
  ...SUITES,
  collect: benchCollectBeside,
  population: benchPopulationBeside,
  search: benchSearch,
  scale: benchScale,
};

const { suite, machine, options } = JSON.parse(process.argv[2]!) as {
  suite: string;
  machine: BenchMachine;
  options: SuiteOptions;
};
const onEntry = (name: string) => console.error(`  ${suite}: ${name}`);
const entries = await findSuite(suite, suites)(machine, { ...options, onEntry });
console.log(JSON.stringify(entries));
