/** Scores a few architectures with a named proxy and with a formula of one's own. */
import { scoreArchitectures } from 'eznas';

const { networks, architectures, scores } = await scoreArchitectures({
  // By index, or as the search space prints them.
  architectures: [6111, '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|skip_connect~2|'],
  proxies: ['eznas-a', 'params'],
  programs: ['l1_norm(T3GD)'],
  batch: 4,
});

for (const [at, index] of networks.entries()) {
  const row = Object.entries(scores).map(([name, values]) => `${name} = ${values[at]}`);
  console.log(`${index} ${architectures[at]}\n  ${row.join(', ')}`);
}
