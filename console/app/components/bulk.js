//! What can be done to all selected rows at once.

import { bulk } from '../actions.js';
import { html } from '../lib.js';
import { pages, selection } from '../list.js';
import { ask } from '../store.js';
import { t } from '../strings.js';

/** The names of the customers, for the results. */
export function names() {
  const found = new Map();
  const list = pages.value;
  for (let index = 0; list && index < list.total && index < 5_000; index += 1) {
    const row = list.row(index);
    if (row && selection.value?.has(row.id)) found.set(row.id, row.customer.name);
  }
  return found;
}

/** @param {import('../../sdk/types/protocol.js').BulkAction} action */
const all = (action) => bulk([...(selection.value ?? [])], action, names());

export function BulkBar() {
  const ids = [...(selection.value ?? [])];
  const none = ids.length === 0;
  return html`
    <div class="bulk" role="toolbar" aria-label=${t('selected', { n: ids.length })}>
      <strong>${t('selected', { n: ids.length })}</strong>
      <button type="button" disabled=${none} onClick=${() => all({ type: 'claim' })}>${t('claim')}</button>
      <button type="button" disabled=${none} onClick=${() => all({ type: 'release' })}>${t('release')}</button>
      <button type="button" disabled=${none} onClick=${() => ask('assign', ids)}>${t('assign')}</button>
      <button type="button" disabled=${none} onClick=${() => ask('priority', ids)}>${t('priority')}</button>
      <button type="button" disabled=${none} onClick=${() => ask('tags', ids)}>${t('tags')}</button>
      <button type="button" disabled=${none} onClick=${() => all({ type: 'update', status: 'resolved' })}>${t('resolve')}</button>
    </div>`;
}
