//! One entry of the timeline: a message, a note, or a line that says what happened.

import { nameOfTarget } from '../actions.js';
import { html } from '../lib.js';
import { go } from '../route.js';
import { me, nameOf } from '../store.js';
import { t } from '../strings.js';
import { clock, full, moment } from '../time.js';
import { Avatar } from './avatar.js';
import { File } from './files.js';
import { Icon } from './icon.js';
import { Menu } from './menu.js';
import { Text } from './text.js';

/** @import {MenuItem} from './menu.js' */
/** @import {Attachment, Customer, EventEntry} from '../../sdk/types/protocol.js' */

/** @type {Record<string, string>} */
const ACTORS = { system: 'system', channel: 'the_channel' };

/** @param {EventEntry} entry @param {string} customer */
function actorName({ actor }, customer) {
  if (actor.kind === 'agent' || actor.kind === 'bot') return nameOf(actor.id);
  if (actor.kind === 'customer') return customer;
  return t(ACTORS[actor.kind] ?? 'somebody');
}

/** What happened, in words. @type {Record<string, (event: any, who: string) => string>} */
const LINES = {
  conversation_opened: (it) => t('ev_opened', { channel: it.channel }),
  claim_granted: (it) =>
    t(`ev_granted_${it.via}`, { name: nameOf(it.agent) }) + (it.reason ? `: ${it.reason}` : ''),
  claim_released: (it) => t('ev_released', { name: nameOf(it.agent) }),
  claim_expired: (it) => t('ev_expired', { name: nameOf(it.agent) }),
  transfer_offered: (it) =>
    t('ev_offered', { name: nameOf(it.from), to: nameOfTarget(it.to) }) + (it.note ? `: ${it.note}` : ''),
  transfer_declined: (it) =>
    t('ev_declined', { to: nameOfTarget(it.to), reason: it.reason }) + (it.note ? `: ${it.note}` : ''),
  assigned: (it) => {
    const to = [it.agent && nameOf(it.agent), it.team].filter(Boolean).join(', ');
    return to ? t('ev_assigned', { to }) : t('ev_unassigned');
  },
  status_changed: (it, name) =>
    it.snoozed_until
      ? t('ev_snoozed', { name, time: moment(it.snoozed_until) })
      : t('ev_status', { name, to: t(`st_${it.to}`) }),
  tagged: (it, name) =>
    t('ev_tags', {
      name,
      tags: [
        ...it.added.map((/** @type {string} */ tag) => `+${tag}`),
        ...it.removed.map((/** @type {string} */ tag) => `−${tag}`),
      ].join(' '),
    }),
  priority_changed: (it, name) => t('ev_priority', { name, to: t(`pr_${it.to}`) }),
  queue_changed: (it, name) => t('ev_queue', { name, to: it.to }),
  subject_changed: (it, name) => t('ev_subject', { name, to: it.to ?? '—' }),
  escalated: (it) => t('ev_escalated', { rule: it.rule }),
  reply_scheduled: (it) => t('ev_scheduled', { name: nameOf(it.agent), time: moment(it.at) }),
  schedule_dropped: (it) => t('ev_dropped', { reason: t(`drop_${it.reason}`) }),
  customer_updated: () => t('ev_customer'),
  merged: (it, name) => t(it.into ? 'ev_absorbed' : 'ev_merged', { name, n: it.conversations?.length ?? 1 }),
  split: (it, name) => t(it.from ? 'ev_split_from' : 'ev_split', { name, n: it.messages.length }),
  rated: (it) => t('ev_rated', { score: it.score }) + (it.comment ? `: ${it.comment}` : ''),
  redacted: () => t('ev_redacted'),
};
const SLA = /^sla_(warned|breached|met)$/;
/** Said by what stands beside them: a line of their own would only repeat it. */
const SILENT = {
  released: /^(transfer|take_over|resolved|snoozed)$/,
  kinds: new Set(['message_delivery', 'sla_planned']),
};

/** Whether it is drawn at all. @param {EventEntry} entry */
export function isDrawn({ event }) {
  if (SILENT.kinds.has(event.kind)) return false;
  return !(event.kind === 'claim_released' && 'via' in event && SILENT.released.test(event.via));
}

/** @param {{entry: EventEntry, customer: Customer, delivery?: {state: string, reason?: string}, moved?: string, menu?: () => MenuItem[]}} props `moved`: where to; `menu`: what can be done with a message. */
export function Entry({ entry, customer, delivery, moved, menu }) {
  const { event, at } = entry;
  const name = actorName(entry, customer.name);
  if ('redacted' in event && event.redacted) return html`<p class="line"><i>${t('redacted')}</i></p>`;
  if (event.kind === 'message_received' && 'message' in event)
    return html`<${Bubble} side="them" id=${customer.id} name=${customer.name} at=${at} message=${event.message} moved=${moved} menu=${menu} />`;
  if (event.kind === 'message_sent' && 'message' in event)
    return html`<${Bubble} side="us" id=${event.agent} name=${nameOf(event.agent)} bot=${entry.actor.kind === 'bot'} at=${at} message=${event.message} delivery=${delivery} moved=${moved} menu=${menu} />`;
  if (event.kind === 'note_added' && 'note' in event)
    return html`
      <article class="note-entry">
        <header><${Icon} name="note" /><b>${t('note_by', { name: nameOf(event.agent) })}</b><${At} at=${at} /></header>
        <${Text} text=${event.note.text} names=${[...event.mentions.agents, ...event.mentions.teams]} />
      </article>`;
  const line = SLA.test(event.kind)
    ? t(`ev_${event.kind}`, { what: t(`sla_${'target' in event ? event.target : ''}`) })
    : (LINES[event.kind]?.(event, name) ?? t('ev_other', { kind: event.kind }));
  const into = /^(merged|split)$/.test(event.kind) && 'into' in event ? event.into : undefined;
  return html`<p class="line"><span dir="auto">${line}</span> <${At} at=${at} />${into && html` <button type="button" class="quiet" data-act="open-other" onClick=${() => go({ id: into }, true)}>${t('open')}</button>`}</p>`;
}

/** @param {{at: string}} props */
const At = ({ at }) => html`<time class="faint" datetime=${at} title=${full(at)}>${clock(at)}</time>`;

/** @param {{side: string, id: string, name: string, bot?: boolean, at: string, delivery?: {state: string, reason?: string}, moved?: string, menu?: () => MenuItem[], message: {text: string, attachments: Attachment[]}}} props */
const Bubble = ({ side, id, name, bot, at, message, delivery, moved, menu }) => html`
  <article class=${`bubble ${side}${moved ? ' moved' : ''}`}>
    <${Avatar} id=${id} name=${name} />
    <div class="bubble-body">
      <header><b dir="auto">${id === me.value?.id ? t('you') : name}</b>${bot && html`<span class="tag">${t('bot')}</span>`}<${At} at=${at} />${menu && html`<${Menu} name="more" label=${t('message_menu')} act="message-menu" items=${menu} />`}</header>
      <${Text} text=${message.text} />
      ${message.attachments.length > 0 && html`<ul class="files">${message.attachments.map((it) => html`<${File} file=${it} />`)}</ul>`}
      ${moved && html`<p class="faint">${t('moved')} <button type="button" class="quiet" data-act="open-other" onClick=${() => go({ id: moved }, true)}>${t('open')}</button></p>`}
      ${delivery?.state === 'failed' && html`<p class="error">${t('failed')}${delivery.reason ? `: ${delivery.reason}` : ''}</p>`}
    </div>
  </article>`;
