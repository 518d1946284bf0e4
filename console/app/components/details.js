//! Beside the conversation: the customer, what can be set, and the customer's other conversations.

import { update } from '../actions.js';
import { mayChange } from '../commands.js';
import { html, useEffect, useSignal } from '../lib.js';
import { TARGETS, toneOf } from '../promises.js';
import { go } from '../route.js';
import { ask, client, nameOf } from '../store.js';
import { t } from '../strings.js';
import { brief, full, until } from '../time.js';
import { nameOfQueue } from '../workspace.js';
import { Avatar } from './avatar.js';
import { IconButton } from './icon.js';

/** @import {Summary} from '../../sdk/types/protocol.js' */

const OTHERS = 10;

/** @param {{summary: Summary}} props */
export function Details({ summary }) {
  const { id, customer, status, tags, priority, assignee, team, queue, subject, channel, opened_at } =
    summary;
  return html`
    <aside class="details" aria-label=${t('details')} tabindex="0">
      <div class="person">
        <${Avatar} id=${customer.id} name=${customer.name} />
        <div><strong dir="auto">${customer.name}</strong>${customer.handle && html`<span class="faint cut" dir="auto">${customer.handle}</span>`}</div>
      </div>
      <dl>
        <${Pair} name="status"><button type="button" class="value" disabled=${!mayChange()} onClick=${() => ask('status', [id])}>${t(`st_${status}`)}</button><//>
        <${Pair} name="priority"><button type="button" class="value" onClick=${() => ask('priority', [id])}>${t(`pr_${priority}`)}</button><//>
        <${Pair} name="assignee"><button type="button" class="value" disabled=${!mayChange()} onClick=${() => ask('assign', [id])}>${[assignee && nameOf(assignee), team].filter(Boolean).join(', ') || t('nobody')}</button><//>
        <${Pair} name="queue"><button type="button" class="value" disabled=${!mayChange()} onClick=${() => ask('queue', [id])}>${nameOfQueue(queue)}</button><//>
        <${Pair} name="subject"><button type="button" class="value" onClick=${() => ask('subject', [id])}><span class="cut">${subject || '–'}</span></button><//>
        <${Pair} name="channel">${channel}<//>
        ${customer.tier && html`<${Pair} name="tier">${customer.tier}<//>`}
        <${Pair} name="opened"><time datetime=${opened_at} title=${full(opened_at)}>${brief(opened_at)}</time><//>
      </dl>
      <${Promises} sla=${summary.sla} />
      <h3 class="label">${t('tags')}</h3>
      <ul class="tags">
        ${tags.map(
          (tag) =>
            html`<li class="chip" key=${tag}><span dir="auto">${tag}</span><${IconButton} name="close" label=${t('tag_remove', { tag })} onClick=${() => update(id, { remove_tags: [tag] })} /></li>`,
        )}
        <li><button type="button" class="quiet" onClick=${() => ask('tags', [id])}>${t('tag_add')}</button></li>
      </ul>
      <${Others} id=${id} customer=${customer.id} status=${status} />
    </aside>`;
}

/** @param {{name: string, children?: unknown}} props */
const Pair = ({ name, children }) => html`<div><dt>${t(name)}</dt><dd dir="auto">${children}</dd></div>`;

/** What is promised to the customer. @param {{sla: Summary['sla']}} props */
function Promises({ sla }) {
  const all = TARGETS.flatMap((target) => (sla?.[target] ? { target, ...sla[target] } : []));
  if (!all.length) return null;
  return html`
    <h3 class="label">${t('promises')}</h3>
    <dl class="promises">${all.map(
      (it) => html`<div key=${it.target}><dt>${t(`sla_${it.target}`)}</dt>
        <dd>${it.due_at ? html`<time class=${`due ${toneOf(it)}`} datetime=${it.due_at} title=${full(it.due_at)}>${until(it.due_at)}</time>` : html`<span class="faint">${t('sla_paused')}</span>`}</dd></div>`,
    )}</dl>`;
}

/** They are asked for again when this one's status changes. @param {{id: string, customer: string, status: string}} props */
function Others({ id, customer, status }) {
  const found = useSignal(/** @type {Summary[]} */ ([]));
  useEffect(() => {
    client
      .peek()
      ?.call('list', { filter: { customer }, sort: 'newest', limit: OTHERS }, { retry: 2 })
      .then(({ conversations }) => {
        found.value = conversations.filter((it) => it.id !== id);
      })
      .catch(() => {}); // They are asked for again with the next look.
  }, [id, customer, status]);
  return html`
    <h3 class="label">${t('others')}</h3>
    <ul class="others-list">
      ${found.value.map(
        (it) =>
          html`<li key=${it.id}><button type="button" class="value" onClick=${() => go({ id: it.id }, true)}><span class="cut" dir="auto">${it.subject ?? it.last_message?.excerpt ?? it.channel}</span><span class="faint">${t(`st_${it.status}`)}</span></button></li>`,
      )}
      ${found.value.length === 0 && html`<li class="faint">${t('others_none')}</li>`}
    </ul>
    ${status !== 'closed' && mayChange() && found.value.some((it) => it.status !== 'closed') && html`<button type="button" class="quiet merge-with" data-act="merge-with" onClick=${() => ask('merge', [id])}>${t('merge_with')}</button>`}
    <button type="button" class="quiet merge-with" data-act="open-with" onClick=${() => ask('open', [id])}>${t('open_new')}</button>`;
}
