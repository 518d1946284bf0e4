//! Dialogs that give a conversation away or put it off: take over, transfer, snooze.

import { takeOver, transfer, update, whisper } from '../actions.js';
import { html } from '../lib.js';
import { snoozeMoments } from '../moments.js';
import { labelOf, roster } from '../roster.js';
import { me, nameOf } from '../store.js';
import { t } from '../strings.js';
import { talk } from '../talk.js';
import { MomentChoices } from './later.js';
import { close, FormModal, Modal } from './modal.js';

const LINE = 500;

/** @param {{ids: string[]}} props */
export function TakeOverDialog({ ids: [id] }) {
  const holder = talk.peek()?.summary?.claim?.agent ?? '';
  return html`
    <${FormModal} title=${t('take_over')} go=${t('take_over')} danger run=${(/** @type {FormData} */ data) => void takeOver(id, String(data.get('reason')))}>
      <p>${t('take_over_lead', { name: nameOf(holder) })}</p>
      <label for="reason">${t('reason')}</label>
      <input id="reason" name="reason" required maxlength=${LINE} placeholder=${t('take_over_hint')} dir="auto" data-first autocomplete="off" />
    <//>`;
}

/** A note for the holder alone. @param {{ids: string[]}} props */
export function WhisperDialog({ ids: [id] }) {
  const holder = talk.peek()?.summary?.claim?.agent;
  if (!holder) return null;
  return html`
    <${FormModal} title=${t('whisper_to', { name: nameOf(holder) })} go=${t('whisper')} run=${(/** @type {FormData} */ data) => void whisper(id, holder, String(data.get('text')))}>
      <p>${t('whisper_lead', { name: nameOf(holder) })}</p>
      <label for="whisper">${t('note')}</label>
      <textarea id="whisper" name="text" rows="3" required dir="auto" data-first></textarea>
    <//>`;
}

/** Agents that are here first; those who never were are there to be read. @param {{name: string, none?: string}} props */
export function PeopleSelect({ name, none }) {
  const { agents, teams } = roster.value;
  const others = agents.filter((it) => none !== undefined || it.id !== me.value?.id);
  return html`
    <select id=${name} name=${name} required=${none === undefined} data-first>
      <option value="">${none ?? t('choose')}</option>
      <optgroup label=${t('agents')}>
        ${others.map((it) => html`<option key=${it.id} value=${`agent:${it.id}`} disabled=${it.never}>${labelOf(it)}</option>`)}
      </optgroup>
      <optgroup label=${t('teams')}>${teams.map((it) => html`<option key=${it.id} value=${`team:${it.id}`}>${it.name} (${t('members_n', { n: it.members.length })})</option>`)}</optgroup>
    </select>`;
}

/** @param {{ids: string[]}} props */
export function TransferDialog({ ids: [id] }) {
  const run = (/** @type {FormData} */ data) => {
    const [kind, to] = String(data.get('to')).split(/:(.*)/s);
    void transfer(id, kind === 'team' ? { team: to } : { agent: to }, String(data.get('note')).trim());
  };
  return html`
    <${FormModal} title=${t('transfer')} go=${t('transfer_go')} run=${run}>
      <p>${t('transfer_lead')}</p>
      <label for="to">${t('transfer_to')}</label><${PeopleSelect} name="to" />
      <label for="note">${t('transfer_note')}</label>
      <textarea id="note" name="note" rows="3" maxlength=${LINE} dir="auto"></textarea>
    <//>`;
}

/** @param {{ids: string[]}} props */
export function SnoozeDialog({ ids: [id] }) {
  const until = (/** @type {Date} */ date) => {
    close();
    void update(id, { status: 'pending', snoozed_until: date.toISOString() });
  };
  return html`
    <${Modal} title=${t('snooze_title')}>
      <${MomentChoices} moments=${snoozeMoments()} go=${t('snooze')} other=${t('snooze_at')} pick=${until} />
    <//>`;
}
