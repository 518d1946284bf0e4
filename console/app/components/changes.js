//! Dialogs that change one conversation or many: assignee, priority, tags; and what became of each of many.

import { bulk, outcome, update } from '../actions.js';
import { html } from '../lib.js';
import { selection } from '../list.js';
import { t } from '../strings.js';
import { talk } from '../talk.js';
import { why } from '../toasts.js';
import { names } from './bulk.js';
import { PeopleSelect } from './handover.js';
import { close, FormModal, Modal } from './modal.js';

/** @import {BulkUpdate} from '../../sdk/types/protocol.js' */
/** @typedef {{ids: string[]}} Ids */

const STATUSES = /** @type {const} */ (['open', 'pending', 'resolved', 'closed']);
const PRIORITIES = /** @type {const} */ (['urgent', 'high', 'normal', 'low']);

/** The open one, or all that are selected. @param {string[]} ids @param {BulkUpdate} changes */
function change(ids, changes) {
  if (selection.value?.size) void bulk(ids, { type: 'update', ...changes }, names());
  else void update(ids[0], changes);
}

/** What a dialog is about: a customer's, or how many. @param {string[]} ids */
const about = (ids) =>
  ids.length === 1 && talk.peek()?.id === ids[0]
    ? (talk.peek()?.summary?.customer.name ?? t('conversations_n', { n: 1 }))
    : t('conversations_n', { n: ids.length });

/** @param {Ids} props */
export function AssignDialog({ ids }) {
  const run = (/** @type {FormData} */ data) => {
    const [kind, to] = String(data.get('who')).split(/:(.*)/s);
    change(ids, kind === 'team' ? { team: to } : { assignee: to ?? null });
  };
  return html`
    <${FormModal} title=${t('assign')} go=${t('assign')} run=${run}>
      <label for="who">${t('assign_title', { what: about(ids) })}</label><${PeopleSelect} name="who" none=${t('nobody')} />
    <//>`;
}

/** @param {Ids} props */
export function PriorityDialog({ ids }) {
  const current = talk.peek()?.summary?.priority;
  return html`
    <${Modal} title=${t('priority_title', { what: about(ids) })}>
      <div class="stack choices">
        ${PRIORITIES.map(
          (priority) =>
            html`<button type="button" key=${priority} data-first=${priority === current || undefined} onClick=${() => {
              close();
              change(ids, { priority });
            }}><span class=${`prio ${priority}`}>${t(`pr_${priority}`)}</span></button>`,
        )}
      </div>
    <//>`;
}

/** @param {Ids} props */
export function TagsDialog({ ids }) {
  const run = (/** @type {FormData} */ data) => {
    const words = String(data.get('tags'))
      .split(/[,\s]+/)
      .filter(Boolean);
    const removed = words.filter((it) => it.startsWith('-')).map((it) => it.slice(1));
    const added = words.filter((it) => !it.startsWith('-'));
    if (words.length)
      change(ids, {
        ...(added.length && { add_tags: added }),
        ...(removed.length && { remove_tags: removed }),
      });
  };
  return html`
    <${FormModal} title=${t('tags_title', { what: about(ids) })} go=${t('apply')} run=${run}>
      <label for="tags">${t('tags')}</label>
      <input id="tags" name="tags" autocomplete="off" data-first dir="auto" placeholder="vip, -spam" />
    <//>`;
}

/** @param {Ids} props */
export function StatusDialog({ ids }) {
  const current = talk.peek()?.summary?.status;
  return html`
    <${Modal} title=${t('status')}>
      <div class="stack choices">
        ${STATUSES.map(
          (status) =>
            html`<button type="button" key=${status} disabled=${status === current} data-first=${status !== current || undefined} onClick=${() => {
              close();
              change(ids, { status });
            }}><span class=${`status ${status}`}>${t(`st_${status}`)}</span></button>`,
        )}
      </div>
    <//>`;
}

export function ResultsDialog() {
  const { results, names: known } = outcome;
  const failed = results.filter((it) => it.error);
  return html`
    <${Modal} title=${t('results')}>
      <p>${t('results_lead', { ok: results.length - failed.length, failed: failed.length })}</p>
      <ul class="results" tabindex="0" aria-label=${t('results')}>
        ${[...failed, ...results.filter((it) => !it.error)].map(
          (it) =>
            html`<li key=${it.conversation} class=${it.error ? 'bad' : 'good'}><span class="cut" dir="auto">${known.get(it.conversation) ?? it.conversation}</span><span>${it.error ? why({ ...it.error, details: it.error }) : t('done')}</span></li>`,
        )}
      </ul>
      <div class="row-actions right"><button type="button" class="primary" data-first onClick=${close}>${t('close')}</button></div>
    <//>`;
}
