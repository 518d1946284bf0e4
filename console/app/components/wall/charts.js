//! The last hours as lines, drawn by uPlot from the samples that this page has kept. What a line says is said in words, too.

import uPlot from '../../../vendor/uplot.mjs';
import { html, useEffect, useRef } from '../../lib.js';
import { prefs } from '../../prefs.js';
import { t } from '../../strings.js';
import { clock } from '../../time.js';
import { history, sampled } from '../../wall/figures.js';

const HEIGHT = 132;
const SHORTEST_S = 600;
/** @typedef {{name: string, line: Exclude<keyof typeof history, 'at'>, colour: string}} Series */

/** @type {{title: string, unit: string, series: Series[]}[]} */
const CHARTS = [
  {
    title: 'c_waiting',
    unit: '',
    series: [
      { name: 'w_waiting', line: 'waiting', colour: '--accent' },
      { name: 'w_unclaimed', line: 'unclaimed', colour: '--warm' },
      { name: 'w_breached', line: 'late', colour: '--hot' },
    ],
  },
  {
    title: 'c_messages',
    unit: '',
    series: [
      { name: 'c_arrivals', line: 'arrivals', colour: '--warm' },
      { name: 'c_replies', line: 'replies', colour: '--good' },
    ],
  },
  {
    title: 'c_first',
    unit: ' min',
    series: [
      { name: 'c_half', line: 'first50', colour: '--accent' },
      { name: 'c_most', line: 'first90', colour: '--warm' },
    ],
  },
];

/** A colour of the theme, as it is now: a canvas knows no variables. @param {Element} of @param {string} name */
function colour(of, name) {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  of.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

export const Charts = () => html`
  <section class="charts" aria-label=${t('charts')}>${CHARTS.map((it) => html`<${Chart} key=${it.title} ...${it} />`)}</section>`;

/** @param {typeof CHARTS[number]} props */
function Chart({ title, unit, series }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const plot = useRef(/** @type {uPlot | null} */ (null));
  const data = () => [history.at, ...series.map((it) => history[it.line])];
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(at, series), data(), at);
    };
    make();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const size = new ResizeObserver(() => plot.current?.setSize({ width: at.clientWidth, height: HEIGHT }));
    dark.addEventListener('change', make);
    size.observe(at);
    return () => {
      dark.removeEventListener('change', make);
      size.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [prefs.value.theme]);
  const samples = sampled.value;
  useEffect(() => plot.current?.setData(data()), [samples]);
  const latest = (/** @type {Series['line']} */ line) => {
    const value = history[line].at(-1);
    return value === null || value === undefined ? '–' : `${Math.round(value * 10) / 10}${unit}`;
  };
  return html`
    <figure class="card chart">
      <figcaption><h2>${t(title)}</h2>
        <ul class="legend">${series.map((it) => html`<li key=${it.line} data-colour=${it.colour}><i aria-hidden="true"></i>${t(it.name)} <b>${latest(it.line)}</b></li>`)}</ul></figcaption>
      <div class="plot" ref=${box} aria-hidden="true"></div>
    </figure>`;
}

/** @param {HTMLElement} at @param {Series[]} series */
function options(at, series) {
  const [line, faint] = [colour(at, '--line'), colour(at, '--faint')];
  const axis = {
    stroke: faint,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  };
  return {
    width: at.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      // Never less than ten minutes: a line that has just begun is not drawn across the whole width.
      x: {
        range: (/** @type {unknown} */ _plot, /** @type {number} */ from, /** @type {number} */ to) => [
          Math.min(from, to - SHORTEST_S),
          to,
        ],
      },
      y: {
        range: (
          /** @type {unknown} */ _plot,
          /** @type {number} */ _low,
          /** @type {number | null} */ high,
        ) => [0, Math.max(4, (high ?? 0) * 1.1)],
      },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 70,
        values: (/** @type {unknown} */ _plot, /** @type {number[]} */ ticks) =>
          ticks.map((it) => clock(new Date(it * 1000).toISOString())),
      },
      { ...axis, size: 34, space: 28 },
    ],
    series: [
      {},
      ...series.map((it) => ({ stroke: colour(at, it.colour), width: 2, points: { show: false } })),
    ],
  };
}
