//! Dialogs that are needed now and then: the queue and the subject of a conversation, and another one with its customer.

import { openWith, update } from '../actions.js';
import { html } from '../lib.js';
import { t } from '../strings.js';
import { talk } from '../talk.js';
import { nameOfQueue, settings } from '../workspace.js';
import { FormModal } from './modal.js';

/** @typedef {{ids: string[]}} Ids */

const LINE = 500;
/** What a queue may be called: as the protocol says of ids. */
const ID = '[a-z0-9._\\-]{1,64}';

/** Another queue: one of the settings, or any by its name. @param {Ids} props */
export function QueueDialog({ ids: [id] }) {
  const queue = talk.peek()?.summary?.queue ?? '';
  const known = settings.value?.settings.queues.map((it) => it.id).filter((it) => it !== queue) ?? [];
  const run = (/** @type {FormData} */ data) => void update(id, { queue: String(data.get('queue')) });
  return html`
    <${FormModal} title=${t('queue_title')} go=${t('queue_go')} run=${run}>
      <label for="queue">${t('queue')}</label>
      <input id="queue" name="queue" list="queues" required pattern=${ID} maxlength="64" autocomplete="off" data-first placeholder=${queue} />
      <datalist id="queues">${known.map((it) => html`<option key=${it} value=${it}>${nameOfQueue(it)}</option>`)}</datalist>
    <//>`;
}

/** What it is about. @param {Ids} props */
export function SubjectDialog({ ids: [id] }) {
  const run = (/** @type {FormData} */ data) =>
    void update(id, { subject: String(data.get('subject')).trim() || null });
  return html`
    <${FormModal} title=${t('subject')} go=${t('save')} run=${run}>
      <label for="subject">${t('subject')}</label>
      <input id="subject" name="subject" maxlength=${LINE} autocomplete="off" dir="auto" data-first value=${talk.peek()?.summary?.subject ?? ''} />
    <//>`;
}

/** Another conversation with this customer, on the same channel. */
export function OpenDialog() {
  const summary = talk.peek()?.summary;
  if (!summary) return null;
  return html`
    <${FormModal} title=${t('open_title', { name: summary.customer.name })} go=${t('open_go')} run=${(/** @type {FormData} */ data) => void openWith(summary, String(data.get('subject')).trim())}>
      <p>${t('open_lead', { channel: summary.channel })}</p>
      <label for="subject">${t('subject')}</label>
      <input id="subject" name="subject" maxlength=${LINE} autocomplete="off" dir="auto" data-first />
    <//>`;
}
