/** Proxies that are computed natively because they are no programs over a unit's tensors, in the order of native/core/proxies.h. */
export const MEASURES = [
  'l2_norm',
  'grad_norm',
  'plain',
  'snip',
  'grasp',
  'fisher',
  'synflow',
  'logsynflow',
  'jacob_cov',
  'epe_nas',
  'naswot',
  'swap',
  'zen',
  'zico',
  'meco',
  'gradsign',
  'az-expressivity',
  'az-progressivity',
  'az-trainability',
] as const;

export type MeasureName = (typeof MEASURES)[number];
