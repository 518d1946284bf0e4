//! Who has this conversation, what they are doing, and what one can do about it. A claim that is under way says so until the
//! hub has decided.

import { cancelScheduled, claim, nameOfTarget, release, update, withdraw } from '../actions.js';
import { isDone, mayChange } from '../commands.js';
import { html } from '../lib.js';
import { prefs } from '../prefs.js';
import { ask, claims, isSupervisor, me, nameOf, online } from '../store.js';
import { t } from '../strings.js';
import { doing, losses, talkTick } from '../talk.js';
import { clock, moment } from '../time.js';
import { Avatar } from './avatar.js';
import { Icon } from './icon.js';

/** @import {Conversation} from '../../sdk/conversation.js' */
/** @import {Summary, Viewer} from '../../sdk/types/protocol.js' */

/** @param {{talk: Conversation, summary: Summary}} props */
export function ClaimBar({ talk, summary }) {
  const { id, claim: held, offer, scheduled } = summary;
  // The conversation is one object that changes: what is drawn from it must read this.
  talkTick.value;
  const mine = claims.value.has(id);
  const kind = mine ? 'mine' : held ? 'other' : 'free';
  return html`
    <div class=${`claimbar ${kind}`} role="group" aria-label=${t('claim')}>
      <div class="claim-who">
        ${held ? html`<${Avatar} id=${held.agent} name=${nameOf(held.agent)} />` : html`<span class="avatar empty-seat"><${Icon} name="hand" /></span>`}
        <div>
          <strong dir="auto">${mine ? t('yours') : held ? t('has_this', { name: nameOf(held.agent) }) : t('free')}</strong>
          <${Others} viewers=${talk.viewers} />
        </div>
      </div>
      <${Buttons} summary=${summary} mine=${mine} />
    </div>
    <${Loss} id=${id} talk=${talk} mine=${mine} />
    ${
      offer &&
      html`<div class="strip">${t('offered', { name: nameOfTarget(offer.to), time: clock(offer.expires_at) })}
        ${mine && html`<button type="button" class="quiet" onClick=${() => withdraw(id)}>${t('withdraw')}</button>`}</div>`
    }
    ${
      scheduled &&
      html`<div class="strip" data-part="scheduled">${t(scheduled.agent === me.value?.id ? 'later_yours' : 'later_by', { name: nameOf(scheduled.agent), time: moment(scheduled.at) })}
        ${(scheduled.agent === me.value?.id || isSupervisor.value) && html`<button type="button" class="quiet" data-act="cancel-scheduled" onClick=${() => cancelScheduled(id)}>${t('cancel')}</button>`}</div>`
    }`;
}

/** What the others do here. @param {{viewers: Viewer[]}} props */
function Others({ viewers }) {
  const others = viewers.filter((it) => it.agent !== me.value?.id);
  const typing = others.find((it) => it.typing === 'reply') ?? others.find((it) => it.typing);
  const names = others.map((it) => nameOf(it.agent)).join(', ');
  const text = typing
    ? t(typing.typing === 'note' ? 'types_note' : 'types_reply', { name: nameOf(typing.agent) })
    : others.length
      ? t('looks', { n: others.length, names })
      : '';
  return html`<p class=${typing ? 'others typing' : 'others'} role="status" dir="auto">${typing && html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>`}${text}</p>`;
}

/** @param {{summary: Summary, mine: boolean}} props */
function Buttons({ summary, mine }) {
  const { id, claim: held, status } = summary;
  const busy = doing.value.get(id);
  const off = Boolean(busy) || !online.value;
  const key = (/** @type {string} */ name) =>
    prefs.value.singleKeys && html`<kbd aria-hidden="true">${prefs.value.keys[name]}</kbd>`;
  const free = !held && !mine;
  return html`
    <div class="row-actions">
      ${
        free &&
        status !== 'closed' &&
        html`<button type="button" class="primary" data-act="claim" disabled=${off} onClick=${() => claim(id)}>${busy === 'claim' ? t('claiming') : html`${t('claim')} ${key('claim')}`}</button>`
      }
      ${
        mine &&
        html`<button type="button" data-act="transfer" disabled=${off} onClick=${() => ask('transfer', [id])}>${t('transfer')}</button>
          <button type="button" data-act="release" disabled=${off} onClick=${() => release(id)}>${t('release')}</button>`
      }
      ${
        held &&
        !mine &&
        isSupervisor.value &&
        html`<button type="button" class="quiet" data-act="whisper" disabled=${off} onClick=${() => ask('whisper', [id])}>${t('whisper')}</button>`
      }
      ${
        held &&
        !mine &&
        html`<button type="button" data-act="take_over" class=${isSupervisor.value ? '' : 'quiet'} disabled=${off} onClick=${() => ask('takeOver', [id])}>${t('take_over')}</button>`
      }
      ${mayChange() && !isDone() && html`<button type="button" class="quiet" disabled=${off} onClick=${() => ask('snooze', [id])}>${t('snooze')}</button>`}
      ${
        mayChange() &&
        html`<button type="button" data-act="resolve" class=${mine ? '' : 'quiet'} disabled=${off} onClick=${() => update(id, { status: isDone() ? 'open' : 'resolved' })}>${t(isDone() ? 'reopen' : 'resolve')} ${!isDone() && key('resolve')}</button>`
      }
    </div>`;
}

/** Why one has it no longer. @param {{id: string, talk: Conversation, mine: boolean}} props */
function Loss({ id, talk, mine }) {
  const loss = talkTick.value >= 0 ? losses.value.get(id) : undefined;
  if (!loss || mine) return null;
  const kind = loss.by
    ? loss.reason === 'transfer'
      ? 'lost_transfer'
      : 'lost_take_over'
    : /idle|gone|expired/.test(loss.reason)
      ? 'lost_expired'
      : 'lost_other';
  const grant = talk.entries.findLast(
    ({ event }) => event.kind === 'claim_granted' && 'agent' in event && event.agent === loss.by,
  );
  const reason = grant && 'reason' in grant.event ? grant.event.reason : undefined;
  return html`
    <div class="strip bad" role="alert" data-part="loss">
      <span dir="auto">${t(kind, { name: loss.by ? nameOf(loss.by) : '' })} ${reason && t('because', { reason })}</span>
    </div>`;
}
