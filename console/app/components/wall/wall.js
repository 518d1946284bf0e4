//! The wall, for supervisors: queues, agents, who waits longest, what happens, and the last hours; to be read from across the
//! room, and to act from.

import { computed, cx, html, useEffect } from '../../lib.js';
import { preferWall, prefs } from '../../prefs.js';
import { go } from '../../route.js';
import { features, isSupervisor } from '../../store.js';
import { t } from '../../strings.js';
import { clock } from '../../time.js';
import { follow, workspace } from '../../wall/figures.js';
import { keepUp } from '../../wall/kiosk.js';
import { followNotices, notices } from '../../wall/notices.js';
import { KINDS } from '../dialogs.js';
import { GiveDialog } from '../give.js';
import { Icon, IconButton } from '../icon.js';
import { AgentDialog, Agents } from './agents.js';
import { Charts } from './charts.js';
import { Queues, Totals } from './tiles.js';
import { Waiting } from './waiting.js';

/** @import {Notice} from '../../wall/notices.js' */

KINDS.agent = AgentDialog;
KINDS.give = GiveDialog;

const known = computed(() => workspace.value !== null);

/** @param {{beside: boolean}} props `beside`: a conversation is open next to it. */
export function Wall({ beside }) {
  useEffect(follow, []);
  useEffect(followNotices, []);
  const { kiosk } = prefs.value.wall;
  useEffect(() => (kiosk ? keepUp() : undefined), [kiosk]);
  if (!isSupervisor.value)
    return html`<main id="conversation" class="wall" tabindex="-1"><p class="empty">${t('wall_not_you')}</p></main>`;
  const body = features.value.has('stats')
    ? known.value
      ? html`<${Body} />`
      : html`<p class="empty" role="status">${t('loading')}</p>`
    : html`<p class="empty">${t('wall_no_stats')}</p>`;
  const inside = html`<${Head} />${body}`;
  return beside
    ? html`<section class="wall" aria-label=${t('wall')}><div class="wall-in">${inside}</div></section>`
    : html`<main id="conversation" class="wall" tabindex="-1"><div class="wall-in">${inside}</div></main>`;
}

function Head() {
  const { kiosk, limit } = prefs.value.wall;
  if (kiosk)
    return html`<header class="wall-head kiosk"><h1 class="sr">${t('wall')}</h1><button type="button" data-act="kiosk" onClick=${() => preferWall({ kiosk: false })}>${t('kiosk_end')}</button></header>`;
  return html`
    <header class="wall-head">
      <h1>${t('wall')}</h1>
      <label class="end">${t('wall_limit')} <input type="number" min="1" max="1440" value=${limit}
        onChange=${(/** @type {any} */ event) => preferWall({ limit: Math.min(1440, Math.max(1, Number(event.currentTarget.value) || 1)) })} /></label>
      <button type="button" data-act="kiosk" title=${t('kiosk_hint')} onClick=${() => preferWall({ kiosk: true })}><${Icon} name="screen" />${t('kiosk')}</button>
    </header>`;
}

const Body = () => html`
  <${Totals} />
  <div class="wall-columns">
    <div class="wall-main"><${Queues} /><${Agents} /><${Charts} /></div>
    <div class="wall-side"><${Notices} /><${Waiting} /><${Collisions} /></div>
  </div>`;

/** What has just happened. */
const Notices = () => html`
  <section class="card notices" aria-labelledby="wall-notices">
    <h2 id="wall-notices">${t('notices')}</h2>
    <div class="notice-log" role="log" aria-labelledby="wall-notices" tabindex="0"><ul>
      ${notices.value.map(noticed)}
      ${notices.value.length === 0 && html`<li class="faint">${t('notices_none')}</li>`}
    </ul></div>
  </section>`;

/** What was drawn is not drawn again. @type {WeakMap<Notice, unknown>} */
const drawn = new WeakMap();

/** @param {Notice} it */
function noticed(it) {
  const known =
    drawn.get(it) ??
    html`<li key=${it.id} class=${cx('notice', it.kind)}>
          <${Icon} name=${it.kind === 'hot' ? 'alert' : 'alarm'} /><span dir="auto">${it.text}</span>
          <time class="faint end">${clock(new Date(it.at).toISOString())}</time>
          ${it.conversation && html`<${IconButton} name="eye" label=${t('look_at', { name: it.text })} onClick=${() => go({ id: it.conversation ?? null }, true)} />`}
        </li>`;
  drawn.set(it, known);
  return known;
}

const PARTS = /** @type {const} */ ([
  'claims_contested',
  'replies_stale',
  'replies_fenced',
  'repeats_absorbed',
]);
const counted = PARTS.map((name) => ({ name, n: computed(() => workspace.value?.collisions[name] ?? 0) }));
const prevented = computed(() => counted.reduce((sum, { n }) => sum + n.value, 0));

/** What customers never saw. */
const Collisions = () => html`
  <section class="card collisions" aria-labelledby="wall-collisions">
    <h2 id="wall-collisions">${t('twice')} <b class="good">${t('never')}</b></h2>
    <p><b class="big">${prevented}</b> ${t('prevented')}</p>
    <dl>${counted.map(({ name, n }) => html`<div key=${name}><dt>${t(name)}</dt><dd>${n}</dd></div>`)}</dl>
  </section>`;
