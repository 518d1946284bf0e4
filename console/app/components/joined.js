//! Merging and splitting: the dialogs that do it, and what stands in a timeline instead of messages that are elsewhere.

import { merge, split } from '../actions.js';
import { html, useEffect, useSignal } from '../lib.js';
import { selectedRows } from '../list.js';
import { go } from '../route.js';
import { client, nameOf } from '../store.js';
import { t } from '../strings.js';
import { talk } from '../talk.js';
import { brief, clock } from '../time.js';
import { Entry } from './entry.js';
import { close, FormModal, Modal } from './modal.js';

/** @import {EventEntry, Summary} from '../../sdk/types/protocol.js' */

/** So many of a customer's conversations are offered. */
const OFFERED = 50;
const LATEST = 2 ** 52;
const EXCERPT = 90;
const LINE = 500;

/** @param {Summary} it */
const titleOf = (it) => it.subject ?? it.last_message?.excerpt ?? it.channel;

/** What is known of it without asking. @param {string} id */
const known = (id) =>
  talk.peek()?.id === id ? talk.peek()?.summary : selectedRows().find((row) => row.id === id);

/** The open conversations of one customer: which of them become one, and which one goes on. @param {{ids: string[]}} props */
export function MergeDialog({ ids }) {
  const found = useSignal(/** @type {Summary[] | null} */ (null));
  const chosen = useSignal(new Set(ids));
  const into = useSignal(ids[0]);
  const customer = known(ids[0])?.customer;
  useEffect(() => {
    client
      .peek()
      ?.call(
        'list',
        { filter: { customer: customer?.id ?? '' }, sort: 'oldest', limit: OFFERED },
        { retry: 2 },
      )
      .then(({ conversations }) => {
        found.value = conversations.filter(({ status }) => status !== 'closed');
      })
      .catch(() => {
        found.value = [];
      });
  }, []);
  const rows = found.value ?? [];
  const others = [...chosen.value].filter((id) => id !== into.value);
  const toggle = (/** @type {string} */ id) => {
    const next = new Set(chosen.value);
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
    if (!next.has(into.value)) into.value = [...next][0] ?? '';
  };
  const survivor = rows.find(({ id }) => id === into.value);
  if (found.value && rows.length < 2)
    return html`<${Modal} title=${t('merge')}><p>${t('merge_none')}</p><div class="row-actions right"><button type="button" class="primary" data-first onClick=${close}>${t('close')}</button></div><//>`;
  return html`
    <${FormModal} title=${t('merge_title', { name: customer?.name ?? '' })} go=${t('merge')} off=${!survivor || others.length === 0} run=${() => survivor && void merge(survivor, others)}>
      <table class="merge">
        <thead><tr><th scope="col">${t('merge_these')}</th><th scope="col">${t('merge_into')}</th></tr></thead>
        <tbody>${rows.map(
          (it, index) => html`<tr key=${it.id} data-id=${it.id}>
            <td><label class="check"><input type="checkbox" checked=${chosen.value.has(it.id)} data-first=${index === 0 || undefined} onChange=${() => toggle(it.id)} />
              <span class="merge-what"><span class="cut" dir="auto">${titleOf(it)}</span><span class="faint cut">${[it.channel, t(`st_${it.status}`), brief(it.opened_at), it.claim && t('held_by', { name: nameOf(it.claim.agent) })].filter(Boolean).join(' · ')}</span></span></label></td>
            <td><input type="radio" name="into" value=${it.id} aria-label=${t('merge_into_this', { what: titleOf(it) })} checked=${it.id === into.value} disabled=${!chosen.value.has(it.id)} onChange=${() => {
              into.value = it.id;
            }} /></td></tr>`,
        )}</tbody>
      </table>
      <p role="status">${survivor && others.length > 0 ? t('merge_lead', { n: others.length, what: titleOf(survivor) }) : t('merge_pick')}</p>
    <//>`;
}

/** Messages that become a conversation of their own. @param {{ids: string[]}} props The conversation, and the message that was pointed at. */
export function SplitDialog({ ids: [id, first] }) {
  const entries = talk.peek()?.id === id ? (talk.peek()?.entries ?? []) : [];
  const messages = entries.flatMap(({ event, at }) =>
    /^message_(received|sent)$/.test(event.kind) && 'message' in event && typeof event.message === 'object'
      ? {
          ...event.message,
          at,
          who: 'agent' in event ? nameOf(event.agent) : (known(id)?.customer.name ?? ''),
        }
      : [],
  );
  const run = (/** @type {FormData} */ data) => {
    const chosen = data.getAll('message').map(String);
    if (chosen.length) void split(id, chosen, String(data.get('subject')).trim());
  };
  return html`
    <${FormModal} title=${t('split_title')} go=${t('split')} run=${run}>
      <p>${t('split_lead')}</p>
      <fieldset class="split-list"><legend>${t('split_which')}</legend>
        ${messages.map(
          (
            it,
          ) => html`<label class="check" key=${it.id}><input type="checkbox" name="message" value=${it.id} checked=${it.id === first} data-first=${it.id === first || undefined} />
            <span class="cut" dir="auto"><b>${it.who}</b> ${it.text.slice(0, EXCERPT)}</span><time class="faint end">${clock(it.at)}</time></label>`,
        )}
      </fieldset>
      <label for="subject">${t('split_subject')}</label>
      <input id="subject" name="subject" maxlength=${LINE} autocomplete="off" dir="auto" />
    <//>`;
}

/** Messages that were said in another conversation and belong to this one, too. @param {{from: string, messages: string[], customer: Summary['customer']}} props */
export function Elsewhere({ from, messages, customer }) {
  const found = useSignal(/** @type {EventEntry[] | null} */ (null));
  useEffect(() => {
    const wanted = new Set(messages);
    client
      .peek()
      ?.call('history', { conversation: from, before: LATEST }, { retry: 2 })
      .then(({ entries }) => {
        found.value = entries.filter(({ event }) => {
          if (!/^(message_(received|sent)|note_added)$/.test(event.kind)) return false;
          return (
            !wanted.size ||
            ('message' in event && typeof event.message === 'object' && wanted.has(event.message.id))
          );
        });
      })
      .catch(() => {
        found.value = [];
      });
  }, [from]);
  return html`
    <section class="elsewhere" aria-label=${t('elsewhere')}>
      <header class="faint">${t('elsewhere')} <button type="button" class="quiet" data-act="open-other" onClick=${() => go({ id: from }, true)}>${t('open')}</button></header>
      ${found.value?.map((entry) => html`<${Entry} key=${entry.seq} entry=${entry} customer=${customer} />`)}
    </section>`;
}
