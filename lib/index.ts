/**
 * eznas: zero-cost proxies for neural architecture search, evolved and evaluated.
 *
 * Four functions do what the command line does: {@link evolveProxy}, {@link evaluateProxies}, {@link scoreArchitectures} and
 * {@link searchArchitectures}. The rest is what they are made of: programs, networks and their statistics, search spaces, benchmarks, images, rank
 * correlation and evolution.
 *
 * @module
 */

// What the command line does.

export {
  type DiscoveryProgress,
  type EvolveProxyOptions,
  type EvolveResult,
  evolveProxy,
  type ResumeOptions,
  resumeEvolution,
  type TaskJudgement,
} from './discovery/evolve-proxy.ts';
export {
  type EvolveForestOptions,
  type EvolveForestResult,
  evolveForest,
  type GrowthProgress,
  type ResumeGrowthOptions,
  resumeForest,
} from './discovery/grow-forest.ts';
export type { Baseline } from './discovery/judge.ts';
export { describeCells, drawCells } from './drawing/cells.ts';
export type { ContenderOptions, ReferencedFormula } from './evaluation/contenders.ts';
export {
  type EvaluateProxiesOptions,
  type EvaluationCost,
  type EvaluationEstimate,
  type EvaluationResult,
  evaluateProxies,
  type ProxyEvaluation,
} from './evaluation/evaluate.ts';
export type { NetworkChoice } from './evaluation/networks.ts';
export type { Protocol } from './evaluation/protocol.ts';
export type { Ranking } from './evaluation/ranking.ts';
export { differences, type EvaluationRequest, type RecordedEvaluation } from './evaluation/replay.ts';
export { type ScoreArchitecturesOptions, type ScoreResult, scoreArchitectures } from './evaluation/score.ts';
export type { SettingOptions } from './evaluation/setting.ts';
export { openOnnxBenchmark } from './onnx/benchmark.ts';
export { exportArchitecture, exportOnnx, type OnnxOptions } from './onnx/export.ts';
export { ONNX_WEIGHTS, type OnnxNetwork, type OnnxWeights, type ReadOnnxOptions, readOnnx } from './onnx/read.ts';
export { readEvaluation } from './onnx/replay.ts';
export { type OnnxSummary, type ScoreOnnxOptions, type ScoreOnnxResult, scoreOnnx } from './onnx/score.ts';
export { type OnnxSpace, type OnnxSpaceOptions, onnxSpace } from './onnx/space.ts';
export { curvesCsv, meanCurve, type SearchSummary, type Spread, type SpreadPoint } from './search/comparison.ts';
export type { AlgorithmName } from './search/config.ts';
export type { Latency } from './search/latency.ts';
export type { ArchitectureSearchResult, FoundNetwork, SearchedNetworks, TrainedNetworks } from './search/result.ts';
export {
  type ArchitectureSearchProgress,
  type OwnParts,
  resumeSearch,
  type SearchArchitecturesOptions,
  type SearchRunningOptions,
  searchArchitectures,
} from './search/search-architectures.ts';
export type { CurvePoint, Optimum } from './search/truth.ts';
export type { CellDiagram, DiagramEdge } from './spaces/diagram.ts';

// Explanations and reports.

export { type Explanation, explain } from './explain/explain.ts';
export { formulaToPyTorchModule } from './formulas/pytorch.ts';
export { toPyTorchModule } from './programs/pytorch-module.ts';
export { evaluationReport } from './report/evaluation-report.ts';
export { renderReport } from './report/render.ts';
export type { Report } from './report/report.ts';
export { runReport } from './report/run-report.ts';

// Formulas: what scores networks.

export { scoreTerms, type TermValues } from './engine/formulas.ts';
export { FOREST_DEFAULTS, type ForestConfig } from './forests/config.ts';
export { AGGREGATORS, type AggregatorName } from './formulas/aggregators.ts';
export { combineTerms, type Reference } from './formulas/combine.ts';
export { MATRIX_OPERATORS, type MatrixOperatorName } from './formulas/matrix-operators.ts';
export { NETWORK_NUMBERS, type NetworkNumberName } from './formulas/numbers.ts';
export { parseFormula } from './formulas/parse.ts';
export { printFormula } from './formulas/print.ts';
export { SCALAR_OPERATORS, type ScalarOperatorName } from './formulas/scalar-operators.ts';
export type { Combiner, Forest, Formula, Term } from './formulas/tree.ts';

// Programs and named proxies.

