//! Sending later: the times to choose from, and how a reply that waits for its time, or was not sent, looks in the timeline.

import { cancelScheduled, sendReply } from '../actions.js';
import { add, attach, draft } from '../drafts.js';
import { focusComposer } from '../focus.js';
import { html } from '../lib.js';
import { fieldOf, inHours, laterMoments } from '../moments.js';
import { ask, isSupervisor, me, nameOf } from '../store.js';
import { t } from '../strings.js';
import { setTab } from '../talk.js';
import { full, moment } from '../time.js';
import { toast } from '../toasts.js';
import { File } from './files.js';
import { Icon } from './icon.js';
import { close, Modal } from './modal.js';
import { Text } from './text.js';

/** @import {Attachment} from '../../sdk/types/protocol.js' */
/** @import {Moments} from '../moments.js' */
/** @import {MenuItem} from './menu.js' */
/** @typedef {{agent: string, at: string, message: {id: string, text: string, attachments: Attachment[]}}} Scheduled */

/** What is written goes out then. @param {string} id @param {Date} at */
function sendAt(id, at) {
  const text = draft(id, 'reply').text.trim();
  if (!text) return toast(t('later_none'));
  void sendReply(id, text, { at: at.toISOString() });
}

/** For the menu beside the button that sends. @param {string} id @returns {MenuItem[]} */
export const laterItems = (id) => [
  ...laterMoments().map(([name, at]) => ({
    label: t(name),
    more: moment(at.toISOString()),
    act: name,
    run: () => sendAt(id, at),
  })),
  { label: t('later_pick'), act: 'later_pick', run: () => ask('later', [id]) },
];

/** Times as buttons, and a field for any other. @param {{moments: Moments, go: string, other: string, pick(at: Date): void}} props */
export function MomentChoices({ moments, go, other, pick }) {
  const least = inHours(new Date(), 0);
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    pick(new Date(String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get('at'))));
  };
  return html`
    <div class="stack choices">
      ${moments.map(([name, date], index) => html`<button type="button" key=${name} data-first=${index === 0 || undefined} data-act=${name} onClick=${() => pick(date)}><span>${t(name)}</span><span class="faint">${moment(date.toISOString())}</span></button>`)}
      <form class="inline" onSubmit=${submit}>
        <label for="at">${other}</label>
        <input id="at" name="at" type="datetime-local" required min=${fieldOf(least)} /><button type="submit">${go}</button>
      </form>
    </div>`;
}

/** @param {{ids: string[]}} props */
export function LaterDialog({ ids: [id] }) {
  const pick = (/** @type {Date} */ at) => {
    close();
    sendAt(id, at);
  };
  return html`
    <${Modal} title=${t('later')}>
      <p class="faint">${t('later_lead')}</p>
      <${MomentChoices} moments=${laterMoments()} go=${t('later')} other=${t('later_at')} pick=${pick} />
    <//>`;
}

/** Its text is written again. @param {string} id @param {Scheduled} it */
function edit(id, { message }) {
  setTab(id, 'reply');
  add(id, 'reply', message.text);
  const known = new Set((draft(id, 'reply').files ?? []).map(({ url }) => url));
  for (const file of message.attachments) if (!known.has(file.url)) attach(id, file);
  focusComposer();
}

/** A reply that waits, or was not sent: why stands where it was dropped. @param {{id: string, it: Scheduled, dropped: boolean}} props */
export function ScheduledBubble({ id, it, dropped }) {
  const own = it.agent === me.value?.id;
  const state = dropped ? t('later_dropped') : t('later_goes', { time: moment(it.at) });
  const change = async () => {
    if (await cancelScheduled(id)) edit(id, it);
  };
  return html`
    <article class=${`bubble us waits${dropped ? ' dropped' : ''}`} data-part="waits">
      <div class="bubble-body">
        <header><b dir="auto">${own ? t('you') : nameOf(it.agent)}</b><time datetime=${it.at} title=${full(it.at)}><${Icon} name="clock" />${state}</time></header>
        <${Text} text=${it.message.text} />
        ${it.message.attachments.length > 0 && html`<ul class="files">${it.message.attachments.map((file) => html`<${File} file=${file} />`)}</ul>`}
        <div class="row-actions right">
          ${!dropped && own && html`<button type="button" class="quiet" data-act="edit-scheduled" onClick=${change}>${t('later_edit')}</button>`}
          ${!dropped && (own || isSupervisor.value) && html`<button type="button" class="quiet" data-act="drop-scheduled" onClick=${() => cancelScheduled(id)}>${t('cancel')}</button>`}
          ${dropped && own && html`<button type="button" class="quiet" data-act="write-again" onClick=${() => edit(id, it)}>${t('later_back')}</button>`}
        </div>
      </div>
    </article>`;
}
