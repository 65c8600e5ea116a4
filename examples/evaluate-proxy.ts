/** How well does a proxy rank networks by their trained accuracy? Compared with counting parameters, on every dataset. */
import { evaluateProxies } from 'eznas';

for (const dataset of ['cifar10', 'cifar100', 'imagenet16-120']) {
  const { protocol, results } = await evaluateProxies({
    dataset,
    proxies: ['eznas-a', 'params'],
    networks: 40,
    batch: 4,
  });
  console.log(`${protocol.networks.count} networks of ${protocol.space}, ${dataset}:`);
  for (const { name, kendallTau, secondsPerNetwork } of results) {
    const { value, low, high } = kendallTau;
    const interval = `95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}`;
    console.log(
      `  ${name}: τ ${value.toFixed(2)} (${interval}), ${(1000 * secondsPerNetwork).toFixed(1)} ms per network`,
    );
  }
}
