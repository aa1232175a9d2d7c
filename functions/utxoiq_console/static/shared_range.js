// The range of time that all charts of a page show: that of the page, or a part of it that somebody has chosen.
const charts = new Set();
let chosen = null;

export const join = (chart) => charts.add(chart);
export const leave = (chart) => charts.delete(chart);
export const current = (whole) => chosen || whole;

export function choose(range) {
  chosen = range;
  for (const chart of charts) chart.showRange();
}
