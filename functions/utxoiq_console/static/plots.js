// Draws each chart with uPlot from the data that the server wrote beside its own picture, which stays for whoever has no
// scripts. All charts share a crosshair and a range of time; a chart is read by pointer, and by arrow keys.
import * as range from './shared_range.js';

const HEIGHT = 150;
const DASHES = [[], [7, 4], [], [2, 4], [7, 4], [], [2, 4], [9, 3, 2, 3], [7, 4]];
const drawn = new Map();
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const number = (value) => Number(value.toPrecision(3)).toLocaleString('en');
const withUnit = (value, unit) => number(value) + (unit === '/s' ? unit : unit && ` ${unit}`);
const clock = (seconds, long) => new Date(seconds * 1000).toISOString().slice(long ? 5 : 11, 16).replace('T', ' ');

// A point without a neighbour is no line.
const hasLonePoint = (times, values) => values.some((value, at) => value !== null && (at === 0 || values[at - 1] === null) && (at === times.length - 1 || values[at + 1] === null));

export function drawAll() {
  if (!window.uPlot) return;
  for (const [plot, chart] of drawn) if (!plot.isConnected) { chart.remove(); drawn.delete(plot); }
  for (const plot of document.querySelectorAll('div.plot[data-chart]')) {
    if (!drawn.has(plot)) drawn.set(plot, new Chart(plot));
    else drawn.get(plot).renew();
  }
}

class Chart {
  constructor(plot) {
    this.plot = plot;
    this.holder = plot.appendChild(Object.assign(document.createElement('div'), {className: 'own canvas'}));
    this.tip = plot.appendChild(Object.assign(document.createElement('div'), {className: 'own tip', hidden: true}));
    this.tip.setAttribute('role', 'status');
    this.draw();
    this.sizes = new ResizeObserver(() => this.uplot.setSize({width: this.holder.clientWidth, height: HEIGHT}));
    this.sizes.observe(this.holder);
    this.scheme = matchMedia('(prefers-color-scheme: dark)');
    this.recolour = () => this.draw();
    this.scheme.addEventListener('change', this.recolour);
    plot.addEventListener('keydown', (event) => this.onKey(event));
    plot.addEventListener('focusout', () => this.point(null));
    range.join(this);
  }

  remove() {
    range.leave(this);
    this.sizes.disconnect();
    this.scheme.removeEventListener('change', this.recolour);
    this.uplot.destroy();
  }

  renew() {
    if (this.plot.dataset.chart === this.text) return;
    const names = this.data.lines.map((line) => line.name).join('\n');
    this.read();
    if (this.data.lines.map((line) => line.name).join('\n') !== names) this.draw();
    else this.uplot.setData(this.points, false);
    this.showRange();
  }

  read() {
    this.text = this.plot.dataset.chart;
    this.data = JSON.parse(this.text);
    this.isLong = this.data.end - this.data.start > 86400;
    this.points = this.data.lines.length ? uPlot.join(this.data.lines.map((line) => [line.times, line.values])) : [[]];
  }

  shownRange() {
    const {min, max} = range.current({min: this.data.start, max: this.data.end});
    return [min, max];
  }

  showRange() {
    const [min, max] = this.shownRange();
    this.uplot.setScale('x', {min, max});
  }

  draw() {
    if (this.uplot) this.uplot.destroy();
    this.read();
    const {unit} = this.data;
    const axis = {stroke: style('--soft'), font: '11px system-ui, sans-serif', ticks: {show: false}, grid: {stroke: style('--edge'), width: 1}};
    this.uplot = new uPlot({
      width: this.holder.clientWidth || 300,
      height: HEIGHT,
      legend: {show: false},
      padding: [8, 8, 0, 0],
      scales: {x: {time: true, range: () => this.shownRange()}, y: {range: () => [0, this.data.top]}},
      cursor: {sync: {key: 'console'}, y: false, drag: {x: true, y: false, setScale: false}, points: {size: 6}},
      axes: [
        {...axis, size: 24, gap: 4, space: 70, values: (_, times) => times.map((time) => clock(time, this.isLong))},
        {...axis, size: 56, gap: 4, space: 34, values: (_, values) => values.map((value) => withUnit(value, unit))},
      ],
      series: [{}, ...this.data.lines.map(({colour, times, values}) => ({
        stroke: style(`--c${colour}`), width: 1.6, dash: DASHES[colour], points: {show: hasLonePoint(times, values), size: 5, fill: style(`--c${colour}`)}, spanGaps: false,
      }))],
      hooks: {
        draw: [(uplot) => this.drawMarks(uplot)],
        setCursor: [(uplot) => this.tell(uplot.cursor.idx)],
        setSelect: [(uplot) => this.zoom(uplot)],
      },
    }, this.points, this.holder);
    this.uplot.over.addEventListener('dblclick', () => range.choose(null));
  }

  // The limit of an alert, and a moment that the chart is about.
  drawMarks(uplot) {
    const {ctx, bbox} = uplot, {limit, mark} = this.data;
    ctx.save();
    ctx.strokeStyle = style('--bad');
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    if (limit !== null) {
      const y = Math.round(uplot.valToPos(limit, 'y', true));
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
    }
    if (mark !== null && mark >= uplot.scales.x.min && mark <= uplot.scales.x.max) {
      const x = Math.round(uplot.valToPos(mark, 'x', true));
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
    }
    ctx.stroke();
    ctx.restore();
  }

  zoom(uplot) {
    const {left, width} = uplot.select;
    if (width < 4) return;
    range.choose({min: uplot.posToVal(left, 'x'), max: uplot.posToVal(left + width, 'x')});
    uplot.setSelect({left: 0, width: 0, top: 0, height: 0}, false);
  }

  // The values at the crosshair; of the chart that somebody points at, or has the focus on.
  tell(index) {
    const isMeant = this.plot.matches(':hover') || document.activeElement === this.plot;
    this.tip.hidden = index == null || !isMeant;
    if (this.tip.hidden) { this.tip.textContent = ''; return; }
    const time = this.points[0][index];
    const rows = this.data.lines.flatMap(({name}, at) => this.points[at + 1][index] == null ? [] : [[name, this.points[at + 1][index]]]);
    rows.sort((one, other) => other[1] - one[1]);
    this.tip.textContent = [clock(time, this.isLong), ...rows.map(([name, value]) => `${name}  ${withUnit(value, this.data.unit)}`)].join('\n');
    const left = this.uplot.valToPos(time, 'x') + this.uplot.bbox.left / devicePixelRatio, width = this.plot.clientWidth;
    this.tip.style.left = left < width / 2 ? `${left + 8}px` : 'auto';
    this.tip.style.right = left < width / 2 ? 'auto' : `${width - left + 8}px`;
  }

  point(index) {
    const uplot = this.uplot;
    if (index == null) uplot.setCursor({left: -10, top: -10});
    else uplot.setCursor({left: uplot.valToPos(this.points[0][index], 'x'), top: 10});
  }

  onKey(event) {
    if (event.target !== this.plot) return;
    const times = this.points[0], last = times.length - 1, index = this.uplot.cursor.idx;
    if (event.key === 'Escape') { this.point(null); range.choose(null); return; }
    const step = {ArrowLeft: index == null ? last : Math.max(0, index - 1), ArrowRight: index == null ? 0 : Math.min(last, index + 1), Home: 0, End: last}[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.point(step);
  }
}