export { EXPORT_FORMATS, type ExportFormat, exportProgram } from './programs/export.ts';
export { type GeneratorOptions, ProgramGenerator } from './programs/generate.ts';
export { OPERATORS, type OperatorName, PAPER_OPERATORS } from './programs/operators.ts';
export { ProgramSyntaxError, parseProgram } from './programs/parse.ts';
export { printProgram } from './programs/print.ts';
export { simplify } from './programs/simplify.ts';
export { type SymbolicOptions, symbolicSignature } from './programs/symbols.ts';
export { TENSORS, type TensorName } from './programs/tensors.ts';
export { apply, leaf, type OperatorNode, type Program, type TensorNode } from './programs/tree.ts';
export { checkProgram, requireValid, type Signature, type UnitShapes, unitSignature } from './programs/typing.ts';
export {
  type CombinedProxy,
  type MeasureProxy,
  type NamedProxy,
  type Passes,
  PROXIES,
  type ProgramProxy,
  resolveProxy,
  type StructuralProxy,
} from './proxies/catalogue.ts';
export { MEASURES, type MeasureName } from './proxies/measures.ts';

// Networks, search spaces, benchmarks and images.

export type { Benchmark, NetworkFiles } from './benchmarks/benchmark.ts';
export { type CsvBenchmarkOptions, readCsvBenchmark } from './benchmarks/csv.ts';
export { loadDartsNasbench301 } from './benchmarks/darts-nasbench301.ts';
export { DATASETS, type Dataset } from './benchmarks/datasets.ts';
export { readNasbenchMacro } from './benchmarks/nasbench-macro.ts';
export { loadNasbench101 } from './benchmarks/nasbench101.ts';
export { loadNasbench201 } from './benchmarks/nasbench201.ts';
export { type NdsBenchmarkOptions, readNdsBenchmark } from './benchmarks/nds.ts';
export { BENCHMARK_NAMES, openBenchmark } from './benchmarks/registry.ts';
export { GraphBuilder } from './graph/builder.ts';
export { flops, params } from './graph/counts.ts';
export { findUnits } from './graph/find-units.ts';
export type { GraphNode, NetworkGraph, NodeKind, Unit } from './graph/graph.ts';
export { type ImageFormat, imageFormat, type Normalization } from './images/normalization.ts';
export { openImages } from './images/open.ts';
export type { ImageSource, Minibatch, MinibatchOptions } from './images/source.ts';
export type { CellEdge } from './spaces/cells/genotype.ts';
export type { CellOperation } from './spaces/cells/operations.ts';
export { type ChoiceSpaceOptions, choiceSpace } from './spaces/choices.ts';
export { type DartsArchitecture, darts } from './spaces/darts.ts';
export { type MobilenetArchitecture, mobilenet } from './spaces/mobilenet.ts';
export { type NasbenchMacroArchitecture, nasbenchMacro } from './spaces/nasbench-macro.ts';
export { type Nasbench101Architecture, nasbench101 } from './spaces/nasbench101.ts';
export { type Nasbench201Architecture, nasbench201 } from './spaces/nasbench201.ts';
export { type NatsSizeArchitecture, natsSize } from './spaces/nats-size.ts';
export { type NdsArchitecture, type NdsSpace, ndsSpaces } from './spaces/nds.ts';
export { findSpace, SPACE_NAMES } from './spaces/registry.ts';
export { type ResnetArchitecture, resnet } from './spaces/resnet.ts';
export {
  isNumbered,
  type NetworkCounts,
  type NetworkOptions,
  type NumberedSpace,
  networkCounts,
  networkKey,
  type SearchSpace,
} from './spaces/space.ts';
export { type TransnasMicroArchitecture, transnasMicro } from './spaces/transnas-micro.ts';

// Running networks and programs.

export type { Backend, Device, Precision } from './engine/device.ts';
export { type Measured, measureNetworks } from './engine/measures.ts';
export type { Inputs, Network, RunOptions } from './engine/networks.ts';
export {
  type CollectOptions,
  collectStatistics,
  type EvaluateOptions,
  evaluatePrograms,
  initialParameters,
  networkGradients,
  scoreNetworks,
} from './engine/run.ts';
export type { ScoreMatrix, ScoreStatus } from './engine/scores.ts';
export { type GivenUnit, Statistics } from './engine/statistics.ts';

// Rank correlation and evolution.

export {
  type Agreement,
  agreement,
  type BootstrapOptions,
  type Estimate,
  kendallTauB,
  pearsonR,
  type RankCorrelation,
  rankCorrelation,
  type SeriesEstimate,
  spearmanRho,
  weightedTau,
} from './correlation/index.ts';
export type { SearchConfig } from './evolution/config.ts';
export {
  type EvolveOptions,
  evolve as evolvePrograms,
  type GenerationEvent,
  type SearchResult,
} from './evolution/evolve.ts';
export { PRESETS, type PresetName, resolveConfig } from './evolution/presets.ts';
export { RunFolder } from './evolution/run-folder.ts';
export type { Finalist, SearchProblem } from './evolution/search.ts';
export { drawHeldOut, drawTasks, type FitnessTask, makeTask, type NetworkPool } from './evolution/task.ts';
export type { RunConfig } from './runs/folder.ts';

// Errors, random numbers, version.

export { type ErrorCode, EznasError } from './errors.ts';
export { Random, type RandomState } from './random.ts';
export { VERSION } from './version.ts';
