//! Figures to be read from across the room: of the workspace, and a tile for each queue. Each figure is a signal that is bound
//! to its own text: a frame in which hundreds change touches those texts and draws no component anew.

import { computed, cx, html, useComputed, useMemo } from '../../lib.js';
import { prefs } from '../../prefs.js';
import { queue as chosen, go } from '../../route.js';
import { t } from '../../strings.js';
import { queueIds, rowOf, sampled, second, trend, workspace } from '../../wall/figures.js';
import { nameOfQueue } from '../../workspace.js';
import { Icon } from '../icon.js';

/** @import {QueueStats, WorkspaceStats} from '../../../sdk/types/protocol.js' */
/** @template T @typedef {import('../../../vendor/signals.mjs').ReadonlySignal<T>} ReadonlySignal */
/** @typedef {ReadonlySignal<string | number>} Cell */

/** Minutes and seconds, then hours and minutes. @param {number} ms */
export function spell(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  if (hours < 1) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  return hours < 48
    ? t('hours', { n: hours, m: Math.floor(seconds / 60) % 60 })
    : t('days', { n: Math.floor(hours / 24) });
}

/** How long somebody has waited, ticking: only its text is touched each second. @param {{since: ReadonlySignal<string | null>}} props */
export function Wait({ since }) {
  const ms = () => second.value - Date.parse(since.value ?? '');
  const text = useComputed(() => (since.value ? spell(ms()) : '–'));
  const tone = useComputed(() => {
    if (!since.value) return 'faint';
    const limit = prefs.value.wall.limit * 60_000;
    return cx('wait', ms() >= limit ? 'hot' : ms() >= limit / 2 && 'warm');
  });
  return html`<time class=${tone}>${text}</time>`;
}

/** @param {(all: WorkspaceStats) => string | number} read @returns {Cell} */
const figure = (read) => computed(() => (workspace.value ? read(workspace.value) : ''));
/** What stands behind a figure: of how many. @param {(all: WorkspaceStats) => number | null} read @returns {Cell} */
const outOf = (read) =>
  figure((all) => {
    const most = read(all);
    return most === null ? '' : ` / ${most}`;
  });

/** @type {{name: string, value: unknown, tone?: Cell, most?: Cell}[]} */
const TOTALS = [
  { name: 'w_waiting', value: figure((all) => all.waiting) },
  {
    name: 'w_oldest',
    value: html`<${Wait} since=${computed(() => workspace.value?.oldest_waiting_since ?? null)} />`,
  },
  { name: 'w_unclaimed', value: figure((all) => all.unclaimed) },
  { name: 'w_claimed', value: figure((all) => all.claimed) },
  {
    name: 'w_at_risk',
    value: figure((all) => all.at_risk),
    tone: figure((all) => (all.at_risk ? 'warm' : '')),
  },
  {
    name: 'w_breached',
    value: figure((all) => all.breached),
    tone: figure((all) => (all.breached ? 'hot' : '')),
  },
  {
    name: 'w_agents',
    value: figure(({ agents }) => agents.online),
    most: outOf(({ agents }) => agents.online + agents.away + agents.busy),
  },
  {
    name: 'w_load',
    value: figure(({ agents }) => agents.load),
    most: outOf(({ agents }) => agents.capacity),
  },
];

export const Totals = () =>
  html`<ul class="totals">${TOTALS.map(({ name, value, tone = '', most }) => html`<li key=${name} class=${tone} data-figure=${name}><div class="total-in"><b>${value}${most && html`<small>${most}</small>`}</b><span>${t(name)}</span></div></li>`)}</ul>`;

/** How much there is to do in it: what is late first. @param {QueueStats} it */
const weight = (it) => it.breached * 1e6 + it.at_risk * 1e4 + it.waiting * 10 + it.unclaimed;

/** Places stay as they are from frame to frame, so that the eye finds them: by name. */
export function Queues() {
  const ids = [...queueIds.value].sort((one, other) => nameOfQueue(one).localeCompare(nameOfQueue(other)));
  return html`
    <section aria-labelledby="wall-queues">
      <h2 id="wall-queues" class="sr">${t('queues')}</h2>
      <ul class="queue-tiles">${ids.map((id) => html`<${Tile} key=${id} id=${id} />`)}
        ${ids.length === 0 && html`<li class="faint">${t('q_none')}</li>`}</ul>
    </section>`;
}

/** What a tile shows, each by itself. @param {string} id */
function cellsOf(id) {
  const row = rowOf(id);
  /** @template T @param {(it: QueueStats) => T} read @param {T} without */
  const of = (read, without) => computed(() => (row.value ? read(row.value) : without));
  const more = computed(() => (sampled.value >= 0 && row.value ? trend(id, row.value.waiting) : null));
  const way = computed(() => {
    if (more.value === null) return '';
    return more.value > 0 ? 'up' : more.value < 0 ? 'down' : 'flat';
  });
  return {
    tile: of(
      (it) => cx('queue-tile', it.breached ? 'hot' : it.at_risk ? 'warm' : weight(it) === 0 && 'quiet-tile'),
      'queue-tile',
    ),
    waiting: of((it) => it.waiting, 0),
    since: of((it) => it.oldest_waiting_since, null),
    unclaimed: of((it) => it.unclaimed, 0),
    risk: of((it) => it.at_risk, 0),
    late: of((it) => it.breached, 0),
    warm: of((it) => (it.at_risk ? 'warm' : ''), ''),
    hot: of((it) => (it.breached ? 'hot' : ''), ''),
    trend: computed(() => cx('trend', way.value)),
    trended: computed(() => (way.value ? t(`trend_${way.value}`, { n: Math.abs(more.value ?? 0) }) : '')),
    nobody: of(({ routing }) => {
      if (!routing) return '';
      if (routing.agents === 0) return t('q_nobody');
      return routing.nobody ? t('q_no_free', { why: routing.nobody }) : '';
    }, ''),
  };
}

/** @param {{id: string}} props */
function Tile({ id }) {
  const it = useMemo(() => cellsOf(id), [id]);
  return html`
    <li class=${it.tile} data-queue=${id}><div class="tile-in">
      <button type="button" class="value" title=${t('q_open_list', { queue: nameOfQueue(id) })} onClick=${() => {
        go({ view: 'all', id: null }, true);
        chosen.value = id;
      }}><span class="cut" dir="auto">${nameOfQueue(id)}</span></button>
      <div class="tile-main"><b class="big" title=${t('w_waiting')}>${it.waiting}<span class="sr"> ${t('w_waiting')}</span></b>
        <span class=${it.trend} title=${it.trended}><span class="sr">${it.trended}</span></span>
        <span class="end tile-wait"><${Wait} since=${it.since} /><span class="sr"> ${t('w_oldest')}</span></span></div>
      <dl>
        <div><dt>${t('w_unclaimed')}</dt><dd>${it.unclaimed}</dd></div>
        <div class=${it.warm}><dt>${t('w_at_risk')}</dt><dd>${it.risk}</dd></div>
        <div class=${it.hot}><dt>${t('w_breached')}</dt><dd>${it.late}</dd></div>
      </dl>
      <${Nobody} why=${it.nobody} />
    </div></li>`;
}

/** @param {{why: ReadonlySignal<string>}} props */
const Nobody = ({ why }) =>
  why.value
    ? html`<p class="nobody" title=${why.value}><${Icon} name="alert" /><span class="cut">${why.value}</span></p>`
    : null;
