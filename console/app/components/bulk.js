//! What can be done to all selected rows at once.

import { bulk } from '../actions.js';
import { html } from '../lib.js';
import { selectedRows, selection } from '../list.js';
import { ask } from '../store.js';
import { t } from '../strings.js';

/** The names of the customers, for the results. */
export const names = () => new Map(selectedRows().map(({ id, customer }) => [id, customer.name]));

/** @param {import('../../sdk/types/protocol.js').BulkAction} action */
const all = (action) => bulk([...(selection.value ?? [])], action, names());

export function BulkBar() {
  const ids = [...(selection.value ?? [])];
  const none = ids.length === 0;
  // Only what one customer says becomes one conversation.
  const customers = new Set(selectedRows().map(({ customer }) => customer.id));
  const together = ids.length > 1 && customers.size === 1;
  return html`
    <div class="bulk" role="toolbar" aria-label=${t('selected', { n: ids.length })}>
      <strong>${t('selected', { n: ids.length })}</strong>
      <button type="button" disabled=${none} onClick=${() => all({ type: 'claim' })}>${t('claim')}</button>
      <button type="button" disabled=${none} onClick=${() => all({ type: 'release' })}>${t('release')}</button>
      <button type="button" disabled=${none} onClick=${() => ask('assign', ids)}>${t('assign')}</button>
      <button type="button" disabled=${none} onClick=${() => ask('priority', ids)}>${t('priority')}</button>
      <button type="button" disabled=${none} onClick=${() => ask('tags', ids)}>${t('tags')}</button>
      <button type="button" disabled=${none} onClick=${() => all({ type: 'update', status: 'resolved' })}>${t('resolve')}</button>
      <button type="button" disabled=${!together} title=${together ? undefined : t('merge_one')} data-act="merge" onClick=${() => ask('merge', ids)}>${t('merge')}</button>
    </div>`;
}
