import * as Plot from '@observablehq/plot';

/** The horizontal axis as all plots have it: no ticks' marks, its title below in the middle. */
export function xAxis(options: Plot.AxisXOptions = {}) {
  return Plot.axisX({ tickSize: 0, labelAnchor: 'center', labelArrow: 'none', ...options });
}

/** The vertical axis as all plots have it: no ticks' marks, its title above. */
export function yAxis(options: Plot.AxisYOptions = {}) {
  return Plot.axisY({ tickSize: 0, labelArrow: 'none', ...options });
}
