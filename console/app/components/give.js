//! Gives a conversation to somebody by the keyboard: what dropping it on them does by hand.

import { give } from '../actions.js';
import { html } from '../lib.js';
import { labelOf, roster } from '../roster.js';
import { t } from '../strings.js';
import { FormModal } from './modal.js';

/** @import {Summary} from '../../sdk/types/protocol.js' */

/** What is to be given: as it was when it was looked at. @type {{summary: Summary | null}} */
export const given = { summary: null };

export function GiveDialog() {
  const { summary } = given;
  if (!summary) return null;
  return html`
    <${FormModal} title=${t('give_title', { name: summary.customer.name })} go=${t('give')} run=${(/** @type {FormData} */ data) => void give(summary, String(data.get('agent')))}>
      <p>${t('give_lead')}</p>
      <label for="give-to">${t('transfer_to')}</label>
      <select id="give-to" name="agent" required data-first>
        <option value="">${t('choose')}</option>
        ${roster.value.agents.map((it) => html`<option key=${it.id} value=${it.id} disabled=${it.never}>${labelOf(it)}</option>`)}
      </select>
    <//>`;
}
