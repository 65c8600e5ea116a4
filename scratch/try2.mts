import { parseFormula } from '/tmp/wt/forest/lib/formulas/parse.ts';
import { scoreTerms } from '/tmp/wt/forest/lib/engine/formulas.ts';
import { combineTerms } from '/tmp/wt/forest/lib/formulas/combine.ts';
import { photographs, randomNetworks } from '/tmp/wt/forest/lib/bench/workload.ts';
import { loadNasbench201 } from '/tmp/wt/forest/lib/benchmarks/nasbench201.ts';
import { kendallTauB } from '/tmp/wt/forest/lib/correlation/kendall.ts';
const batch = Number(process.argv[2] ?? 8);
const inputs = photographs(batch, 0);
const bm = loadNasbench201();
const { indices } = randomNetworks(400, 0);
const nets = indices.map((i) => ({ graph: bm.space.build(bm.space.architecture(i)), key: i }));
const texts = ['unit_sum(frobenius_norm(sign(T3GD)))','unit_max(logabsdet(covariance(channels_first(sign(T4P)))))','rank_sum(unit_sum(frobenius_norm(sign(T3GD))), unit_max(logabsdet(gram(sign(T3GN)))))','unit_sum(T1D)','units','params','unit_max(logabsdet(gram(sign(T3GN))))','unit_sum(spectral_entropy(T3GD))','unit_sum(participation_ratio(T4GD))','unit_sum(participation_ratio(channels_first(T4D)))'];
const fs = texts.map(parseFormula);
const t0 = performance.now();
const values = await scoreTerms(nets, fs, inputs, { seed: 0 });
console.log('seconds', (performance.now()-t0)/1000);
for (const [i, f] of fs.entries()) {
  const scores = f.kind === 'forest' ? combineTerms(f.combiner, values[i]!) : values[i]![0]!;
  const taus = ['cifar10','cifar100','imagenet16-120'].map((d) => kendallTauB(scores, indices.map((n) => bm.accuracy(n, d))).toFixed(3));
  console.log(texts[i], taus.join(' '), [...scores].filter(Number.isNaN).length);
}
