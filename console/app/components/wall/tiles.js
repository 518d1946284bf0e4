//! Figures to be read from across the room: of the workspace, and a tile for each queue.

import { cx, html } from '../../lib.js';
import { prefs } from '../../prefs.js';
import { queue as chosen, go } from '../../route.js';
import { t } from '../../strings.js';
import { second, stats, told, trend } from '../../wall/figures.js';
import { nameOfQueue } from '../../workspace.js';
import { Icon } from '../icon.js';

/** @import {QueueStats, WorkspaceStats} from '../../../sdk/types/protocol.js' */

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

/** How long somebody has waited, ticking: only this is drawn each second. @param {{since: string | null, limit: number}} props */
export function Wait({ since, limit }) {
  const now = second.value;
  if (!since) return html`<span class="faint">–</span>`;
  const ms = now - Date.parse(since);
  const tone = ms >= limit * 60_000 ? 'hot' : ms >= limit * 30_000 ? 'warm' : '';
  return html`<time class=${cx('wait', tone)} datetime=${since}>${spell(ms)}</time>`;
}

/** @param {{all: WorkspaceStats}} props */
export function Totals({ all }) {
  const { agents } = all;
  const { limit } = prefs.value.wall;
  const figures = /** @type {[string, unknown, string?][]} */ ([
    ['w_waiting', all.waiting],
    ['w_oldest', html`<${Wait} since=${all.oldest_waiting_since} limit=${limit} />`],
    ['w_unclaimed', all.unclaimed],
    ['w_claimed', all.claimed],
    ['w_at_risk', all.at_risk, all.at_risk ? 'warm' : ''],
    ['w_breached', all.breached, all.breached ? 'hot' : ''],
    ['w_agents', html`${agents.online}<small> / ${agents.online + agents.away + agents.busy}</small>`],
    ['w_load', html`${agents.load}${agents.capacity !== null && html`<small> / ${agents.capacity}</small>`}`],
  ]);
  return html`<ul class="totals">${figures.map(([name, value, tone]) => html`<li key=${name} class=${tone ?? ''} data-figure=${name}><b>${value}</b><span>${t(name)}</span></li>`)}</ul>`;
}

/** How much there is to do in it: what is late first. @param {QueueStats} it */
const weight = (it) => it.breached * 1e6 + it.at_risk * 1e4 + it.waiting * 10 + it.unclaimed;

/** Places stay as they are from frame to frame, so that the eye finds them: by name. */
export function Queues() {
  told.value;
  const queues = [...(stats.value?.queues.values() ?? [])].sort((one, other) =>
    nameOfQueue(one.id).localeCompare(nameOfQueue(other.id)),
  );
  return html`
    <section aria-labelledby="wall-queues">
      <h2 id="wall-queues" class="sr">${t('queues')}</h2>
      <ul class="queue-tiles">${queues.map((it) => html`<${Tile} key=${it.id} it=${it} />`)}
        ${queues.length === 0 && html`<li class="faint">${t('q_none')}</li>`}</ul>
    </section>`;
}

/** @param {{it: QueueStats}} props */
function Tile({ it }) {
  const { limit } = prefs.value.wall;
  const more = trend(it.id, it.waiting);
  const tone = it.breached ? 'hot' : it.at_risk ? 'warm' : '';
  const nobody =
    it.routing &&
    (it.routing.agents === 0
      ? t('q_nobody')
      : it.routing.nobody && t('q_no_free', { why: it.routing.nobody }));
  return html`
    <li class=${cx('queue-tile', tone, weight(it) === 0 && 'quiet-tile')} data-queue=${it.id}>
      <button type="button" class="value" title=${t('q_open_list', { queue: nameOfQueue(it.id) })} onClick=${() => {
        go({ view: 'all', id: null }, true);
        chosen.value = it.id;
      }}><span class="cut" dir="auto">${nameOfQueue(it.id)}</span></button>
      <div class="tile-main"><b class="big" title=${t('w_waiting')}>${it.waiting}<span class="sr"> ${t('w_waiting')}</span></b><${Trend} more=${more} />
        <span class="end tile-wait"><${Wait} since=${it.oldest_waiting_since} limit=${limit} /><span class="sr"> ${t('w_oldest')}</span></span></div>
      <dl>
        <div><dt>${t('w_unclaimed')}</dt><dd>${it.unclaimed}</dd></div>
        <div class=${it.at_risk ? 'warm' : ''}><dt>${t('w_at_risk')}</dt><dd>${it.at_risk}</dd></div>
        <div class=${it.breached ? 'hot' : ''}><dt>${t('w_breached')}</dt><dd>${it.breached}</dd></div>
      </dl>
      ${nobody && html`<p class="nobody"><${Icon} name="alert" />${nobody}</p>`}
    </li>`;
}

/** @param {{more: number | null}} props */
function Trend({ more }) {
  if (more === null) return null;
  const kind = more > 0 ? 'up' : more < 0 ? 'down' : 'flat';
  const text = t(`trend_${kind}`, { n: Math.abs(more) });
  return html`<span class=${cx('trend', kind)} title=${text}>${more ? html`<${Icon} name=${kind} />` : '='}<span class="sr">${text}</span></span>`;
}
